// Dense matrices: products, and rows as f32.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/dense.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_AVX3  // see BITNET_TABLE in tables.cc

// Memory is the limit, and the rows are one stream, which the hardware follows best when nothing is asked for ahead.
template <class T>
void DenseRowsOf(const T* HWY_RESTRICT w, size_t n, const float* HWY_RESTRICT x, size_t row_begin, size_t row_end,
                 float* HWY_RESTRICT y) {
  for (size_t r = row_begin; r < row_end; ++r) y[r] = Dot64(w + r * n, x, n);
}

void DenseRows(Dense type, const void* w, size_t n, const float* x, size_t row_begin, size_t row_end,
               float* y) noexcept {
  switch (type) {
    case Dense::kF32: return DenseRowsOf(static_cast<const float*>(w), n, x, row_begin, row_end, y);
    case Dense::kF16: return DenseRowsOf(static_cast<const F16*>(w), n, x, row_begin, row_end, y);
    case Dense::kBF16: return DenseRowsOf(static_cast<const BF16*>(w), n, x, row_begin, row_end, y);
  }
}

#endif

// The stripes of two rows with two tokens go on over some columns, a multiple of 64: every vector that is loaded is
// multiplied twice. So many stripes at a time that their sums stay in registers.
template <class T>
HWY_INLINE void TwoByTwo(const T* HWY_RESTRICT w, const float* HWY_RESTRICT x, size_t n, size_t columns,
                         Stripes (&sum)[2][2]) {
  constexpr size_t kPart = kBytes == 32 ? 2 : 4;
  Unroll<kStripeVectors / kPart>([&](auto part) BITNET_INLINE_LAMBDA {
    constexpr size_t first = part * kPart;
    VF32 acc[2][2][kPart];
    Unroll<4 * kPart>([&](auto i) BITNET_INLINE_LAMBDA {
      acc[i / kPart / 2][i / kPart % 2][i % kPart] = sum[i / kPart / 2][i / kPart % 2].v[first + i % kPart];
    });
    for (size_t i = first * kLanes; i < columns; i += 64) {
      Unroll<kPart>([&](auto s) BITNET_INLINE_LAMBDA {
        const size_t at = i + s * kLanes;
        const VF32 w0 = LoadF32(w + at), w1 = LoadF32(w + n + at);
        VF32 x0 = LoadF32(x + at), x1 = LoadF32(x + n + at);
        KeepInRegister(x0);  // loaded once, not with each product
        KeepInRegister(x1);
        acc[0][0][s] = hn::MulAdd(w0, x0, acc[0][0][s]);
        acc[0][1][s] = hn::MulAdd(w0, x1, acc[0][1][s]);
        acc[1][0][s] = hn::MulAdd(w1, x0, acc[1][0][s]);
        acc[1][1][s] = hn::MulAdd(w1, x1, acc[1][1][s]);
      });
    }
    Unroll<4 * kPart>([&](auto i) BITNET_INLINE_LAMBDA {
      sum[i / kPart / 2][i / kPart % 2].v[first + i % kPart] = acc[i / kPart / 2][i / kPart % 2][i % kPart];
    });
  });
}

// In tiles: the columns of two tokens stay in the first-level cache, the rows in the second, the stripes in one of
// both.
template <class T>
void DenseTokensOf(const T* HWY_RESTRICT w, const DenseTokensJob& job, size_t row_begin, size_t row_end) {
  constexpr size_t kTileColumns = 1024, kTilePairs = 8;
  const size_t n = job.n;
  const size_t n_pairs = n % 64 == 0 ? (row_end - row_begin) / 2 : 0, n_tokens = job.n_tokens / 2 * 2;
  for (size_t pair = 0; pair < n_pairs; pair += kTilePairs) {
    const size_t r = row_begin + 2 * pair, here = HWY_MIN(n_pairs - pair, kTilePairs);
    // The next tile is one stream of memory, of which each step asks for a share.
    const auto* ahead = reinterpret_cast<const uint8_t*>(w + (r + 2 * kTilePairs) * n);
    const size_t n_steps = kTilePairs * (n_tokens / 2) * ((n + kTileColumns - 1) / kTileColumns);
    const size_t share = n_steps == 0 ? 0 : (2 * kTilePairs * n * sizeof(T) / n_steps + 63) / 64 * 64;
    for (size_t t = 0; t < n_tokens; t += 2) {
      Stripes sum[kTilePairs][2][2];
      for (size_t column = 0; column < n; column += kTileColumns) {
        for (size_t p = 0; p < here; ++p) {
          for (size_t o = 0; o < share; o += 64) hwy::Prefetch(ahead + o);
          ahead += share;
          TwoByTwo(w + (r + 2 * p) * n + column, job.x + t * n + column, n, HWY_MIN(n - column, kTileColumns), sum[p]);
        }
      }
      for (size_t i = 0; i < 4 * here; ++i) {
        job.y[(t + i % 2) * job.y_stride + r + i / 2] = sum[i / 4][i / 2 % 2][i % 2].Sum();
      }
    }
  }
  const auto rest = [&](size_t t, size_t first) {
    for (size_t r = first; r < row_end; ++r) job.y[t * job.y_stride + r] = Dot64(w + r * n, job.x + t * n, n);
  };
  for (size_t t = 0; t < n_tokens; ++t) rest(t, row_begin + 2 * n_pairs);
  for (size_t t = n_tokens; t < job.n_tokens; ++t) rest(t, row_begin);
}

void DenseTokens(const DenseTokensJob& job, size_t row_begin, size_t row_end) noexcept {
  switch (job.type) {
    case Dense::kF32: return DenseTokensOf(static_cast<const float*>(job.w), job, row_begin, row_end);
    case Dense::kF16: return DenseTokensOf(static_cast<const F16*>(job.w), job, row_begin, row_end);
    case Dense::kBF16: return DenseTokensOf(static_cast<const BF16*>(job.w), job, row_begin, row_end);
  }
}

template <class T>
HWY_INLINE void DenseRowOf(const T* HWY_RESTRICT row, size_t n, float* HWY_RESTRICT y) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(LoadF32(row + i), DF32(), y + i);
  if (i < n) StoreSome(LoadSomeF32(row + i, n - i), y + i, n - i);
}

void DenseRowToF32(Dense type, const void* w, size_t n, size_t row, float* y) noexcept {
  switch (type) {
    case Dense::kF32: return DenseRowOf(static_cast<const float*>(w) + row * n, n, y);
    case Dense::kF16: return DenseRowOf(static_cast<const F16*>(w) + row * n, n, y);
    case Dense::kBF16: return DenseRowOf(static_cast<const BF16*>(w) + row * n, n, y);
  }
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
