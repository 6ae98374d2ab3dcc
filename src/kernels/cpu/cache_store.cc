// Keys and values on their way into the cache.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/cache_store.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

HWY_INLINE void StoreAs(VF32 v, F16* out) {
  const hn::Rebind<hwy::float16_t, DF32> d16;
  hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(out));
}
HWY_INLINE void StoreAs(VF32 v, BF16* out) {
  const hn::Rebind<uint16_t, DF32> d16;
  const VU32 bits = hn::BitCast(DU32(), v);
  const VU32 odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(DU32(), 1));
  const VU32 rounded = hn::Add(bits, hn::Add(hn::Set(DU32(), 0x7fff), odd));
  hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(rounded)), d16, reinterpret_cast<uint16_t*>(out));
}

template <class T>
HWY_INLINE void StoreAll(const float* HWY_RESTRICT x, size_t n, T* HWY_RESTRICT out) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreAs(LoadF32(x + i), out + i);
  if (i < n) {
    T some[kLanes];
    StoreAs(LoadSomeF32(x + i, n - i), some);
    std::memcpy(out + i, some, (n - i) * sizeof(T));
  }
}

bool CacheStore(const float* x, size_t n, Dense type, void* out) noexcept {
  const int32_t largest = MaxMagnitudeBits(x, n);
  switch (type) {
    case Dense::kF32:
      if (largest >= kInfinityBits) return false;
      std::memcpy(out, x, n * sizeof(float));
      return true;
    case Dense::kF16:
      if (largest >= 0x477ff000) return false;  // 65520 and above round to infinity
      StoreAll(x, n, static_cast<F16*>(out));
      return true;
    case Dense::kBF16:
      if (largest >= 0x7f7f8000) return false;  // half a unit above the largest bfloat16
      StoreAll(x, n, static_cast<BF16*>(out));
      return true;
  }
  return false;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
