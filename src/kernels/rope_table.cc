#include "kernels/rope_table.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/fixed_point.h"
#include "kernels/pi.h"

namespace bitnet::kernels {
namespace {

// Factorials that a series of N limbs uses: with arguments below 0.79, the terms left out are below 2^(-64 N).
template <size_t N>
constexpr size_t kFactorials = 13 * N + 10;
template <size_t N>
constexpr std::array<Fraction<N>, kFactorials<N>> kInverseFactorials = InverseFactorials<N, kFactorials<N>>();

// 1/first! - t / (first + step)! + t^2 / (first + 2 step)! - ...
template <size_t N>
Fraction<N> AlternatingSeries(const Fraction<N>& t, size_t first, size_t step) {
  size_t n = first + (kFactorials<N> - 1 - first) / step * step;
  Fraction<N> sum = kInverseFactorials<N>[n];
  while (n > first) {
    n -= step;
    sum = kInverseFactorials<N>[n] - t * sum;
  }
  return sum;
}

constexpr double PowerOfTwo(int64_t exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

// mantissa * 2^-down rounded to `kBits` bits; the mantissa is not 0 and no tie. *close: nearer to a midpoint than
// 2^-62 of the value.
template <int kBits, size_t N>
double Round(const Fraction<N>& mantissa, int64_t down, bool* close) {
  constexpr uint64_t kHalf = uint64_t{1} << (63 - kBits);
  const size_t zeros = LeadingZeros(mantissa);
  const uint64_t top = ShiftUp(mantissa, zeros).limb[N - 1];
  const uint64_t rest = top & (2 * kHalf - 1);
  *close = rest + 4 >= kHalf && rest <= kHalf + 4;
  const uint64_t kept = (top >> (64 - kBits)) + (rest >= kHalf ? 1 : 0);
  return static_cast<double>(kept) * PowerOfTwo(-kBits - down - static_cast<int64_t>(zeros));
}

// An angle less the nearest multiple of pi / 2.
template <size_t N>
struct Reduced {
  unsigned quadrant;     // that multiple, modulo 4
  bool negative;         // the rest is below 0
  Fraction<N> mantissa;  // |rest| = mantissa * 2^-down <= pi / 4; at least 64 N - 2 bits are right
  size_t down;
};

// After Payne and Hanek: of the product with 2 / pi only the bits below multiples of 4 are formed. No binary64 is
// nearer to a multiple of pi / 4 than about 2^-62 of a quarter turn; two limbs more than N make up for them.
template <size_t N>
Reduced<N> Reduce(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t integer = (bits & 0xfffffffffffffu) | uint64_t{1} << 52;  // x = integer * 2^exponent
  const int exponent = static_cast<int>(bits >> 52) - 1075;
  const size_t skipped = exponent > 2 ? static_cast<size_t>(exponent) - 2 : 0;

  constexpr size_t kLimbs = N + 2;
  Fraction<kLimbs + 1> product;  // integer * (2 / pi without its first `skipped` bits) * 2^-64
  uint64_t carry = 0;
  for (size_t i = 0; i < kLimbs; ++i) {
    const size_t word = skipped / 64 + kLimbs - 1 - i;
    const size_t offset = skipped % 64;
    const uint64_t low = offset == 0 ? 0 : kTwoOverPi[word + 1] >> (64 - offset);
    const Uint128 sum = static_cast<Uint128>(kTwoOverPi[word] << offset | low) * integer + carry;
    product.limb[i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
  product.limb[kLimbs] = carry;

  const int up = 64 + std::min(exponent - 2, 0);  // to turns, modulo 1
  const Fraction<kLimbs + 1> turns =
      up >= 0 ? ShiftUp(product, static_cast<size_t>(up)) : ShiftDown(product, static_cast<size_t>(-up));
  Fraction<kLimbs + 1> quarter = ShiftUp(turns, 2);
  unsigned quadrant = static_cast<unsigned>(turns.limb[kLimbs] >> 62);
  const bool negative = quarter.limb[kLimbs] >> 63 != 0;
  if (negative) {
    quarter = Fraction<kLimbs + 1>{} - quarter;
    quadrant = (quadrant + 1) & 3;
  }
  const size_t zeros = LeadingZeros(quarter);  // at least 1
  return {quadrant, negative, Top<N>(ShiftUp(quarter, zeros)) * Top<N>(kQuarterPi), zeros - 1};
}

// False when a result is too close to a midpoint for N limbs.
template <size_t N>
bool CosSin(double x, float* cos, float* sin) {
  const Reduced<N> r = Reduce<N>(x);
  const Fraction<N> t = ShiftDown(r.mantissa * r.mantissa, 2 * r.down);
  const Fraction<N> s = r.mantissa - r.mantissa * (t * AlternatingSeries(t, 3, 2));
  const Fraction<N> one_less_c = t * AlternatingSeries(t, 2, 2);

  bool close_s = false;
  bool close_c = false;
  float s32 = static_cast<float>(Round<24>(s, static_cast<int64_t>(r.down), &close_s));
  float c32 = IsZero(one_less_c) ? 1.0f : static_cast<float>(Round<24>(Fraction<N>{} - one_less_c, 0, &close_c));
  if (r.negative) s32 = -s32;
  switch (r.quadrant) {
    case 0: *cos = c32, *sin = s32; break;
    case 1: *cos = -s32, *sin = c32; break;
    case 2: *cos = -c32, *sin = -s32; break;
    default: *cos = s32, *sin = -c32; break;
  }
  return !close_s && !close_c;
}

// Both correctly rounded, for every x >= 0. 128 bits leave an error below 2^-110; within 2^-62 of a midpoint 256 bits
// decide, far more than the 2^-90 or so that separates the nearest of all binary64 angles from one.
void RoundedCosSin(double x, float* cos, float* sin) {
  if (x < 0x1p-27) {
    // cos x is 1 - 2^-55 or above. sin x lies between x and the binary64 below it; of the two, the one whose last bit
    // is set rounds as all values between them do.
    *cos = 1.0f;
    *sin = x == 0 ? 0.0f : static_cast<float>(std::bit_cast<double>((std::bit_cast<uint64_t>(x) - 1) | 1));
  } else if (!CosSin<2>(x, cos, sin)) {
    CosSin<4>(x, cos, sin);
  }
}

using Wide = Fraction<4>;

// ln((denominator + numerator) / (denominator - numerator)) = 2 atanh(numerator / denominator), at most 1/3.
Wide LogOfRatio(uint64_t numerator, uint64_t denominator) {
  const Wide z = Ratio<4>(numerator, denominator);
  const Wide square = z * z;
  Wide sum = z;
  Wide power = z * square;
  for (uint64_t n = 3; !IsZero(power); n += 2) {
    sum = sum + Scale(power, 1, n);
    power = power * square;
  }
  return sum + sum;
}

// (2^exponent * e^log_mantissa)^(-numerator / rot) to nearest, 0 <= numerator < rot. The exact value is a power of two
// or not a binary fraction at all, so there is no tie.
double InversePower(int64_t exponent, const Wide& log_mantissa, const Wide& log_two, uint64_t numerator, uint64_t rot) {
  const int64_t twos = exponent * static_cast<int64_t>(numerator);
  int64_t whole = twos / static_cast<int64_t>(rot);
  if (whole * static_cast<int64_t>(rot) > twos) --whole;
  const uint64_t rest = static_cast<uint64_t>(twos - whole * static_cast<int64_t>(rot));
  // 2^-whole * e^(-2h), h < ln 2
  const Wide h = Scale(log_two, rest, 2 * rot) + Scale(log_mantissa, numerator, 2 * rot);
  if (IsZero(h)) return PowerOfTwo(-whole);
  const Wide one_less_exp = h - h * (h * AlternatingSeries(h, 2, 1));
  const Wide exp = Wide{} - one_less_exp;
  bool close = false;  // 256 bits always decide
  return Round<53>(exp * exp, whole, &close);
}

}  // namespace

void RopeInverseFrequencies(double base, size_t rot, const float* rope_freqs, double linear_factor,
                            double* out) noexcept {
  constexpr double kMin = std::numeric_limits<double>::min();
  constexpr double kMax = std::numeric_limits<float>::max();
  const bool valid = base >= kMin && base <= kMax;
  const uint64_t bits = std::bit_cast<uint64_t>(base);
  const uint64_t fraction = bits & 0xfffffffffffffu;  // base = (1 + fraction / 2^52) * 2^exponent
  const int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
  const Wide log_mantissa = valid ? LogOfRatio(fraction, (uint64_t{1} << 53) + fraction) : Wide{};
  const Wide log_two = LogOfRatio(1, 3);
  for (size_t k = 0; k < rot / 2; ++k) {
    double frequency = std::numeric_limits<double>::quiet_NaN();
    if (valid) frequency = InversePower(exponent, log_mantissa, log_two, 2 * k, rot);
    if (rope_freqs != nullptr) frequency = frequency / static_cast<double>(rope_freqs[k]);
    out[k] = frequency / linear_factor;
  }
}

void RopeAngles(uint64_t position, const double* inv_freq, size_t n, float* cos, float* sin) noexcept {
  for (size_t k = 0; k < n; ++k) {
    const double angle = static_cast<double>(position) * inv_freq[k];
    const double magnitude = std::bit_cast<double>(std::bit_cast<uint64_t>(angle) & ~(uint64_t{1} << 63));
    if (!(magnitude <= std::numeric_limits<double>::max())) {
      cos[k] = sin[k] = std::numeric_limits<float>::quiet_NaN();
      continue;
    }
    RoundedCosSin(magnitude, &cos[k], &sin[k]);
    if (angle < 0) sin[k] = -sin[k];
  }
}

}  // namespace bitnet::kernels
