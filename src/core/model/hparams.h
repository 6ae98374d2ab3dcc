// What a model's metadata says about its graph, checked (docs/formats.md, section 2).
#ifndef BITNET_CORE_MODEL_HPARAMS_H_
#define BITNET_CORE_MODEL_HPARAMS_H_

#include <cstdint>
#include <string>

namespace bitnet::core {

enum class Activation : uint32_t { kRelu2, kSilu };

struct HParams {
  std::string architecture;      // canonical: "bitnet-b1.58", "bitnet" or "llama"
  std::string architecture_key;  // as the file spells it, the prefix of its keys
  uint32_t n_layers = 0;
  uint32_t n_embd = 0;
  uint32_t n_ff = 0;
  uint32_t n_heads = 0;
  uint32_t n_heads_kv = 0;  // divides n_heads
  uint32_t head_dim = 0;
  uint32_t n_rot = 0;  // even, <= head_dim: how many values of a head RoPE turns
  uint32_t n_vocab = 0;
  uint32_t n_ctx_train = 0;
  float norm_eps = 0;
  float rope_base = 10000.0f;
  float rope_linear_factor = 1.0f;  // 1: no scaling
  bool rope_adjacent = false;       // pairs (2k, 2k+1), else (k, k + n_rot/2)
  Activation activation = Activation::kRelu2;
  bool sub_norms = true;  // attn_sub_norm and ffn_sub_norm present
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_HPARAMS_H_
