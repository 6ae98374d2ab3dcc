#include "kernels/multiply_add.h"

#include <cstddef>

#include "kernels/cpu/tables.h"

namespace bitnet::kernels {
namespace {

constexpr size_t kBytes = 4096;  // of each operand: both stay in the first cache

// The loop of the reference's ternary product, without the weights' way into bytes.
uint64_t PortableRounds(uint64_t n_rounds) noexcept {
  alignas(64) uint8_t w[kBytes];
  alignas(64) int8_t q[kBytes];
  for (size_t i = 0; i < kBytes; ++i) {
    w[i] = static_cast<uint8_t>(i % 3);
    q[i] = static_cast<int8_t>(i % 255);
  }
  int32_t sum = 0;
  for (uint64_t round = 0; round < n_rounds; ++round) {
    // Every round starts from bytes that the compiler knows nothing about.
    asm volatile("" : : "r"(w), "r"(q) : "memory");
    for (size_t i = 0; i < kBytes; ++i) sum += w[i] * q[i];
    asm volatile("" : "+r"(sum));
  }
  return n_rounds * kBytes;
}

}  // namespace

uint64_t MultiplyAddRounds(const KernelTable& table, uint64_t n_rounds) noexcept {
  const MultiplyAddFn cpu = CpuMultiplyAdd(table);
  return cpu != nullptr ? cpu(n_rounds) : PortableRounds(n_rounds);
}

}  // namespace bitnet::kernels
