#include "core/convert/table_encode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/half.h"

namespace bitnet::core {

namespace {

constexpr uint16_t kF16Exponent = 0x7c00;
constexpr uint16_t kBf16Exponent = 0x7f80;

bool IsFiniteF16(uint16_t bits) { return (bits & kF16Exponent) != kF16Exponent; }

// rint(x) for |x| < 2^22: the sum has no bits below 1, so it is rounded to nearest even.
inline float RoundSmall(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  return (x + kShift) - kShift;
}

// rint(x / d) within [low, high]; d is not 0. Quotients beyond 2^22 are clamped all the same.
inline float Level(float x, float inverse, float low, float high) {
  return RoundSmall(std::clamp(x * inverse, low, high));
}

constexpr size_t kQ8Block = 32;

bool EncodeQ8(const float* x, std::byte* out) {
  float largest = 0;
  for (size_t i = 0; i < kQ8Block; ++i) largest = std::max(largest, std::fabs(x[i]));
  const uint16_t bits = kernels::F32ToF16(largest / 127.0f);
  if (!IsFiniteF16(bits)) return false;
  const float d = kernels::F16ToF32(bits);
  std::memcpy(out, &bits, sizeof bits);
  for (size_t i = 0; i < kQ8Block; ++i) {
    const float q = d == 0 ? 0 : RoundSmall(std::clamp(x[i] / d, -127.0f, 127.0f));
    out[sizeof bits + i] = static_cast<std::byte>(static_cast<int8_t>(q));
  }
  return true;
}

constexpr size_t kQ6Block = 256;
constexpr size_t kPart = 16;  // values under one integer scale
constexpr size_t kParts = kQ6Block / kPart;
constexpr float kQ6Low = -32, kQ6High = 31;
using Levels = std::array<float, kPart>;

void LevelsOf(const float* x, float inverse, Levels& q) {
  for (size_t i = 0; i < kPart; ++i) q[i] = Level(x[i], inverse, kQ6Low, kQ6High);
}

// Sum of products in a fixed order that four lanes can share.
float Dot(const float* a, const float* b) {
  std::array<float, 4> sum{};
  for (size_t i = 0; i < kPart; i += 4) {
    for (size_t l = 0; l < 4; ++l) sum[l] += a[i + l] * b[i + l];
  }
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

// The scale for these values alone.
float PartScale(const float* x) {
  float largest = 0;  // with its sign
  for (size_t i = 0; i < kPart; ++i) {
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  }
  // Below this the inverse overflows, and all that is lost rounds to 0 in f16.
  if (std::fabs(largest) < 1e-30f) return 0;
  float scale = 0, best = 0;
  Levels q;
  for (int step = -9; step <= 9; ++step) {
    LevelsOf(x, -(32.0f + 0.1f * static_cast<float>(step)) / largest, q);
    // With the scale xq / qq the squared error is xx - xq^2 / qq.
    const float xq = Dot(x, q.data()), qq = Dot(q.data(), q.data());
    if (qq <= 0 || xq * xq <= best * qq) continue;
    best = xq * xq / qq;
    scale = xq / qq;
  }
  return scale;
}

float SquaredError(const float* x, float scale, Levels& q) {
  if (scale == 0) {
    q.fill(0);
    return Dot(x, x);
  }
  LevelsOf(x, 1.0f / scale, q);
  Levels difference;
  for (size_t i = 0; i < kPart; ++i) difference[i] = x[i] - scale * q[i];
  return Dot(difference.data(), difference.data());
}

// Element 128 h + l + 32 g of a block: docs/formats.md, section 1.
void PackQ6(const std::array<Levels, kParts>& q, std::byte* out) {
  std::memset(out, 0, kQ6Block * 3 / 4);
  for (size_t i = 0; i < kQ6Block; ++i) {
    const auto level = static_cast<unsigned>(static_cast<int>(q[i / kPart][i % kPart]) + 32);
    const size_t half = i / 128, g = i % 128 / 32, l = i % 32;
    out[64 * half + l + 32 * (g & 1)] |= static_cast<std::byte>((level & 15) << (g < 2 ? 0 : 4));
    out[128 + 32 * half + l] |= static_cast<std::byte>((level >> 4) << (2 * g));
  }
}

bool EncodeQ6(const float* x, std::byte* out) {
  std::array<float, kParts> scales;
  float largest = 0;
  for (size_t p = 0; p < kParts; ++p) {
    scales[p] = PartScale(x + p * kPart);
    if (std::fabs(scales[p]) > std::fabs(largest)) largest = scales[p];
  }
  const uint16_t bits = kernels::F32ToF16(largest / -128.0f);
  if (!IsFiniteF16(bits)) return false;
  const float d = kernels::F16ToF32(bits);
  std::array<Levels, kParts> levels;
  for (size_t p = 0; p < kParts; ++p) {
    const float* part = x + p * kPart;
    Levels q;
    int best = 0;
    float best_error = SquaredError(part, 0, levels[p]);
    const int near = d == 0 ? 0 : static_cast<int>(RoundSmall(std::clamp(scales[p] / d, -128.0f, 127.0f)));
    for (int s = std::max(near - 1, -128); d != 0 && s <= std::min(near + 1, 127); ++s) {
      const float error = SquaredError(part, d * static_cast<float>(s), q);
      if (!(error < best_error)) continue;
      best = s;
      best_error = error;
      levels[p] = q;
    }
    out[kQ6Block * 3 / 4 + p] = static_cast<std::byte>(static_cast<int8_t>(best));
  }
  PackQ6(levels, out);
  std::memcpy(out + kQ6Block * 3 / 4 + kParts, &bits, sizeof bits);
  return true;
}

template <uint16_t (*convert)(float), uint16_t exponent>
bool EncodeHalves(const float* x, size_t n, std::byte* out) {
  unsigned bad = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint16_t bits = convert(x[i]);
    bad |= static_cast<unsigned>((bits & exponent) == exponent);
    std::memcpy(out + i * sizeof bits, &bits, sizeof bits);
  }
  return bad == 0;
}

}  // namespace

bool IsTableTarget(QuantType type) {
  return type == QuantType::kF16 || type == QuantType::kBF16 || type == QuantType::kQ8_0 || type == QuantType::kQ6_K;
}

bool EncodeTableRow(QuantType type, const float* x, size_t n, std::byte* out) {
  if (type == QuantType::kF16) return EncodeHalves<kernels::F32ToF16, kF16Exponent>(x, n, out);
  if (type == QuantType::kBF16) return EncodeHalves<kernels::F32ToBF16, kBf16Exponent>(x, n, out);
  if (!std::all_of(x, x + n, [](float v) { return std::isfinite(v); })) return false;
  const bool q6 = type == QuantType::kQ6_K;
  const size_t block = q6 ? kQ6Block : kQ8Block;
  const size_t bytes = FindQuantType(static_cast<uint32_t>(type))->block_bytes;
  for (size_t i = 0; i < n; i += block, out += bytes) {
    if (!(q6 ? EncodeQ6(x + i, out) : EncodeQ8(x + i, out))) return false;
  }
  return true;
}

}  // namespace bitnet::core
