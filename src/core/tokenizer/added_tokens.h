// Finds the added tokens of a tokenizer.json in text.
#ifndef BITNET_CORE_TOKENIZER_ADDED_TOKENS_H_
#define BITNET_CORE_TOKENIZER_ADDED_TOKENS_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/special_tokens.h"

namespace bitnet::core {

struct AddedToken {
  std::string text;
  int32_t id = -1;
  bool special = false;      // found only when special tokens are parsed
  bool single_word = false;  // found only between characters that are no word characters
  bool lstrip = false;       // takes the white space before it with it
  bool rstrip = false;       // and after it
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // Of several tokens with one text the first counts; empty texts are dropped.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  const std::vector<AddedToken>& tokens() const { return tokens_; }  // sorted by text

  // Cuts `text` at the tokens in it: the leftmost, then the longest. A special token that is not looked for hides what
  // stands inside of it all the same. No empty parts.
  std::vector<TextPart> Cut(std::string_view text, bool parse_special) const;

 private:
  // Place in tokens_ of the longest that stands at the start of `text`, or -1.
  int64_t LongestAt(std::string_view text) const;

  std::vector<AddedToken> tokens_;  // sorted by text
  std::bitset<256> starts_;         // first bytes
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_ADDED_TOKENS_H_
