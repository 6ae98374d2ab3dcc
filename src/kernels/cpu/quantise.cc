// Quantisation of activation rows: once a row for ternary products, once a block for block products.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantise.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// q[i] = clamp(rint(x[i] * s), -128, 127), |x[i] * s| < 2^31; returns the sum of q. The narrowing saturates.
HWY_INLINE int32_t QuantiseBy(const float* HWY_RESTRICT x, size_t n, float s, int8_t* HWY_RESTRICT q) {
  const hn::Rebind<int8_t, DI32> d8;
  const VF32 scale = hn::Set(DF32(), s);
  VI32 sum = hn::Zero(DI32());
  const auto store = [&](VF32 v, int8_t* to) BITNET_INLINE_LAMBDA {
    const auto narrow = hn::DemoteTo(d8, hn::NearestInt(hn::Mul(v, scale)));
    hn::StoreU(narrow, d8, to);
    sum = hn::Add(sum, hn::PromoteTo(DI32(), narrow));
  };
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(LoadF32(x + i), q + i);
  if (i < n) {
    int8_t some[kLanes];
    store(LoadSomeF32(x + i, n - i), some);  // zeros behind add nothing
    std::memcpy(q + i, some, n - i);
  }
  return hn::GetLane(hn::SumOfLanes(DI32(), sum));
}

bool QuantiseRow(const float* x, size_t n, int8_t* q, float* d, int32_t* q_sum) noexcept {
  const int32_t bits = MaxMagnitudeBits(x, n);
  if (bits >= kInfinityBits) return false;
  float largest;
  std::memcpy(&largest, &bits, sizeof largest);
  const float m = largest > 1e-5f ? largest : 1e-5f;
  *q_sum = QuantiseBy(x, n, 127.0f / m, q);
  std::memset(q + n, 0, PadTernary(n) - n);
  *d = m / 127.0f;
  return true;
}

bool QuantiseBlocks(const float* x, size_t n, size_t block, int8_t* q, float* d_a) noexcept {
  for (size_t b = 0; b < n / block; ++b) {
    const int32_t bits = MaxMagnitudeBits(x + b * block, block);
    if (bits >= kInfinityBits) return false;
    float largest;
    std::memcpy(&largest, &bits, sizeof largest);
    const bool live = largest >= 0x1p-100f;  // below it 127 / m would overflow
    const float m = live ? largest : 0.0f;
    QuantiseBy(x + b * block, block, live ? 127.0f / m : 0.0f, q + b * block);
    d_a[b] = m / 127.0f;
  }
  return true;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
