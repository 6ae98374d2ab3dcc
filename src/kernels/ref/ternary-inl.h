// Ternary products: exact integer sums, then one scale, or one for each block.
#ifndef BITNET_KERNELS_REF_TERNARY_INL_H_
#define BITNET_KERNELS_REF_TERNARY_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

constexpr size_t kPackedBlock = kTernaryPad / 4;  // bytes of 128 weights

// The weights -1, 0, 1 of 128 columns.
inline void UnpackBlock(const uint8_t* packed, int8_t* weights) {
  for (size_t p = 0; p < kPackedBlock; ++p) {
    for (size_t quarter = 0; quarter < 4; ++quarter) {
      weights[quarter * kPackedBlock + p] = static_cast<int8_t>((packed[p] >> (6 - 2 * quarter) & 3) - 1);
    }
  }
}

inline int32_t DotInt8(const int8_t* a, const int8_t* b, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Sum of weight * q over half of the 128 columns of a packed block, the first (half 0) or the second.
inline int32_t HalfDot(const uint8_t* packed, size_t half, const int8_t* q) {
  int8_t weights[kTernaryPad];
  UnpackBlock(packed, weights);
  return DotInt8(weights + half * kTernaryPad / 2, q, kTernaryPad / 2);
}

// Sum of weight * q over `cols` columns, a multiple of kTernaryPad.
inline int32_t TernaryDot(const uint8_t* packed, const int8_t* q, size_t cols) {
  int32_t sum = 0;
  for (size_t c = 0; c < cols; c += kTernaryPad) {
    int8_t weights[kTernaryPad];
    UnpackBlock(packed + c / 4, weights);
    sum += DotInt8(weights, q + c, kTernaryPad);
  }
  return sum;
}

inline void TernaryGemv(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept {
  for (size_t r = row_begin; r < row_end; ++r) {
    const float scale = job.scale[r * job.scale_stride];
    for (size_t t = 0; t < job.n_tokens; ++t) {
      const int32_t acc = TernaryDot(job.w + r * job.cols / 4, job.q + t * job.q_stride, job.cols);
      job.y[t * job.y_stride + r] = static_cast<float>(acc) * (job.d[t] * scale);
    }
  }
}

// The weights of one row as int8.
inline size_t TernaryScratchBytes(size_t cols) noexcept { return cols; }

inline void TernaryGemm(const TernaryJob& job, size_t row_begin, size_t row_end, void* scratch) noexcept {
  int8_t* const weights = static_cast<int8_t*>(scratch);
  for (size_t r = row_begin; r < row_end; ++r) {
    const float scale = job.scale[r * job.scale_stride];
    for (size_t c = 0; c < job.cols; c += kTernaryPad) UnpackBlock(job.w + (r * job.cols + c) / 4, weights + c);
    for (size_t t = 0; t < job.n_tokens; ++t) {
      const int32_t acc = DotInt8(weights, job.q + t * job.q_stride, job.cols);
      job.y[t * job.y_stride + r] = static_cast<float>(acc) * (job.d[t] * scale);
    }
  }
}

inline void TernaryBlocks(const TernaryJob& job, size_t block, size_t row_begin, size_t row_end) noexcept {
  for (size_t r = row_begin; r < row_end; ++r) {
    const float* const scale = job.scale + r * job.scale_stride;
    for (size_t t = 0; t < job.n_tokens; ++t) {
      const int8_t* const q = job.q + t * job.q_stride;
      float acc = 0.0f;
      for (size_t b = 0; b < job.scale_stride; ++b) {
        const uint8_t* const w = job.w + r * job.cols / 4;
        const int32_t isum = block < kTernaryPad ? HalfDot(w + b / 2 * kPackedBlock, b % 2, q + b * block)
                                                 : TernaryDot(w + b * block / 4, q + b * block, block);
        acc = Fma(static_cast<float>(isum), scale[b] * job.d[t], acc);
      }
      job.y[t * job.y_stride + r] = acc;
    }
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_TERNARY_INL_H_
