// Merges by score (SentencePiece, GGUF) and merges by rank (tokenizer.json) as one another, where both say the same.
#ifndef BITNET_CORE_TOKENIZER_SCORE_MERGES_H_
#define BITNET_CORE_TOKENIZER_SCORE_MERGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/tokenizer/bpe.h"
#include "core/tokenizer/spm.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

// By score, neighbours merge whose joined text is a token, whatever they are; of pairs that make one token the leftmost
// first. By rank that is: all pairs of tokens that spell the token, at neighbouring ranks, tokens of higher scores
// first. Of two pairs of one token that can overlap in a text, the one that then stands on the left must come first;
// where a token is a run of one part ("====") the two orders would ask this of each other, and either is taken: text
// reaches no row of symbols in which they meet, since such a run merges from its left.
struct ScoreMerges {
  std::vector<int32_t> order;        // tokens that something makes, the highest score first
  std::vector<Bpe::MergeOf> merges;  // by rank
  std::string problem;               // why merges by rank cannot say the same; empty: they do
};

// As merges by rank. A problem: equal scores of two tokens, or a token with a character that is none itself, which no
// merge of two tokens can name.
ScoreMerges MergesOfScores(const Vocab& vocab, const Spm& spm);

// As merges by score; `merges` are those of `bpe` themselves. A problem names a token whose pairs are not together, not
// all there, or in an order that scores do not have.
ScoreMerges ScoresOfMerges(const Vocab& vocab, const Bpe& bpe);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SCORE_MERGES_H_
