// Patterns of rulesets: a small regular language, matched in time proportional to pattern times name.
#ifndef BITNET_POLICY_PATTERN_H_
#define BITNET_POLICY_PATTERN_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace bitnet::policy {

// Characters, `.` (any), `[a-z0-9_]` and `[^...]`, `\d`, `\c` for c itself; after one of these `*`, `+` or `?`; `^` in
// front and `$` at the end. Without them the pattern may match anywhere in a name.
class Pattern {
 public:
  // kPolicyInvalid for anything else: groups, alternatives and counts are refused, never taken literally.
  static core::Result<Pattern> Parse(std::string_view text);
  bool Matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  struct Item {
    std::bitset<256> set;
    bool optional = false;  // * and ?
    bool repeats = false;   // * and +
  };
  std::string text_;
  std::vector<Item> items_;
  bool at_start_ = false, at_end_ = false;
};

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_PATTERN_H_
