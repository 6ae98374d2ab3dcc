// Gates and sums, element by element.
#ifndef BITNET_KERNELS_REF_ELEMENTWISE_INL_H_
#define BITNET_KERNELS_REF_ELEMENTWISE_INL_H_

#include "kernels/exp_c.h"
#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline void Relu2Gate(const float* g, const float* u, size_t n, float* y) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const float positive = g[i] < 0.0f ? 0.0f : g[i];  // a NaN stays, for the next operation to find
    y[i] = (positive * positive) * u[i];
  }
}

inline void SiluGate(const float* g, const float* u, size_t n, float* y) noexcept {
  for (size_t i = 0; i < n; ++i) y[i] = (g[i] / (1.0f + ExpC(-g[i]))) * u[i];
}

inline void Add(float* x, const float* y, size_t n) noexcept {
  for (size_t i = 0; i < n; ++i) x[i] = x[i] + y[i];
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_ELEMENTWISE_INL_H_
