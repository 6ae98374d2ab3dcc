// exp_c, the exponential function of everything that reaches a logit or a sampled token (docs/numerics.md).
#ifndef BITNET_KERNELS_EXP_C_H_
#define BITNET_KERNELS_EXP_C_H_

#include <cstdint>

#include "kernels/half.h"
#include "kernels/host_device.h"

namespace bitnet::kernels {

// 1.0104 ulp at worst on [-87, 0]; non-increasing as x falls. x < f32(-87.3) gives +0, x > f32(88.3) gives +inf, a NaN
// stays. Inlined always, so that it takes the instructions of its caller.
BN_HD float ExpC(float x) {
  constexpr float kLow = -87.3f;
  constexpr float kHigh = 88.3f;
  const float in = x > kLow ? (x < kHigh ? x : kHigh) : kLow;  // no NaN, |n| <= 127
  const float n = Rint(in * 1.44269504088896341f);
  float r = FusedMultiplyAdd(n, -0.693359375f, in);
  r = FusedMultiplyAdd(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = FusedMultiplyAdd(p, r, 1.3981999507e-3f);
  p = FusedMultiplyAdd(p, r, 8.3334519073e-3f);
  p = FusedMultiplyAdd(p, r, 4.1665795894e-2f);
  p = FusedMultiplyAdd(p, r, 1.6666665459e-1f);
  p = FusedMultiplyAdd(p, r, 5.0000001201e-1f);
  const float y = FusedMultiplyAdd(p, r * r, r) + 1.0f;
  const float power = FloatOf(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);  // 2^n
  const float finite = x < kLow ? 0.0f : y * power;
  const float ordered = x > kHigh ? FloatOf(0x7f800000u) : finite;  // +inf
  return x == x ? ordered : x;
}

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_EXP_C_H_
