// Finds control and user-defined tokens of a GGUF vocabulary in text, before anything else is done with it.
#ifndef BITNET_CORE_TOKENIZER_SPECIAL_TOKENS_H_
#define BITNET_CORE_TOKENIZER_SPECIAL_TOKENS_H_

#include <bitset>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tokenizer/vocab.h"

namespace bitnet::core {

// A stretch of text, or a token that was found in it.
struct TextPart {
  std::string_view text;
  int32_t id = -1;  // -1: text
};

// Every call gets the vocabulary that the object was made from.
class SpecialTokens {
 public:
  SpecialTokens() = default;
  explicit SpecialTokens(const Vocab& vocab);

  // Cuts `text` at user-defined tokens, and at control tokens too when `parse_special`. Where occurrences overlap the
  // longest token wins, wherever it stands, then the leftmost: each token in turn, longest first, cuts what is left.
  // No empty parts. Time: linear in the text for each token that occurs at all.
  std::vector<TextPart> CutLongestFirst(const Vocab& vocab, std::string_view text, bool parse_special) const;

  // The token of type control spelled `text`, or -1.
  int32_t FindControl(const Vocab& vocab, std::string_view text) const;

 private:
  std::vector<int32_t> by_text_;               // ids, sorted by text
  std::vector<uint32_t> longest_first_;        // places in by_text_, by length, then by id
  std::bitset<256> user_starts_, all_starts_;  // first bytes: of user-defined tokens, of all
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SPECIAL_TOKENS_H_
