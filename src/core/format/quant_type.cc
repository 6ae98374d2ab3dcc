#include "core/format/quant_type.h"

namespace bitnet::core {

namespace {
constexpr std::string_view kUseI2S = "use the I2_S file of the same model";
constexpr std::string_view kRotated =
    "its weights are rotated and need a Hadamard key; use an I2_S, TQ1_0 or TQ2_0 file";
constexpr std::string_view kOther = "convert the model to I2_S, TQ1_0 or TQ2_0";

// Sources: the block structures of ggml, bitnet.cpp and ik_llama.cpp; see docs/formats.md.
constexpr QuantTypeInfo kTypes[] = {
    {QuantType::kF32, "F32", 1, 4, 0, 0, 1, false, {}},
    {QuantType::kF16, "F16", 1, 2, 0, 0, 1, false, {}},
    {QuantType::kQ4_0, "Q4_0", 32, 18, 0, 0, 1, false, {}},
    {QuantType::kQ4_1, "Q4_1", 32, 20, 0, 0, 1, false, {}},
    {QuantType::kQ5_0, "Q5_0", 32, 22, 0, 0, 1, false, {}},
    {QuantType::kQ5_1, "Q5_1", 32, 24, 0, 0, 1, false, {}},
    {QuantType::kQ8_0, "Q8_0", 32, 34, 0, 0, 1, false, {}},
    {QuantType::kQ2_K, "Q2_K", 256, 84, 0, 0, 1, false, {}},
    {QuantType::kQ3_K, "Q3_K", 256, 110, 0, 0, 1, false, {}},
    {QuantType::kQ4_K, "Q4_K", 256, 144, 0, 0, 1, false, {}},
    {QuantType::kQ5_K, "Q5_K", 256, 176, 0, 0, 1, false, {}},
    {QuantType::kQ6_K, "Q6_K", 256, 210, 0, 0, 1, false, {}},
    {QuantType::kI8, "I8", 1, 1, 0, 0, 1, false, {}},
    {QuantType::kI16, "I16", 1, 2, 0, 0, 1, false, {}},
    {QuantType::kI32, "I32", 1, 4, 0, 0, 1, false, {}},
    {QuantType::kI64, "I64", 1, 8, 0, 0, 1, false, {}},
    {QuantType::kF64, "F64", 1, 8, 0, 0, 1, false, {}},
    {QuantType::kBF16, "BF16", 1, 2, 0, 0, 1, false, {}},
    {QuantType::kTQ1_0, "TQ1_0", 256, 54, 0, 0, 1, true, {}},
    {QuantType::kTQ2_0, "TQ2_0", 256, 66, 0, 0, 1, true, {}},
    {QuantType::kI2_S, "I2_S", 128, 32, 0, 32, 1, true, {}},
    {QuantType::kI8_S, "I8_S", 0, 0, 0, 0, 1, false, kOther},
    {QuantType::kTL1, "TL1", 0, 0, 0, 0, 1, true, kUseI2S},
    {QuantType::kTL2_OrMXFP4, "TL2", 0, 0, 0, 0, 1, true, kUseI2S},
    {QuantType::kNVFP4, "NVFP4", 0, 0, 0, 0, 1, false, kOther},
    {QuantType::kQ1_0, "Q1_0", 128, 18, 0, 0, 1, true, {}},
    {QuantType::kQ2_0, "Q2_0", 64, 18, 0, 0, 1, true, {}},
    {QuantType::kIQ1_BN, "IQ1_BN", 64, 13, 2, 0, 1, true, {}},
    {QuantType::kIQ2_BN, "IQ2_BN", 64, 16, 4, 0, 1, true, {}},
    {QuantType::kRotated142, "rotated ternary", 0, 0, 0, 0, 1, true, kRotated},
    {QuantType::kRotated143, "rotated ternary", 0, 0, 0, 0, 1, true, kRotated},
    {QuantType::kIQ2_BN_R4, "IQ2_BN_R4", 64, 16, 4, 0, 4, true, {}},
};
}  // namespace

const QuantTypeInfo* FindQuantType(uint32_t id) {
  for (const QuantTypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == id) return &info;
  }
  return nullptr;
}

std::string_view QuantTypeName(QuantType type) {
  switch (type) {
    case QuantType::kU8: return "U8";
    case QuantType::kU16: return "U16";
    case QuantType::kU32: return "U32";
    case QuantType::kU64: return "U64";
    case QuantType::kBool: return "BOOL";
    case QuantType::kF8_E4M3: return "F8_E4M3";
    case QuantType::kF8_E5M2: return "F8_E5M2";
    default: break;
  }
  const QuantTypeInfo* info = FindQuantType(static_cast<uint32_t>(type));
  return info != nullptr ? info->name : "unknown";
}

}  // namespace bitnet::core
