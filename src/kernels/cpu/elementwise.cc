// Gates and sums, element by element.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// y[i] = f(a[i], b[i]); y may be a or b.
template <class F>
HWY_INLINE void Map(const float* a, const float* b, size_t n, float* y, const F& f) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(f(LoadF32(a + i), LoadF32(b + i)), DF32(), y + i);
  if (i < n) StoreSome(f(LoadSomeF32(a + i, n - i), LoadSomeF32(b + i, n - i)), y + i, n - i);
}

void Relu2Gate(const float* g, const float* u, size_t n, float* y) noexcept {
  Map(g, u, n, y, [](VF32 gate, VF32 up) BITNET_INLINE_LAMBDA {
    const VF32 positive = hn::IfThenZeroElse(hn::Lt(gate, hn::Zero(DF32())), gate);  // a NaN stays
    return hn::Mul(hn::Mul(positive, positive), up);
  });
}

void SiluGate(const float* g, const float* u, size_t n, float* y) noexcept {
  Map(g, u, n, y, [](VF32 gate, VF32 up) BITNET_INLINE_LAMBDA {
    const VF32 one = hn::Set(DF32(), 1.0f);
    return hn::Mul(hn::Div(gate, hn::Add(one, ExpC(hn::Neg(gate)))), up);
  });
}

void Add(float* x, const float* y, size_t n) noexcept {
  Map(x, y, n, x, [](VF32 a, VF32 b) BITNET_INLINE_LAMBDA { return hn::Add(a, b); });
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
