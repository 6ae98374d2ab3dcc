#include "kernels/token_group.h"

namespace bitnet::kernels {

TokenGroup TokenGroup::Make(const int8_t* q, const float* d_a, size_t n, size_t block, size_t n_tokens,
                            void* memory) noexcept {
  auto* const pairs = static_cast<int16_t*>(memory);
  int16_t* const sums = pairs + n * kGroupTokens;
  auto* const scales = reinterpret_cast<float*>(sums + n / kSumElements * kGroupTokens);
  for (size_t t = 0; t < kGroupTokens; ++t) {
    const bool live = t < n_tokens;
    const int8_t* const row = q + (live ? t : 0) * n;
    for (size_t i = 0; i < n; i += 2) {
      int16_t* const pair = pairs + (i / 2 * kGroupTokens + t) * 2;
      pair[0] = live ? row[i] : int16_t{0};
      pair[1] = live ? row[i + 1] : int16_t{0};
    }
    for (size_t s = 0; s < n / kSumElements; ++s) {
      int sum = 0;
      for (size_t i = 0; i < kSumElements; ++i) sum += row[s * kSumElements + i];
      sums[(s / 2 * kGroupTokens + t) * 2 + s % 2] = static_cast<int16_t>(live ? sum : 0);
    }
    for (size_t b = 0; b < n / block; ++b) scales[b * kGroupTokens + t] = live ? d_a[t * (n / block) + b] : 0.0f;
  }
  return {pairs, sums, scales};
}

}  // namespace bitnet::kernels
