// What a correction policy asks the loader to change: plain values, made by src/policy, applied by the loader on its
// own copy of the norms. The file on disk is never touched.
#ifndef BITNET_CORE_MODEL_CORRECTIONS_H_
#define BITNET_CORE_MODEL_CORRECTIONS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bitnet::core {

// gamma' = gamma * factor in f32, and what must hold after it.
struct NormScale {
  std::string tensor;  // full name, for example "blk.3.attn_norm.weight"
  float factor = 1.0f;
  double rms_min = 0;  // postcondition: rms_min <= RMS after <= rms_max
  double rms_max = 0;
};

struct Corrections {
  std::vector<NormScale> norm_scales;
  std::vector<std::pair<uint32_t, float>> attention_scales;  // (layer, factor)
  bool empty() const { return norm_scales.empty() && attention_scales.empty(); }
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_CORRECTIONS_H_
