// Ternary codes to the layouts of GGUF files (docs/formats.md, section 1).
#ifndef BITNET_CORE_CONVERT_TERNARY_ENCODE_H_
#define BITNET_CORE_CONVERT_TERNARY_ENCODE_H_

#include <cstddef>
#include <cstdint>

#include "core/format/quant_type.h"

namespace bitnet::core {

// What a matrix is converted to: kI2_S, kTQ1_0 or kTQ2_0.
bool IsTernaryTarget(QuantType type);

// The scales of a row of a TQ type, one a block of 256 columns, lie between its codes: f16 bits.
using BlockScales = const uint16_t*;

// One row: codes [cols], values 0..2; cols a multiple of the type's block. `scales` [cols / 256], not for kI2_S.
// Writes as many bytes as QuantTypeInfo says, without the tail of a tensor.
void EncodeTernaryRow(QuantType type, const uint8_t* codes, size_t cols, BlockScales scales, std::byte* out);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_TERNARY_ENCODE_H_
