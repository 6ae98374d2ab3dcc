#include "policy/policy.h"

#include <algorithm>
#include <unordered_set>

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Quoted;
using core::Result;
using core::Status;

constexpr size_t kMinPrefix = 12;  // 48 bits: no two files of a person's collection share them by chance
constexpr size_t kFullDigits = 64;

Result<std::string> ReadSha256(const YamlNode& node) {
  BN_ASSIGN_OR_RETURN(std::string value, ReadString(node, "value"));
  if (value.ends_with("...")) value.resize(value.size() - 3);
  for (char& c : value) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
  }
  const bool hex = value.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex || value.size() < kMinPrefix || value.size() > kFullDigits) {
    return YamlError(node.place,
                     Cat("value: found ", Quoted(value, 80), ", expected ", kMinPrefix, " to ", kFullDigits,
                         " hex digits of the file's sha-256"),
                     "value");
  }
  return value;
}

Result<Fingerprint> ReadFingerprint(const YamlNode& node, bool inside_combined) {
  BN_RETURN_IF_ERROR(ExpectMap(
      node, "fingerprint", {"type", "value", "model_name", "quantization", "vocab_size", "architecture", "criteria"}));
  BN_ASSIGN_OR_RETURN(const YamlNode* type_node, Require(node, "type"));
  BN_ASSIGN_OR_RETURN(const std::string type, ReadString(*type_node, "type"));
  Fingerprint f;
  if (type == "gguf_sha256") {
    f.type = Fingerprint::Type::kSha256;
    BN_RETURN_IF_ERROR(ExpectMap(node, "fingerprint gguf_sha256", {"type", "value"}));
    BN_ASSIGN_OR_RETURN(const YamlNode* value, Require(node, "value"));
    BN_ASSIGN_OR_RETURN(f.sha256, ReadSha256(*value));
  } else if (type == "metadata") {
    f.type = Fingerprint::Type::kMetadata;
    BN_RETURN_IF_ERROR(
        ExpectMap(node, "fingerprint metadata", {"type", "model_name", "quantization", "vocab_size", "architecture"}));
    if (node.members.size() < 2) return YamlError(node.place, "fingerprint metadata: no field to match", "fingerprint");
    for (const YamlMember& m : node.members) {
      if (m.key == "model_name") {
        BN_ASSIGN_OR_RETURN(f.model_name, ReadString(m.value, m.key));
      } else if (m.key == "quantization") {
        BN_ASSIGN_OR_RETURN(f.quantization, ReadString(m.value, m.key));
      } else if (m.key == "architecture") {
        BN_ASSIGN_OR_RETURN(f.architecture, ReadString(m.value, m.key));
      } else if (m.key == "vocab_size") {
        BN_ASSIGN_OR_RETURN(f.vocab_size, ReadWhole(m.value, m.key));
      }
    }
  } else if (type == "combined" && !inside_combined) {
    f.type = Fingerprint::Type::kCombined;
    BN_RETURN_IF_ERROR(ExpectMap(node, "fingerprint combined", {"type", "criteria"}));
    BN_ASSIGN_OR_RETURN(const YamlNode* criteria, Require(node, "criteria"));
    BN_RETURN_IF_ERROR(ExpectList(*criteria, "criteria"));
    for (const YamlNode& item : criteria->items) {
      BN_ASSIGN_OR_RETURN(Fingerprint criterion, ReadFingerprint(item, /*inside_combined=*/true));
      f.criteria.push_back(std::move(criterion));
    }
  } else {
    return YamlError(type_node->place,
                     Cat("type: unknown fingerprint ", Quoted(type), ", expected gguf_sha256, ",
                         inside_combined ? "metadata" : "metadata, combined"),
                     "type");
  }
  return f;
}

// `all` (spelt as `word`) or a list of layer indices, none of them twice.
Result<std::optional<std::vector<uint32_t>>> ReadLayers(const YamlNode& node, std::string_view what,
                                                        std::string_view word) {
  if (node.kind == YamlNode::Kind::kScalar && node.scalar == word) return std::optional<std::vector<uint32_t>>();
  if (node.kind != YamlNode::Kind::kSequence) {
    return YamlError(node.place, Cat(what, ": expected ", word, " or a list of layer indices"), std::string(what));
  }
  BN_RETURN_IF_ERROR(ExpectList(node, what));
  std::vector<uint32_t> layers;
  std::unordered_set<uint32_t> seen;
  for (const YamlNode& item : node.items) {
    BN_ASSIGN_OR_RETURN(const uint32_t layer, ReadWhole(item, what));
    if (!seen.insert(layer).second) return YamlError(item.place, Cat(what, ": layer ", layer, " occurs twice"));
    layers.push_back(layer);
  }
  return std::optional(std::move(layers));
}

// A list of maps with the one key `condition`.
Result<std::vector<Range>> ReadConditions(const YamlNode& node, std::string_view what, std::string_view condition) {
  BN_RETURN_IF_ERROR(ExpectList(node, what));
  std::vector<Range> ranges;
  for (const YamlNode& item : node.items) {
    BN_RETURN_IF_ERROR(ExpectMap(item, what, {condition}));
    BN_ASSIGN_OR_RETURN(const YamlNode* range, Require(item, condition));
    BN_ASSIGN_OR_RETURN(ranges.emplace_back(), ReadRange(*range, condition));
  }
  return ranges;
}

Status ReadTensors(const YamlNode& node, std::vector<std::string>& tensors) {
  BN_RETURN_IF_ERROR(ExpectList(node, "tensors"));
  for (const YamlNode& item : node.items) {
    BN_ASSIGN_OR_RETURN(std::string name, ReadString(item, "tensors"));
    if (std::find(tensors.begin(), tensors.end(), name) != tensors.end()) {
      return YamlError(item.place, Cat("tensors: ", Quoted(name), " occurs twice"), name);
    }
    tensors.push_back(std::move(name));
  }
  return {};
}

Status ReadPostconditions(const YamlNode* node, Correction& c) {
  const Range around_target = {std::max(0.0, c.target_rms - c.tolerance), c.target_rms + c.tolerance};
  c.in_range = around_target;
  if (node == nullptr) return {};
  BN_ASSIGN_OR_RETURN(const std::vector<Range> ranges, ReadConditions(*node, "postconditions", "rms_in_range"));
  // |rms - target| <= tolerance is promised by `tolerance` too.
  for (const Range& r : ranges) c.in_range = {std::max(c.in_range.min, r.min), std::min(c.in_range.max, r.max)};
  if (c.in_range.Contains(c.target_rms)) return {};
  return YamlError(node->place, Cat("postconditions: target_rms ", c.target_rms, " itself does not meet them"),
                   "postconditions");
}

Status ReadLayernormScale(const YamlNode& node, const YamlNode& parameters, Correction& c) {
  BN_RETURN_IF_ERROR(ExpectMap(parameters, "parameters", {"target_rms", "tolerance", "layers", "tensors", "clamp"}));
  BN_ASSIGN_OR_RETURN(const YamlNode* target, Require(parameters, "target_rms"));
  BN_ASSIGN_OR_RETURN(c.target_rms, ReadPositive(*target, "target_rms"));
  if (const YamlNode* tolerance = Optional(parameters, "tolerance")) {
    BN_ASSIGN_OR_RETURN(c.tolerance, ReadPositive(*tolerance, "tolerance"));
  }
  BN_ASSIGN_OR_RETURN(const YamlNode* layers, Require(parameters, "layers"));
  BN_ASSIGN_OR_RETURN(c.layers, ReadLayers(*layers, "layers", "all"));
  if (const YamlNode* tensors = Optional(parameters, "tensors")) BN_RETURN_IF_ERROR(ReadTensors(*tensors, c.tensors));
  if (const YamlNode* clamp = Optional(parameters, "clamp")) {
    BN_ASSIGN_OR_RETURN(c.clamp, ReadRange(*clamp, "clamp"));
  }
  BN_RETURN_IF_ERROR(ReadPostconditions(Optional(node, "postconditions"), c));
  if (const YamlNode* conditions = Optional(node, "preconditions")) {
    BN_ASSIGN_OR_RETURN(c.out_of_range, ReadConditions(*conditions, "preconditions", "rms_out_of_range"));
  } else {
    c.out_of_range = {{std::max(0.0, c.target_rms - c.tolerance), c.target_rms + c.tolerance}};
  }
  return {};
}

Status ReadAttentionScale(const YamlNode& node, const YamlNode& parameters, Correction& c) {
  BN_RETURN_IF_ERROR(ExpectMap(node, "correction attention_scale", {"type", "description", "parameters"}));
  BN_RETURN_IF_ERROR(ExpectMap(parameters, "parameters", {"scale_factor", "apply_to"}));
  BN_ASSIGN_OR_RETURN(const YamlNode* factor, Require(parameters, "scale_factor"));
  BN_ASSIGN_OR_RETURN(c.scale_factor, ReadPositive(*factor, "scale_factor"));
  const auto rounded = static_cast<float>(c.scale_factor);
  if (!(rounded > 0) || rounded > 3.4028234e38f) {
    return YamlError(factor->place, "scale_factor: 0 or infinite as binary32", "scale_factor");
  }
  BN_ASSIGN_OR_RETURN(const YamlNode* layers, Require(parameters, "apply_to"));
  BN_ASSIGN_OR_RETURN(c.layers, ReadLayers(*layers, "apply_to", "all_layers"));
  return {};
}

Result<Correction> ReadCorrection(const YamlNode& node) {
  BN_RETURN_IF_ERROR(
      ExpectMap(node, "correction", {"type", "description", "parameters", "preconditions", "postconditions"}));
  Correction c;
  c.place = node.place;
  if (const YamlNode* text = Optional(node, "description")) {
    BN_ASSIGN_OR_RETURN(c.description, ReadString(*text, "description"));
  }
  BN_ASSIGN_OR_RETURN(const YamlNode* type_node, Require(node, "type"));
  BN_ASSIGN_OR_RETURN(const std::string type, ReadString(*type_node, "type"));
  BN_ASSIGN_OR_RETURN(const YamlNode* parameters, Require(node, "parameters"));
  if (type == "layernorm_scale") {
    BN_RETURN_IF_ERROR(ReadLayernormScale(node, *parameters, c));
  } else if (type == "attention_scale") {
    c.type = CorrectionType::kAttentionScale;
    BN_RETURN_IF_ERROR(ReadAttentionScale(node, *parameters, c));
  } else {
    return YamlError(type_node->place,
                     Cat("type: unknown correction ", Quoted(type), ", expected layernorm_scale or attention_scale"),
                     "type");
  }
  return c;
}

Result<Policy> ReadPolicy(const YamlNode& node) {
  BN_RETURN_IF_ERROR(ExpectMap(node, "policy", {"name", "description", "fingerprint", "corrections"}));
  Policy policy;
  policy.place = node.place;
  BN_ASSIGN_OR_RETURN(const YamlNode* name, Require(node, "name"));
  BN_ASSIGN_OR_RETURN(policy.name, ReadString(*name, "name"));
  if (policy.name.empty()) return YamlError(name->place, "name: empty", "name");
  if (const YamlNode* text = Optional(node, "description")) {
    BN_ASSIGN_OR_RETURN(policy.description, ReadString(*text, "description"));
  }
  BN_ASSIGN_OR_RETURN(const YamlNode* fingerprint, Require(node, "fingerprint"));
  BN_ASSIGN_OR_RETURN(policy.fingerprint, ReadFingerprint(*fingerprint, /*inside_combined=*/false));
  BN_ASSIGN_OR_RETURN(const YamlNode* corrections, Require(node, "corrections"));
  BN_RETURN_IF_ERROR(ExpectList(*corrections, "corrections"));
  for (const YamlNode& item : corrections->items) {
    BN_ASSIGN_OR_RETURN(Correction correction, ReadCorrection(item));
    policy.corrections.push_back(std::move(correction));
  }
  return policy;
}

}  // namespace

std::string_view FingerprintTypeName(Fingerprint::Type type) {
  switch (type) {
    case Fingerprint::Type::kSha256: return "gguf_sha256";
    case Fingerprint::Type::kMetadata: return "metadata";
    case Fingerprint::Type::kCombined: return "combined";
  }
  return "";
}

std::string_view CorrectionTypeName(CorrectionType type) {
  return type == CorrectionType::kLayernormScale ? "layernorm_scale" : "attention_scale";
}

Result<PolicyFile> ParsePolicy(std::string_view yaml) {
  BN_ASSIGN_OR_RETURN(const YamlNode root, ReadYaml(yaml));
  BN_RETURN_IF_ERROR(ExpectMap(root, "policy file", {"version", "policies"}));
  PolicyFile file;
  BN_ASSIGN_OR_RETURN(const YamlNode* version, Require(root, "version"));
  BN_ASSIGN_OR_RETURN(file.version, ReadWhole(*version, "version"));
  if (file.version != 1) return YamlError(version->place, Cat("version: found ", file.version, ", expected 1"));
  BN_ASSIGN_OR_RETURN(const YamlNode* policies, Require(root, "policies"));
  BN_RETURN_IF_ERROR(ExpectList(*policies, "policies"));
  std::unordered_set<std::string> names;
  for (const YamlNode& item : policies->items) {
    BN_ASSIGN_OR_RETURN(Policy policy, ReadPolicy(item));
    if (!names.insert(policy.name).second) {
      return YamlError(item.place, Cat("name: two policies ", Quoted(policy.name)), policy.name);
    }
    file.policies.push_back(std::move(policy));
  }
  return file;
}

}  // namespace bitnet::policy
