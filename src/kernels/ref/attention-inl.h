// Attention: one block of keys, and the combination of blocks.
#ifndef BITNET_KERNELS_REF_ATTENTION_INL_H_
#define BITNET_KERNELS_REF_ATTENTION_INL_H_

#include "kernels/exp_c.h"
#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

template <class T>
bool AttentionBlockOf(const AttentionBlockJob& job) {
  const T* const k = static_cast<const T*>(job.k);
  const T* const v = static_cast<const T*>(job.v);
  for (size_t i = 0; i < job.n_queries; ++i) {
    const float* const q = job.q + i * job.head_dim;
    float* const z = job.z + i * kKeyBlock;
    float* const o = job.o + i * job.head_dim;
    const size_t n_keys = job.n_keys[i];
    for (size_t j = 0; j < n_keys; ++j) z[j] = Dot16(k + j * job.kv_stride, q, job.head_dim) * job.scale;
    if (!AllFinite(z, n_keys)) return false;

    float m = z[0];
    for (size_t j = 1; j < n_keys; ++j) m = z[j] > m ? z[j] : m;
    for (size_t j = 0; j < n_keys; ++j) z[j] = ExpC(z[j] - m);
    for (size_t d = 0; d < job.head_dim; ++d) o[d] = 0.0f;
    for (size_t j = 0; j < n_keys; ++j) {
      const T* const row = v + j * job.kv_stride;
      const float e = z[j];
      for (size_t d = 0; d < job.head_dim; ++d) o[d] = Fma(e, ToF32(row[d]), o[d]);
    }
    job.m[i] = m;
    job.s[i] = Sum64(z, n_keys);
    if (!AllFinite(o, job.head_dim)) return false;  // the sum is 1..256
  }
  return true;
}

inline bool AttentionBlock(const AttentionBlockJob& job) noexcept {
  switch (job.kv_type) {
    case Dense::kF32: return AttentionBlockOf<float>(job);
    case Dense::kF16: return AttentionBlockOf<F16>(job);
    case Dense::kBF16: return AttentionBlockOf<BF16>(job);
  }
  return false;
}

inline bool AttentionCombine(const float* m, const float* s, size_t stride_m, const float* o, size_t stride_o,
                             size_t n_blocks, size_t head_dim, float* y) noexcept {
  float max = m[0];
  for (size_t b = 1; b < n_blocks; ++b) max = m[b * stride_m] > max ? m[b * stride_m] : max;
  float sum = 0.0f;
  for (size_t d = 0; d < head_dim; ++d) y[d] = 0.0f;
  for (size_t b = 0; b < n_blocks; ++b) {
    const float w = ExpC(m[b * stride_m] - max);
    sum = Fma(w, s[b * stride_m], sum);
    for (size_t d = 0; d < head_dim; ++d) y[d] = Fma(w, o[b * stride_o + d], y[d]);
  }
  if (!IsFinite(sum) || !AllFinite(y, head_dim)) return false;
  for (size_t d = 0; d < head_dim; ++d) y[d] = y[d] / sum;
  return true;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_ATTENTION_INL_H_
