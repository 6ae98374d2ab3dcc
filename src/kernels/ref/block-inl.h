// Block-quantised matrices: products, and rows as f32. Layouts: docs/formats.md, section 1.
#ifndef BITNET_KERNELS_REF_BLOCK_INL_H_
#define BITNET_KERNELS_REF_BLOCK_INL_H_

#include <cstring>

#include "kernels/pack.h"
#include "kernels/ref/striped-inl.h"
#include "kernels/ref/ternary-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

// One block as integers: w = (d * scale[i / sub]) * q[i], sub = elements / n_scales.
struct Unpacked {
  int8_t q[256];
  int8_t scale[16];
  size_t n_scales;
  float d;
};

inline float LoadF16(const uint8_t* bytes) { return F16ToF32(static_cast<uint16_t>(bytes[0] | bytes[1] << 8)); }

inline void UnpackQ8_0(const uint8_t* bytes, Unpacked* block) {
  block->d = LoadF16(bytes);
  std::memcpy(block->q, bytes + 2, 32);
  block->scale[0] = 1;
  block->n_scales = 1;
}

inline void UnpackQ6_K(const uint8_t* bytes, Unpacked* block) {
  for (size_t half = 0; half < 2; ++half) {
    const uint8_t* const ql = bytes + 64 * half;
    const uint8_t* const qh = bytes + 128 + 32 * half;
    int8_t* const q = block->q + 128 * half;
    for (size_t l = 0; l < 32; ++l) {
      const int low[4] = {ql[l] & 15, ql[l + 32] & 15, ql[l] >> 4, ql[l + 32] >> 4};
      for (size_t g = 0; g < 4; ++g) {
        const int high = qh[l] >> (2 * g) & 3;
        q[l + 32 * g] = static_cast<int8_t>((low[g] | high << 4) - 32);
      }
    }
  }
  std::memcpy(block->scale, bytes + 192, 16);
  block->n_scales = 16;
  block->d = LoadF16(bytes + 208);
}

inline void UnpackBlockOf(Block type, const uint8_t* bytes, Unpacked* block) {
  if (type == Block::kQ8_0) return UnpackQ8_0(bytes, block);
  return UnpackQ6_K(bytes, block);
}

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
    }
    y[r] = acc;
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
      y[b * elements + i] = (block.d * static_cast<float>(block.scale[i / sub])) * static_cast<float>(block.q[i]);
    }
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_BLOCK_INL_H_
