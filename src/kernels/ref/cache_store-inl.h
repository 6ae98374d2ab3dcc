// Keys and values on their way into the cache.
#ifndef BITNET_KERNELS_REF_CACHE_STORE_INL_H_
#define BITNET_KERNELS_REF_CACHE_STORE_INL_H_

#include <cstring>

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline bool CacheStore(const float* x, size_t n, Dense type, void* out) noexcept {
  if (!AllFinite(x, n)) return false;
  if (type == Dense::kF32) {
    std::memcpy(out, x, n * sizeof(float));
    return true;
  }
  uint16_t* const stored = static_cast<uint16_t*>(out);
  const uint16_t infinity = type == Dense::kF16 ? 0x7c00 : 0x7f80;
  bool finite = true;
  for (size_t i = 0; i < n; ++i) {
    stored[i] = type == Dense::kF16 ? F32ToF16(x[i]) : F32ToBF16(x[i]);
    finite = finite && (stored[i] & 0x7fff) != infinity;
  }
  return finite;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_CACHE_STORE_INL_H_
