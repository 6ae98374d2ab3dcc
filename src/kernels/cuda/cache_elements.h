// Elements of the cache, several moved by one instruction.
#ifndef BITNET_KERNELS_CUDA_CACHE_ELEMENTS_H_
#define BITNET_KERNELS_CUDA_CACHE_ELEMENTS_H_

#include "kernels/cuda/grid.h"

namespace bitnet::kernels::gpu {

// By a pointer that a kernel read from memory, which nvcc would else take for one that may be of shared memory.
template <class T>
BN_HD T LoadDevice(const void* from) {
#if defined(__CUDA_ARCH__)
  __builtin_assume(__isGlobal(from));
#endif
  return Load<T>(from);
}

BN_HD float ElementOf(uint32_t word, uint32_t, const float*) { return FloatOf(word); }
BN_HD float ElementOf(uint32_t word, uint32_t half, const F16*) {
  return ToF32(F16{static_cast<uint16_t>(word >> (16 * half))});
}

// N elements, aligned to their size or to 16 bytes.
template <class T, uint32_t N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Elements {
  static constexpr uint32_t kEach = 4 / sizeof(T);
  uint32_t w[N / kEach];
  BN_HD static Elements From(const T* from) { return Load<Elements>(from); }
  BN_HD float At(uint32_t i) const { return ElementOf(w[i / kEach], i % kEach, static_cast<const T*>(nullptr)); }
};
template <>
struct Elements<F16, 1> {
  float x;  // two that wait in one register would have to wait together
  BN_HD static Elements From(const F16* from) { return {ToF32(*from)}; }
  BN_HD float At(uint32_t) const { return x; }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_CACHE_ELEMENTS_H_
