// Weights as the graph uses them: views into a mapped file or into blocks that the Model owns.
#ifndef BITNET_CORE_MODEL_WEIGHTS_H_
#define BITNET_CORE_MODEL_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "kernels/kernel_table.h"
#include "kernels/pack.h"

namespace bitnet::core {

// A matrix [rows, cols], row-major, in one of four kinds.
struct Matrix {
  enum class Kind : uint32_t {
    kNone,           // absent (a tied head)
    kTernary,        // packed codes, scale per tensor or per row
    kTernaryBlocks,  // packed codes, scales [rows, cols / block] that differ
    kDense,
    kBlock,
  };
  Kind kind = Kind::kNone;
  uint32_t rows = 0;
  uint32_t cols = 0;             // real columns; packed ternary rows hold PadTernary(cols)
  const void* data = nullptr;    // packed codes, dense elements or blocks
  const float* scale = nullptr;  // ternary: [1], [rows] or [rows, cols / block]
  uint32_t scale_stride = 0;     // 0, 1, or cols / block
  uint32_t block = 0;            // kTernaryBlocks: elements a scale covers
  kernels::Dense dense = kernels::Dense::kF32;
  kernels::Block block_type = kernels::Block::kQ8_0;
  const float* bias = nullptr;  // [rows] or null
};

struct LayerWeights {
  const float* attn_norm = nullptr;      // [n_embd]
  const float* attn_sub_norm = nullptr;  // [n_heads * head_dim] or null
  const float* ffn_norm = nullptr;       // [n_embd]
  const float* ffn_sub_norm = nullptr;   // [n_ff] or null
  Matrix q, k, v, attn_output;           // [n_heads * head_dim, n_embd], [n_heads_kv * head_dim, n_embd] x 2,
                                         // [n_embd, n_heads * head_dim]
  Matrix gate, up, down;                 // [n_ff, n_embd] x 2, [n_embd, n_ff]
  float attention_scale = 1.0f;          // factor of a correction policy; multiplies 1 / sqrt(head_dim) in f32
};

struct Weights {
  Matrix token_embd;                   // dense or block, [n_vocab, n_embd]
  Matrix output;                       // kNone: tied to token_embd
  const float* output_norm = nullptr;  // [n_embd]
  const float* rope_freqs = nullptr;   // [n_rot / 2] or null
  std::vector<LayerWeights> layers;

  const Matrix& head() const { return output.kind == Matrix::Kind::kNone ? token_embd : output; }
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_WEIGHTS_H_
