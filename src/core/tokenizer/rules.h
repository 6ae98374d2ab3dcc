// What decides the ids of a text, in one notation for every kind of file: for comparing tokenizers.
#ifndef BITNET_CORE_TOKENIZER_RULES_H_
#define BITNET_CORE_TOKENIZER_RULES_H_

#include <string>
#include <utility>
#include <vector>

#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

// The key of the order of merges: a value that begins with "by rank" and one that begins with "by score" are of two
// kinds that cannot be compared, though both may give the same ids. Where the one says what the other would
// (score_merges.h) both begin with "by score".
inline constexpr std::string_view kMergesRule = "tokenizer.merges";

// Keys ("tokenizer.tokens", ...) and their values, the same keys in the same order for every tokenizer; long values as
// SHA-256. Tokenizers of equal values make the same ids, less two things: contractions that a tokenizer.json folds
// count as the spelled-out ones of GGUF files (PatternInGguf), and where added tokens overlap a GGUF takes the longest
// and a tokenizer.json the leftmost.
std::vector<std::pair<std::string, std::string>> RulesOf(const Tokenizer& tokenizer);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_RULES_H_
