// SentencePiece BPE: a text begins as its characters, neighbours whose joined text is a token merge by its score.
#ifndef BITNET_CORE_TOKENIZER_SPM_H_
#define BITNET_CORE_TOKENIZER_SPM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/merge.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

// The sign that stands for a space in the tokens of a file. Inside, both are a space: no token that text may become
// holds one where the file has the other.
inline constexpr std::string_view kSpaceSign = "\xE2\x96\x81";  // U+2581

// Appends `text` with a space for each U+2581.
void AppendSpaced(std::string_view text, std::string& out);

class Spm {
 public:
  // `scores` of all tokens, finite: the highest merges first. `vocab` has a token for each byte.
  Spm(const Vocab& vocab, std::span<const float> scores, bool space_prefix);

  // A space goes before a text that begins the input or follows a special token.
  bool space_prefix() const { return space_prefix_; }
  // The end of the word of `text` that begins at `pos`. Words are encoded apart: no token crosses their borders.
  size_t WordEnd(std::string_view text, size_t pos) const;

  struct Span {  // bytes of the word that is being encoded
    uint32_t begin, bytes;
  };
  // Appends the tokens of `word`, well-formed UTF-8, to `ids`. `row` is scratch.
  void EncodeWord(const Vocab& vocab, std::string_view word, MergeRow<Span>& row, std::vector<int32_t>& ids) const;

 private:
  std::vector<uint32_t> ranks_;  // by token: 0 for the highest score, equal for equal scores
  bool space_prefix_;
  bool space_starts_word_ = true;  // no token has a space after another character
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SPM_H_
