// RoPE: turns pairs of the first `rot` values of each head.
#ifndef BITNET_KERNELS_REF_ROPE_INL_H_
#define BITNET_KERNELS_REF_ROPE_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline void Rope(float* x, size_t n_heads, size_t head_dim, size_t rot, const float* cos, const float* sin,
                 bool adjacent) noexcept {
  const size_t step = adjacent ? 2 : 1;           // from one pair to the next
  const size_t partner = adjacent ? 1 : rot / 2;  // from x0 to x1
  for (size_t head = 0; head < n_heads; ++head) {
    for (size_t k = 0; k < rot / 2; ++k) {
      float* const pair = x + head * head_dim + k * step;
      const float x0 = pair[0];
      const float x1 = pair[partner];
      pair[0] = Fma(x0, cos[k], -(x1 * sin[k]));
      pair[partner] = Fma(x0, sin[k], x1 * cos[k]);
    }
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_ROPE_INL_H_
