// Pinned digests of operations (tests/reference/make_kernel_vectors.py).
#ifndef BITNET_TESTS_UNIT_KERNELS_KERNEL_VECTORS_H_
#define BITNET_TESTS_UNIT_KERNELS_KERNEL_VECTORS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bitnet_test {

struct KernelVector {
  std::string_view name;
  size_t n;
  uint64_t digest;
};

inline constexpr KernelVector kKernelVectors[] = {
#define BN_DIGESTS
#include "unit/kernels/kernel_vectors.inc"
#undef BN_DIGESTS
};

// Bits of x and exp_c(x) where a constant that is one unit of the last place off shows.
struct ExpVector {
  uint32_t x;
  uint32_t y;
};

inline constexpr ExpVector kExpVectors[] = {
#define BN_EXPONENTIALS
#include "unit/kernels/kernel_vectors.inc"
#undef BN_EXPONENTIALS
};

// 0, which no case has, where there is none.
inline uint64_t PinnedDigest(std::string_view name, size_t n) {
  for (const KernelVector& v : kKernelVectors) {
    if (v.name == name && v.n == n) return v.digest;
  }
  return 0;
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_UNIT_KERNELS_KERNEL_VECTORS_H_
