// What a tokenizer does to text before it looks for words in it.
#ifndef BITNET_CORE_TOKENIZER_NORMALIZER_H_
#define BITNET_CORE_TOKENIZER_NORMALIZER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bitnet::core {

struct NormalizerStep {
  enum Kind : uint8_t {
    kNfc,
    kNfkc,
    kPrepend,  // `content` before a text that is not empty
    kReplace,  // each `pattern` by `content`, from the left
  };
  Kind kind;
  std::string pattern;  // not empty
  std::string content;
};

// `text`, well-formed UTF-8, after all steps. Without `at_start` nothing is prepended: the text goes on from another.
std::string Normalize(std::span<const NormalizerStep> steps, std::string_view text, bool at_start);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_NORMALIZER_H_
