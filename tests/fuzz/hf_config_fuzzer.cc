// Any text as config.json: an error or hyperparameters that a graph can use.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/model/hf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = bitnet::core::ParseHfConfig({reinterpret_cast<const char*>(data), size});
  if (!config.ok()) {
    if (config.status().message().empty()) std::abort();  // every error says what is wrong
    return 0;
  }
  const auto& h = config->hparams;
  if (h.n_layers == 0 || h.n_embd == 0 || h.n_ff == 0 || h.n_vocab == 0 || h.n_ctx_train == 0) std::abort();
  if (h.n_heads_kv == 0 || h.n_heads % h.n_heads_kv != 0 || h.head_dim == 0 || h.head_dim % 2 != 0) std::abort();
  if (!(h.norm_eps > 0) || !(h.rope_base > 0) || !(h.rope_linear_factor > 0)) std::abort();
  return 0;
}
