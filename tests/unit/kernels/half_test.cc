#include "kernels/half.h"

#include <cmath>
#include <limits>

#include "support/catch.h"

namespace bitnet::kernels {
namespace {

// The value of a finite 16-bit float with `fraction` bits behind the point, from the definition.
double ValueOf(uint16_t bits, int fraction, int bias) {
  const int exponent = (bits & 0x7fff) >> fraction;
  const double m = bits & ((1 << fraction) - 1);
  const double magnitude =
      exponent == 0 ? std::ldexp(m, 1 - bias - fraction) : std::ldexp(m + (1 << fraction), exponent - bias - fraction);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// Every boundary between neighbours a and b, and the floats beside it, must go to the nearer, a tie to the even one.
void CheckRounding(int fraction, int bias, uint16_t infinity, uint16_t (*narrow)(float)) {
  size_t wrong = 0;
  for (uint16_t a = 0; a < infinity; ++a) {
    const uint16_t b = static_cast<uint16_t>(a + 1);  // the finite one after a, or infinity
    const double va = ValueOf(a, fraction, bias);
    const double vb = b == infinity ? std::ldexp(2, bias) : ValueOf(b, fraction, bias);
    const double middle = (va + vb) / 2;
    const float exact = static_cast<float>(middle);
    if (static_cast<double>(exact) != middle) continue;  // below the step of f32
    const float low = std::nextafter(exact, 0.0f);
    const float high = std::nextafter(exact, std::numeric_limits<float>::infinity());
    wrong += narrow(exact) != ((a & 1) == 0 ? a : b);
    wrong += narrow(low) != a;
    wrong += narrow(high) != b;
    wrong += narrow(static_cast<float>(va)) != a;
    wrong += narrow(-high) != (b | 0x8000);
  }
  CHECK(wrong == 0);
}

TEST_CASE("every finite f16 and bf16 widens to its exact value and comes back", "[kernels][half]") {
  size_t wrong = 0;
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    if ((bits & 0x7c00) != 0x7c00) {
      const float wide = F16ToF32(bits);
      wrong += static_cast<double>(wide) != ValueOf(bits, 10, 15) || std::signbit(wide) != (bits >= 0x8000);
      wrong += F32ToF16(wide) != bits;
    }
    if ((bits & 0x7f80) != 0x7f80) {
      const float wide = BF16ToF32(bits);
      wrong += static_cast<double>(wide) != ValueOf(bits, 7, 127) || std::signbit(wide) != (bits >= 0x8000);
      wrong += F32ToBF16(wide) != bits;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("narrowing rounds to nearest even at every boundary", "[kernels][half]") {
  CheckRounding(10, 15, 0x7c00, F32ToF16);
  CheckRounding(7, 127, 0x7f80, F32ToBF16);
  CHECK(F32ToF16(0x1p-149f) == 0);
  CHECK(F32ToF16(-0x1p-149f) == 0x8000);
  CHECK(F32ToF16(3.4e38f) == 0x7c00);
}

TEST_CASE("infinities stay, a NaN stays one and keeps its payload", "[kernels][half]") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(F16ToF32(0x7c00) == infinity);
  CHECK(F16ToF32(0xfc00) == -infinity);
  CHECK(F32ToF16(-infinity) == 0xfc00);
  CHECK(F32ToBF16(infinity) == 0x7f80);
  for (uint16_t payload = 1; payload < 0x400; ++payload) {
    const uint16_t nan = static_cast<uint16_t>(0xfc00 | payload);
    const uint16_t quiet = static_cast<uint16_t>(nan | 0x200);
    REQUIRE(BitsOf(F16ToF32(nan)) == (0xff800000u | (quiet & 0x3ffu) << 13));
    REQUIRE(F32ToF16(FloatOf(0xff800000u | uint32_t{payload} << 13)) == quiet);
  }
  CHECK(F32ToBF16(FloatOf(0x7f800001u)) == 0x7fc0);
}

}  // namespace
}  // namespace bitnet::kernels
