// A loaded model: hyperparameters, weights, tokenizer, metadata. Immutable; shared by sessions on any threads.
#ifndef BITNET_CORE_MODEL_MODEL_H_
#define BITNET_CORE_MODEL_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/allocator.h"
#include "core/base/mapped_file.h"
#include "core/base/sha256.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/format/gguf.h"
#include "core/model/corrections.h"
#include "core/model/file_digest.h"
#include "core/model/head_copy.h"
#include "core/model/hparams.h"
#include "core/model/weights.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

// kAuto: as kMap, but what every token reads is copied into huge pages where memory is to spare (placement.h).
// kMap: weights stay in the mapped file. kCopy: the whole file is read into memory once.
enum class LoadMode : uint32_t { kAuto, kMap, kCopy };

struct LoadSpec {
  LoadMode mode = LoadMode::kMap;
  bool i2s_arm_layout = false;          // the file's I2_S tensors have the old Arm layout (docs/formats.md)
  bool allow_suspicious_norms = false;  // quantised norms load
  bool allow_dense_linears = false;     // linears that are not ternary load, as dense or block matrices
  bool hash = false;                    // compute FileSha256() meanwhile, by one thread more, then the ternary digests
  bool verify = false;                  // also read every dense tensor, and check that the chat template can be read
  std::string pre;                      // overrides tokenizer.ggml.pre; "" = the file's
  Corrections corrections;
  std::shared_ptr<const Tokenizer> tokenizer;  // replaces the file's own; vocabulary sizes must agree
  // Called on the loading thread with done <= total (bytes of tensors); false cancels.
  std::function<bool(uint64_t done, uint64_t total)> progress;
  std::function<void(std::string_view)> warn;  // one lower-case line each
};

// One tensor of the file, for listing and inspection.
struct TensorEntry {
  std::string name;
  std::string type;             // "I2_S", "F32", ...
  std::vector<uint64_t> shape;  // row-major: [rows, cols] (the reverse of GGUF's ne)
  uint64_t n_bytes = 0;
  uint64_t offset = 0;  // in the file
};

// What a model will take, known from its header alone.
struct ModelEstimate {
  HParams hparams;
  uint64_t mapped_bytes = 0;  // of the file, used where it is mapped, shared with the page cache
  uint64_t owned_bytes = 0;   // allocated: repacked and copied matrices, norms, scales, the file for LoadMode::kCopy
  Matrix head;                // kind and shape alone
};

class Model {
 public:
  // Reads, checks and packs a model: a GGUF file, a SafeTensors file with its config.json beside it, or the folder of
  // both, told apart by content. Beside SafeTensors stands
  // tokenizer.json, unless `spec` has a tokenizer. `pool` is used for the time of the call,
  // `allocator` copied.
  static Result<std::shared_ptr<const Model>> LoadFile(const std::string& path, const LoadSpec& spec, ThreadPool& pool,
                                                       const Allocator& allocator);
  // The same from memory, which must stay valid and unchanged as long as the model lives unless mode is kCopy; kAuto
  // uses it as kMap does. Bytes that do not start at a multiple of 8 are copied in every mode: values in them would not
  // be aligned.
  static Result<std::shared_ptr<const Model>> LoadMemory(std::span<const std::byte> bytes, const LoadSpec& spec,
                                                         ThreadPool& pool, const Allocator& allocator);
  // The same from a block that the model takes over.
  static Result<std::shared_ptr<const Model>> LoadBuffer(Buffer bytes, const LoadSpec& spec, ThreadPool& pool,
                                                         const Allocator& allocator);
  // Reads the header alone. Of `spec`, mode, i2s_arm_layout and allow_dense_linears count.
  static Result<ModelEstimate> Estimate(const std::string& path, const LoadSpec& spec);
  static Result<ModelEstimate> Estimate(const Gguf& gguf, uint64_t file_bytes, const LoadSpec& spec);

  const HParams& hparams() const { return hparams_; }
  const Weights& weights() const { return weights_; }
  const std::shared_ptr<const Tokenizer>& tokenizer() const { return tokenizer_; }
  const Gguf& file() const { return gguf_; }  // metadata
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  std::string_view path() const { return path_; }                  // "" when loaded from memory
  std::string_view detected() const { return detected_; }          // Checkpoint::detected
  std::string_view name() const { return name_; }                  // general.name
  std::string_view quantization() const { return quantization_; }  // type of the majority of the linear weights
  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t mapped_bytes() const { return mapped_bytes_; }  // used where they are, in the mapped file or in host memory
  uint64_t n_params() const { return n_params_; }          // elements of all weight tensors
  uint64_t buffer_bytes() const { return buffer_bytes_; }  // memory owned beside the mapping
  bool corrected() const { return corrected_; }
  bool i2s_arm_layout() const { return i2s_arm_layout_; }        // LoadSpec::i2s_arm_layout
  uint32_t n_dense_linears() const { return n_dense_linears_; }  // linears that are not ternary

  // SHA-256 over the codes of all ternary linears (dense ones are left out): one byte 0..2 a weight (weight + 1), rows
  // [out, in] in the order that the Hugging Face form of the model has them (the converters to `llama` files reorder q
  // and k; that is undone), matrices in graph order: for each layer q, k, v, attn_output, gate, up, down. One model
  // gives one value in every form. Reads all weights, about a second for two billion: computed on the first call (or
  // while loading, LoadSpec::hash) and kept; safe from any thread.
  const Digest& TernarySha256() const;
  // SHA-256 over the scales of the same matrices in the same order: the f32 scales that the products use (the `.scale`
  // tensor multiplied in), little-endian: one for a matrix, one a row, or one a block [rows, blocks], as it is
  // computed. Kept likewise.
  const Digest& TernaryScalesSha256() const;
  // The 8-bit copy of the head (HeadCopy::Possible), made at the first call; safe from any thread.
  Result<const HeadCopy*> SharedHead(const kernels::KernelTable& table, ThreadPool& pool,
                                     const Allocator& allocator) const {
    return head_copy_.Get(weights_.head(), table, pool, allocator);
  }
  // SHA-256 of the whole file (of several: of their bytes one after the other, in the order of their names), computed
  // on the first call (or while loading, LoadSpec::hash) and kept; safe from any thread.
  const Digest& FileSha256() const;

 private:
  friend class Loader;
  Model() = default;

  // A digest that the first who asks computes.
  struct KeptDigest {
    std::once_flag once;
    Digest value{};
  };
  Digest ComputeTernarySha256() const;
  Digest ComputeTernaryScalesSha256() const;

  HParams hparams_;
  Weights weights_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  Gguf gguf_;
  std::vector<TensorEntry> tensors_;
  std::string path_;
  std::string detected_;
  std::string name_;
  std::string quantization_;
  uint64_t size_bytes_ = 0;
  uint64_t mapped_bytes_ = 0;
  uint64_t n_params_ = 0;
  uint64_t buffer_bytes_ = 0;
  bool corrected_ = false;
  bool i2s_arm_layout_ = false;
  uint32_t n_dense_linears_ = 0;
  std::vector<MappedFile> files_;                  // one, or the shards in the order of their names
  std::vector<std::span<const std::byte>> bytes_;  // of each
  std::vector<Buffer> buffers_;                    // repacked codes, norms as f32, scales, copied bytes
  mutable SharedHeadCopy head_copy_;
  mutable KeptDigest ternary_digest_, ternary_scales_digest_;
  mutable FileDigest file_digest_;  // last: its thread reads the bytes above
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_MODEL_H_
