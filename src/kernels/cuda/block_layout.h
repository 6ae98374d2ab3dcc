// Where a GPU keeps a block-quantised matrix: in the order in which the threads of a warp hold operand a of mma.sync
// (PTX ISA, "Matrix Fragments for mma.m16n8k16" and "m16n8k32", 8-bit types), so that they read it 16 bytes at a time,
// 512 bytes together, and shuffle nothing.
//
// Tiles of 16 rows and one block of columns stand in the order [rows / 16, n / B], in two planes: the codes, and the
// scales. Rows beyond the last are zero. In a tile thread 4 group + quad has rows group and group + 8, and of every 16
// columns the four from 4 quad on, one word:
// - Q8_0, 512 bytes: word r of a thread is of row group + 8 (r % 2) and columns 16 (r / 2) + 4 quad.
//   32 bytes of scales: f16 of row group, f16 of row group + 8, for each group.
// - Q6_K, 3072 bytes, six pieces of 512. A code less 32 is a signed number of 6 bits. Words 0..15 (pieces 0..3) are of
//   sub-blocks of 16 columns, each byte the lower 4 bits of row group and, above them, of row group + 8. Words 16..23
//   are of two sub-blocks each, a byte the upper 2 bits of: row group, row group + 8, and both of the next sub-block.
//   288 bytes of scales: 16 of the sub-blocks of each row, then f16 as above.
#ifndef BITNET_KERNELS_CUDA_BLOCK_LAYOUT_H_
#define BITNET_KERNELS_CUDA_BLOCK_LAYOUT_H_

#include <cstdint>
#include <cstring>

#include "kernels/cuda/grid.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

// The block types that this folder computes with.
constexpr bool Supported(Block type) { return type == Block::kQ8_0 || type == Block::kQ6_K; }

inline constexpr uint32_t kTileRows = 16;
BN_HD constexpr uint32_t TileColumns(Block type) { return type == Block::kQ6_K ? 256 : 32; }
BN_HD constexpr uint32_t TileBytes(Block type) { return type == Block::kQ6_K ? 3072 : 512; }
BN_HD constexpr uint32_t TileScaleBytes(Block type) { return type == Block::kQ6_K ? 288 : 32; }
constexpr size_t TileCount(Block type, size_t rows, size_t columns) {
  return (rows + kTileRows - 1) / kTileRows * (columns / TileColumns(type));
}

// Byte offsets in a tile: the word of thread `lane`, row half `high` (0: row group, 1: row group + 8).
BN_HD constexpr uint32_t WordQ8_0(uint32_t lane, uint32_t high, uint32_t step) {
  return 16 * lane + 4 * (high + 2 * step);
}
BN_HD constexpr uint32_t LowQ6K(uint32_t lane, uint32_t sub) { return 512 * (sub / 4) + 16 * lane + 4 * (sub % 4); }
BN_HD constexpr uint32_t HighQ6K(uint32_t lane, uint32_t sub) {
  return 2048 + 512 * (sub / 8) + 16 * lane + 4 * (sub % 8 / 2);
}
// Byte offset of the f16 scale of a row among the scales of its tile.
BN_HD constexpr uint32_t ScaleAt(Block type, uint32_t row) {
  return TileScaleBytes(type) - 32 + 4 * (row % 8) + 2 * (row / 8);
}

// One tile from blocks as files have them (ggml's block_q8_0: f16, 32 int8; block_q6_K: 128 bytes of lower and 64 of
// upper bits, 16 scales, f16): `first` the block of the tile's first row, rows `row_bytes` apart, n_rows of them.
inline void PackTile(Block type, const uint8_t* first, size_t row_bytes, uint32_t n_rows, uint8_t* tile,
                     uint8_t* scales) {
  std::memset(tile, 0, TileBytes(type));
  std::memset(scales, 0, TileScaleBytes(type));
  for (uint32_t row = 0; row < n_rows; ++row) {
    const uint8_t* const block = first + row * row_bytes;
    const uint32_t lane0 = row % 8 * 4, high = row / 8;
    if (type == Block::kQ8_0) {
      std::memcpy(scales + ScaleAt(type, row), block, sizeof(uint16_t));
      for (uint32_t i = 0; i < 8; ++i) std::memcpy(tile + WordQ8_0(lane0 + i % 4, high, i / 4), block + 2 + 4 * i, 4);
      continue;
    }
    std::memcpy(scales + 16 * row, block + 192, 16);
    std::memcpy(scales + ScaleAt(type, row), block + 208, sizeof(uint16_t));
    for (uint32_t i = 0; i < 64; ++i) {  // four codes: columns 4 i .. 4 i + 3
      const uint32_t half = i / 32, group = i % 32 / 8, sub = i / 4, lane = lane0 + i % 4;
      uint32_t low, upper, packed_low, packed_high;
      std::memcpy(&low, block + 64 * half + 32 * (group % 2) + 4 * (i % 8), 4);
      std::memcpy(&upper, block + 128 + 32 * half + 4 * (i % 8), 4);
      std::memcpy(&packed_low, tile + LowQ6K(lane, sub), 4);
      std::memcpy(&packed_high, tile + HighQ6K(lane, sub), 4);
      packed_low |= (low >> (4 * (group / 2)) & 0x0f0f0f0fu) << (4 * high);
      // Less 32, that is with the uppermost of the six bits turned over.
      packed_high |= ((upper >> (2 * group) & 0x03030303u) ^ 0x02020202u) << (4 * (sub % 2) + 2 * high);
      std::memcpy(tile + LowQ6K(lane, sub), &packed_low, 4);
      std::memcpy(tile + HighQ6K(lane, sub), &packed_high, 4);
    }
  }
}

// Four times (code - 32) of four columns of row group + 8 `high`, from the words of their sub-block: signed bytes.
BN_HD uint32_t CodesQ6K(uint32_t low, uint32_t upper, uint32_t sub, uint32_t high) {
  const uint32_t shifted = high == 0 ? low << 2 : low >> 2;
  return (shifted & 0x3c3c3c3cu) | (upper << (6 - 4 * (sub % 2) - 2 * high) & 0xc0c0c0c0u);
}

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_BLOCK_LAYOUT_H_
