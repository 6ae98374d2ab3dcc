// RMSNorm.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rms_norm.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

bool RmsNorm(const float* x, const float* gamma, float eps, size_t n, float* y) noexcept {
  const float ss = Dot64(x, x, n);
  if (!AllFinite(&ss, 1)) return false;
  const VF32 inv = hn::Set(DF32(), 1.0f / __builtin_sqrtf(ss / static_cast<float>(n) + eps));
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::Mul(hn::Mul(LoadF32(x + i), inv), LoadF32(gamma + i)), DF32(), y + i);
  }
  if (i < n) {
    StoreSome(hn::Mul(hn::Mul(LoadSomeF32(x + i, n - i), inv), LoadSomeF32(gamma + i, n - i)), y + i, n - i);
  }
  return true;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
