#include "core/model/norms.h"

#include <cmath>
#include <vector>

#include "core/model/dense_decode.h"
#include "kernels/half.h"

namespace bitnet::core {

std::optional<TernaryLayout> TernaryLayoutOf(QuantType type, bool i2s_arm_layout) {
  switch (type) {
    case QuantType::kI2_S: return i2s_arm_layout ? TernaryLayout::kI2SArm : TernaryLayout::kI2S;
    case QuantType::kTQ1_0: return TernaryLayout::kTQ1_0;
    case QuantType::kTQ2_0: return TernaryLayout::kTQ2_0;
    case QuantType::kIQ1_BN: return TernaryLayout::kIQ1_BN;
    case QuantType::kIQ2_BN: return TernaryLayout::kIQ2_BN;
    case QuantType::kIQ2_BN_R4: return TernaryLayout::kIQ2_BN_R4;
    default: return std::nullopt;
  }
}

bool IsQuantised(QuantType type) {
  const QuantTypeInfo* info = FindQuantType(static_cast<uint32_t>(type));
  return info != nullptr && info->block != 1;
}

namespace {

// The older 4- and 5-bit types (docs/formats.md, "Block layouts, exactly"): never matrices here, but norms that a
// converter quantised by mistake come in them. False for any other type.
bool DecodeNibbles(QuantType type, std::span<const std::byte> data, std::span<float> out) {
  constexpr size_t kBlock = 32;
  const bool fifth_bit = type == QuantType::kQ5_0 || type == QuantType::kQ5_1;
  const bool minimum = type == QuantType::kQ4_1 || type == QuantType::kQ5_1;
  if (type != QuantType::kQ4_0 && !fifth_bit && !minimum) return false;
  const size_t head_bytes = (minimum ? 4 : 2) + (fifth_bit ? 4 : 0);
  const auto half = [](const std::byte* p) {
    return kernels::F16ToF32(
        static_cast<uint16_t>(std::to_integer<unsigned>(p[0]) | std::to_integer<unsigned>(p[1]) << 8));
  };
  const std::byte* p = data.data();
  for (size_t b = 0; b < out.size(); b += kBlock, p += head_bytes + kBlock / 2) {
    const float d = half(p);
    const float m = minimum ? half(p + 2) : 0.0f;
    uint32_t high = 0;
    for (size_t i = 0; fifth_bit && i < 4; ++i) high |= std::to_integer<uint32_t>(p[head_bytes - 4 + i]) << 8 * i;
    for (size_t i = 0; i < kBlock; ++i) {
      const auto byte = std::to_integer<unsigned>(p[head_bytes + i % (kBlock / 2)]);
      const unsigned code = (i < kBlock / 2 ? byte & 15 : byte >> 4) | (high >> i & 1) << 4;
      const int q = static_cast<int>(code) - (minimum ? 0 : fifth_bit ? 16 : 8);
      out[b + i] = d * static_cast<float>(q) + m;
    }
  }
  return true;
}

}  // namespace

Status ReadVector(const GgufTensor& tensor, bool i2s_arm_layout, std::span<float> out) {
  if (DenseTypeOf(tensor.type) || BlockTypeOf(tensor.type)) {
    DecodeToF32(tensor.type, tensor.data, out.size(), out.data());
    return {};
  }
  if (DecodeNibbles(tensor.type, tensor.data, out)) return {};
  const auto layout = TernaryLayoutOf(tensor.type, i2s_arm_layout);
  if (!layout || RowGroup(*layout) != 1) {
    return Status(Code::kUnsupported,
                  Cat("tensor ", Quoted(tensor.name), " is a vector of type ", QuantTypeName(tensor.type),
                      ", expected F32; convert the model again"),
                  std::string(tensor.name), tensor.info_offset);
  }
  const TernarySource source{*layout, tensor.data.data(), 1, out.size()};
  std::vector<uint8_t> codes(out.size());
  DecodeGroup(source, 0, codes.data());
  const size_t unit = ScaleKindOf(*layout) == ScaleKind::kBlock ? kTernaryScaleBlock : out.size();
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
