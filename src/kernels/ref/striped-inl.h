// Striped sums and dot products: element i belongs to stripe i mod S, and a tree adds the stripes.
#ifndef BITNET_KERNELS_REF_STRIPED_INL_H_
#define BITNET_KERNELS_REF_STRIPED_INL_H_

#include "kernels/half.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

// Elements of dense matrices and of the cache.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
inline float ToF32(float x) { return x; }
inline float ToF32(F16 x) { return F16ToF32(x.bits); }
inline float ToF32(BF16 x) { return BF16ToF32(x.bits); }

inline float Fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

template <size_t S>
float SumStripes(float (&stripe)[S]) {
  for (size_t h = S / 2; h > 0; h /= 2) {
    for (size_t s = 0; s < h; ++s) stripe[s] = stripe[s] + stripe[s + h];
  }
  return stripe[0];
}

template <size_t S, class T>
float Dot(const T* a, const float* b, size_t n) {
  float stripe[S] = {};
  size_t i = 0;
  for (; i + S <= n; i += S) {
    for (size_t s = 0; s < S; ++s) stripe[s] = Fma(ToF32(a[i + s]), b[i + s], stripe[s]);
  }
  for (size_t s = 0; i + s < n; ++s) stripe[s] = Fma(ToF32(a[i + s]), b[i + s], stripe[s]);
  return SumStripes(stripe);
}

template <class T>
float Dot64(const T* a, const float* b, size_t n) {
  return Dot<64>(a, b, n);
}

template <class T>
float Dot16(const T* a, const float* b, size_t n) {
  return Dot<16>(a, b, n);
}

inline float Sum64(const float* a, size_t n) {
  float stripe[64] = {};
  for (size_t i = 0; i < n; ++i) stripe[i % 64] = stripe[i % 64] + a[i];
  return SumStripes(stripe);
}

// Magnitudes of floats order as the integers that their bits are; infinity and, above it, NaN come last.
inline uint32_t MaxMagnitudeBits(const float* x, size_t n) {
  uint32_t max = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t magnitude = BitsOf(x[i]) & 0x7fffffffu;
    max = magnitude > max ? magnitude : max;
  }
  return max;
}

inline bool IsFinite(float x) { return (BitsOf(x) & 0x7f800000u) != 0x7f800000u; }
inline bool AllFinite(const float* x, size_t n) { return MaxMagnitudeBits(x, n) < 0x7f800000u; }

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_STRIPED_INL_H_
