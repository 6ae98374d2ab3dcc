#include "core/convert/table_encode.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/model/dense_decode.h"
#include "kernels/half.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

std::vector<float> Normal(size_t n, float sigma) {
  std::mt19937 random(7);
  std::vector<float> out(n);
  for (float& x : out) {  // twelve uniform numbers less 6: close to normal, the same on every machine
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(random() >> 8) / 16777216.0f;
    x = sum * sigma;
  }
  return out;
}

std::vector<float> RoundTrip(QuantType type, const std::vector<float>& x) {
  const QuantTypeInfo& info = *FindQuantType(static_cast<uint32_t>(type));
  std::vector<std::byte> bytes(x.size() / info.block * info.block_bytes);
  REQUIRE(EncodeTableRow(type, x.data(), x.size(), bytes.data()));
  std::vector<float> out(x.size());
  DecodeToF32(type, bytes, x.size(), out.data());
  return out;
}

double RelativeRms(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0, total = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
    total += std::pow(static_cast<double>(x[i]), 2);
  }
  return std::sqrt(error / total);
}

TEST_CASE("table types hold values as exactly as their bits allow", "[convert]") {
  const std::vector<float> x = Normal(64 * 256, 0.03f);
  CHECK(RelativeRms(x, RoundTrip(QuantType::kF16, x)) < 3e-4);
  CHECK(RelativeRms(x, RoundTrip(QuantType::kBF16, x)) < 2.5e-3);
  // A step of amax / 127 in 32 values, of amax / 32 in 16: uniform rounding errors of sigma step / sqrt(12).
  CHECK(RelativeRms(x, RoundTrip(QuantType::kQ8_0, x)) < 5.5e-3);
  CHECK(RelativeRms(x, RoundTrip(QuantType::kQ6_K, x)) < 1.75e-2);
}

TEST_CASE("values on the grid of a block type come back as they were", "[convert]") {
  std::vector<float> x(256);
  for (size_t i = 0; i < 256; ++i) x[i] = static_cast<float>(static_cast<int>(i % 64) - 32) * 0.5f;
  // 32 levels in the first and third quarter of every 64 values; each sub-block of 16 reaches its own scale.
  for (size_t i = 0; i < 256; i += 16) x[i] = -32 * 0.5f;
  CHECK(RoundTrip(QuantType::kQ6_K, x) == x);
  for (size_t i = 0; i < 256; ++i) x[i] = static_cast<float>(static_cast<int>(i % 255) - 127) * 0.25f;
  for (size_t i = 0; i < 256; i += 32) x[i] = 127 * 0.25f;
  CHECK(RoundTrip(QuantType::kQ8_0, x) == x);
}

TEST_CASE("zeros, tiny and huge values stay finite in the block types", "[convert]") {
  for (const QuantType type : {QuantType::kQ8_0, QuantType::kQ6_K}) {
    for (const float magnitude : {0.0f, 1e-45f, 1e-38f, 1e-7f, 1e5f}) {
      std::vector<float> x(256, 0.0f);
      for (size_t i = 0; i < 256; i += 3) x[i] = i % 2 == 0 ? magnitude : -magnitude;
      for (const float y : RoundTrip(type, x)) {
        CHECK(std::isfinite(y));
        CHECK(std::fabs(y) <= magnitude * 1.1f + 1e-7f);
      }
    }
  }
}

TEST_CASE("what is not finite, or beyond a type, is refused", "[convert]") {
  std::vector<std::byte> out(4 * 256);
  for (const QuantType type : {QuantType::kF16, QuantType::kBF16, QuantType::kQ8_0, QuantType::kQ6_K}) {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> x(256, 1.0f);
      x[77] = bad;
      CHECK_FALSE(EncodeTableRow(type, x.data(), 256, out.data()));
    }
    const std::vector<float> x(256, 3e38f);
    CHECK(EncodeTableRow(type, x.data(), 256, out.data()) == (type == QuantType::kBF16));
  }
}

TEST_CASE("16-bit values of every pattern decode alike at even and at odd addresses", "[convert]") {
  constexpr size_t kPatterns = 65536;
  std::vector<std::byte> even(2 * kPatterns), odd(2 * kPatterns + 1);
  for (size_t i = 0; i < kPatterns; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    std::memcpy(even.data() + 2 * i, &bits, 2);
    std::memcpy(odd.data() + 1 + 2 * i, &bits, 2);
  }
  for (const QuantType type : {QuantType::kF16, QuantType::kBF16}) {
    std::vector<float> a(kPatterns), b(kPatterns);
    DecodeToF32(type, even, kPatterns, a.data());
    DecodeToF32(type, std::span(odd).subspan(1), kPatterns, b.data());
    CHECK(std::memcmp(a.data(), b.data(), kPatterns * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace bitnet::core
