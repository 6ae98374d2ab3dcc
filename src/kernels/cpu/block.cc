// Block-quantised matrices: products, and rows as f32. Layouts: kernels/pack.h.
//
// A row at a time, one stream of memory, and four of its blocks at a time, which share the sums across lanes. Columns
// in chunks, whose activations are widened once for all rows into a small array on the stack; the chain over the blocks
// of a row goes on from chunk to chunk.
//
// Bounds. Q8_0: int16 products of int8, 32 of them: at most 32 * 2^14. Q6_K: a pair of code * q with codes 0..63 lies
// in [2 * 63 * -128, 2 * 63 * 127] and the same less 32 * (q0 + q1) in [-8192, 8192], so int16 holds both; a block's
// sum is at most 256 * 32 * 128 * 128 = 2^27.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"
#include "kernels/half.h"
#include "kernels/pack.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/block.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

constexpr size_t kChunkColumns = 4096;

// A chunk of activations as the products want them.
struct Q8_0 {
  static constexpr size_t kElements = 32;
  static constexpr size_t kBlockBytes = 34;
  static constexpr size_t kScaleOffset = 0;  // of the f16 d

  HWY_ALIGN int16_t wide[kChunkColumns];

  HWY_INLINE void Prepare(const int8_t* HWY_RESTRICT q, size_t n) {
    for (size_t i = 0; i < n; i += kBytes / 2) {
      hn::Store(hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), q + i)), DI16(), wide + i);
    }
  }
  // Lanes that add up to the block's sum.
  HWY_INLINE VI32 Product(const uint8_t* HWY_RESTRICT block, const int8_t*, size_t column) const {
    VI32 sum = hn::Zero(DI32());
    for (size_t i = 0; i < kElements; i += kBytes / 2) {
      const auto w = hn::LoadU(hn::Half<DI8>(), reinterpret_cast<const int8_t*>(block) + 2 + i);
      sum = AddWidePairs(sum, hn::PromoteTo(DI16(), w), hn::Load(DI16(), wide + column + i));
    }
    return sum;
  }
};

struct Q6_K {
  static constexpr size_t kElements = 256;
  static constexpr size_t kBlockBytes = 210;
  static constexpr size_t kScaleOffset = 208;

  HWY_ALIGN int16_t pairs[kChunkColumns / 2];  // 32 * (q[2i] + q[2i + 1])

  HWY_INLINE void Prepare(const int8_t* HWY_RESTRICT q, size_t n) {
    const VU8 weight = hn::Set(DU8(), 32);
    for (size_t i = 0; i < n; i += kBytes) {
      hn::Store(MulSmallPairs(weight, hn::LoadU(DI8(), q + i)), DI16(), pairs + i / 2);
    }
  }

  // Codes 0..63 of kBytes elements from `e` on (0 .. 255, a multiple of kBytes). Element 128 h + 32 g + l has its low
  // bits in nibble g / 2 of ql[64 h + 32 (g mod 2) + l] and its high bits in bits 2g of qh[32 h + l].
  HWY_INLINE static VU8 Codes(const uint8_t* HWY_RESTRICT block, size_t e) {
    const DU16 words;
    const DU8 d;
    const size_t g = e % 128 / 32;
    const VU16 ql = hn::BitCast(words, hn::LoadU(d, block + e / 128 * 64 + e % 64));
    const VU16 low = g < 2 ? ql : hn::ShiftRight<4>(ql);
#if HWY_MAX_BYTES == 64  // groups g and g + 1, g = 0 or 2
    const hn::Half<DU16> half;
    const auto qh = hn::LoadU(half, reinterpret_cast<const uint16_t*>(block + 128 + e / 128 * 32));
    const VU16 high = g == 0 ? hn::Combine(words, hn::ShiftLeft<2>(qh), hn::ShiftLeft<4>(qh))
                             : hn::Combine(words, hn::ShiftRight<2>(qh), qh);
#else
    const VU16 qh = hn::BitCast(words, hn::LoadU(d, block + 128 + e / 128 * 32 + e % 32));
    const VU16 high = g == 0   ? hn::ShiftLeft<4>(qh)
                      : g == 1 ? hn::ShiftLeft<2>(qh)
                      : g == 2 ? qh
                               : hn::ShiftRight<2>(qh);
#endif
    return hn::Or(hn::And(hn::BitCast(d, low), hn::Set(d, 15)), hn::And(hn::BitCast(d, high), hn::Set(d, 0x30)));
  }

  HWY_INLINE VI32 Product(const uint8_t* HWY_RESTRICT block, const int8_t* HWY_RESTRICT q, size_t column) const {
    // A 128-bit block of pairs is one sub-block of 16 elements: its scale goes to the high byte of every lane.
    HWY_ALIGN static constexpr uint8_t kHighBytes[64] = {
        128, 0, 128, 0, 128, 0, 128, 0, 128, 0, 128, 0, 128, 0, 128, 0, 128, 1, 128, 1, 128, 1,
        128, 1, 128, 1, 128, 1, 128, 1, 128, 1, 128, 2, 128, 2, 128, 2, 128, 2, 128, 2, 128, 2,
        128, 2, 128, 2, 128, 3, 128, 3, 128, 3, 128, 3, 128, 3, 128, 3, 128, 3, 128, 3};
    const VU8 scales = hn::LoadDup128(DU8(), block + 192);
    const VU8 first = hn::Load(DU8(), kHighBytes);
    VI32 sum = hn::Zero(DI32());
    Unroll<kElements / kBytes>([&](auto v) BITNET_INLINE_LAMBDA {
      const VI8 x = hn::LoadU(DI8(), q + v * kBytes);
      const VI16 pair =
          hn::Sub(MulSmallPairs(Codes(block, v * kBytes), x), hn::Load(DI16(), pairs + (column + v * kBytes) / 2));
      const VU8 index = hn::Add(first, hn::Set(DU8(), v * (kBytes / 16)));  // 128 + v stays above 127
      const VI16 scale = hn::ShiftRight<8>(hn::BitCast(DI16(), hn::TableLookupBytesOr0(scales, index)));
      sum = AddWidePairs(sum, pair, scale);
    });
    return sum;
  }
};

#if HWY_TARGET != HWY_AVX3  // see BITNET_TABLE in tables.cc

// Goes on with y, the chain of one row, over the n_blocks blocks of a chunk.
template <class T>
HWY_INLINE float ChunkChain(const T& chunk, const uint8_t* HWY_RESTRICT row, size_t n_blocks,
                            const int8_t* HWY_RESTRICT q, const float* HWY_RESTRICT d_a, float y) {
  constexpr size_t kMaxBlocks = kChunkColumns / T::kElements;
  const D4F df;
  HWY_ALIGN float isum[kMaxBlocks + 3];
  HWY_ALIGN float factor[kMaxBlocks + 3];
  uint16_t d[kMaxBlocks + 3];
  const auto product = [&](size_t b) BITNET_INLINE_LAMBDA {
    std::memcpy(d + b, row + b * T::kBlockBytes + T::kScaleOffset, 2);
    return chunk.Product(row + b * T::kBlockBytes, q + b * T::kElements, b * T::kElements);
  };
  size_t block = 0;
  for (; block + 4 <= n_blocks; block += 4) {
    VI32 sum[4];
    Unroll<4>([&](auto i) BITNET_INLINE_LAMBDA { sum[i] = product(block + i); });
    hn::StoreU(hn::ConvertTo(df, SumOfFour(sum[0], sum[1], sum[2], sum[3])), df, isum + block);
  }
  for (; block < n_blocks; ++block) {
    isum[block] = static_cast<float>(hn::GetLane(hn::SumOfLanes(DI32(), product(block))));
  }
  const hn::FixedTag<hwy::float16_t, 4> d16;
  for (size_t b = 0; b < n_blocks; b += 4) {
    const V4F d_w = hn::PromoteTo(df, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(d + b)));
    if (b + 4 <= n_blocks) {
      hn::StoreU(hn::Mul(d_w, hn::LoadU(df, d_a + b)), df, factor + b);
    } else {
      hn::StoreU(d_w, df, factor + b);
      for (size_t i = b; i < n_blocks; ++i) factor[i] *= d_a[i];
    }
  }
  for (size_t b = 0; b < n_blocks; ++b) y = __builtin_fmaf(isum[b], factor[b], y);
  return y;
}

template <class T>
HWY_NOINLINE void BlockRowsOf(const uint8_t* HWY_RESTRICT w, size_t n, const int8_t* HWY_RESTRICT q,
                              const float* HWY_RESTRICT d_a, size_t row_begin, size_t row_end, float* HWY_RESTRICT y) {
  const size_t row_bytes = n / T::kElements * T::kBlockBytes;
  for (size_t r = row_begin; r < row_end; ++r) y[r] = 0.0f;
  T chunk;
  for (size_t column = 0; column < n; column += kChunkColumns) {
    const size_t n_columns = HWY_MIN(n - column, kChunkColumns);
    const size_t block = column / T::kElements;
    chunk.Prepare(q + column, n_columns);
    const uint8_t* const first = w + block * T::kBlockBytes;
    for (size_t r = row_begin; r < row_end; ++r) {
      y[r] = ChunkChain(chunk, first + r * row_bytes, n_columns / T::kElements, q + column, d_a + block, y[r]);
    }
  }
}

void BlockRows(Block type, const void* w, size_t n, const int8_t* q, const float* d_a, size_t row_begin, size_t row_end,
               float* y) noexcept {
  const uint8_t* const bytes = static_cast<const uint8_t*>(w);
  if (type == Block::kQ6_K) return BlockRowsOf<Q6_K>(bytes, n, q, d_a, row_begin, row_end, y);
  return BlockRowsOf<Q8_0>(bytes, n, q, d_a, row_begin, row_end, y);
}

#endif

// y[i] = scale * float(q[i]) for n int8, a multiple of kLanes.
HWY_INLINE void ScaleInt8(const int8_t* HWY_RESTRICT q, size_t n, float scale, float* HWY_RESTRICT y) {
  const hn::Rebind<int8_t, DI32> d8;
  for (size_t i = 0; i < n; i += kLanes) {
    const VF32 v = hn::ConvertTo(DF32(), hn::PromoteTo(DI32(), hn::LoadU(d8, q + i)));
    hn::StoreU(hn::Mul(hn::Set(DF32(), scale), v), DF32(), y + i);
  }
}

HWY_INLINE float LoadScale(const uint8_t* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, 2);
  return F16ToF32(bits);
}

void BlockRowToF32(Block type, const void* w, size_t n, size_t row, float* y) noexcept {
  const size_t n_blocks = n / BlockElements(type);
  const uint8_t* block = static_cast<const uint8_t*>(w) + row * n_blocks * BlockBytes(type);
  for (size_t b = 0; b < n_blocks; ++b, block += BlockBytes(type), y += BlockElements(type)) {
    if (type == Block::kQ8_0) {
      ScaleInt8(reinterpret_cast<const int8_t*>(block) + 2, 32, LoadScale(block), y);
      continue;
    }
    HWY_ALIGN int8_t q[256];
    for (size_t e = 0; e < 256; e += kBytes) {
      hn::Store(hn::Sub(hn::BitCast(DI8(), Q6_K::Codes(block, e)), hn::Set(DI8(), 32)), DI8(), q + e);
    }
    const float d = LoadScale(block + Q6_K::kScaleOffset);
    for (size_t s = 0; s < 16; ++s) {
      ScaleInt8(q + 16 * s, 16, d * static_cast<float>(static_cast<int8_t>(block[192 + s])), y + 16 * s);
    }
  }
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
