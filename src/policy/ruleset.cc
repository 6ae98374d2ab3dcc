#include "policy/ruleset.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_set>

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Code;
using core::Quoted;
using core::Result;
using core::Status;

struct BuiltInRule {
  std::string_view pattern;
  Range rms;
  std::string_view source;
};

constexpr std::string_view kInitialValue = "initial value 1, which training moves by less than this";

// Norm weights start at 1 and training moves them, seldom by more than a factor of ten; the exception is known and
// comes first. The bounds are wide on purpose: a rule that calls a good file bad does more harm than one that misses a
// bad file, which the comparison with the other layers may still find.
constexpr BuiltInRule kBitNetRules[] = {
    {"^blk\\.\\d+\\.attn_norm\\.weight$",
     {0.002, 10},
     "microsoft/bitnet-b1.58-2B-4T: 0.01 to 0.02 in all layers; libbitnet-tiny-158: 0.88 to 0.95"},
    {"_sub_norm\\.weight$", {0.02, 50}, "libbitnet-tiny-158: 0.85 to 1.30; initial value 1, a factor of 50"},
    {"_norm\\.weight$", {0.02, 50}, "libbitnet-tiny-158: 1.01 to 1.11; initial value 1, a factor of 50"},
};
constexpr BuiltInRule kGeneralRules[] = {{"_norm\\.weight$", {0.002, 50}, kInitialValue}};

template <size_t N>
Ruleset Build(std::string key, const BuiltInRule (&rules)[N]) {
  Ruleset set;
  set.key = std::move(key);
  for (const BuiltInRule& rule : rules) {
    set.norms.push_back({*Pattern::Parse(rule.pattern), rule.rms, std::string(rule.source)});
  }
  return set;
}

Result<Ruleset> ReadRuleset(const YamlMember& member) {
  const std::string what = Cat("rules ", Quoted(member.key));
  BN_RETURN_IF_ERROR(ExpectMap(member.value, what, {"norms", "proj_rms_min", "proj_rms_max"}));
  Ruleset set;
  set.key = member.key;
  if (const YamlNode* norms = Optional(member.value, "norms")) {
    BN_RETURN_IF_ERROR(ExpectList(*norms, "norms"));
    for (const YamlNode& item : norms->items) {
      BN_RETURN_IF_ERROR(ExpectMap(item, "norms", {"pattern", "min", "max"}));
      BN_ASSIGN_OR_RETURN(const YamlNode* pattern_node, Require(item, "pattern"));
      BN_ASSIGN_OR_RETURN(const std::string text, ReadString(*pattern_node, "pattern"));
      Result<Pattern> pattern = Pattern::Parse(text);
      if (!pattern.ok()) return YamlError(pattern_node->place, pattern.status().message(), text);
      BN_ASSIGN_OR_RETURN(const YamlNode* min, Require(item, "min"));
      BN_ASSIGN_OR_RETURN(const YamlNode* max, Require(item, "max"));
      NormRule rule{*std::move(pattern), {}, Cat("ruleset ", Quoted(member.key))};
      BN_ASSIGN_OR_RETURN(rule.rms.min, ReadNumber(*min, "min"));
      BN_ASSIGN_OR_RETURN(rule.rms.max, ReadNumber(*max, "max"));
      if (rule.rms.min < 0 || rule.rms.min >= rule.rms.max) {
        return YamlError(item.place,
                         Cat("norms: found min ", rule.rms.min, " and max ", rule.rms.max, ", expected 0 <= min < max"),
                         "norms");
      }
      set.norms.push_back(std::move(rule));
    }
  }
  for (const auto& [key, bound] : {std::pair("proj_rms_min", &set.proj_rms_min), {"proj_rms_max", &set.proj_rms_max}}) {
    if (const YamlNode* node = Optional(member.value, key)) {
      BN_ASSIGN_OR_RETURN(*bound, ReadPositive(*node, key));
    }
  }
  if (set.proj_rms_min && set.proj_rms_max && *set.proj_rms_min >= *set.proj_rms_max) {
    return YamlError(member.value.place, Cat(what, ": proj_rms_min is not below proj_rms_max"), "proj_rms_min");
  }
  return set;
}

}  // namespace

const NormRule* Ruleset::Find(std::string_view tensor) const {
  for (const NormRule& rule : norms) {
    if (rule.pattern.Matches(tensor)) return &rule;
  }
  return nullptr;
}

Ruleset BuiltInRules(std::string_view architecture) {
  for (const std::string_view name : {"bitnet-b1.58", "bitnet-25", "bitnet"}) {
    if (architecture == name) return Build(std::string(architecture), kBitNetRules);
  }
  return Build("any architecture", kGeneralRules);
}

Result<std::vector<Ruleset>> ParseRulesets(std::string_view yaml) {
  BN_ASSIGN_OR_RETURN(const YamlNode root, ReadYaml(yaml));
  BN_RETURN_IF_ERROR(ExpectMap(root, "ruleset file", {"version", "rules"}));
  BN_ASSIGN_OR_RETURN(const YamlNode* version_node, Require(root, "version"));
  BN_ASSIGN_OR_RETURN(const uint32_t version, ReadWhole(*version_node, "version"));
  if (version != 1) return YamlError(version_node->place, Cat("version: found ", version, ", expected 1"), "version");
  BN_ASSIGN_OR_RETURN(const YamlNode* rules, Require(root, "rules"));
  if (rules->kind != YamlNode::Kind::kMap || rules->members.empty()) {
    return YamlError(rules->place, "rules: expected a map with at least one key", "rules");
  }
  std::vector<Ruleset> out;
  for (const YamlMember& member : rules->members) {
    BN_ASSIGN_OR_RETURN(Ruleset set, ReadRuleset(member));
    out.push_back(std::move(set));
  }
  return out;
}

Result<const Ruleset*> SelectRules(const std::vector<Ruleset>& rulesets, const ModelIdentity& model) {
  const std::string exact = Cat(model.architecture, ":", model.quantization);
  for (const std::string& key : {exact, model.architecture}) {
    for (const Ruleset& set : rulesets) {
      if (set.key == key) return &set;
    }
  }
  return Status(Code::kPolicyNoMatch,
                Cat("the ruleset file has no rules for ", Quoted(exact), " or ", Quoted(model.architecture)), exact);
}

}  // namespace bitnet::policy
