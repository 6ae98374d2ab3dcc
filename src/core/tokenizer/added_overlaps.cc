#include "core/tokenizer/added_overlaps.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/tokenizer/prefix_search.h"

namespace bitnet::core {
namespace {

bool IsRun(std::string_view text) { return text.find_first_not_of(text[0]) == std::string_view::npos; }

// Readers of GGUF files look for the longest token wherever it stands (of equal lengths the lowest id), those of a
// tokenizer.json for the leftmost, then the longest: the same as long as, of two that can overlap, the one on the
// left is the longer one, or both are runs of one character. `tokens` are sorted by text.
std::string Overlap(const std::vector<SpecialText>& tokens) {
  for (const SpecialText& left : tokens) {
    const std::string_view a = left.text;
    for (size_t at = 1; at < a.size(); ++at) {
      const std::string_view end = a.substr(at);
      auto other = std::ranges::lower_bound(tokens, end, {}, &SpecialText::text);
      for (; other != tokens.end() && other->text.starts_with(end); ++other) {
        const std::string_view b = other->text;
        const bool left_wins = a.size() > b.size() || (a.size() == b.size() && left.id <= other->id);
        if (b.size() == end.size() || left_wins || (IsRun(a) && IsRun(b))) continue;
        return Cat("the special tokens ", Quoted(a), " and ", Quoted(b),
                   " can overlap: where they do a reader of tokenizer.json takes the left one, a reader of the GGUF "
                   "the longer one");
      }
    }
  }
  return {};
}

// A control token that is not looked for hides what stands in it from readers of a tokenizer.json alone.
std::string Hidden(const std::vector<SpecialText>& tokens) {
  std::vector<std::string_view> user_defined;
  for (const SpecialText& t : tokens) {
    if (!t.control) user_defined.push_back(t.text);
  }
  for (const SpecialText& t : tokens) {
    std::string_view inside;
    for (size_t at = 0; t.control && at < t.text.size() && inside.empty(); ++at) {
      ForEachPrefix(
          user_defined.size(), [&](size_t k) { return user_defined[k]; }, t.text.substr(at),
          [&](size_t k) { inside = user_defined[k]; });
    }
    if (inside.empty()) continue;
    return Cat("the token ", Quoted(inside), " stands in the control token ", Quoted(t.text),
               ": a reader of tokenizer.json does not find it in text that spells that one, a reader of the GGUF does");
  }
  return {};
}

}  // namespace

std::vector<std::string> SpecialTokensFoundDifferently(std::vector<SpecialText> tokens) {
  size_t n_bytes = 0;
  for (const SpecialText& t : tokens) n_bytes += t.text.size();
  if (n_bytes > kMaxComparedBytes)
    return {Cat("the special tokens have ", n_bytes, " bytes, too many to be compared with each other")};
  std::ranges::sort(tokens, {}, &SpecialText::text);
  std::vector<std::string> out;
  for (std::string line : {Overlap(tokens), Hidden(tokens)}) {
    if (!line.empty()) out.push_back(std::move(line));
  }
  return out;
}

}  // namespace bitnet::core
