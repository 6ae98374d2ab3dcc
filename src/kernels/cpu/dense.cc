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
