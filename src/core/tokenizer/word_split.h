// Cuts text into the words that BPE works on: the regular expressions of docs/formats.md, section 4, as scanners.
// Each is linear in the text, whatever it holds.
#ifndef BITNET_CORE_TOKENIZER_WORD_SPLIT_H_
#define BITNET_CORE_TOKENIZER_WORD_SPLIT_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace bitnet::core {

// The end of the piece of `text` that starts at `pos` < text.size(): a match of the pattern, or what lies between two
// matches. `text` is well-formed UTF-8, `pos` the end of the piece before.
using SplitStep = size_t (*)(std::string_view text, size_t pos);

size_t SplitGpt2(std::string_view text, size_t pos);
size_t SplitLlama3(std::string_view text, size_t pos);
size_t SplitQwen2(std::string_view text, size_t pos);
// As the engine of tokenizer.json reads those two: in a contraction U+017F is an s too.
size_t SplitLlama3Folded(std::string_view text, size_t pos);
size_t SplitQwen2Folded(std::string_view text, size_t pos);
size_t SplitPunctuationRuns(std::string_view text, size_t pos);  // [\p{P}\$\+<=>\^~\|]+
size_t SplitNumberRuns(std::string_view text, size_t pos);       // \p{N}+
size_t SplitThreeDigits(std::string_view text, size_t pos);      // [0-9][0-9][0-9]

size_t SplitDigits(std::string_view text, size_t pos);        // \p{N}
size_t SplitBeforeSpaces(std::string_view text, size_t pos);  // at each space, which begins what follows

// Calls fn(word) for each word of `text`: every step splits what the one before it left.
template <typename F>
void ForEachWord(std::span<const SplitStep> steps, std::string_view text, F&& fn) {
  if (steps.empty()) return fn(text);
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = steps[0](text, pos);
    ForEachWord(steps.subspan(1), text.substr(pos, end - pos), fn);
    pos = end;
  }
}

// What a value of tokenizer.ggml.pre stands for.
struct PreTokenizer {
  std::string_view name;
  std::span<const SplitStep> steps;
  bool ignore_merges;  // a word that is itself a token is taken whole
  bool add_bos;        // where tokenizer.ggml.add_bos_token is absent
};

// Null: an unknown name.
const PreTokenizer* FindPreTokenizer(std::string_view name);
// The names, for messages: "default, falcon-h1, ...".
std::string_view PreTokenizerNames();

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_WORD_SPLIT_H_
