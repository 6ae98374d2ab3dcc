// What policies and inspection look at in a model file: its identity and its norms. Straight from a parsed header, so
// that files which the loader refuses can be looked at.
#ifndef BITNET_POLICY_MODEL_VIEW_H_
#define BITNET_POLICY_MODEL_VIEW_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/model/norms.h"

namespace bitnet::policy {

// What a fingerprint is matched against.
struct ModelIdentity {
  std::string sha256;        // 64 hex digits, or "" when nobody computed it
  std::string name;          // general.name
  std::string architecture;  // general.architecture
  std::string quantization;  // type of the majority of the linear weights
  uint64_t vocab_size = 0;   // length of the tokenizer's token list
};
// Reads no tensor data. What the file does not say stays empty.
ModelIdentity IdentityOf(const core::Gguf& file, std::string sha256);

// A tensor's name taken apart: "blk.3.attn_norm.weight" is layer 3, class "attn_norm".
struct TensorName {
  std::optional<uint32_t> layer;  // none: a tensor of the whole model
  std::string_view cls;
};
TensorName TakeApart(std::string_view name);

// One of the projections of a layer: attn_q, attn_k, attn_v, attn_output, ffn_gate, ffn_up, ffn_down.
bool IsLinear(std::string_view cls);

struct VectorStats {
  double rms = 0;          // sqrt(mean(x^2)) in binary64, in index order; NaN or infinite when a value is
  float min = 0, max = 0;  // of the finite values; 0 without any
  uint64_t n = 0, n_nan = 0, n_inf = 0, n_zero = 0;
};
VectorStats StatsOf(std::span<const float> x);

struct Norm {
  const core::GgufTensor* tensor = nullptr;
  std::optional<uint32_t> layer;
  std::string cls;
  bool readable = false;  // false: stored in a type that has no decoder here; values and stats are empty then
  std::vector<float> values;
  VectorStats stats;

  bool quantised() const { return core::IsQuantised(tensor->type); }
  // Such a norm needs a repair whatever its RMS is.
  bool damaged() const { return !readable || quantised() || stats.n_nan + stats.n_inf > 0; }
};
// All norms, in file order; views into `file`.
std::vector<Norm> ReadNorms(const core::Gguf& file);

// One more than the highest layer that a tensor of the file belongs to.
uint32_t CountLayers(const core::Gguf& file);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_MODEL_VIEW_H_
