// A splitting pattern of a tokenizer, compiled: finds the match that a backtracking regular-expression engine finds, in
// time linear in the text.
#ifndef BITNET_CORE_TOKENIZER_WORD_PATTERN_H_
#define BITNET_CORE_TOKENIZER_WORD_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/regex_program.h"

namespace bitnet::core {

// A deterministic automaton whose states are lists of places in the expression, the preferred ones first: where one of
// them matches, those after it are given up, and the last match seen when the list is empty is the one. (R. Cox,
// "Regular Expression Matching: the Virtual Machine Approach", 2009.) Every step knows the next character, which is all
// that lookahead may ask for.
class WordPattern {
 public:
  // kUnsupported also for an expression with which splitting a text could take quadratic time.
  static Result<std::shared_ptr<const WordPattern>> Compile(std::string_view regex);

  std::string_view regex() const { return regex_; }

  // The end of the match that begins at `pos` <= text.size() of `text`, well-formed UTF-8; 0: there is none.
  size_t MatchAt(std::string_view text, size_t pos) const;
  // Whether a match begins at every character of any text, so that nothing lies between two.
  bool CoversText() const;
  // The end of the piece that begins at `pos` < text.size(): a match, or all up to the next one.
  size_t PieceEnd(std::string_view text, size_t pos) const;

 private:
  WordPattern() = default;
  void MapClasses(const RegexProgram& program);
  Status BuildStates(const RegexProgram& program);
  Status CheckLinear() const;

  uint32_t ClassOf(uint32_t code_point) const {
    return classes_[block_of_[code_point / kBlock] * kBlock + code_point % kBlock];
  }

  static constexpr uint32_t kBlock = 128;        // code points in a block of the two-stage table
  static constexpr uint16_t kMatchBit = 0x8000;  // of an edge: the text before the character matches
  static constexpr uint32_t kDead = 0, kStart = 1;

  std::string regex_;                 // as it was given
  std::vector<uint16_t> block_of_;    // by code point / kBlock
  std::vector<uint16_t> classes_;     // of the blocks; characters of one class are alike to every set
  std::vector<uint64_t> signatures_;  // by class: the sets that its characters are in
  uint32_t n_columns_ = 0;            // the classes and, last, the end of the text
  std::vector<uint16_t> edges_;       // [states, n_columns_]: the next state and kMatchBit
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_WORD_PATTERN_H_
