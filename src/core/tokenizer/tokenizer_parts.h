// What a tokenizer is made of; filled by the readers of files (from_gguf.cc), used by tokenizer.cc.
#ifndef BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_
#define BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "core/tokenizer/bpe.h"
#include "core/tokenizer/special_tokens.h"
#include "core/tokenizer/spm.h"
#include "core/tokenizer/vocab.h"
#include "core/tokenizer/word_split.h"

namespace bitnet::core {

// Byte-level BPE and how it cuts text into words.
struct ByteBpe {
  Bpe bpe;
  std::span<const SplitStep> split;
};

struct TokenizerParts {
  Vocab vocab;  // with a token for each byte
  std::variant<ByteBpe, Spm> encoder;
  SpecialTokens special;
  std::string model, pre, chat_template;
  int32_t bos = -1, eos = -1, eot = -1;   // -1: none
  bool add_bos = false, add_eos = false;  // true: the id is there
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_
