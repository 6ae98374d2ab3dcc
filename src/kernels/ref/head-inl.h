// The head shortcut: an int8 copy of a dense head, and bounds of its logits. Proof of the bounds: docs/kernels.md.
#ifndef BITNET_KERNELS_REF_HEAD_INL_H_
#define BITNET_KERNELS_REF_HEAD_INL_H_

#include <cstring>
#include <limits>

#include "kernels/head_math.h"
#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline void SetHeadRow(uint8_t* row, size_t n, float error, float norm) {
  uint8_t* const end = row + HeadCopyRowBytes(n);
  std::memcpy(end - 8, &error, 4);
  std::memcpy(end - 4, &norm, 4);
}

template <class T>
void HeadCopyRow(const T* w, size_t n, uint8_t* copy) {
  std::memset(copy, 0, HeadCopyRowBytes(n));
  float squares[64] = {};  // of the row
  float errors[64] = {};   // of the row less its copy
  for (size_t begin = 0; begin < n; begin += kHeadBlock) {
    const size_t size = n - begin < kHeadBlock ? n - begin : kHeadBlock;
    float x[kHeadBlock];
    for (size_t i = 0; i < size; ++i) x[i] = ToF32(w[begin + i]);
    const uint32_t largest = MaxMagnitudeBits(x, size);
    if (largest >= 0x7f800000u) {
      std::memset(copy, 0, HeadCopyRowBytes(n));
      const float infinity = std::numeric_limits<float>::infinity();
      return SetHeadRow(copy, n, infinity, infinity);
    }
    const float scale = HeadScale(FloatOf(largest));
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    for (size_t i = 0; i < size; ++i) {
      const float code = __builtin_rintf(x[i] * inverse);  // |x| <= 127 * scale but for a rounding: -127..127
      const float error = Fma(-scale, code, x[i]);
      errors[i] = Fma(error, error, errors[i]);
      squares[i] = Fma(x[i], x[i], squares[i]);
      copy[begin + i] = static_cast<uint8_t>(static_cast<int8_t>(code));
    }
    const uint16_t bits = static_cast<uint16_t>(BitsOf(scale) >> 16);
    std::memcpy(copy + PadHead(n) + begin / kHeadBlock * 2, &bits, 2);
  }
  SetHeadRow(copy, n, NormBound(SumStripes(errors), n), NormBound(SumStripes(squares), n));
}

inline void HeadCopyRows(Dense type, const void* w, size_t n, size_t row_begin, size_t row_end,
                         uint8_t* copy) noexcept {
  for (size_t r = row_begin; r < row_end; ++r) {
    uint8_t* const row = copy + r * HeadCopyRowBytes(n);
    switch (type) {
      case Dense::kF32: HeadCopyRow(static_cast<const float*>(w) + r * n, n, row); break;
      case Dense::kF16: HeadCopyRow(static_cast<const F16*>(w) + r * n, n, row); break;
      case Dense::kBF16: HeadCopyRow(static_cast<const BF16*>(w) + r * n, n, row); break;
    }
  }
}

inline bool ComputeHeadQuery(const float* x, size_t n, int8_t* digits, HeadQuery* query) noexcept {
  const uint32_t largest = MaxMagnitudeBits(x, n);
  if (largest >= 0x7f800000u) return false;
  const float unit = HeadUnit(FloatOf(largest));
  const float inverse = 1.0f / unit;
  const size_t padded = PadHead(n);
  for (size_t i = 0; i < padded; ++i) {
    const int32_t q = i < n ? static_cast<int32_t>(__builtin_rintf(x[i] * inverse)) : 0;
    const int32_t high = (q + 64) >> 7;
    digits[i] = static_cast<int8_t>(high);
    digits[padded + i] = static_cast<int8_t>(q - 128 * high);
  }
  *query = MakeHeadQuery(unit, Dot64(x, x, n), n);
  return true;
}

inline void HeadBounds(const uint8_t* copy, size_t n, const HeadQuery& query, const int8_t* digits, size_t row_begin,
                       size_t row_end, float* lower, float* upper) noexcept {
  const size_t padded = PadHead(n);
  for (size_t r = row_begin; r < row_end; ++r) {
    const uint8_t* const row = copy + r * HeadCopyRowBytes(n);
    float stripe[16] = {};
    for (size_t b = 0; b < padded / kHeadBlock; ++b) {
      uint16_t bits;
      std::memcpy(&bits, row + padded + 2 * b, 2);
      const float scale = BF16ToF32(bits);
      for (size_t s = 0; s < 16; ++s) {
        int32_t isum = 0;  // at most 4 * 127 * 8191 < 2^24: exact as f32
        for (size_t i = 64 * b + 4 * s; i < 64 * b + 4 * s + 4; ++i) {
          isum += static_cast<int8_t>(row[i]) * (128 * digits[i] + digits[padded + i]);
        }
        stripe[s] = Fma(static_cast<float>(isum), scale, stripe[s]);
      }
    }
    float ends[2];
    std::memcpy(ends, row + HeadCopyRowBytes(n) - 8, 8);
    SetHeadBounds(query.unit * SumStripes(stripe), ends[0], ends[1], query, lower + r, upper + r);
  }
}

inline size_t HeadSurvivors(const float* upper, size_t n, float threshold, uint32_t* ids, size_t max) noexcept {
  size_t count = 0;
  for (size_t r = 0; r < n; ++r) {
    if (!(upper[r] >= threshold)) continue;
    if (count < max) ids[count] = static_cast<uint32_t>(r);
    ++count;
  }
  return count;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_HEAD_INL_H_
