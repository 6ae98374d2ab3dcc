// A regular expression as a list of instructions, for word_pattern.cc. What is known of the notation is what the
// splitting patterns of published tokenizers use: alternatives, groups, classes, \p{..}, \s, \S, \d, greedy
// quantifiers, (?i:..), and lookahead at one character.
#ifndef BITNET_CORE_TOKENIZER_REGEX_PROGRAM_H_
#define BITNET_CORE_TOKENIZER_REGEX_PROGRAM_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/char_set.h"

namespace bitnet::core {

// Bounds of an expression. Published ones have up to 600 bytes, 80 instructions, 12 sets and two levels of groups.
inline constexpr size_t kMaxRegexBytes = 4096;
inline constexpr size_t kMaxRegexInstructions = 1024;
inline constexpr size_t kMaxRegexSets = 64;  // one bit each in a signature
inline constexpr uint32_t kMaxRegexDepth = 16;

struct RegexInstruction {
  enum Kind : uint8_t {
    kChar,    // takes a character of `set`, then `next`
    kAhead,   // goes to `next` if the next character is in `set`
    kNot,     // goes to `next` if the next character is not in `set`, or there is none
    kChoice,  // tries `next`, then `other`
    kMatch,
  };
  Kind kind = kMatch;
  uint16_t set = 0, next = 0, other = 0;
};

struct RegexProgram {
  std::vector<RegexInstruction> code;
  std::vector<CharSet> sets;  // each once
  uint16_t start = 0;
};

// kUnsupported for what is not known, with the place in the expression as the offset; kLimit for what is too large. The
// expression takes at least one character: one that matches the empty text is not supported.
Result<RegexProgram> ParseRegex(std::string_view regex);

// The expression that matches `text` alone.
std::string LiteralRegex(std::string_view text);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_REGEX_PROGRAM_H_
