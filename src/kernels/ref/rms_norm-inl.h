// RMSNorm.
#ifndef BITNET_KERNELS_REF_RMS_NORM_INL_H_
#define BITNET_KERNELS_REF_RMS_NORM_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline bool RmsNorm(const float* x, const float* gamma, float eps, size_t n, float* y) noexcept {
  const float ss = Dot64(x, x, n);
  if (!IsFinite(ss)) return false;
  const float inv = 1.0f / __builtin_sqrtf(ss / static_cast<float>(n) + eps);
  for (size_t i = 0; i < n; ++i) y[i] = (x[i] * inv) * gamma[i];
  return true;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_RMS_NORM_INL_H_
