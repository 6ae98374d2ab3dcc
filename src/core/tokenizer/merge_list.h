// Merges as files have them: two texts that are tokens, whose text together is one.
#ifndef BITNET_CORE_TOKENIZER_MERGE_LIST_H_
#define BITNET_CORE_TOKENIZER_MERGE_LIST_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "core/tokenizer/bpe.h"
#include "core/tokenizer/text_index.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

// Adds the merge of `left` and `right` to `bpe`; what is wrong with it, or "". `index` and `text_of` hold the tokens as
// the file spells them. A merge that yields a control token is left out: text never becomes one, not by merging either.
template <typename TextOf>
std::string AddMerge(std::string_view left, std::string_view right, const TextIndex& index, TextOf&& text_of,
                     std::span<const TokenType> types, Bpe& bpe) {
  if (left.empty() || right.empty()) return "an empty part";
  const std::string joined = Cat(left, right);
  const std::array<std::string_view, 3> texts = {left, right, joined};
  std::array<int32_t, 3> ids;
  for (size_t k = 0; k < ids.size(); ++k) {
    ids[k] = index.Find(texts[k], text_of);
    if (ids[k] < 0) return Cat(Quoted(texts[k]), ", which is no token");
  }
  if (!IsControl(types[static_cast<size_t>(ids[2])])) bpe.AddMerge(ids[0], ids[1], ids[2]);
  return {};
}

// `text` is "left right": false if it has no space.
inline bool SplitMerge(std::string_view text, std::string_view& left, std::string_view& right) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return false;
  left = text.substr(0, space);
  right = text.substr(space + 1);
  return true;
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_MERGE_LIST_H_
