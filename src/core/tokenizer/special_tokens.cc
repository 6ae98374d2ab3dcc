#include "core/tokenizer/special_tokens.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/tokenizer/prefix_search.h"

namespace bitnet::core {

SpecialTokens::SpecialTokens(const Vocab& vocab) {
  for (int32_t id = 0; vocab.Has(id); ++id) {
    const TokenType type = vocab.type(id);
    const std::string_view text = vocab.piece(id);
    if (text.empty() || (!IsControl(type) && type != TokenType::kUserDefined)) continue;
    by_text_.push_back(id);
    const auto first = static_cast<uint8_t>(text[0]);
    all_starts_.set(first);
    if (type == TokenType::kUserDefined) user_starts_.set(first);
  }
  std::sort(by_text_.begin(), by_text_.end(), [&](int32_t a, int32_t b) { return vocab.piece(a) < vocab.piece(b); });
  longest_first_.resize(by_text_.size());
  std::iota(longest_first_.begin(), longest_first_.end(), 0u);
  std::sort(longest_first_.begin(), longest_first_.end(), [&](uint32_t a, uint32_t b) {
    const size_t length_a = vocab.piece(by_text_[a]).size(), length_b = vocab.piece(by_text_[b]).size();
    return length_a != length_b ? length_a > length_b : by_text_[a] < by_text_[b];
  });
}

std::vector<TextPart> SpecialTokens::CutLongestFirst(const Vocab& vocab, std::string_view text,
                                                     bool parse_special) const {
  std::vector<TextPart> parts;
  if (!text.empty()) parts.push_back({text});
  // Which tokens occur at all: few or none in most texts.
  const std::bitset<256>& starts = parse_special ? all_starts_ : user_starts_;
  std::vector<bool> occurs;
  const auto text_of = [&](size_t k) { return vocab.piece(by_text_[k]); };
  if (starts.any()) {
    for (size_t pos = 0; pos < text.size(); ++pos) {
      if (!starts[static_cast<uint8_t>(text[pos])]) continue;
      ForEachPrefix(by_text_.size(), text_of, text.substr(pos), [&](size_t k) {
        occurs.resize(by_text_.size());
        occurs[k] = parse_special || vocab.type(by_text_[k]) == TokenType::kUserDefined;
      });
    }
  }
  if (occurs.empty()) return parts;

  std::vector<TextPart> cut;
  for (const uint32_t k : longest_first_) {
    if (!occurs[k]) continue;
    const std::string_view token = vocab.piece(by_text_[k]);
    cut.clear();
    for (const TextPart& part : parts) {
      if (part.id >= 0) {
        cut.push_back(part);
        continue;
      }
      std::string_view rest = part.text;
      for (size_t at; (at = rest.find(token)) != std::string_view::npos; rest.remove_prefix(at + token.size())) {
        if (at > 0) cut.push_back({rest.substr(0, at)});
        cut.push_back({rest.substr(at, token.size()), by_text_[k]});
      }
      if (!rest.empty()) cut.push_back({rest});
    }
    std::swap(parts, cut);
  }
  return parts;
}

int32_t SpecialTokens::FindControl(const Vocab& vocab, std::string_view text) const {
  const auto it = std::lower_bound(by_text_.begin(), by_text_.end(), text,
                                   [&](int32_t id, std::string_view t) { return vocab.piece(id) < t; });
  if (it == by_text_.end() || vocab.piece(*it) != text || vocab.type(*it) != TokenType::kControl) return -1;
  return *it;
}

}  // namespace bitnet::core
