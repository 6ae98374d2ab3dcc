#include "core/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "core/tokenizer/prefix_search.h"
#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

bool StartsWith(std::string_view text, CharClass c) {
  return !text.empty() && (CharClassOf(DecodeUtf8(text, 0).code_point) & c) != 0;
}

// Where the last character of `text`, not empty, begins; the last byte if it is ill-formed.
size_t LastChar(std::string_view text) {
  const size_t last = text.size() - 1;
  for (size_t back = 0; back < 4 && back <= last; ++back) {
    const Utf8Char c = DecodeUtf8(text, last - back);
    if (c.ok && c.length == back + 1) return last - back;
  }
  return last;
}

bool EndsWith(std::string_view text, CharClass c) {
  return !text.empty() && StartsWith(text.substr(LastChar(text)), c);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& t) { return t.text.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  const auto same = [](const AddedToken& a, const AddedToken& b) { return a.text == b.text; };
  tokens_.erase(std::unique(tokens_.begin(), tokens_.end(), same), tokens_.end());
  for (const AddedToken& t : tokens_) starts_.set(static_cast<uint8_t>(t.text[0]));
}

int64_t AddedTokens::LongestAt(std::string_view text) const {
  int64_t longest = -1;
  ForEachPrefix(
      tokens_.size(), [&](size_t k) { return std::string_view(tokens_[k].text); }, text,
      [&](size_t k) { longest = static_cast<int64_t>(k); });
  return longest;
}

std::vector<TextPart> AddedTokens::Cut(std::string_view text, bool parse_special) const {
  std::vector<TextPart> parts;
  size_t done = 0;  // where the text begins that is not in `parts` yet
  for (size_t pos = 0; pos < text.size();) {
    const int64_t k = starts_[static_cast<uint8_t>(text[pos])] ? LongestAt(text.substr(pos)) : -1;
    if (k < 0) {
      ++pos;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(k)];
    size_t begin = pos, end = pos + token.text.size();
    pos = end;
    if (token.special && !parse_special) continue;
    if (token.single_word && (EndsWith(text.substr(0, begin), kWord) || StartsWith(text.substr(end), kWord))) continue;
    if (token.lstrip) {
      while (begin > done && EndsWith(text.substr(done, begin - done), kSpace)) {
        begin = done + LastChar(text.substr(done, begin - done));
      }
    }
    if (token.rstrip) {
      while (StartsWith(text.substr(end), kSpace)) end += DecodeUtf8(text, end).length;
    }
    if (begin > done) parts.push_back({text.substr(done, begin - done)});
    parts.push_back({text.substr(begin, end - begin), token.id});
    pos = done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done)});
  return parts;
}

}  // namespace bitnet::core
