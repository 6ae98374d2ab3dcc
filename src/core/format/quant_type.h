// Tensor types of GGUF files: FILE layouts, constants of the file type (docs/formats.md, section 1).
#ifndef BITNET_CORE_FORMAT_QUANT_TYPE_H_
#define BITNET_CORE_FORMAT_QUANT_TYPE_H_

#include <cstdint>
#include <string_view>

namespace bitnet::core {

// The ids of files. Ids that two formats share (39: TL2 and MXFP4) are told apart by the reader.
enum class QuantType : uint32_t {
  kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ5_0 = 6, kQ5_1 = 7, kQ8_0 = 8, kQ2_K = 10, kQ3_K = 11, kQ4_K = 12,
  kQ5_K = 13, kQ6_K = 14, kI8 = 24, kI16 = 25, kI32 = 26, kI64 = 27, kF64 = 28, kBF16 = 30, kTQ1_0 = 34, kTQ2_0 = 35,
  kI2_S = 36, kI8_S = 37, kTL1 = 38, kTL2_OrMXFP4 = 39, kNVFP4 = 40, kQ1_0 = 41, kQ2_0 = 42, kIQ1_BN = 134,
  kIQ2_BN = 135, kRotated142 = 142, kRotated143 = 143, kIQ2_BN_R4 = 335
};

struct QuantTypeInfo {
  QuantType type;
  std::string_view name;   // "I2_S"
  uint32_t block;          // elements a block; 0: not a block type or size unknown here
  uint32_t block_bytes;    // bytes a block
  bool ternary;            // a type of the ternary linears
};

// Null for an id that is unknown here.
const QuantTypeInfo* FindQuantType(uint32_t id);

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_QUANT_TYPE_H_
