#include "core/tokenizer/word_split.h"

#include <algorithm>

#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

bool IsDigit(std::string_view text, size_t pos) { return pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; }

size_t DigitsEnd(std::string_view text, size_t pos) {
  while (IsDigit(text, pos)) ++pos;
  return pos;
}

// Where the white space begins that `text` ends with; text.size(): there is none.
size_t SpacesAtEnd(std::string_view text) {
  size_t start = text.size();
  for (size_t at = start; at > 0;) {
    do {
      --at;
    } while ((text[at] & 0xC0) == 0x80);  // not inside a character
    if ((CharClassOf(DecodeWellFormed(text, at).code_point) & kSpace) == 0) break;
    start = at;
  }
  return start;
}

}  // namespace

size_t SplitBeforeSpaces(std::string_view text, size_t pos) { return std::min(text.find(' ', pos + 1), text.size()); }

size_t SplitSpacesAtEnd(std::string_view text, size_t pos) {
  const size_t start = SpacesAtEnd(text);
  return pos < start ? start : text.size();
}

size_t SplitThousands(std::string_view text, size_t pos) {
  size_t at = pos;
  if (pos > 0 && IsDigit(text, pos - 1) && IsDigit(text, pos)) {  // a cut in a run: threes are left
    at = pos + 3;
    if (IsDigit(text, at)) return at;
  }
  while (at < text.size()) {
    if (!IsDigit(text, at)) {
      ++at;
      continue;
    }
    const size_t end = DigitsEnd(text, at), first = at + (end - at) % 3;
    if (first > pos && first < end) return first;
    if (first == pos && end - first > 3) return first + 3;
    at = end;
  }
  return text.size();
}

}  // namespace bitnet::core
