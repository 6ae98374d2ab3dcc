#include "core/model/norms.h"

#include <cmath>
#include <vector>

#include "core/model/dense_decode.h"

namespace bitnet::core {

std::optional<TernaryLayout> TernaryLayoutOf(const GgufTensor& tensor, bool i2s_arm_layout) {
  switch (tensor.type) {
    case QuantType::kI2_S: return i2s_arm_layout ? TernaryLayout::kI2SArm : TernaryLayout::kI2S;
    case QuantType::kTQ1_0: return TernaryLayout::kTQ1_0;
    case QuantType::kTQ2_0: return TernaryLayout::kTQ2_0;
    case QuantType::kIQ1_BN: return TernaryLayout::kIQ1_BN;
    case QuantType::kIQ2_BN: return TernaryLayout::kIQ2_BN;
    case QuantType::kIQ2_BN_R4: return TernaryLayout::kIQ2_BN_R4;
    case QuantType::kQ1_0: return TernaryLayout::kQ1_0;
    case QuantType::kQ2_0: {
      // The reader found which of the two blocks fits the space of the tensor.
      const uint64_t elements = tensor.ne[0] * tensor.ne[1] * tensor.ne[2] * tensor.ne[3];
      const bool is_long = tensor.n_bytes == elements / kQ2_0LongBlock * kQ2_0LongBlockBytes;
      return is_long ? TernaryLayout::kQ2_0Long : TernaryLayout::kQ2_0;
    }
    default: return std::nullopt;
  }
}

bool IsQuantised(QuantType type) {
  const QuantTypeInfo* info = FindQuantType(static_cast<uint32_t>(type));
  return info != nullptr && info->block != 1;
}

Status ReadVector(const GgufTensor& tensor, bool i2s_arm_layout, std::span<float> out) {
  if (DenseTypeOf(tensor.type) || BlockTypeOf(tensor.type)) {
    DecodeToF32(tensor.type, tensor.data, out.size(), out.data());
    return {};
  }
  const auto layout = TernaryLayoutOf(tensor, i2s_arm_layout);
  if (!layout || RowGroup(*layout) != 1) {
    return Status(Code::kUnsupported,
                  Cat("tensor ", Quoted(tensor.name), " is a vector of type ", QuantTypeName(tensor.type),
                      ", expected F32; convert the model again"),
                  std::string(tensor.name), tensor.info_offset);
  }
  const TernarySource source{*layout, tensor.data.data(), 1, out.size()};
  std::vector<uint8_t> codes(out.size());
  DecodeGroup(source, 0, codes.data());
  const size_t unit = ScaleKindOf(*layout) == ScaleKind::kBlock ? ScaleBlock(*layout) : out.size();
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(static_cast<int>(codes[i]) - 1) * ScaleAt(source, i / unit);
  }
  return {};
}

double RootMeanSquare(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

Status ApplyNormScale(const NormScale& correction, std::span<float> gamma) {
  for (float& g : gamma) g = g * correction.factor;
  const double rms = RootMeanSquare(gamma);
  if (rms >= correction.rms_min && rms <= correction.rms_max) return {};
  return Status(Code::kPolicyPostcondition,
                Cat("correction of tensor ", Quoted(correction.tensor), " gives an rms of ", rms, ", expected ",
                    correction.rms_min, " to ", correction.rms_max, "; nothing is applied"),
                correction.tensor);
}

Status CheckFinite(const GgufTensor& tensor, std::span<const float> x) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i])) continue;
    return Status(Code::kBadFormat,
                  Cat("tensor ", Quoted(tensor.name), " holds ", x[i], " at element ", i,
                      ", expected finite numbers; fetch or convert the model again"),
                  std::string(tensor.name), tensor.offset);
  }
  return {};
}

}  // namespace bitnet::core
