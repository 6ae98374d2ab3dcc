#include "policy/bf16_grid.h"

#include <cmath>
#include <cstddef>

namespace bitnet::policy {

namespace {

// Significands of BF16 as whole numbers: [128, 256).
constexpr int kLeast = 128, kEnd = 256;

// |x| scaled by a power of two into [128, 256).
double Significand(double x) {
  int exponent = 0;
  return std::frexp(std::fabs(x), &exponent) * kEnd;  // frexp gives [0.5, 1)
}

// Two roundings to binary32, that of x and that of the value which f was taken from, are at most 2^-23 of the value; a
// value that falls below 128 by rounding is 256 of the octave below.
constexpr double kGridTolerance = kEnd * 0x1p-23;

// The mean of x / (nearest BF16 number) when all values fit f, 0 otherwise.
double Fit(std::span<const float> x, double f) {
  double sum = 0;
  size_t n = 0;
  for (const float value : x) {
    if (value == 0 || !std::isfinite(value)) continue;
    const double s = Significand(static_cast<double>(value) / f);
    const double nearest = std::round(s);
    if (std::fabs(s - nearest) > kGridTolerance) return 0;
    sum += s / nearest;
    ++n;
  }
  return n == 0 ? 0 : f * sum / static_cast<double>(n);
}

}  // namespace

std::optional<double> Bf16Factor(std::span<const float> x) {
  float first = 0;
  for (size_t i = 0; i < x.size() && first == 0; ++i) first = std::isfinite(x[i]) ? x[i] : 0.0f;
  if (first == 0) return std::nullopt;
  // The first value is one of 128 numbers times f.
  std::optional<double> found;
  for (int b = kLeast; b < kEnd; ++b) {
    double f = Significand(static_cast<double>(first)) / b;
    if (f < 1) f *= 2;
    const double fit = Fit(x, f);
    if (fit == 0) continue;
    if (found) return std::nullopt;
    found = f == 1 ? 1 : fit;
  }
  return found;
}

}  // namespace bitnet::policy
