// Dense matrices: products, and rows as f32.
#ifndef BITNET_KERNELS_REF_DENSE_INL_H_
#define BITNET_KERNELS_REF_DENSE_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

template <class T>
void DenseRowsOf(const void* w, size_t n, const float* x, size_t row_begin, size_t row_end, float* y) {
  const T* const rows = static_cast<const T*>(w);
  for (size_t r = row_begin; r < row_end; ++r) y[r] = Dot64(rows + r * n, x, n);
}

inline void DenseRows(Dense type, const void* w, size_t n, const float* x, size_t row_begin, size_t row_end,
                      float* y) noexcept {
  switch (type) {
    case Dense::kF32: return DenseRowsOf<float>(w, n, x, row_begin, row_end, y);
    case Dense::kF16: return DenseRowsOf<F16>(w, n, x, row_begin, row_end, y);
    case Dense::kBF16: return DenseRowsOf<BF16>(w, n, x, row_begin, row_end, y);
  }
}

inline void DenseTokens(const DenseTokensJob& job, size_t row_begin, size_t row_end) noexcept {
  for (size_t t = 0; t < job.n_tokens; ++t) {
    DenseRows(job.type, job.w, job.n, job.x + t * job.n, row_begin, row_end, job.y + t * job.y_stride);
  }
}

template <class T>
void DenseRowOf(const void* w, size_t n, size_t row, float* y) {
  const T* const source = static_cast<const T*>(w) + row * n;
  for (size_t i = 0; i < n; ++i) y[i] = ToF32(source[i]);
}

inline void DenseRowToF32(Dense type, const void* w, size_t n, size_t row, float* y) noexcept {
  switch (type) {
    case Dense::kF32: return DenseRowOf<float>(w, n, row, y);
    case Dense::kF16: return DenseRowOf<F16>(w, n, row, y);
    case Dense::kBF16: return DenseRowOf<BF16>(w, n, row, y);
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_DENSE_INL_H_
