#include "kernels/rope_table.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"

namespace bitnet::kernels {
namespace {

struct FrequencyVector {
  double base;
  size_t rot;
  double factor;
  bool with_rope_freqs;
  uint64_t digest;
};
constexpr FrequencyVector kFrequencies[] = {
#define BN_FREQUENCIES
#include "unit/kernels/rope_vectors.inc"
#undef BN_FREQUENCIES
};

struct AngleVector {
  uint64_t angle;
  uint32_t cos;
  uint32_t sin;
};
constexpr AngleVector kAngles[] = {
#define BN_ANGLES
#include "unit/kernels/rope_vectors.inc"
#undef BN_ANGLES
};

struct RowVector {
  double base;
  uint64_t position;
  uint64_t digest;
};
constexpr RowVector kRows[] = {
#define BN_TABLE_ROWS
#include "unit/kernels/rope_vectors.inc"
#undef BN_TABLE_ROWS
};

std::vector<double> Frequencies(double base, size_t rot, const float* rope_freqs = nullptr, double factor = 1) {
  std::vector<double> frequencies(rot / 2);
  RopeInverseFrequencies(base, rot, rope_freqs, factor, frequencies.data());
  return frequencies;
}

TEST_CASE("inverse frequencies are correctly rounded, then divided in order", "[kernels][rope]") {
  for (const FrequencyVector& v : kFrequencies) {
    std::vector<float> rope_freqs;
    for (size_t k = 0; k < v.rot; k += 2) rope_freqs.push_back(static_cast<float>(1 + static_cast<double>(k) / 7));
    bitnet_test::Digest digest;
    for (const double f : Frequencies(v.base, v.rot, v.with_rope_freqs ? rope_freqs.data() : nullptr, v.factor)) {
      digest.Add(static_cast<uint32_t>(std::bit_cast<uint64_t>(f)));
      digest.Add(static_cast<uint32_t>(std::bit_cast<uint64_t>(f) >> 32));
    }
    INFO("base " << v.base << ", rot " << v.rot << ", factor " << v.factor);
    CHECK(digest.value() == v.digest);
  }
}

TEST_CASE("the exponential of a rounded exponent would not do for frequencies", "[kernels][rope]") {
  size_t differ = 0;
  for (const double base : {10000.0, 500000.0, 1e6}) {
    const std::vector<double> frequencies = Frequencies(base, 128);
    for (size_t k = 0; k < 64; ++k) {
      const double approximate = std::pow(base, -2.0 * static_cast<double>(k) / 128);
      CHECK(frequencies[k] == Approx(approximate).epsilon(1e-14));
      differ += frequencies[k] != std::exp(std::log(base) * (-2.0 * static_cast<double>(k) / 128));
    }
  }
  CHECK(differ > 0);
}

TEST_CASE("cosines and sines are correctly rounded, near midpoints and multiples of pi too", "[kernels][rope]") {
  for (const AngleVector& v : kAngles) {
    const double angle = std::bit_cast<double>(v.angle);
    float cos = 0;
    float sin = 0;
    RopeAngles(1, &angle, 1, &cos, &sin);
    INFO("angle " << angle);
    CHECK(BitsOf(cos) == v.cos);
    CHECK(BitsOf(sin) == v.sin);
    const double negative = -angle;
    RopeAngles(1, &negative, 1, &cos, &sin);
    CHECK(BitsOf(cos) == v.cos);
    CHECK(sin == -FloatOf(v.sin));
  }
}

TEST_CASE("table rows have the pinned bits", "[kernels][rope]") {
  for (const RowVector& v : kRows) {
    const std::vector<double> frequencies = Frequencies(v.base, 128);
    std::vector<float> cos(64);
    std::vector<float> sin(64);
    RopeAngles(v.position, frequencies.data(), 64, cos.data(), sin.data());
    INFO("base " << v.base << ", position " << v.position);
    CHECK(bitnet_test::DigestOf(cos, sin) == v.digest);
  }
}

TEST_CASE("cosines and sines stay within a rounding of binary64's over all exponents", "[kernels][rope]") {
  size_t wrong = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    const uint64_t exponent = 990 + bitnet_test::Word(2, i) % 1057;
    const double x = std::bit_cast<double>((bitnet_test::Word(1, i) & 0xfffffffffffffu) | exponent << 52);
    float cos = 0;
    float sin = 0;
    RopeAngles(1, &x, 1, &cos, &sin);
    wrong += std::fabs(cos - std::cos(x)) > std::fabs(std::cos(x)) * 0x1.000001p-24;
    wrong += std::fabs(sin - std::sin(x)) > std::fabs(std::sin(x)) * 0x1.000001p-24;
  }
  CHECK(wrong == 0);
}

TEST_CASE("angles that are not finite and bases that are no base give NaN", "[kernels][rope]") {
  const double angle = std::numeric_limits<double>::infinity();
  float cos = 0;
  float sin = 0;
  RopeAngles(1, &angle, 1, &cos, &sin);
  CHECK(std::isnan(cos));
  CHECK(std::isnan(sin));
  for (const double base : {0.0, -1.0, angle, -angle, std::nan("")}) {
    for (const double f : Frequencies(base, 8)) CHECK(std::isnan(f));
  }
}

}  // namespace
}  // namespace bitnet::kernels
