// Texts in which readers of GGUF files and of a tokenizer.json find different special tokens.
#ifndef BITNET_CORE_TOKENIZER_ADDED_OVERLAPS_H_
#define BITNET_CORE_TOKENIZER_ADDED_OVERLAPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet::core {

// A special token as its file spells it.
struct SpecialText {
  std::string_view text;
  int32_t id = 0;
  bool control = false;  // else user-defined
};

// The 256 special tokens of Llama 3 take about 7 KiB; each is compared with the others at each of its bytes.
inline constexpr size_t kMaxComparedBytes = size_t{256} << 10;

// Two tokens that the readers find differently, each kind of difference once, a line for people; none: found alike in
// any text. Tokens of more than kMaxComparedBytes in all: one line that says that they were not compared.
std::vector<std::string> SpecialTokensFoundDifferently(std::vector<SpecialText> tokens);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_ADDED_OVERLAPS_H_
