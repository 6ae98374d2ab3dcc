// Any bytes as a ruleset: an error with its place, or rules whose patterns match in bounded time.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/ruleset.h"

using bitnet::core::Code;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto sets = bitnet::policy::ParseRulesets({reinterpret_cast<const char*>(data), size});
  if (!sets.ok()) {
    const std::string_view message = sets.status().message();
    if (sets.status().code() != Code::kPolicyInvalid) std::abort();
    if (!message.starts_with("line ") || message.find('\n') != std::string_view::npos) std::abort();
    return 0;
  }
  bitnet::policy::ModelIdentity model;
  model.architecture = "bitnet-b1.58";
  model.quantization = "I2_S";
  const auto selected = bitnet::policy::SelectRules(*sets, model);
  if (!selected.ok() && selected.status().code() != Code::kPolicyNoMatch) std::abort();
  for (const auto& set : *sets) {
    for (const auto& rule : set.norms) {
      if (!(rule.rms.min >= 0 && rule.rms.min < rule.rms.max)) std::abort();
    }
    for (const std::string& name : {std::string("blk.0.attn_norm.weight"), std::string(64, 'a'), std::string()}) {
      const auto* rule = set.Find(name);
      // What Find() gives does match, and nothing before it does.
      for (const auto& other : set.norms) {
        if (other.pattern.Matches(name) != (&other == rule)) std::abort();
        if (&other == rule) break;
      }
    }
  }
  return 0;
}
