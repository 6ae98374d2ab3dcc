// Words of vocabularies that spell spaces as U+2581, from SentencePiece.
#ifndef BITNET_CORE_TOKENIZER_SPACE_WORDS_H_
#define BITNET_CORE_TOKENIZER_SPACE_WORDS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "core/tokenizer/vocab.h"

namespace bitnet::core {

// The sign that stands for a space in the tokens of a file. Inside, both are a space: no token that text may become
// holds one where the file has the other.
inline constexpr std::string_view kSpaceSign = "\xE2\x96\x81";  // U+2581

// Appends `text` with a space for each U+2581.
void AppendSpaced(std::string_view text, std::string& out);

// Cuts text where no token of the vocabulary can cross: the words can be encoded apart, and remembered.
class SpaceWords {
 public:
  SpaceWords() = default;
  explicit SpaceWords(const Vocab& vocab);

  // The end of the word of `text`, well-formed UTF-8, that begins at `pos`.
  size_t End(std::string_view text, size_t pos) const;

 private:
  bool space_starts_word_ = false;  // no token has a space after another character
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SPACE_WORDS_H_
