// In-memory layouts that the kernels read, and the functions that make them.
//
// Ternary: 2 bits a weight, code = weight + 1 in {0, 1, 2}; code 3 never occurs. 128 consecutive columns of a row in
// 32 bytes; byte p of a block holds column p in bits 7:6, p + 32 in 5:4, p + 64 in 3:2, p + 96 in 1:0. Row stride is
// cols / 4 bytes, cols padded to kTernaryPad with code 1. It is the x86 I2_S file layout, so such a file is used in
// place, mapped; every other ternary type is repacked into it (docs/kernels.md has the comparison).
//
// Block types lie as in the file (layouts and element order: docs/formats.md, "Block layouts, exactly").
#ifndef BITNET_KERNELS_PACK_H_
#define BITNET_KERNELS_PACK_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

constexpr size_t PackedRowBytes(size_t padded_cols) { return padded_cols / 4; }

// Where the parts of a block lie that do not depend on the element.
struct BlockLayout {
  size_t elements;
  size_t bytes;
  size_t d_at;      // byte offset of the f16 scale
  size_t min_at;    // of the f16 beside it, the minimum or the scale of the minima, where has_min
  bool has_min;     // w = d * scale * q - dmin * minimum; Q4_1, Q5_1: w = d * q + m
  size_t n_scales;  // sub-blocks with an integer scale of their own; 1: none, which counts as 1
};
inline constexpr BlockLayout kBlockLayouts[static_cast<size_t>(Block::kCount)] = {
    {32, 18, 0, 0, false, 1},       // Q4_0
    {32, 20, 0, 2, true, 1},        // Q4_1
    {32, 22, 0, 0, false, 1},       // Q5_0
    {32, 24, 0, 2, true, 1},        // Q5_1
    {32, 34, 0, 0, false, 1},       // Q8_0
    {256, 84, 80, 82, true, 16},    // Q2_K
    {256, 110, 108, 0, false, 16},  // Q3_K
    {256, 144, 0, 2, true, 8},      // Q4_K
    {256, 176, 0, 2, true, 8},      // Q5_K
    {256, 210, 208, 0, false, 16},  // Q6_K
};
constexpr const BlockLayout& LayoutOf(Block type) { return kBlockLayouts[static_cast<size_t>(type)]; }
constexpr size_t BlockElements(Block type) { return LayoutOf(type).elements; }
constexpr size_t BlockBytes(Block type) { return LayoutOf(type).bytes; }
constexpr size_t DenseBytes(Dense type) { return type == Dense::kF32 ? 4 : 2; }

// codes[cols], values 0..2 -> out[PadTernary(cols) / 4].
void PackTernaryRow(const uint8_t* codes, size_t cols, uint8_t* out) noexcept;
// packed[cols padded / 4] -> codes[cols], values 0..3.
void UnpackTernaryRow(const uint8_t* packed, size_t cols, uint8_t* codes) noexcept;
// True when no 2-bit field of the n bytes is 3.
bool TernaryCodesValid(const uint8_t* packed, size_t n_bytes) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_PACK_H_
