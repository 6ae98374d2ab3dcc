// Small vocabularies of GGUF files, made token by token.
#ifndef BITNET_TESTS_UNIT_TOKENIZER_MADE_VOCABULARY_H_
#define BITNET_TESTS_UNIT_TOKENIZER_MADE_VOCABULARY_H_

#include <cstdio>
#include <string>
#include <vector>

#include "core/tokenizer/byte_alphabet.h"
#include "core/tokenizer/utf8.h"
#include "core/tokenizer/vocab.h"
#include "support/gguf_builder.h"

namespace bitnet::test {

// A vocabulary of the 256 bytes, then `more` tokens as {text, type}.
struct Made {
  std::string model, pre;
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<std::string> merges;
  std::vector<float> scores;

  void Add(const std::string& text, core::TokenType type = core::TokenType::kNormal, float score = 0) {
    tokens.push_back(text);
    types.push_back(static_cast<int32_t>(type));
    scores.push_back(score);
  }
  GgufBuilder Keys() const {
    GgufBuilder keys;
    keys.String("tokenizer.ggml.model", model)
        .Strings("tokenizer.ggml.tokens", tokens)
        .Ints("tokenizer.ggml.token_type", types);
    if (!pre.empty()) keys.String("tokenizer.ggml.pre", pre);
    if (model == "gpt2") keys.Strings("tokenizer.ggml.merges", merges);
    if (model == "llama")
      keys.Raw("tokenizer.ggml.scores", 9, Bytes<uint32_t>(6) + Bytes<uint64_t>(scores.size()) + BytesOf(scores));
    return keys;
  }
};

inline Made ByteLevel(const std::string& pre) {
  Made made{"gpt2", pre, {}, {}, {}, {}};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t code_point = 0;
    while (core::kByteOfCodePoint[code_point] != static_cast<int16_t>(byte)) ++code_point;
    std::string text;
    core::AppendUtf8(code_point, text);
    made.Add(text);
  }
  made.Add("<end>", core::TokenType::kControl);  // 256
  return made;
}

inline Made SentencePiece() {
  Made made{"llama", "", {}, {}, {}, {}};
  made.Add("<unk>", core::TokenType::kUnknown);
  made.Add("<s>", core::TokenType::kControl);
  made.Add("</s>", core::TokenType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    made.Add(text, core::TokenType::kByte);
  }
  return made;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_UNIT_TOKENIZER_MADE_VOCABULARY_H_
