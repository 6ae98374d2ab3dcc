// Scaling of RoPE that a config.json asks for, as the divisors of its frequencies.
#ifndef BITNET_CORE_MODEL_ROPE_SCALING_H_
#define BITNET_CORE_MODEL_ROPE_SCALING_H_

#include <cstdint>
#include <vector>

namespace bitnet::core {

// Members of rope_scaling with rope_type llama3, all above 0, low < high.
struct Llama3Scaling {
  float factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  float n_ctx_original = 8192;
};

// [n_rot / 2]: what divides the frequency base^(-2k / n_rot), as converters to GGUF write it to rope_freqs.weight. With
// w = 2 pi / frequency and c = n_ctx_original: 1 where w < c / high; factor where w > c / low; else
// 1 / ((1 - s) / factor + s), s = (c / w - low) / (high - low). Binary64, each rounded to f32 at the end. transformers
// computes the same in f32 (_compute_llama3_parameters).
std::vector<float> Llama3Divisors(const Llama3Scaling& scaling, double base, uint32_t n_rot);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_ROPE_SCALING_H_
