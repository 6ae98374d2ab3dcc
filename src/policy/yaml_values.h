// Typed reads of a YAML tree: every error names line, column and key, says what was found and what was expected.
#ifndef BITNET_POLICY_YAML_VALUES_H_
#define BITNET_POLICY_YAML_VALUES_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "policy/yaml_reader.h"

namespace bitnet::policy {

struct Range {
  double min = 0, max = 0;
  bool Contains(double x) const { return x >= min && x <= max; }  // false for NaN
};

// The node is a map with no keys but these; `what` names it in messages.
core::Status ExpectMap(const YamlNode& node, std::string_view what, std::initializer_list<std::string_view> keys);
// The node is a sequence with at least one item.
core::Status ExpectList(const YamlNode& node, std::string_view what);
// The member `key` of a map.
core::Result<const YamlNode*> Require(const YamlNode& map, std::string_view key);
// The same, null when absent.
const YamlNode* Optional(const YamlNode& map, std::string_view key);

// A quoted scalar, or a plain one that no YAML reader could take for a number, a boolean or nothing.
core::Result<std::string> ReadString(const YamlNode& node, std::string_view what);
// A finite decimal number.
core::Result<double> ReadNumber(const YamlNode& node, std::string_view what);
core::Result<double> ReadPositive(const YamlNode& node, std::string_view what);
// A whole number from 0 to 2^32 - 1.
core::Result<uint32_t> ReadWhole(const YamlNode& node, std::string_view what);
// [min, max] with 0 <= min < max.
core::Result<Range> ReadRange(const YamlNode& node, std::string_view what);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_YAML_VALUES_H_
