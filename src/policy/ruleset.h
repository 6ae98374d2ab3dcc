// What the statistics of a healthy model look like: built-in rules by architecture, and rulesets from YAML.
#ifndef BITNET_POLICY_RULESET_H_
#define BITNET_POLICY_RULESET_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "policy/model_view.h"
#include "policy/pattern.h"
#include "policy/yaml_values.h"

namespace bitnet::policy {

struct NormRule {
  Pattern pattern;     // of tensor names; the first that matches decides
  Range rms;           // accepted
  std::string source;  // where the numbers come from
};

struct Ruleset {
  std::string key;  // "bitnet-b1.58", or "bitnet-b1.58:I2_S" for one type of weights
  std::vector<NormRule> norms;
  std::optional<double> proj_rms_min, proj_rms_max;  // of the projections' weights, dequantised

  const NormRule* Find(std::string_view tensor) const;  // null: no rule says anything about it
};

// The built-in rules for an architecture; those for any architecture when it is unknown.
Ruleset BuiltInRules(std::string_view architecture);

// A ruleset file: `version: 1`, `rules: {KEY: {norms: [{pattern, min, max}], proj_rms_min, proj_rms_max}}`.
// kPolicyInvalid with line and column.
core::Result<std::vector<Ruleset>> ParseRulesets(std::string_view yaml);

// The rules of "ARCHITECTURE:QUANTIZATION", else of "ARCHITECTURE"; kPolicyNoMatch when a file has neither.
core::Result<const Ruleset*> SelectRules(const std::vector<Ruleset>& rulesets, const ModelIdentity& model);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_RULESET_H_
