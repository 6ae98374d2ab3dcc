// Two models in any forms compared: tensor by tensor, and what their files say about them.
#ifndef BITNET_CORE_MODEL_DIFF_H_
#define BITNET_CORE_MODEL_DIFF_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/model/checkpoint.h"

namespace bitnet::core {

struct TensorDiff {
  enum class Outcome : uint32_t {
    kEqual,       // the same weights; the types may be different ones
    kScale,       // the same ternary codes, but another scale
    kValues,      // codes or values differ
    kShape,       // the shapes differ
    kOnlyA,       // the other model has no such tensor
    kOnlyB,       //
    kNotCompared  // of two types of which at least one is not decoded here
  };
  Outcome outcome = Outcome::kEqual;
  std::string name;            // in the graph: "blk.0.attn_q.weight"
  std::string name_a, name_b;  // in the files; "" where there is none
  std::string type_a, type_b;
  std::string shape_a, shape_b;  // "[256, 768]", row-major
  // What was compared: codes, scales or values; of one undecoded type, bytes.
  uint64_t n_compared = 0;
  uint64_t n_different = 0;
  // Number of the first weight that differs, row by row in the order of Hugging Face; with kScale the first that a
  // different scale multiplies.
  uint64_t first_different = 0;
  double max_difference = 0;  // of values, codes times scales; absolute; 0 for bytes; infinite beside a NaN
  // Of two ternary matrices: those above a weight that is not 0, one for a whole matrix where both have no more.
  uint64_t n_scales = 0, n_scales_different = 0;
};

// A key, a hyperparameter or a part of the tokenizer.
struct MetadataDiff {
  std::string key;
  std::optional<std::string> a, b;  // as text, shortened; nullopt: absent
};

struct DiffOptions {
  bool i2s_arm_layout_a = false, i2s_arm_layout_b = false;
  std::function<bool(uint64_t done, uint64_t total)> progress;  // bytes of both models; false cancels
};

struct Diff {
  Checkpoint::Container container_a{}, container_b{};
  std::vector<TensorDiff> tensors;     // in the order of A, then what B alone has
  std::vector<MetadataDiff> metadata;  // what differs
  std::vector<MetadataDiff> notes;     // what differs and is no difference of the models
  uint64_t n_metadata = 0;             // entries that were compared

  uint64_t Count(TensorDiff::Outcome outcome) const;
  bool equal() const { return metadata.empty() && Count(TensorDiff::Outcome::kEqual) == tensors.size(); }
};

// "equal", "scale", "values", "shape", "only_a", "only_b", "not_compared".
std::string_view OutcomeName(TensorDiff::Outcome outcome);

// Paths as for OpenCheckpoint. Memory is bounded by the headers and a few rows: weights are read from the mapped files
// and their pages given back.
Result<Diff> DiffModels(const std::string& path_a, const std::string& path_b, const DiffOptions& options);

// What the files say: of two GGUF files every key; of other pairs the hyperparameters and the tokenizers. After the
// tensors: of two GGUF files with tensors of other types, the keys that name the types are notes.
void DiffMetadata(const Checkpoint& a, const Checkpoint& b, Diff& out);

// All of it as a JSON document.
std::string DiffJson(const Diff& diff);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_DIFF_H_
