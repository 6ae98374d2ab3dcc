// Sampling on the K largest raw logits, exactly as docs/numerics.md orders it.
#ifndef BITNET_CORE_RUNTIME_SAMPLER_H_
#define BITNET_CORE_RUNTIME_SAMPLER_H_

#include <cstdint>
#include <span>

#include "core/base/status.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

struct SamplerOptions {
  float temperature = 0;        // 0: greedy
  uint32_t top_k = 0;           // 0: all candidates
  float top_p = 1;              // 0 < top_p <= 1
  float min_p = 0;              // 0 <= min_p <= 1
  float repeat_penalty = 1;     // > 0
  uint32_t repeat_last_n = 64;  // 0: none
  uint64_t seed = 0;
};

// kInvalidArgument naming the option and its range.
Status CheckSamplerOptions(const SamplerOptions& options);

// The next token id. `top`: the candidates (descending, ties by lower id), changed in place. `context`: all tokens
// so far; the new token's position is context.size(). kNonFinite when a quotient by the temperature is not finite.
Result<int32_t> Draw(std::span<kernels::TopEntry> top, std::span<const int32_t> context, const SamplerOptions& options);

// First output word of Philox4x32-10 (Salmon et al., SC 2011) with key = seed and counter = (position, 0, 0).
uint32_t PhiloxWord0(uint64_t seed, uint64_t position);

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_SAMPLER_H_
