// A loaded model: hyperparameters, weights, tokenizer, metadata. Immutable; shared by sessions on any threads.
#ifndef BITNET_CORE_MODEL_MODEL_H_
#define BITNET_CORE_MODEL_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/allocator.h"
#include "core/base/sha256.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/format/gguf.h"
#include "core/model/corrections.h"
#include "core/model/hparams.h"
#include "core/model/weights.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

enum class LoadMode : uint32_t { kMap, kCopy };

struct LoadSpec {
  LoadMode mode = LoadMode::kMap;    // kMap: weights stay in the mapped file; kCopy: read once into memory
  bool i2s_arm_layout = false;       // the file's I2_S tensors have the old Arm layout (docs/formats.md)
  bool allow_suspicious_norms = false;  // quantised norms load
  bool verify = false;               // also read every dense tensor
  std::string pre;                   // overrides tokenizer.ggml.pre; "" = the file's
  Corrections corrections;
  std::shared_ptr<const Tokenizer> tokenizer;  // replaces the file's own; vocabulary sizes must agree
  // Called on the loading thread with done <= total (bytes); false cancels.
  std::function<bool(uint64_t done, uint64_t total)> progress;
  std::function<void(std::string_view)> warn;  // one lower-case line each
};

// One tensor of the file, for listing and inspection.
struct TensorEntry {
  std::string name;
  std::string type;              // "I2_S", "F32", ...
  std::vector<uint64_t> shape;   // row-major: [rows, cols] (the reverse of GGUF's ne)
  uint64_t n_bytes = 0;
  uint64_t offset = 0;           // in the file
};

class Model {
 public:
  // Reads, checks and packs a model. `pool` is used for the time of the call, `allocator` copied.
  static Result<std::shared_ptr<const Model>> LoadFile(const std::string& path, const LoadSpec& spec, ThreadPool& pool,
                                                       const Allocator& allocator);
  // The same from memory, which must stay valid and unchanged as long as the model lives unless mode is kCopy.
  static Result<std::shared_ptr<const Model>> LoadMemory(std::span<const std::byte> bytes, const LoadSpec& spec,
                                                         ThreadPool& pool, const Allocator& allocator);

  const HParams& hparams() const { return hparams_; }
  const Weights& weights() const { return weights_; }
  const std::shared_ptr<const Tokenizer>& tokenizer() const { return tokenizer_; }
  const Gguf& file() const { return gguf_; }                       // metadata
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  std::string_view path() const { return path_; }                  // "" when loaded from memory
  std::string_view name() const { return name_; }                  // general.name
  std::string_view quantization() const { return quantization_; }  // type of the majority of the linear weights
  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t n_params() const { return n_params_; }                  // elements of all weight tensors
  uint64_t buffer_bytes() const { return buffer_bytes_; }          // memory owned beside the mapping
  bool corrected() const { return corrected_; }

  // SHA-256 over the codes (one byte 0..2 a weight) and over the f32 scales of all ternary tensors in graph order
  // (docs/formats.md). Reads all weights: milliseconds to seconds.
  Digest TernarySha256() const;
  Digest TernaryScalesSha256() const;
  // SHA-256 of the whole file, computed on the first call and kept; safe from any thread.
  const Digest& FileSha256() const;

 private:
  friend class Loader;
  Model() = default;

  HParams hparams_;
  Weights weights_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  Gguf gguf_;
  std::vector<TensorEntry> tensors_;
  std::string path_;
  std::string name_;
  std::string quantization_;
  uint64_t size_bytes_ = 0;
  uint64_t n_params_ = 0;
  uint64_t buffer_bytes_ = 0;
  bool corrected_ = false;
  std::vector<Buffer> buffers_;  // repacked codes, norms as f32, scales
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_MODEL_H_
