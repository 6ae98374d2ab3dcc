// Builds the parts of a SentencePiece BPE tokenizer from its list of pieces.
#ifndef BITNET_CORE_TOKENIZER_SPM_VOCAB_H_
#define BITNET_CORE_TOKENIZER_SPM_VOCAB_H_

#include <span>
#include <string>
#include <string_view>

#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {

// The members of `parts` from the vocabulary to the model of words; what is wrong with the pieces, or "". All spans
// have one length; scores are finite. With `space_prefix` a space comes before every text.
std::string BuildSpm(std::span<const std::string_view> pieces, std::span<const TokenType> types,
                     std::span<const float> scores, bool space_prefix, TokenizerParts& parts);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_SPM_VOCAB_H_
