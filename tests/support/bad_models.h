// Models with known damage, made from a good file in memory: what inspection must find and policies must repair.
#ifndef BITNET_TESTS_SUPPORT_BAD_MODELS_H_
#define BITNET_TESTS_SUPPORT_BAD_MODELS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/format/quant_type.h"

namespace bitnet::test {

class BadModel {
 public:
  using Choose = std::function<bool(std::string_view tensor)>;

  // A copy of the file at `path`, still good. Its norms are F32 and its projections I2_S.
  explicit BadModel(const std::string& path);

  // Multiplies every value of the chosen norms.
  BadModel& ScaleNorms(const Choose& choose, float factor);
  // Stores the chosen norms in a block type: Q8_0 or Q4_0.
  BadModel& QuantiseNorms(const Choose& choose, core::QuantType type);
  // Stores an I2_S projection as F32, which holds the same ternary weights, or as Q8_0, of weights that grow along each
  // row and so are not ternary.
  BadModel& StoreLinear(std::string_view tensor, core::QuantType type);
  // Overwrites one value.
  BadModel& SetNormValue(std::string_view tensor, size_t index, float value);
  // A model whose training multiplied its attention scores by `factor`: the query projection holds the inverse.
  BadModel& TrainAttentionWith(float factor);

  const std::vector<std::byte>& bytes() const { return bytes_; }
  const std::vector<std::string>& damaged() const { return damaged_; }  // in file order of each step
  void WriteTo(const std::string& path) const;

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::string> damaged_;
};

inline bool AnyNorm(std::string_view tensor) { return tensor.ends_with("_norm.weight"); }
// Norms of one class, "attn_norm", in all layers.
BadModel::Choose OfClass(std::string cls);
BadModel::Choose Named(std::string tensor);

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_BAD_MODELS_H_
