// Block-quantised matrices: products, and rows as f32. Layouts: docs/formats.md, "Block layouts, exactly".
//
// A row at a time, one stream of memory, and four of its blocks at a time, which share the sums across lanes; then the
// chains of four rows side by side. Columns in chunks, whose activations are widened or summed once for all rows into
// small arrays on the stack; the chain over the blocks of a row goes on from chunk to chunk.
#include <array>
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

#if BITNET_HAS_TABLE && HWY_TARGET != HWY_AVX3  // see BITNET_TABLE in tables.cc
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

constexpr size_t kChunkColumns = 4096;

// out[b] = float(sum of the lanes that lanes_of(b) gives) for the n_blocks blocks of a chunk; `out` has room for 3
// more.
template <class F>
HWY_INLINE void SumBlocks(size_t n_blocks, float* HWY_RESTRICT out, const F& lanes_of) {
  const D4F df;
  size_t b = 0;
  for (; b + 4 <= n_blocks; b += 4) {
    VI32 sum[4];
    Unroll<4>([&](auto i) BITNET_INLINE_LAMBDA { sum[i] = lanes_of(b + i); });
    hn::StoreU(hn::ConvertTo(df, SumOfFour(sum[0], sum[1], sum[2], sum[3])), df, out + b);
  }
  for (; b < n_blocks; ++b) out[b] = static_cast<float>(hn::GetLane(hn::SumOfLanes(DI32(), lanes_of(b))));
}

// out[b] = f32(f16 number `at` bytes into block b) * d_a[b]; `out` has room for 3 more.
template <size_t kBlockBytes>
HWY_INLINE void Factors(const uint8_t* HWY_RESTRICT row, size_t at, size_t n_blocks, const float* HWY_RESTRICT d_a,
                        float* HWY_RESTRICT out) {
  const D4F df;
  const hn::FixedTag<uint64_t, 1> d64;
  const hn::FixedTag<hwy::float16_t, 4> d16;
  const auto number = [&](size_t b) BITNET_INLINE_LAMBDA {
    uint16_t half;
    std::memcpy(&half, row + b * kBlockBytes + at, 2);
    return uint64_t{half};
  };
  size_t b = 0;
  for (; b + 4 <= n_blocks; b += 4) {
    // Put together in a register: a vector read of four small stores would wait for them.
    const uint64_t four = number(b) | number(b + 1) << 16 | number(b + 2) << 32 | number(b + 3) << 48;
    const V4F d_w = hn::PromoteTo(df, hn::BitCast(d16, hn::Set(d64, four)));
    hn::StoreU(hn::Mul(d_w, hn::LoadU(df, d_a + b)), df, out + b);
  }
  for (; b < n_blocks; ++b) out[b] = F16ToF32(static_cast<uint16_t>(number(b))) * d_a[b];
}

#include "kernels/cpu/blocks_of_32-inl.h"

#include "kernels/cpu/blocks_of_256-inl.h"

// Calls fn with an object of the class that reads `type`.
template <class F>
HWY_INLINE void WithBlocks(Block type, const F& fn) {
  switch (type) {
    case Block::kQ4_0: return fn.template operator()<BlocksOf32<Block::kQ4_0>>();
    case Block::kQ4_1: return fn.template operator()<BlocksOf32<Block::kQ4_1>>();
    case Block::kQ5_0: return fn.template operator()<BlocksOf32<Block::kQ5_0>>();
    case Block::kQ5_1: return fn.template operator()<BlocksOf32<Block::kQ5_1>>();
    case Block::kQ8_0: return fn.template operator()<BlocksOf32<Block::kQ8_0>>();
    case Block::kQ2_K: return fn.template operator()<BlocksOf256<Block::kQ2_K>>();
    case Block::kQ3_K: return fn.template operator()<BlocksOf256<Block::kQ3_K>>();
    case Block::kQ4_K: return fn.template operator()<BlocksOf256<Block::kQ4_K>>();
    case Block::kQ5_K: return fn.template operator()<BlocksOf256<Block::kQ5_K>>();
    case Block::kQ6_K: return fn.template operator()<BlocksOf256<Block::kQ6_K>>();
    case Block::kCount: break;
  }
}

// What the chains of kChainRows rows multiply and add, for the blocks of a chunk.
template <class T>
struct ChainInputs {
  static constexpr size_t kMaxBlocks = kChunkColumns / T::kLayout.elements;

  HWY_ALIGN float isum[kMaxBlocks + 3];
  HWY_ALIGN float factor[kMaxBlocks + 3];
  HWY_ALIGN float msum[T::kLayout.has_min ? kMaxBlocks + 3 : 1];
  HWY_ALIGN float min_factor[T::kLayout.has_min ? kMaxBlocks + 3 : 1];

  HWY_INLINE void Compute(const T& chunk, const uint8_t* HWY_RESTRICT row, size_t n_blocks,
                          const int8_t* HWY_RESTRICT q, const float* HWY_RESTRICT d_a) {
    constexpr BlockLayout kLayout = T::kLayout;
    SumBlocks(n_blocks, isum, [&](size_t b) BITNET_INLINE_LAMBDA {
      return chunk.Product(row + b * kLayout.bytes, q + b * kLayout.elements, b * kLayout.elements);
    });
    Factors<kLayout.bytes>(row, kLayout.d_at, n_blocks, d_a, factor);
    if constexpr (kLayout.has_min) {
      chunk.MinimumSums(row, n_blocks, msum);
      Factors<kLayout.bytes>(row, kLayout.min_at, n_blocks, d_a, min_factor);
    }
  }
};

// Chains that go on at the same time: each waits for its own last multiply-add, four cycles.
constexpr size_t kChainRows = 4;

// y[i] goes on over the blocks of a chunk.
template <class T, size_t kRows>
HWY_INLINE void GoOn(const ChainInputs<T> (&in)[kChainRows], size_t n_blocks, float* HWY_RESTRICT y) {
  float acc[kRows];
  Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA { acc[i] = y[i]; });
  for (size_t b = 0; b < n_blocks; ++b) {
    Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
      acc[i] = __builtin_fmaf(in[i].isum[b], in[i].factor[b], acc[i]);
      if constexpr (T::kLayout.has_min) acc[i] = __builtin_fmaf(in[i].msum[b], in[i].min_factor[b], acc[i]);
    });
  }
  Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA { y[i] = acc[i]; });
}

template <class T>
HWY_NOINLINE void BlockRowsOf(const uint8_t* HWY_RESTRICT w, size_t n, const int8_t* HWY_RESTRICT q,
                              const float* HWY_RESTRICT d_a, size_t row_begin, size_t row_end, float* HWY_RESTRICT y) {
  constexpr BlockLayout kLayout = T::kLayout;
  const size_t row_bytes = n / kLayout.elements * kLayout.bytes;
  for (size_t r = row_begin; r < row_end; ++r) y[r] = 0.0f;
  T chunk;
  ChainInputs<T> in[kChainRows];
  for (size_t column = 0; column < n; column += kChunkColumns) {
    const size_t n_columns = HWY_MIN(n - column, kChunkColumns);
    const size_t n_blocks = n_columns / kLayout.elements;
    const size_t block = column / kLayout.elements;
    chunk.Prepare(q + column, n_columns);
    const uint8_t* const first = w + block * kLayout.bytes;
    const auto compute = [&](size_t r, size_t i) BITNET_INLINE_LAMBDA {
      in[i].Compute(chunk, first + r * row_bytes, n_blocks, q + column, d_a + block);
    };
    size_t r = row_begin;
    for (; r + kChainRows <= row_end; r += kChainRows) {
      for (size_t i = 0; i < kChainRows; ++i) compute(r + i, i);
      GoOn<T, kChainRows>(in, n_blocks, y + r);
    }
    for (; r < row_end; ++r) {
      compute(r, 0);
      GoOn<T, 1>(in, n_blocks, y + r);
    }
  }
}

void BlockRows(Block type, const void* w, size_t n, const int8_t* q, const float* d_a, size_t row_begin, size_t row_end,
               float* y) noexcept {
  WithBlocks(type,
             [&]<class T>() { BlockRowsOf<T>(static_cast<const uint8_t*>(w), n, q, d_a, row_begin, row_end, y); });
}

HWY_INLINE float LoadF16(const uint8_t* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, 2);
  return F16ToF32(bits);
}

template <class T>
HWY_NOINLINE void BlockRowToF32Of(const uint8_t* HWY_RESTRICT block, size_t n, float* HWY_RESTRICT y) {
  constexpr BlockLayout kLayout = T::kLayout;
  constexpr size_t kSub = kLayout.elements == 32 ? 32 : 16;
  const hn::Rebind<int8_t, DI32> d8;
  HWY_ALIGN int8_t q[kLayout.elements];
  for (size_t b = 0; b < n / kLayout.elements; ++b, block += kLayout.bytes, y += kLayout.elements) {
    T::Weights(block, q);
    float scale[kLayout.elements / kSub], minimum[kLayout.elements / kSub];
    T::Scales(block, LoadF16(block + kLayout.d_at), LoadF16(block + kLayout.min_at), scale, minimum);
    for (size_t i = 0; i < kLayout.elements; i += kLanes) {
      const VF32 v = hn::ConvertTo(DF32(), hn::PromoteTo(DI32(), hn::LoadU(d8, q + i)));
      VF32 w = hn::Mul(hn::Set(DF32(), scale[i / kSub]), v);
      if constexpr (kLayout.has_min) w = hn::Add(w, hn::Set(DF32(), minimum[i / kSub]));
      hn::StoreU(w, DF32(), y + i);
    }
  }
}

void BlockRowToF32(Block type, const void* w, size_t n, size_t row, float* y) noexcept {
  const uint8_t* const first = static_cast<const uint8_t*>(w) + row * (n / BlockElements(type)) * BlockBytes(type);
  WithBlocks(type, [&]<class T>() { BlockRowToF32Of<T>(first, n, y); });
}

template <class T>
HWY_NOINLINE void WidenBlocksOf(const uint8_t* HWY_RESTRICT block, size_t n_blocks, WideBlocks* HWY_RESTRICT out) {
  constexpr BlockLayout kLayout = T::kLayout;
  constexpr size_t kStep = kBytes / 2;  // elements a vector of int16 holds
  HWY_ALIGN int8_t q[kLayout.elements];
  int16_t* HWY_RESTRICT w = out->w;
  for (size_t b = 0; b < n_blocks; ++b, block += kLayout.bytes, w += kLayout.elements) {
    T::Weights(block, q);
    out->d[b] = LoadF16(block + kLayout.d_at);
    if constexpr (kLayout.has_min) out->m[b] = LoadF16(block + kLayout.min_at);
    const auto wide = [&](size_t i)
                          BITNET_INLINE_LAMBDA { return hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), q + i)); };
    if constexpr (kLayout.elements == 256) {
      HWY_ALIGN int8_t integers[16];
      HWY_ALIGN int16_t scales[16];
      T::SubScales(block, integers);
      for (size_t s = 0; s < 16; s += kStep) {
        hn::Store(hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), integers + s)), DI16(), scales + s);
      }
      for (size_t i = 0; i < kLayout.elements; i += kStep) {
        hn::StoreU(hn::Mul(wide(i), hn::Set(DI16(), scales[i / 16])), DI16(), w + i);
      }
      if constexpr (kLayout.has_min) {
        T::SubMinima(block, integers);
        for (size_t s = 0; s < 16; ++s) out->minima[s] = integers[s];
      }
    } else {
      for (size_t i = 0; i < kLayout.elements; i += kStep) hn::StoreU(wide(i), DI16(), w + i);
      if constexpr (kLayout.has_min) out->minima[2 * b] = out->minima[2 * b + 1] = 1;
    }
  }
}

void WidenBlocks(Block type, const uint8_t* w, size_t n_blocks, WideBlocks* out) noexcept {
  WithBlocks(type, [&]<class T>() { WidenBlocksOf<T>(w, n_blocks, out); });
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE && HWY_TARGET != HWY_AVX3
