// Character classes of Unicode 14.0.0, as the splitting patterns of tokenizers name them.
#ifndef BITNET_CORE_TOKENIZER_UNICODE_H_
#define BITNET_CORE_TOKENIZER_UNICODE_H_

#include <cstdint>

#include "core/tokenizer/unicode_tables.h"

namespace bitnet::core {

// Bits: a code point has at most one of the first three, and letters have kWord too.
enum CharClass : uint8_t {
  kLetter = 1,       // \p{L}
  kNumber = 2,       // \p{N}
  kPunctuation = 4,  // \p{P}
  kSpace = 8,        // \s: the 25 characters of the property White_Space
  kWord = 16,        // \w: letters, marks, decimal and letter numbers, connecting punctuation, joiners
};

// The bits of a code point, up to U+10FFFF.
inline uint8_t CharClassOf(uint32_t code_point) {
  return kCharClasses[kCharBlockOf[code_point / kCharBlock] * kCharBlock + code_point % kCharBlock];
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_UNICODE_H_
