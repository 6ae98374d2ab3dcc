#include "policy/bf16_grid.h"

#include <cmath>
#include <random>
#include <vector>

#include "support/catch.h"

namespace bitnet::policy {
namespace {

// Norm weights as training leaves them: BF16, around 1.
std::vector<float> Bf16Values(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> x(n);
  for (float& v : x) {
    const auto significand = static_cast<float>(128 + random() % 128);
    v = std::ldexp(significand, -7 - static_cast<int>(random() % 3)) * (random() % 8 == 0 ? -1.0f : 1.0f);
  }
  return x;
}

TEST_CASE("The factor that BF16 numbers were multiplied by is found again, but for a power of two", "[policy][bf16]") {
  for (const double factor : {1.0, 64.0, 0.03125, 56.0, 50.596442562694074, 1.0 / 3, 127.0, 0.0117}) {
    INFO(factor);
    std::vector<float> x = Bf16Values(256, 1);
    for (float& v : x) v *= static_cast<float>(factor);
    x[17] = 0;  // fits any
    int exponent = 0;
    const double expected = std::frexp(static_cast<double>(static_cast<float>(factor)), &exponent) * 2;
    const auto found = Bf16Factor(x);
    REQUIRE(found.has_value());
    CHECK(std::fabs(*found / expected - 1) < 0x1p-24);
    if (expected == 1) CHECK(*found == 1);
  }
}

TEST_CASE("Where the values say nothing, no factor is claimed", "[policy][bf16]") {
  CHECK_FALSE(Bf16Factor(std::vector<float>(256, 1.0f)).has_value());  // fits every one of 128
  CHECK_FALSE(Bf16Factor(std::vector<float>{1.0f, 1.5f, 1.0f}).has_value());
  CHECK_FALSE(Bf16Factor(std::vector<float>(8, 0.0f)).has_value());
  CHECK_FALSE(Bf16Factor({}).has_value());
  std::mt19937 random(2);
  std::vector<float> x(256);
  for (float& v : x) v = 0.5f + static_cast<float>(random()) * 0x1p-32f;  // 24 significant bits
  CHECK_FALSE(Bf16Factor(x).has_value());
  x = Bf16Values(256, 3);
  x[100] *= 1.0f + 0x1p-20f;  // one value off by a few ten-thousandths of a step
  CHECK_FALSE(Bf16Factor(x).has_value());
}

}  // namespace
}  // namespace bitnet::policy
