#include "policy/pattern.h"

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Code;
using core::Quoted;
using core::Result;
using core::Status;

constexpr size_t kMaxPattern = 256;  // names have at most 64 bytes

void AddRange(std::bitset<256>& set, uint8_t from, uint8_t to) {
  for (int c = from; c <= to; ++c) set.set(static_cast<size_t>(c));
}

}  // namespace

Result<Pattern> Pattern::Parse(std::string_view text) {
  const auto error = [&](std::string_view why) {
    return Status(Code::kPolicyInvalid, Cat("pattern ", Quoted(text), ": ", why), std::string(text));
  };
  if (text.empty() || text.size() > kMaxPattern) return error(Cat("expected 1 to ", kMaxPattern, " characters"));
  Pattern out;
  out.text_ = text;
  size_t i = 0;
  if (text[0] == '^') {
    out.at_start_ = true;
    ++i;
  }
  while (i < text.size()) {
    const char c = text[i];
    if (c == '$' && i + 1 == text.size()) {
      out.at_end_ = true;
      break;
    }
    Item item;
    if (c == '.') {
      item.set.set();
    } else if (c == '\\') {
      if (++i == text.size()) return error("a backslash at the end");
      if (text[i] == 'd') {
        AddRange(item.set, '0', '9');
      } else if ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z')) {
        return error(Cat("unknown escape \\", text[i]));
      } else {
        item.set.set(static_cast<uint8_t>(text[i]));
      }
    } else if (c == '[') {
      const bool negated = i + 1 < text.size() && text[i + 1] == '^';
      size_t k = i + (negated ? 2 : 1);
      for (; k < text.size() && text[k] != ']'; ++k) {
        if (text[k] == '\\' || text[k] == '[') return error("a backslash or bracket inside brackets");
        const auto from = static_cast<uint8_t>(text[k]);
        auto to = from;
        if (k + 2 < text.size() && text[k + 1] == '-' && text[k + 2] != ']') {
          to = static_cast<uint8_t>(text[k + 2]);
          k += 2;
          if (to < from) return error("a range that falls");
        }
        AddRange(item.set, from, to);
      }
      if (k >= text.size() || item.set.none()) return error("brackets that do not close or are empty");
      if (negated) item.set.flip();
      i = k;
    } else if (std::string_view("*+?(){}|^$]").find(c) != std::string_view::npos) {
      return error(Cat("'", c, "' is not supported here; write \\", c, " for the character"));
    } else {
      item.set.set(static_cast<uint8_t>(c));
    }
    ++i;
    if (i < text.size() && std::string_view("*+?").find(text[i]) != std::string_view::npos) {
      item.optional = text[i] != '+';
      item.repeats = text[i] != '?';
      ++i;
    }
    out.items_.push_back(item);
  }
  return out;
}

bool Pattern::Matches(std::string_view name) const {
  // state[k]: the first k items have matched so far; all states advance together.
  std::vector<char> state(items_.size() + 1, 0), next(items_.size() + 1, 0);
  const auto skip_optional = [&](std::vector<char>& s) {
    for (size_t k = 0; k < items_.size(); ++k) {
      if (s[k] && items_[k].optional) s[k + 1] = 1;
    }
  };
  state[0] = 1;
  skip_optional(state);
  for (const char c : name) {
    if (state.back() && !at_end_) return true;
    next.assign(next.size(), 0);
    for (size_t k = 0; k < items_.size(); ++k) {
      if (!state[k] || !items_[k].set[static_cast<uint8_t>(c)]) continue;
      next[k + 1] = 1;
      if (items_[k].repeats) next[k] = 1;
    }
    if (!at_start_) next[0] = 1;
    skip_optional(next);
    state.swap(next);
  }
  return state.back() != 0;
}

}  // namespace bitnet::policy
