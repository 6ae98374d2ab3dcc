// SentencePiece BPE: a text begins as its characters, neighbours whose joined text is a token merge by its score.
#ifndef BITNET_CORE_TOKENIZER_SPM_H_
#define BITNET_CORE_TOKENIZER_SPM_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/tokenizer/merge.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

class Spm {
 public:
  // `scores` of all tokens, finite: the highest merges first. The vocabulary has a token for each byte.
  explicit Spm(std::span<const float> scores);

  const std::vector<uint32_t>& ranks() const { return ranks_; }  // by token; equal for equal scores, 0 the highest

  struct Span {  // bytes of the word that is being encoded
    uint32_t begin, bytes;
  };
  // Appends the tokens of `word`, well-formed UTF-8, to `ids`. `row` is scratch.
  void EncodeWord(const Vocab& vocab, std::string_view word, MergeRow<Span>& row, std::vector<int32_t>& ids) const;

 private:
  std::vector<uint32_t> ranks_;  // by token: 0 for the highest score, equal for equal scores
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SPM_H_
