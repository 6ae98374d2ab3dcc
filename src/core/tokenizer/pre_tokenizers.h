// The values of tokenizer.ggml.pre: names of splitting patterns of published models.
#ifndef BITNET_CORE_TOKENIZER_PRE_TOKENIZERS_H_
#define BITNET_CORE_TOKENIZER_PRE_TOKENIZERS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/word_split.h"

namespace bitnet::core {

// 's|'t|'re|...: the pattern of GPT-2, which tokenizer.json has built in.
extern const std::string_view kGpt2Regex;

struct PreTokenizer {
  std::string_view name;
  std::span<const std::string_view> patterns;  // in this order
  bool ignore_merges = false;                  // a word that is itself a token is taken whole
  bool add_bos = false;                        // where tokenizer.ggml.add_bos_token is absent
};

std::span<const PreTokenizer> PreTokenizers();
// Null: an unknown name.
const PreTokenizer* FindPreTokenizer(std::string_view name);
// The names, for messages: "default, llama-bpe, ...".
std::string PreTokenizerNames();

// A pattern of tokenizer.json as readers of GGUF files write it: their engines fold no case, so the contractions are
// spelled out.
std::string PatternInGguf(std::string regex);

Result<std::vector<SplitStep>> SplitSteps(const PreTokenizer& pre);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_PRE_TOKENIZERS_H_
