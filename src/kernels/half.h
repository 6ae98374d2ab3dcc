// Conversions between binary32 and the two 16-bit formats, to nearest even, as IEEE 754 and bfloat16 define them.
// The arithmetic below is exact and meets no denormal binary32, so the host's flush modes do not matter.
#ifndef BITNET_KERNELS_HALF_H_
#define BITNET_KERNELS_HALF_H_

#include <cstdint>
#include <cstring>

#include "kernels/host_device.h"

namespace bitnet::kernels {

BN_HD uint32_t BitsOf(float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
#endif
}

BN_HD float FloatOf(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
#endif
}

// A signalling NaN becomes quiet and keeps its payload, as in the conversion instructions.
BN_HD float F16ToF32(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t magnitude = (half & 0x7fffu) << 13;  // exponent field at bit 23, bias still 15
  const uint32_t normal = magnitude + (112u << 23);   // bias 127
  const uint32_t special = magnitude | 0x7f800000u | ((half & 0x3ffu) != 0 ? 0x400000u : 0u);
  // A denormal is (1 + m / 1024) * 2^-14 less 2^-14.
  const uint32_t denormal = BitsOf(FloatOf((113u << 23) | magnitude) - FloatOf(113u << 23));
  const uint32_t finite = magnitude < (1u << 23) ? denormal : normal;
  return FloatOf(sign | (magnitude >= (31u << 23) ? special : finite));
}

BN_HD uint16_t F32ToF16(float x) {
  const uint32_t sign = BitsOf(x) >> 16 & 0x8000u;
  const uint32_t magnitude = BitsOf(x) & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | (magnitude >> 13 & 0x3ffu);
  } else if (magnitude >= 0x47800000u) {  // 65536
    half = 0x7c00u;
  } else if (magnitude >= 113u << 23) {  // 2^-14; the carry of rounding may reach the exponent, and infinity
    half = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  } else {  // the unit in the last place of 0.5 is 2^-24, the step of the denormals
    half = BitsOf(FloatOf(magnitude) + 0.5f) - BitsOf(0.5f);
  }
  return static_cast<uint16_t>(sign | half);
}

BN_HD float BF16ToF32(uint16_t bfloat) { return FloatOf(uint32_t{bfloat} << 16); }

BN_HD uint16_t F32ToBF16(float x) {
  const uint32_t bits = BitsOf(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_HALF_H_
