// config.json of a Hugging Face folder: hyperparameters, and how the weights beside it are stored.
#ifndef BITNET_CORE_MODEL_HF_CONFIG_H_
#define BITNET_CORE_MODEL_HF_CONFIG_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/model/hparams.h"

namespace bitnet::core {

struct HfConfig {
  HParams hparams;
  bool packed = false;            // linears are U8 codes with a weight_scale, else dense masters, made ternary at load
  bool reciprocal_scale = false;  // packed: weight = (code - 1) / weight_scale, else times it
  std::optional<bool> tied;       // tie_word_embeddings
  // What divides the frequencies of RoPE, [n_rot / 2], from a rope_scaling of the type llama3; null: nothing. As a
  // GGUF holds it in rope_freqs.weight (rope_scaling.h).
  std::shared_ptr<const std::vector<float>> rope_divisors;
};

// `json` is the text of the file. Errors name the key.
Result<HfConfig> ParseHfConfig(std::string_view json);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_HF_CONFIG_H_
