// Quantised activation rows side by side, as block_tokens reads them: a lane of a vector is a token, so that no sum
// leaves its lane.
#ifndef BITNET_KERNELS_TOKEN_GROUP_H_
#define BITNET_KERNELS_TOKEN_GROUP_H_

#include <cstddef>
#include <cstdint>

namespace bitnet::kernels {

constexpr size_t kGroupTokens = 16;  // those that are not there are zeros
constexpr size_t kSumElements = 16;  // what the minima of blocks are multiplied with: sums of so many neighbours

// [n / 2][kGroupTokens][2] int16 of activations, the same of n / kSumElements sums, [n / block][kGroupTokens] f32
// scales. n a multiple of block, block of 32.
struct TokenGroup {
  const int16_t* q;
  const int16_t* sums;
  const float* d_a;

  static constexpr size_t Bytes(size_t n, size_t block) {
    return kGroupTokens * ((n + n / kSumElements) * sizeof(int16_t) + n / block * sizeof(float));
  }
  // Puts rows q [n_tokens, n] and their block scales d_a [n_tokens, n / block] into `memory` [Bytes(n, block)], aligned
  // as a float is; n_tokens <= kGroupTokens.
  static TokenGroup Make(const int8_t* q, const float* d_a, size_t n, size_t block, size_t n_tokens,
                         void* memory) noexcept;
};

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_TOKEN_GROUP_H_
