// What a tokenizer is made of; filled by the readers of files (from_gguf.cc, from_json.cc), used by tokenizer.cc.
#ifndef BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_
#define BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/tokenizer/added_tokens.h"
#include "core/tokenizer/bpe.h"
#include "core/tokenizer/normalizer.h"
#include "core/tokenizer/space_words.h"
#include "core/tokenizer/special_tokens.h"
#include "core/tokenizer/spm.h"
#include "core/tokenizer/vocab.h"
#include "core/tokenizer/word_split.h"

namespace bitnet::core {

// Where a space is put before a text that does not begin with one.
enum class SpacePrefix : uint8_t {
  kNever,
  kFirst,   // at the start of the input
  kAlways,  // after a special token too
};

struct TokenizerParts {
  Vocab vocab;  // with a token for each byte

  // The way of a text to its ids, in this order. Special tokens are cut out first: those of `added` where the file is a
  // tokenizer.json, else those of `special`.
  SpecialTokens special;
  std::optional<AddedTokens> added;
  std::vector<NormalizerStep> normalizers;
  AddedTokens added_after;  // found in the normalized text
  bool space_sign = false;  // U+2581 stands for a space
  SpacePrefix prefix = SpacePrefix::kNever;
  std::vector<SplitStep> split;
  SpaceWords words;
  std::variant<Bpe, Spm> model_of_words;

  bool strip_space = false;  // decoding drops one space at the start of the text
  std::string model, pre, chat_template;
  int32_t bos = -1, eos = -1, eot = -1;   // -1: none
  bool add_bos = false, add_eos = false;  // true: the id is there
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TOKENIZER_PARTS_H_
