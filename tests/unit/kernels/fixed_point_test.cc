#include "kernels/fixed_point.h"

#include "kernels/pi.h"
#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"

namespace bitnet::kernels {
namespace {

using F2 = Fraction<2>;

bool operator==(const F2& a, const F2& b) { return a.limb == b.limb; }

Uint128 ValueOf(const F2& a) { return static_cast<Uint128>(a.limb[1]) << 64 | a.limb[0]; }
F2 FractionOf(Uint128 value) { return {{static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 64)}}; }

TEST_CASE("two-limb fractions agree with 128-bit integers", "[kernels][fixed_point]") {
  for (uint64_t i = 0; i < 2000; ++i) {
    const F2 a = {{bitnet_test::Word(1, i), bitnet_test::Word(2, i) >> i % 64}};
    const F2 b = {{bitnet_test::Word(3, i), i % 7 == 0 ? ~uint64_t{0} : bitnet_test::Word(4, i)}};
    REQUIRE((a + b == FractionOf(ValueOf(a) + ValueOf(b))));
    REQUIRE((a - b == FractionOf(ValueOf(a) - ValueOf(b))));
    const size_t bits = i % 128;
    REQUIRE((ShiftUp(a, bits) == FractionOf(ValueOf(a) << bits)));
    REQUIRE((ShiftDown(a, bits) == FractionOf(ValueOf(a) >> bits)));
    const F2 half_b = ShiftDown(b, 64);  // the product with a 64-bit number, in 128 bits
    const Uint128 high = static_cast<Uint128>(a.limb[1]) * half_b.limb[0];
    const Uint128 low = static_cast<Uint128>(a.limb[0]) * half_b.limb[0];
    REQUIRE((a * half_b == FractionOf((high + (low >> 64)) >> 64)));
    REQUIRE((a * half_b == half_b * a));
    const uint64_t n = bitnet_test::Word(5, i) >> 34;
    const uint64_t d = (bitnet_test::Word(6, i) >> 34) + 1;
    const F2 small = ShiftDown(a, 32);
    REQUIRE((Scale(small, n, d) == FractionOf(ValueOf(small) * n / d)));
  }
}

TEST_CASE("ratios, leading zeros and inverse factorials have their definitions", "[kernels][fixed_point]") {
  CHECK((Ratio<2>(1, 3) == F2{{0x5555555555555555u, 0x5555555555555555u}}));
  CHECK((Ratio<2>(3, 4) == F2{{0, uint64_t{3} << 62}}));
  CHECK(LeadingZeros(F2{}) == 128);
  CHECK(LeadingZeros(F2{{1, 0}}) == 127);
  CHECK(LeadingZeros(F2{{0, uint64_t{1} << 62}}) == 1);
  CHECK(IsZero(F2{}));
  CHECK_FALSE(IsZero(F2{{1, 0}}));
  CHECK((Top<2>(Fraction<3>{{1, 2, 3}}) == F2{{2, 3}}));
  constexpr auto kFactorials = InverseFactorials<2, 21>();
  uint64_t factorial = 1;
  for (uint64_t n = 2; n < kFactorials.size(); ++n) {
    factorial *= n;
    CHECK(ValueOf(Ratio<2>(1, factorial)) - ValueOf(kFactorials[n]) <= 1);
  }
}

using Long = Fraction<24>;

// atan(1 / n)
Long InverseArcTangent(uint64_t n) {
  Long power = Ratio<24>(1, n);
  Long sum = power;
  for (uint64_t k = 3; !IsZero(power); k += 2) {
    power = Scale(power, 1, n * n);
    sum = k % 4 == 3 ? sum - Scale(power, 1, k) : sum + Scale(power, 1, k);
  }
  return sum;
}

TEST_CASE("the bits of pi are those of Machin's formula", "[kernels][fixed_point]") {
  const Long quarter_pi = Scale(InverseArcTangent(5), 4, 1) - InverseArcTangent(239);
  CHECK(Top<4>(quarter_pi).limb == kQuarterPi.limb);

  Long two_over_pi;  // its limbs below the 22 pinned ones stay 0
  for (size_t i = 0; i < kTwoOverPi.size(); ++i) two_over_pi.limb[23 - i] = kTwoOverPi[i];
  const Long product = quarter_pi * two_over_pi;  // a half, less at most one unit of the last pinned limb
  const Long missing = Ratio<24>(1, 2) - product;
  CHECK(LeadingZeros(missing) >= 22 * 64);
}

}  // namespace
}  // namespace bitnet::kernels
