// A Hugging Face tokenizer as the `tokenizer.*` keys of a GGUF.
#ifndef BITNET_CORE_TOKENIZER_GGUF_VOCABULARY_H_
#define BITNET_CORE_TOKENIZER_GGUF_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/gguf_writer.h"

namespace bitnet::core {

struct GgufVocabulary {
  std::string model;  // "gpt2" or "llama"
  std::string pre;    // "gpt2" alone
  std::vector<std::string> tokens;
  std::vector<int32_t> types;                                        // TokenType
  std::vector<std::string> merges;                                   // "gpt2" alone
  std::vector<float> scores;                                         // "llama" alone
  int32_t bos = -1, eos = -1, eot = -1, unknown = -1, padding = -1;  // -1: none
  bool add_bos = false, add_eos = false;
  std::optional<bool> add_space_prefix;  // "llama" alone
  std::vector<int32_t> stop_ids;         // Tokenizer::stop_ids; no key holds them, a reader finds them again by name
  std::string chat_template;
  // What the keys cannot say, so that a text may become other tokens than by the tokenizer.json; one line each.
  std::vector<std::string> notes;
};

// From the texts of tokenizer.json, tokenizer_config.json and chat_template.jinja ("" = none). `n_vocab`: rows of the
// embedding; ids that have no token get one that no text becomes. Errors as for Tokenizer::FromJson, and kUnsupported
// for what no GGUF key can hold.
Result<GgufVocabulary> VocabularyForGguf(std::string_view tokenizer_json, std::string_view tokenizer_config_json,
                                         std::string_view chat_template, uint32_t n_vocab);

// The same from the bytes of a SentencePiece tokenizer.model; errors as for Tokenizer::FromSentencePiece.
Result<GgufVocabulary> VocabularyOfSentencePiece(std::string_view model, std::string_view tokenizer_config_json,
                                                 std::string_view chat_template, uint32_t n_vocab);

// Appends the keys.
void AddVocabulary(const GgufVocabulary& vocabulary, GgufWriter& out);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_GGUF_VOCABULARY_H_
