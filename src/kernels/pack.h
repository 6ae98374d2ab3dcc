// In-memory layouts that the kernels read, and the functions that make them.
//
// Ternary: 2 bits a weight, code = weight + 1 in {0, 1, 2}; code 3 never occurs. 128 consecutive columns of a row in
// 32 bytes; byte p of a block holds column p in bits 7:6, p + 32 in 5:4, p + 64 in 3:2, p + 96 in 1:0. Row stride is
// cols / 4 bytes, cols padded to kTernaryPad with code 1. It is the x86 I2_S file layout, so such a file is used in
// place, mapped; every other ternary type is repacked into it (docs/kernels.md has the comparison).
//
// Block types lie as in the file: Q8_0 is {f16 d, int8 q[32]} (34 bytes), Q6_K is {ql[128], qh[64], int8 scale[16],
// f16 d} (210 bytes; element order in docs/formats.md).
#ifndef BITNET_KERNELS_PACK_H_
#define BITNET_KERNELS_PACK_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

constexpr size_t PackedRowBytes(size_t padded_cols) { return padded_cols / 4; }
constexpr size_t BlockElements(Block type) { return type == Block::kQ6_K ? 256 : 32; }
constexpr size_t BlockBytes(Block type) { return type == Block::kQ6_K ? 210 : 34; }
constexpr size_t DenseBytes(Dense type) { return type == Dense::kF32 ? 4 : 2; }

// codes[cols], values 0..2 -> out[PadTernary(cols) / 4].
void PackTernaryRow(const uint8_t* codes, size_t cols, uint8_t* out) noexcept;
// packed[cols padded / 4] -> codes[cols], values 0..3.
void UnpackTernaryRow(const uint8_t* packed, size_t cols, uint8_t* codes) noexcept;
// True when no 2-bit field of the n bytes is 3.
bool TernaryCodesValid(const uint8_t* packed, size_t n_bytes) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_PACK_H_
