// Quantisation of activation rows: once a row for ternary products, once a block for block products.
#ifndef BITNET_KERNELS_REF_QUANTISE_INL_H_
#define BITNET_KERNELS_REF_QUANTISE_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

// Clamped, since the rounding of 127 / m may leave a product above 127.
inline int8_t RoundToInt8(float x) {
  const float q = __builtin_rintf(x);
  return static_cast<int8_t>(q < -128.0f ? -128.0f : q > 127.0f ? 127.0f : q);
}

inline bool QuantiseRow(const float* x, size_t n, int8_t* q, float* d, int32_t* q_sum) noexcept {
  const float largest = FloatOf(MaxMagnitudeBits(x, n));
  if (!IsFinite(largest)) return false;
  const float m = largest > 1e-5f ? largest : 1e-5f;
  const float s = 127.0f / m;
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    q[i] = RoundToInt8(x[i] * s);
    sum += q[i];
  }
  for (size_t i = n; i < PadTernary(n); ++i) q[i] = 0;
  *d = m / 127.0f;
  *q_sum = sum;
  return true;
}

inline bool QuantiseBlocks(const float* x, size_t n, size_t block, int8_t* q, float* d_a) noexcept {
  for (size_t b = 0; b < n / block; ++b) {
    const float* const xb = x + b * block;
    const float largest = FloatOf(MaxMagnitudeBits(xb, block));
    if (!IsFinite(largest)) return false;
    const bool live = largest >= 0x1p-100f;  // below it 127 / m would overflow
    const float m = live ? largest : 0.0f;
    const float s = live ? 127.0f / m : 0.0f;
    for (size_t i = 0; i < block; ++i) q[b * block + i] = RoundToInt8(xb[i] * s);
    d_a[b] = m / 127.0f;
  }
  return true;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_QUANTISE_INL_H_
