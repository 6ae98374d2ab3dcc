// RoPE: turns pairs of the first `rot` values of each head.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rope.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// x0' = fma(x0, c, -(x1 * s)), x1' = fma(x0, s, x1 * c).
HWY_INLINE void Turn(VF32& x0, VF32& x1, VF32 c, VF32 s) {
  const VF32 turned = hn::MulSub(x0, c, hn::Mul(x1, s));
  x1 = hn::MulAdd(x0, s, hn::Mul(x1, c));
  x0 = turned;
}

HWY_INLINE void TurnOne(float* x0, float* x1, float c, float s) {
  const float turned = __builtin_fmaf(*x0, c, -(*x1 * s));
  *x1 = __builtin_fmaf(*x0, s, *x1 * c);
  *x0 = turned;
}

void Rope(float* x, size_t n_heads, size_t head_dim, size_t rot, const float* cos, const float* sin,
          bool adjacent) noexcept {
  const DF32 d;
  const size_t n = rot / 2;
  for (size_t h = 0; h < n_heads; ++h) {
    float* const head = x + h * head_dim;
    size_t k = 0;
    VF32 x0, x1;
    for (; k + kLanes <= n; k += kLanes) {
      const VF32 c = LoadF32(cos + k);
      const VF32 s = LoadF32(sin + k);
      if (adjacent) {
        hn::LoadInterleaved2(d, head + 2 * k, x0, x1);
        Turn(x0, x1, c, s);
        hn::StoreInterleaved2(x0, x1, d, head + 2 * k);
      } else {
        x0 = LoadF32(head + k);
        x1 = LoadF32(head + n + k);
        Turn(x0, x1, c, s);
        hn::StoreU(x0, d, head + k);
        hn::StoreU(x1, d, head + n + k);
      }
    }
    for (; k < n; ++k) {
      float* const first = head + (adjacent ? 2 * k : k);
      TurnOne(first, first + (adjacent ? 1 : n), cos[k], sin[k]);
    }
  }
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
