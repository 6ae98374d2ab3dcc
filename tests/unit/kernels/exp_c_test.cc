#include "kernels/exp_c.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"
#include "unit/kernels/kernel_vectors.h"

namespace bitnet::kernels {
namespace {

TEST_CASE("exp_c gives the pinned bits over a grid of all floats", "[kernels][exp_c]") {
  constexpr uint64_t kStep = 257;
  bitnet_test::Digest digest;
  size_t n = 0;
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += kStep, ++n) {
    const float y = ExpC(FloatOf(static_cast<uint32_t>(bits)));
    digest.Add(y == y ? BitsOf(y) : 0x7fc00000u);
  }
  CHECK(digest.value() == bitnet_test::PinnedDigest("exp_c, step 257", n));
}

TEST_CASE("exp_c shows a constant that is a unit of the last place off", "[kernels][exp_c]") {
  for (const bitnet_test::ExpVector& v : bitnet_test::kExpVectors) CHECK(BitsOf(ExpC(FloatOf(v.x))) == v.y);
}

TEST_CASE("exp_c is within 1.0104 ulp of the exponential and never rises as x falls", "[kernels][exp_c]") {
  float above = 1.0f;
  double worst = 0.0;
  bool rises = false;
  for (uint32_t bits = BitsOf(-0.0f); bits <= BitsOf(-87.0f); bits += 61) {
    const float y = ExpC(FloatOf(bits));
    const double exact = std::exp(static_cast<double>(FloatOf(bits)));
    const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    worst = std::max(worst, std::fabs(y - exact) / ulp);
    rises = rises || y > above;
    above = y;
  }
  CHECK(worst <= 1.0104);
  CHECK(worst > 0.5);
  CHECK_FALSE(rises);
}

TEST_CASE("exp_c has its stated ends", "[kernels][exp_c]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const float low = -87.3f;
  const float high = 88.3f;
  CHECK(ExpC(0.0f) == 1.0f);
  CHECK(ExpC(-0.0f) == 1.0f);
  CHECK(ExpC(low) > 0x1p-126f);
  CHECK(BitsOf(ExpC(std::nextafter(low, -infinity))) == 0);
  CHECK(std::isfinite(ExpC(high)));
  CHECK(ExpC(std::nextafter(high, infinity)) == infinity);
  CHECK(BitsOf(ExpC(-infinity)) == 0);
  CHECK(ExpC(infinity) == infinity);
  CHECK(std::isnan(ExpC(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace bitnet::kernels
