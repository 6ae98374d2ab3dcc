// YAML text as a tree of our own, with the place of every node. yaml-cpp stays inside yaml_reader.cc.
//
// Read is a subset in which nothing is guessed: UTF-8, spaces instead of tabs, one document, no tags, string keys, no
// key twice, bounded size, depth, nodes and aliases.
#ifndef BITNET_POLICY_YAML_READER_H_
#define BITNET_POLICY_YAML_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/limits.h"

namespace bitnet::policy {

using Place = core::TextPlace;

struct YamlMember;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;  // a scalar without quotes
  Place place;
  std::string scalar;
  std::vector<YamlNode> items;
  std::vector<YamlMember> members;  // file order

  const YamlMember* Find(std::string_view key) const;  // null: absent or not a map
};

struct YamlMember {
  std::string key;
  Place place;
  YamlNode value;
};

// kPolicyInvalid with "line L, column C: " before the reason.
core::Result<YamlNode> ReadYaml(std::string_view text);

// The same form of message, for readers of the tree.
core::Status YamlError(Place place, std::string_view message, std::string what = {});

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_YAML_READER_H_
