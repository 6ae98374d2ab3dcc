// The 8-bit copy of a dense head on a GPU (docs/kernels.md, "The head shortcut"), with the codes, scales and norms of
// the CPU's (kernel_table.h, head_copy_rows), laid out for loads of 16 bytes by each thread of a warp, 512 together:
// tiles of 8 rows, in three planes.
// - codes [tiles, blocks of 64 columns, 8 rows, 64]
// - scales [tiles, groups of 8 blocks, 8 rows, 8] bfloat16
// - ends [tiles, 8 rows] of two f32: upper bounds of the norms of (row - copy) and of the row; infinite where an
// element
//   is not finite
// Columns beyond a row are zero. What stands in rows beyond the last, and in scales of blocks beyond it, is undefined.
#ifndef BITNET_KERNELS_CUDA_HEAD_COPY_KERNEL_H_
#define BITNET_KERNELS_CUDA_HEAD_COPY_KERNEL_H_

#include "kernels/cuda/grid.h"
#include "kernels/head_math.h"

namespace bitnet::kernels::gpu {

struct HeadLayout {
  static constexpr uint32_t kRows = 8;    // of a tile
  static constexpr uint32_t kGroup = 8;   // blocks
  static constexpr uint32_t kBlock = 64;  // columns
  uint32_t tiles, blocks, groups;

  BN_HD HeadLayout(uint32_t rows, uint32_t n)
      : tiles((rows + kRows - 1) / kRows), blocks((n + kBlock - 1) / kBlock), groups((blocks + kGroup - 1) / kGroup) {}
  BN_HD size_t Code(uint32_t row, uint32_t block) const {
    return ((size_t{row / kRows} * blocks + block) * kRows + row % kRows) * kBlock;
  }
  BN_HD size_t Scales(uint32_t row, uint32_t group) const {
    return size_t{tiles} * blocks * (kRows * kBlock) +
           ((size_t{row / kRows} * groups + group) * kRows + row % kRows) * (kGroup * sizeof(uint16_t));
  }
  BN_HD size_t Ends(uint32_t row) const { return Scales(tiles * kRows, 0) + size_t{row} * (2 * sizeof(float)); }
  BN_HD size_t Bytes() const { return Ends(tiles * kRows); }
};
static_assert(HeadLayout::kBlock == kHeadBlock);

// Codes the rows of a dense head. A warp takes a row: of each block, thread l the columns 2 l and 2 l + 1, whose
// stripes of dot64 they are.
template <class T>
struct HeadCopyRows {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kRows = kThreads / kWarp;
  struct Args {
    const T* w;  // [rows, n]
    uint32_t n, rows;
    uint8_t* copy;  // HeadLayout(rows, n), aligned to 16
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    float x[2];
    float stripe[4], other[4];  // of errors, then of squares
    uint32_t largest, row_largest;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const HeadLayout layout(a.rows, a.n);
    const auto row_of = [&](uint32_t t) { return g.x() * kRows + t / kWarp; };
    g.Lanes([](uint32_t, Lane& lane) {
      for (uint32_t i = 0; i < 4; ++i) lane.stripe[i] = 0.0f;
      lane.row_largest = 0;
    });
    for (uint32_t b = 0; b < layout.blocks; ++b) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        for (uint32_t i = 0; i < 2; ++i) {
          const uint32_t column = b * HeadLayout::kBlock + 2 * (t % kWarp) + i;
          const bool live = row_of(t) < a.rows && column < a.n;
          lane.x[i] = live ? ToF32(a.w[size_t{row_of(t)} * a.n + column]) : 0.0f;
        }
        const uint32_t first = Magnitude(lane.x[0]), second = Magnitude(lane.x[1]);
        lane.largest = first > second ? first : second;
      });
      g.WarpMax([](Lane& lane) -> uint32_t& { return lane.largest; });
      g.Lanes([&](uint32_t t, Lane& lane) {
        lane.row_largest = lane.largest > lane.row_largest ? lane.largest : lane.row_largest;
        if (row_of(t) < a.rows) Code(layout, a, row_of(t), b, t % kWarp, lane);
      });
    }
    SumStripes<2>(
        g, [](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      if (t % kWarp != 0 || row_of(t) >= a.rows) return;
      const bool finite = lane.row_largest < kInfinity;
      const float error = NormBound(lane.stripe[0], a.n), norm = NormBound(lane.stripe[2], a.n);
      const Words2 ends = {{finite ? BitsOf(error) : kInfinity, finite ? BitsOf(norm) : kInfinity}};
      Write(ends, a.copy + layout.Ends(row_of(t)));
    });
  }

 private:
  BN_HD static void Code(const HeadLayout& layout, const Args& a, uint32_t row, uint32_t b, uint32_t l, Lane& lane) {
    const bool finite = lane.largest < kInfinity;  // nothing else is converted to an integer
    const float scale = HeadScale(FloatOf(finite ? lane.largest : 0));
    const float inverse = scale > 0.0f ? Quotient(1.0f, scale) : 0.0f;
    uint32_t codes = 0;
    for (uint32_t i = 0; i < 2; ++i) {
      const float x = finite ? lane.x[i] : 0.0f;
      const float code = Rint(x * inverse);  // |x| <= 127 * scale but for a rounding: -127..127
      const float error = FusedMultiplyAdd(-scale, code, x);
      // Columns beyond the row add the square of zero: no stripe, being +0 or more, changes.
      lane.stripe[i] = FusedMultiplyAdd(error, error, lane.stripe[i]);
      lane.stripe[2 + i] = FusedMultiplyAdd(x, x, lane.stripe[2 + i]);
      codes |= static_cast<uint32_t>(static_cast<uint8_t>(static_cast<int32_t>(code))) << (8 * i);
    }
    Write(static_cast<uint16_t>(codes), a.copy + layout.Code(row, b) + 2 * l);
    if (l != 0) return;
    Write(static_cast<uint16_t>(BitsOf(scale) >> 16),
          a.copy + layout.Scales(row, b / HeadLayout::kGroup) + b % HeadLayout::kGroup * sizeof(uint16_t));
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_HEAD_COPY_KERNEL_H_
