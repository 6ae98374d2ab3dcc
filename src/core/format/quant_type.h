// Tensor types of GGUF files: FILE layouts, constants of the file type (docs/formats.md, section 1).
#ifndef BITNET_CORE_FORMAT_QUANT_TYPE_H_
#define BITNET_CORE_FORMAT_QUANT_TYPE_H_

#include <cstdint>
#include <string_view>

namespace bitnet::core {

// The ids of files. Ids that two formats share (39: TL2 and MXFP4) are told apart by the reader.
enum class QuantType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kI2_S = 36,
  kI8_S = 37,
  kTL1 = 38,
  kTL2_OrMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
  kIQ1_BN = 134,
  kIQ2_BN = 135,
  kRotated142 = 142,
  kRotated143 = 143,
  kIQ2_BN_R4 = 335,
  // Not ids of GGUF files: element types that only SafeTensors have.
  kU8 = 0x10000,
  kU16,
  kU32,
  kU64,
  kBool,
  kF8_E4M3,
  kF8_E5M2
};

// A tensor of `rows` rows of `cols` elements (cols a multiple of `block`, rows of `row_group`) takes
// rows * (row_bytes + cols / block * block_bytes) + tensor_bytes bytes.
struct QuantTypeInfo {
  QuantType type;
  std::string_view name;    // "I2_S"
  uint32_t block;           // elements a block; 0: a layout that this library does not read
  uint32_t block_bytes;     // bytes a block
  uint32_t row_bytes;       // bytes a row has beside its blocks: its scale
  uint32_t tensor_bytes;    // bytes a tensor has beside its rows: its scale and padding
  uint32_t row_group;       // rows that are interleaved
  bool ternary;             // a type of the ternary linears
  std::string_view advice;  // block 0: what it is and what to do instead
};

// The second block layout of id 42, told apart by the size of the tensor: 128 elements in 34 bytes.
inline constexpr uint32_t kQ2_0LongBlock = 128;
inline constexpr uint32_t kQ2_0LongBlockBytes = 34;
// Id 39 as MXFP4: 32 elements in 17 bytes. As TL2 it comes with this general.file_type.
inline constexpr uint32_t kMXFP4Block = 32;
inline constexpr uint32_t kMXFP4BlockBytes = 17;
inline constexpr uint64_t kFileTypeTL2 = 39;

// Null for an id that is unknown here.
const QuantTypeInfo* FindQuantType(uint32_t id);
// "I2_S"; "unknown".
std::string_view QuantTypeName(QuantType type);

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_QUANT_TYPE_H_
