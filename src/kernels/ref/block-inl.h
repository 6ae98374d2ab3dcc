// Block-quantised matrices: products, and rows as f32. Layouts: docs/formats.md, section 1.
#ifndef BITNET_KERNELS_REF_BLOCK_INL_H_
#define BITNET_KERNELS_REF_BLOCK_INL_H_

#include "kernels/pack.h"
#include "kernels/ref/striped-inl.h"
#include "kernels/ref/ternary-inl.h"
#include "kernels/ref/unpack_block-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

inline void BlockRows(Block type, const void* w, size_t n, const int8_t* q, const float* d_a, size_t row_begin,
                      size_t row_end, float* y) noexcept {
  const size_t elements = BlockElements(type);
  const size_t n_blocks = n / elements;
  for (size_t r = row_begin; r < row_end; ++r) {
    const uint8_t* const row = static_cast<const uint8_t*>(w) + r * n_blocks * BlockBytes(type);
    float acc = 0.0f;
    for (size_t b = 0; b < n_blocks; ++b) {
      Unpacked block;
      UnpackBlockOf(type, row + b * BlockBytes(type), &block);
      const size_t sub = elements / block.n_scales;
      int32_t isum = 0;
      for (size_t s = 0; s < block.n_scales; ++s) {
        isum += block.scale[s] * DotInt8(block.q + s * sub, q + b * elements + s * sub, sub);
      }
      acc = Fma(static_cast<float>(isum), block.d * d_a[b], acc);
      if (!block.has_min) continue;
      int32_t msum = 0;
      for (size_t s = 0; s < block.n_scales; ++s) {
        const int8_t* const qs = q + b * elements + s * sub;
        for (size_t i = 0; i < sub; ++i) msum += block.minimum[s] * qs[i];
      }
      const float m = static_cast<float>(msum);
      acc = Fma(block.add_min ? m : -m, block.m * d_a[b], acc);
    }
    y[r] = acc;
  }
}

inline void BlockTokens(const BlockTokensJob& job, size_t row_begin, size_t row_end) noexcept {
  const size_t elements = BlockElements(job.type);
  const size_t n_blocks = job.n / elements;
  for (size_t r = row_begin; r < row_end; ++r) {
    const uint8_t* const row = static_cast<const uint8_t*>(job.w) + r * n_blocks * BlockBytes(job.type);
    float acc[kGroupTokens] = {};
    for (size_t b = 0; b < n_blocks; ++b) {
      Unpacked block;
      UnpackBlockOf(job.type, row + b * BlockBytes(job.type), &block);
      const size_t sub = elements / block.n_scales;
      for (size_t t = 0; t < job.n_tokens; ++t) {
        int32_t isum = 0, msum = 0;
        for (size_t i = 0; i < elements; ++i) {
          const int32_t q = job.group.q[((b * elements + i) / 2 * kGroupTokens + t) * 2 + i % 2];
          isum += block.scale[i / sub] * block.q[i] * q;
          if (block.has_min) msum += block.minimum[i / sub] * q;
        }
        const float d_a = job.group.d_a[b * kGroupTokens + t];
        acc[t] = Fma(static_cast<float>(isum), block.d * d_a, acc[t]);
        if (!block.has_min) continue;
        const float m = static_cast<float>(msum);
        acc[t] = Fma(block.add_min ? m : -m, block.m * d_a, acc[t]);
      }
    }
    for (size_t t = 0; t < job.n_tokens; ++t) job.y[t * job.y_stride + r] = acc[t];
  }
}

inline void BlockRowToF32(Block type, const void* w, size_t n, size_t row, float* y) noexcept {
  const size_t elements = BlockElements(type);
  const size_t n_blocks = n / elements;
  const uint8_t* const bytes = static_cast<const uint8_t*>(w) + row * n_blocks * BlockBytes(type);
  for (size_t b = 0; b < n_blocks; ++b) {
    Unpacked block;
    UnpackBlockOf(type, bytes + b * BlockBytes(type), &block);
    const size_t sub = elements / block.n_scales;
    for (size_t i = 0; i < elements; ++i) {
      const float w = (block.d * static_cast<float>(block.scale[i / sub])) * static_cast<float>(block.q[i]);
      const float m = block.m * static_cast<float>(block.minimum[i / sub]);
      y[b * elements + i] = !block.has_min ? w : block.add_min ? w + m : w - m;
    }
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_BLOCK_INL_H_
