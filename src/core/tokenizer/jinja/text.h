// Text whose every byte knows whether a template wrote it or a message brought it along.
#ifndef BITNET_CORE_TOKENIZER_JINJA_TEXT_H_
#define BITNET_CORE_TOKENIZER_JINJA_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/jinja/budget.h"

namespace bitnet::core::jinja {

// Control tokens are sought in bytes of a template alone.
enum class Origin : char { kTemplate = 't', kMessage = 'm' };

class Text {
 public:
  Text() = default;
  Text(std::string_view bytes, Origin origin) { Append(bytes, origin); }

  std::string_view bytes() const { return bytes_; }
  std::string_view origins() const { return origins_; }  // an Origin for each byte
  Origin origin(size_t at) const { return static_cast<Origin>(origins_[at]); }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  void Append(std::string_view bytes, Origin origin) {
    bytes_.append(bytes);
    origins_.append(bytes.size(), static_cast<char>(origin));
  }
  void Append(const Text& other) { Append(other, 0, other.size()); }
  void Append(const Text& other, size_t begin, size_t n) {
    bytes_.append(other.bytes_, begin, n);
    origins_.append(other.origins_, begin, n);
  }
  Text Part(size_t begin, size_t n) const {
    Text part;
    part.Append(*this, begin, n);
    return part;
  }

  // What the filter `safe` marks: a text that the operator + of Jinja treats apart.
  bool safe = false;

 private:
  std::string bytes_;
  std::string origins_;
};

// Characters of a text as Python counts them: code points; each ill-formed sequence of bytes counts as one.
size_t CharCount(std::string_view text);
// Where the characters begin, and last the size of the text.
std::vector<size_t> CharStarts(std::string_view text);
// White space as str.strip() has it: White_Space and the four information separators.
bool IsBlank(uint32_t code_point);
// Bytes of white space at the start and at the end of `text`.
size_t LeadingBlank(std::string_view text);
size_t TrailingBlank(std::string_view text);
bool IsPrintable(uint32_t code_point);
bool IsCased(uint32_t code_point);
// 0..9 of a decimal digit of any script, -1 of anything else.
int DigitValue(uint32_t code_point);

enum class Side : uint8_t { kLeft = 1, kRight = 2, kBoth = 3 };
Text Strip(const Text& text, Side side);
// Takes away characters that stand in `chars`.
Text Strip(const Text& text, Side side, std::string_view chars);

// As the methods of Python's str of these names, full case mappings included.
Text Lower(const Text& text);
Text Upper(const Text& text);
Text Title(const Text& text);
Text Capitalize(const Text& text);
// As the filter `title`: upper case after white space, -, (, {, [ and <.
Text TitleFilter(const Text& text);

// Where `sought` first stands in `text` from `from` on, and where it last stands; npos: nowhere. In linear time.
size_t FindBytes(std::string_view text, std::string_view sought, size_t from = 0);
size_t FindLastBytes(std::string_view text, std::string_view sought);

// At line ends as str.splitlines() has them, which are dropped. These spend for each part.
Result<std::vector<Text>> SplitLines(const Text& text, Budget& budget);
// At white space, at most `max` times (negative: everywhere), from the left or from the right.
Result<std::vector<Text>> SplitBlank(const Text& text, int64_t max, bool from_right, Budget& budget);
// At `separator`, not empty.
Result<std::vector<Text>> Split(const Text& text, std::string_view separator, int64_t max, bool from_right,
                                Budget& budget);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_TEXT_H_
