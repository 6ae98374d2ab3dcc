// The tokenizer of a GGUF as the files of a Hugging Face tokenizer.
#ifndef BITNET_CORE_TOKENIZER_JSON_VOCABULARY_H_
#define BITNET_CORE_TOKENIZER_JSON_VOCABULARY_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/gguf.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

struct JsonVocabulary {
  std::string tokenizer_json, tokenizer_config_json;
  // Where readers of such files and of GGUF files part by convention, so that a rare text may become other tokens, and
  // ends of an answer that no name tells; one line each.
  std::vector<std::string> notes;
};

// From the keys of `gguf` and the tokenizer that was loaded from them (FromGguf). The texts are read again before they
// are given: their rules (rules.h) are the same, and, where there are no notes, so are the ids of a text that holds
// every token. kUnsupported, saying why, for a tokenizer of which no tokenizer.json can say that.
Result<JsonVocabulary> VocabularyForJson(const Gguf& gguf, const Tokenizer& tokenizer);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_JSON_VOCABULARY_H_
