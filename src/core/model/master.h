// Dense matrices made ternary. Master weights (docs/formats.md, section 3): s = 1 / max(mean |w|, 1e-5), the mean
// summed in binary64 row by row, code = clamp(rint(w * s), -1, 1) + 1, scale 1 / s.
#ifndef BITNET_CORE_MODEL_MASTER_H_
#define BITNET_CORE_MODEL_MASTER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/status.h"
#include "core/format/gguf.h"

namespace bitnet::core {

// Rows whose sums are built side by side: each is one chain of additions.
inline constexpr size_t kMasterRows = 4;

// sums[0..n) = the sums of |w| of rows [first, first + n) of `tensor` [rows, cols], n <= kMasterRows; `scratch` holds
// n * cols floats. Safe from any thread.
void SumMasterRows(const GgufTensor& tensor, size_t cols, size_t first, size_t n, float* scratch, double* sums);

// s, from the sums of all rows. kBadFormat where a weight is not finite.
Result<float> MasterFactor(const GgufTensor& tensor, size_t cols, std::span<const double> sums);

// The code of one weight.
constexpr int MasterCode(float w, float s) {
  const float x = w * s;  // rint to even: halves go to 0
  return 1 + (x > 0.5f ? 1 : 0) - (x < -0.5f ? 1 : 0);
}

// A dense matrix that holds nothing but 0, s and -s is exactly this ternary one. s: the magnitude of its first value
// that is not 0, or 0; `scratch` holds cols floats. And the code of a value, 3 where it is none of the three.
float ExactScale(const GgufTensor& tensor, size_t cols, float* scratch);
constexpr int ExactCode(float x, float scale) {
  // Sums of comparisons of bits, which a loop over weights computes without branches; a NaN equals nothing.
  const uint32_t bits = std::bit_cast<uint32_t>(x), plus = std::bit_cast<uint32_t>(scale);
  const int zero = (bits & 0x7fffffffu) == 0 ? 1 : 0;
  const int other = (bits == plus ? 1 : 0) + (bits == (plus ^ 0x80000000u) ? 3 : 0);
  return 3 - 2 * zero - (other & (zero - 1));
}

// One row of `tensor` [rows, cols] as f32.
void DecodeDenseRow(const GgufTensor& tensor, size_t cols, size_t row, float* out);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_MASTER_H_
