// Inputs of kernel tests that C++ and tests/reference/make_kernel_vectors.py make alike, and digests of outputs.
#ifndef BITNET_TESTS_UNIT_KERNELS_KERNEL_INPUTS_H_
#define BITNET_TESTS_UNIT_KERNELS_KERNEL_INPUTS_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/half.h"

namespace bitnet_test {

// The finaliser of SplitMix64.
inline uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline uint64_t Word(uint64_t seed, uint64_t i) { return Mix(seed * 0x9e3779b97f4a7c15u + i + 1); }

// "plain": [-4, 4); "wide": exponents -60..39; "tiny": denormal or little more.
inline std::vector<float> Values(uint64_t seed, size_t n, const std::string& kind = "plain") {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    const uint64_t w = Word(seed, i);
    if (kind == "plain") {
      x[i] = static_cast<float>(static_cast<int64_t>(w >> 40) - (1 << 23)) * 0x1p-21f;
      continue;
    }
    const uint64_t exponent = kind == "wide" ? 67 + (w >> 32) % 100 : (w >> 32) % 4;
    x[i] = bitnet::kernels::FloatOf(static_cast<uint32_t>((w & 1) << 31 | exponent << 23 | (w >> 8 & 0x7fffff)));
  }
  return x;
}

template <class T>
std::vector<T> Ints(uint64_t seed, size_t n, int64_t low, int64_t high) {
  std::vector<T> x(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = static_cast<T>(low + static_cast<int64_t>(Word(seed, i) % static_cast<uint64_t>(high - low + 1)));
  }
  return x;
}

// Sum of word * odd weight: any one changed bit changes it.
class Digest {
 public:
  void Add(uint32_t word) { sum_ += word * (Mix(count_++) | 1); }
  void Add(float x) { Add(bitnet::kernels::BitsOf(x)); }
  template <class T>
  void Add(const std::vector<T>& values) {
    for (const T value : values) {
      if constexpr (std::is_same_v<T, float>) {
        Add(value);
      } else {
        Add(static_cast<uint32_t>(value));
      }
    }
  }
  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0;
  uint64_t count_ = 0;
};

template <class... T>
uint64_t DigestOf(const T&... values) {
  Digest digest;
  (digest.Add(values), ...);
  return digest.value();
}

inline std::vector<uint32_t> BitsOf(const std::vector<float>& x) {
  std::vector<uint32_t> bits;
  for (const float value : x) bits.push_back(bitnet::kernels::BitsOf(value));
  return bits;
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_UNIT_KERNELS_KERNEL_INPUTS_H_
