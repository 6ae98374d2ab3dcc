// The scalar arithmetic of the head shortcut, one for CPUs and GPUs (docs/kernels.md has the proof of the bounds): each
// operation is rounded once, in the order that stands here, so that all of them have the same bounds and survivors.
#ifndef BITNET_KERNELS_HEAD_MATH_H_
#define BITNET_KERNELS_HEAD_MATH_H_

#include <cstddef>
#include <cstdint>

#include "kernels/half.h"
#include "kernels/host_device.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels {

// An upper bound of a 2-norm from its computed square: roundings take less than 2^-10 of it, products that underflow
// less than n * 2^-70.
BN_HD float NormBound(float square, size_t n) {
  return FusedMultiplyAdd(SquareRoot(square), 1.0f + 0x1p-10f, static_cast<float>(static_cast<uint32_t>(n)) * 0x1p-70f);
}

// The scale of a block whose largest magnitude is m: m / 127 rounded up to a bfloat16, 0 where 1 / scale would be huge.
BN_HD float HeadScale(float m) {
  const float scale = FloatOf((BitsOf(Quotient(m, 127.0f)) + 0xffffu) & 0xffff0000u);
  return scale < 0x1p-100f ? 0.0f : scale;
}

// The least power of two, at least 2^-100, with m <= 8127 * unit: then the digits of rint(x / unit) are -64..63.
BN_HD float HeadUnit(float m) {
  const uint32_t exponent = BitsOf(m) >> 23;
  const uint32_t least = 127 - 100;
  if (exponent < least + 12) return FloatOf(least << 23);
  const float unit = FloatOf((exponent - 12) << 23);  // m / unit is in [4096, 8192)
  return m <= 8127.0f * unit ? unit : 2.0f * unit;
}

// The bounds of a row x of n elements, for digits in units of `unit`, |x - digits| <= unit / 2.
BN_HD HeadQuery MakeHeadQuery(float unit, float square, size_t n) {
  const auto columns = static_cast<float>(static_cast<uint32_t>(n));
  const float rest = unit * SquareRoot(columns) * (0.5f + 0x1p-10f);  // of the 2-norm of x less its digits
  const float roundings = (columns * 0x1p-6f + 8.0f) * 0x1p-23f;      // of the full product and of the score
  HeadQuery query;
  query.unit = unit;
  query.length = NormBound(square, n) + rest;
  query.error_bound = query.length * (1.0f + 0x1p-9f);
  query.norm_bound = FusedMultiplyAdd(roundings, query.length, rest) * (1.0f + 0x1p-9f);
  query.least_bound = (columns + 256.0f) * 0x1p-148f * (unit > 1.0f ? unit : 1.0f);
  return query;
}

// lower and upper from a row's score; the comparisons are false for a NaN.
BN_HD void SetHeadBounds(float score, float error, float norm, const HeadQuery& query, float* lower, float* upper) {
  const float bound =
      FusedMultiplyAdd(query.error_bound, error, FusedMultiplyAdd(query.norm_bound, norm, query.least_bound));
  const float reach = norm * query.length;  // of any partial sum of the full product
  constexpr float kLimit = 0x1p126f, kLargest = 0x1.fffffep127f;
  const bool finite = bound <= kLimit && reach <= kLimit && score <= kLimit && score >= -kLimit;
  *lower = finite ? score - bound : -kLargest;
  *upper = finite ? score + bound : kLargest;
}

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_HEAD_MATH_H_
