#include "policy/yaml_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Quoted;
using core::Result;
using core::Status;

std::string Found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return node.plain ? Quoted(node.scalar) : Cat("the text ", Quoted(node.scalar));
    case YamlNode::Kind::kSequence: return "a list";
    case YamlNode::Kind::kMap: return "a map";
  }
  return "";
}

Status Unexpected(const YamlNode& node, std::string_view what, std::string_view expected) {
  return YamlError(node.place, Cat(what, ": found ", Found(node), ", expected ", expected), std::string(what));
}

// The whole scalar as a decimal number without inf, nan, hexadecimal or separators.
bool ParseNumber(const YamlNode& node, double& value) {
  const std::string& s = node.scalar;
  if (node.kind != YamlNode::Kind::kScalar || !node.plain || s.empty()) return false;
  if (s.find_first_not_of("0123456789+-.eE") != std::string::npos) return false;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  return error == std::errc() && end == s.data() + s.size() && std::isfinite(value);
}

// Plain scalars that YAML 1.1 or 1.2 readers take for something else than text.
bool LooksLikeOtherType(const std::string& s) {
  static constexpr std::array<std::string_view, 8> kWords = {"true", "false", "yes", "no", "on", "off", "null", "nan"};
  std::string lower(s);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end() || lower.starts_with(".inf") ||
      lower.starts_with(".nan")) {
    return true;
  }
  return s.find_first_not_of("0123456789+-._eExo:") == std::string::npos &&
         s.find_first_of("0123456789") != std::string::npos;
}

}  // namespace

Status ExpectMap(const YamlNode& node, std::string_view what, std::initializer_list<std::string_view> keys) {
  if (node.kind != YamlNode::Kind::kMap) return Unexpected(node, what, "a map");
  for (const YamlMember& member : node.members) {
    if (std::find(keys.begin(), keys.end(), member.key) != keys.end()) continue;
    std::string known;
    for (const std::string_view key : keys) known += Cat(known.empty() ? "" : ", ", key);
    return YamlError(member.place, Cat(what, ": unknown key ", Quoted(member.key), ", expected ", known), member.key);
  }
  return {};
}

Status ExpectList(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlNode::Kind::kSequence) return Unexpected(node, what, "a list");
  if (node.items.empty()) return YamlError(node.place, Cat(what, ": an empty list"), std::string(what));
  return {};
}

Result<const YamlNode*> Require(const YamlNode& map, std::string_view key) {
  const YamlMember* member = map.Find(key);
  if (member == nullptr) return YamlError(map.place, Cat("key '", key, "' is missing"), std::string(key));
  return &member->value;
}

const YamlNode* Optional(const YamlNode& map, std::string_view key) {
  const YamlMember* member = map.Find(key);
  return member != nullptr ? &member->value : nullptr;
}

Result<std::string> ReadString(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlNode::Kind::kScalar) return Unexpected(node, what, "a text");
  if (node.plain && LooksLikeOtherType(node.scalar)) return Unexpected(node, what, "a text: put it in quotes");
  return node.scalar;
}

Result<double> ReadNumber(const YamlNode& node, std::string_view what) {
  double value = 0;
  if (!ParseNumber(node, value)) return Unexpected(node, what, "a finite number");
  return value;
}

Result<double> ReadPositive(const YamlNode& node, std::string_view what) {
  BN_ASSIGN_OR_RETURN(const double value, ReadNumber(node, what));
  if (value <= 0) return Unexpected(node, what, "a number above 0");
  return value;
}

Result<uint32_t> ReadWhole(const YamlNode& node, std::string_view what) {
  uint32_t value = 0;
  const std::string& s = node.scalar;
  const bool digits = node.kind == YamlNode::Kind::kScalar && node.plain && !s.empty() &&
                      s.find_first_not_of("0123456789") == std::string::npos && (s.size() == 1 || s[0] != '0');
  if (!digits || std::from_chars(s.data(), s.data() + s.size(), value).ec != std::errc()) {
    return Unexpected(node, what, "a whole number from 0 to 4294967295");
  }
  return value;
}

Result<Range> ReadRange(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlNode::Kind::kSequence || node.items.size() != 2) {
    return Unexpected(node, what, "a list of two numbers");
  }
  Range range;
  BN_ASSIGN_OR_RETURN(range.min, ReadNumber(node.items[0], what));
  BN_ASSIGN_OR_RETURN(range.max, ReadNumber(node.items[1], what));
  if (range.min < 0 || range.min >= range.max) {
    return YamlError(node.place, Cat(what, ": found [", range.min, ", ", range.max, "], expected 0 <= min < max"),
                     std::string(what));
  }
  return range;
}

}  // namespace bitnet::policy
