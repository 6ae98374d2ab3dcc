// Cuts text into the words that BPE works on: by patterns, and by scanners for what no pattern can do in linear time.
#ifndef BITNET_CORE_TOKENIZER_WORD_SPLIT_H_
#define BITNET_CORE_TOKENIZER_WORD_SPLIT_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/status.h"
#include "core/tokenizer/word_pattern.h"

namespace bitnet::core {

// The end of the piece of `text` that starts at `pos` < text.size(): a match, or what lies between two matches. `text`
// is well-formed UTF-8, `pos` the end of the piece before. Linear over a whole text, whatever it holds.
using Scanner = size_t (*)(std::string_view text, size_t pos);

size_t SplitBeforeSpaces(std::string_view text, size_t pos);  // at each space, which begins what follows
size_t SplitSpacesAtEnd(std::string_view text, size_t pos);   // \s+$
// (?=(\d{3})+(?!\d)): before every three ASCII digits, counted from the end of a run of them.
size_t SplitThousands(std::string_view text, size_t pos);

class SplitStep {
 public:
  explicit SplitStep(Scanner scanner) : scanner_(scanner) {}
  explicit SplitStep(std::shared_ptr<const WordPattern> pattern) : pattern_(std::move(pattern)) {}

  // As a Scanner.
  size_t operator()(std::string_view text, size_t pos) const {
    return pattern_ != nullptr ? pattern_->PieceEnd(text, pos) : scanner_(text, pos);
  }

  // Null: a scanner.
  const WordPattern* pattern() const { return pattern_.get(); }
  Scanner scanner() const { return scanner_; }

 private:
  std::shared_ptr<const WordPattern> pattern_;
  Scanner scanner_ = nullptr;
};

// Calls fn(word) for each word of `text`: every step splits what the one before it left.
template <typename F>
void ForEachWord(std::span<const SplitStep> steps, std::string_view text, F&& fn) {
  if (steps.empty()) return fn(text);
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = steps[0](text, pos);
    ForEachWord(steps.subspan(1), text.substr(pos, end - pos), fn);
    pos = end;
  }
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_WORD_SPLIT_H_
