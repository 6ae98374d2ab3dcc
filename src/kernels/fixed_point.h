// Fractions of 64 * N bits in [0, 1): what the RoPE tables compute with, where binary64 and libm are not enough.
#ifndef BITNET_KERNELS_FIXED_POINT_H_
#define BITNET_KERNELS_FIXED_POINT_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bitnet::kernels {

__extension__ using Uint128 = unsigned __int128;

// The fraction limb[N - 1] * 2^-64 + limb[N - 2] * 2^-128 + ... Results are cut off, not rounded: an operation is low
// by less than one unit of the last place for each operand cut.
template <size_t N>
struct Fraction {
  std::array<uint64_t, N> limb{};
};

// The top limbs of a longer fraction.
template <size_t N, size_t M>
constexpr Fraction<N> Top(const Fraction<M>& a) {
  static_assert(N <= M);
  Fraction<N> r;
  for (size_t i = 0; i < N; ++i) r.limb[i] = a.limb[i + M - N];
  return r;
}

template <size_t N>
constexpr bool IsZero(const Fraction<N>& a) {
  uint64_t any = 0;
  for (uint64_t limb : a.limb) any |= limb;
  return any == 0;
}

// a + b modulo 1.
template <size_t N>
constexpr Fraction<N> operator+(const Fraction<N>& a, const Fraction<N>& b) {
  Fraction<N> r;
  Uint128 carry = 0;
  for (size_t i = 0; i < N; ++i) {
    carry += static_cast<Uint128>(a.limb[i]) + b.limb[i];
    r.limb[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return r;
}

// a - b modulo 1; 1 - b is Fraction{} - b.
template <size_t N>
constexpr Fraction<N> operator-(const Fraction<N>& a, const Fraction<N>& b) {
  Fraction<N> r;
  uint64_t borrow = 0;
  for (size_t i = 0; i < N; ++i) {
    const Uint128 difference = static_cast<Uint128>(a.limb[i]) - b.limb[i] - borrow;
    r.limb[i] = static_cast<uint64_t>(difference);
    borrow = static_cast<uint64_t>(difference >> 64) & 1;
  }
  return r;
}

template <size_t N>
constexpr Fraction<N> operator*(const Fraction<N>& a, const Fraction<N>& b) {
  std::array<uint64_t, 2 * N> product{};
  for (size_t i = 0; i < N; ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < N; ++j) {
      const Uint128 sum = static_cast<Uint128>(a.limb[i]) * b.limb[j] + product[i + j] + carry;
      product[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    product[i + N] = carry;
  }
  Fraction<N> r;
  for (size_t i = 0; i < N; ++i) r.limb[i] = product[i + N];
  return r;
}

// a * numerator / denominator modulo 1; numerator and denominator below 2^63, denominator not 0.
template <size_t N>
constexpr Fraction<N> Scale(const Fraction<N>& a, uint64_t numerator, uint64_t denominator) {
  std::array<uint64_t, N + 1> product{};
  for (size_t i = 0; i < N; ++i) {
    const Uint128 sum = static_cast<Uint128>(a.limb[i]) * numerator + product[i];
    product[i] = static_cast<uint64_t>(sum);
    product[i + 1] = static_cast<uint64_t>(sum >> 64);
  }
  Fraction<N> r;
  uint64_t remainder = product[N] % denominator;
  for (size_t i = N; i-- > 0;) {
    const Uint128 part = static_cast<Uint128>(remainder) << 64 | product[i];
    r.limb[i] = static_cast<uint64_t>(part / denominator);
    remainder = static_cast<uint64_t>(part % denominator);
  }
  return r;
}

// numerator / denominator, 0 <= numerator < denominator < 2^63.
template <size_t N>
constexpr Fraction<N> Ratio(uint64_t numerator, uint64_t denominator) {
  Fraction<N> r;
  uint64_t remainder = numerator;
  for (size_t i = N; i-- > 0;) {
    const Uint128 part = static_cast<Uint128>(remainder) << 64;
    r.limb[i] = static_cast<uint64_t>(part / denominator);
    remainder = static_cast<uint64_t>(part % denominator);
  }
  return r;
}

// a * 2^bits modulo 1.
template <size_t N>
constexpr Fraction<N> ShiftUp(const Fraction<N>& a, size_t bits) {
  const size_t limbs = bits / 64;
  const size_t rest = bits % 64;
  Fraction<N> r;
  for (size_t i = limbs; i < N; ++i) {
    r.limb[i] = a.limb[i - limbs] << rest;
    if (rest != 0 && i > limbs) r.limb[i] |= a.limb[i - limbs - 1] >> (64 - rest);
  }
  return r;
}

// a * 2^-bits.
template <size_t N>
constexpr Fraction<N> ShiftDown(const Fraction<N>& a, size_t bits) {
  const size_t limbs = bits / 64;
  const size_t rest = bits % 64;
  Fraction<N> r;
  for (size_t i = 0; i + limbs < N; ++i) {
    r.limb[i] = a.limb[i + limbs] >> rest;
    if (rest != 0 && i + limbs + 1 < N) r.limb[i] |= a.limb[i + limbs + 1] << (64 - rest);
  }
  return r;
}

template <size_t N>
constexpr size_t LeadingZeros(const Fraction<N>& a) {
  size_t zeros = 0;
  for (size_t i = N; i-- > 0;) {
    if (a.limb[i] != 0) return zeros + static_cast<size_t>(std::countl_zero(a.limb[i]));
    zeros += 64;
  }
  return zeros;
}

// 1 / n! at index n; entries 0 and 1, which are no fractions, stay 0.
template <size_t N, size_t kCount>
constexpr std::array<Fraction<N>, kCount> InverseFactorials() {
  std::array<Fraction<N>, kCount> r{};
  r[2] = Ratio<N>(1, 2);
  for (size_t n = 3; n < kCount; ++n) r[n] = Scale(r[n - 1], 1, n);
  return r;
}

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_FIXED_POINT_H_
