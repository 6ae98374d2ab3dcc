// What a run really did: plain values that the runtime fills and that receipts serialise.
#ifndef BITNET_CORE_RUNTIME_FACTS_H_
#define BITNET_CORE_RUNTIME_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/sha256.h"

namespace bitnet::core {

struct KernelCalls {
  std::string id;      // "AVX2.ternary_gemv"
  uint64_t calls = 0;  // rows that this kernel produced: the same for every thread count
};

// A GPU that took part.
struct GpuFacts {
  std::string name;
  std::string capability;  // "9.0"
  std::string driver;      // "13.0"
  uint32_t n_layers = 0;   // that it computed
};

struct RunFacts {
  std::string target;  // name of the kernel table of the CPU; that of the GPU where the CPU computed no layer
  std::string device;  // "cpu", "cuda" or "hybrid": where layers were computed
  std::string requested_device;
  std::string fallback_reason;  // why `device` is not what was requested, or ""
  std::vector<GpuFacts> gpus;
  uint32_t threads = 0;
  std::vector<KernelCalls> kernels;     // those that ran, in the order of kernels::Op
  std::optional<Digest> logits_sha256;  // of the last generation; none without a draw
  double prompt_ms = 0;                 // evaluation of the prompt of the last generation
  double generate_ms = 0;               // from the first draw to the last
  double time_to_first_token_ms = 0;    // from the start of the generation to the first draw
  uint64_t n_prompt_tokens = 0;
  uint64_t n_generated_tokens = 0;  // draws, the stop token's included
  uint64_t n_evaluated_tokens = 0;  // rows that went through the graph
  std::string head;                 // "full" or "shortcut": what the draws used
  uint64_t head_survivors = 0;      // rows computed exactly by the shortcut, all draws together

  // The last generation alone, from its begin on, for receipts.
  std::vector<KernelCalls> generation_kernels;
  uint64_t n_generation_evaluated = 0;
  uint64_t n_cached_tokens = 0;           // in the context when it began
  std::vector<uint32_t> logits_prefixes;  // for each draw, the first 32 bits (big-endian) of the digest up to it
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_FACTS_H_
