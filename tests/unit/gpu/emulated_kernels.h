// What the tests of GPU kernels over an emulated grid share.
#ifndef BITNET_TESTS_UNIT_GPU_EMULATED_KERNELS_H_
#define BITNET_TESTS_UNIT_GPU_EMULATED_KERNELS_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/cuda/kernel_list.h"
#include "kernels/kernel_table.h"
#include "support/catch.h"
#include "support/emulated_grid.h"
#include "support/kernel_problems.h"

namespace bitnet_test {

using namespace bitnet::kernels;       // NOLINT: what is under test
using namespace bitnet::kernels::gpu;  // NOLINT

// Compiled once, in support/emulated_gpu.cc.
#if !defined(BITNET_TEST_COMPILED)
#define BN_X(kernel) \
  extern template void RunBlock(EmulatedBlock<kernel>&, GpuGrid, const kernel::Args&, LaneOrder, EarlyStart*);
BN_GPU_KERNELS(BN_X)
#undef BN_X
#endif

// With a sanitizer, which looks for bad addresses, two orders reach all of them; what order changes shows without.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BITNET_TEST_FEW_ORDERS
#endif
#endif
#if defined(BITNET_TEST_FEW_ORDERS)
inline constexpr std::array kOrders = {LaneOrder::kRising, LaneOrder::kAloneStrided};
#else
inline constexpr std::array kOrders = {LaneOrder::kRising,      LaneOrder::kFalling,      LaneOrder::kStrided,
                                       LaneOrder::kAloneRising, LaneOrder::kAloneFalling, LaneOrder::kAloneStrided};
#endif
// What is compiled already meets its own warps in two orders of threads.
inline std::span<const LaneOrder> Orders() { return std::span(kOrders).first(kCompiled ? 2 : kOrders.size()); }
inline constexpr float kUnset = 1234567.0f;

inline const KernelTable& Ref() { return ReferenceTable(); }

// Memory of the emulated device: aligned as cudaMalloc aligns, and ending where its last element does, so that a
// sanitizer sees a read past it.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& x) : DeviceArray(x.size()) {
    if (!x.empty()) std::memcpy(data(), x.data(), x.size() * sizeof(T));
  }
  explicit DeviceArray(size_t n) : data_(static_cast<T*>(::operator new(n * sizeof(T), kAlign))), n_(n) {
    std::memset(static_cast<void*>(data()), 0, n * sizeof(T));
  }
  T* data() { return data_.get(); }
  std::vector<T> values() { return std::vector<T>(data(), data() + n_); }

 private:
  static constexpr std::align_val_t kAlign{256};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, kAlign); }
  };
  std::unique_ptr<T, Free> data_;
  size_t n_;
};

inline uint32_t Blocks(size_t n, size_t per_block) { return static_cast<uint32_t>((n + per_block - 1) / per_block); }

// Bit for bit; what a value that is no number carries is nobody's rule, and a GPU's own.
inline std::vector<uint32_t> SameBits(const std::vector<float>& x) {
  std::vector<uint32_t> bits = BitsOf(x);
  if constexpr (!kCompiled) return bits;  // a CPU's all carry the same
  for (uint32_t& b : bits) b = (b & 0x7fffffffu) > 0x7f800000u ? 0x7fffffffu : b;
  return bits;
}
inline void CheckSame(const std::vector<float>& found, const std::vector<float>& expected) {
  REQUIRE(!expected.empty());
  REQUIRE(SameBits(found) == SameBits(expected));
}

template <class T>
std::vector<T> DenseWeights(uint64_t seed, size_t n) {
  const std::vector<float> x = Values(seed, n);
  std::vector<T> out(n);
  for (size_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<T, float>) out[i] = x[i];
    if constexpr (std::is_same_v<T, gpu::F16>) out[i].bits = F32ToF16(x[i]);
    if constexpr (std::is_same_v<T, gpu::BF16>) out[i].bits = F32ToBF16(x[i]);
  }
  return out;
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_UNIT_GPU_EMULATED_KERNELS_H_
