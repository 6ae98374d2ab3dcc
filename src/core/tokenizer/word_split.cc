#include "core/tokenizer/word_split.h"

#include <algorithm>
#include <cstdint>

#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

// A place in the text and the class of the character there; at the end of the text the class is 0 and `at_end`.
class Cursor {
 public:
  Cursor(std::string_view text, size_t pos) : text_(text), pos_(pos) { Read(); }

  size_t pos() const { return pos_; }
  bool at_end() const { return pos_ == text_.size(); }
  bool Is(uint8_t classes) const { return (class_ & classes) != 0; }
  bool IsOther() const { return !at_end() && !Is(kSpace | kLetter | kNumber); }  // [^\s\p{L}\p{N}]
  bool IsNewline() const { return code_point_ == '\r' || code_point_ == '\n'; }
  bool IsBlank() const { return code_point_ == ' '; }
  uint32_t code_point() const { return code_point_; }

  void Advance() {
    pos_ += length_;
    Read();
  }
  void SkipAll(uint8_t classes) {
    while (Is(classes)) Advance();
  }
  void SkipOthers() {
    while (IsOther()) Advance();
  }

 private:
  void Read() {
    if (at_end()) {
      code_point_ = kNone;
      class_ = 0;
      return;
    }
    const Utf8Char c = DecodeWellFormed(text_, pos_);
    code_point_ = c.code_point;
    length_ = c.length;
    class_ = CharClassOf(c.code_point);
  }

  static constexpr uint32_t kNone = 0x110000;  // above every code point
  std::string_view text_;
  size_t pos_;
  uint32_t code_point_ = kNone;
  uint32_t length_ = 0;
  uint8_t class_ = 0;
};

// Which letters count as those of a contraction: small ones, ASCII ones in either case, or all that fold to them.
enum class Fold { kNone, kAscii, kUnicode };

// Length of 's|'t|'re|'ve|'m|'ll|'d at `pos`, 0 when there is none.
size_t Contraction(std::string_view text, size_t pos, Fold fold) {
  const auto letter = [&](size_t i) {
    if (pos + i >= text.size()) return '\0';
    const char c = text[pos + i];
    return fold != Fold::kNone && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (text[pos] != '\'') return 0;
  const char a = letter(1), b = letter(2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if (fold == Fold::kUnicode && text.substr(pos + 1).starts_with("\xC5\xBF")) return 3;  // U+017F, the long s
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
  return 0;
}

// \s+(?!\S)|\s+ at a white-space character: the whole run at the end of the text, else all but its last character,
// which belongs to what follows; a run of one is taken as it is.
size_t SplitSpaces(std::string_view text, size_t pos) {
  Cursor c(text, pos);
  size_t last = pos;
  while (c.Is(kSpace)) {
    last = c.pos();
    c.Advance();
  }
  return c.at_end() || last == pos ? c.pos() : last;
}

// The two patterns differ in how many digits make a word.
size_t SplitLlama3Like(std::string_view text, size_t pos, uint32_t max_digits, Fold fold) {
  if (const size_t n = Contraction(text, pos, fold)) return pos + n;
  Cursor c(text, pos);
  // [^\r\n\p{L}\p{N}]?\p{L}+
  if (c.Is(kLetter)) {
    c.SkipAll(kLetter);
    return c.pos();
  }
  if (!c.IsNewline() && !c.Is(kNumber)) {
    Cursor letters = c;
    letters.Advance();
    if (letters.Is(kLetter)) {
      letters.SkipAll(kLetter);
      return letters.pos();
    }
  }
  // \p{N}{1,3}
  if (c.Is(kNumber)) {
    for (uint32_t i = 0; i < max_digits && c.Is(kNumber); ++i) c.Advance();
    return c.pos();
  }
  //  ?[^\s\p{L}\p{N}]+[\r\n]*
  Cursor others = c;
  if (others.IsBlank()) others.Advance();
  if (others.IsOther()) {
    others.SkipOthers();
    while (others.IsNewline()) others.Advance();
    return others.pos();
  }
  // \s*[\r\n]+: up to the last line end of a run of white space
  size_t line_end = 0;
  for (Cursor spaces = c; spaces.Is(kSpace);) {
    const bool newline = spaces.IsNewline();
    spaces.Advance();
    if (newline) line_end = spaces.pos();
  }
  return line_end != 0 ? line_end : SplitSpaces(text, pos);
}

// A run of characters that are all in the set, or all not in it.
template <typename InSet>
size_t SplitRuns(std::string_view text, size_t pos, InSet&& in_set) {
  Cursor c(text, pos);
  const bool inside = in_set(c);
  while (!c.at_end() && in_set(c) == inside) c.Advance();
  return c.pos();
}

}  // namespace

size_t SplitGpt2(std::string_view text, size_t pos) {
  if (const size_t n = Contraction(text, pos, Fold::kNone)) return pos + n;
  Cursor c(text, pos);
  if (c.IsBlank()) c.Advance();  //  ?
  if (c.Is(kLetter)) {
    c.SkipAll(kLetter);
    return c.pos();
  }
  if (c.Is(kNumber)) {
    c.SkipAll(kNumber);
    return c.pos();
  }
  if (c.IsOther()) {
    c.SkipOthers();
    return c.pos();
  }
  return SplitSpaces(text, pos);
}

size_t SplitLlama3(std::string_view text, size_t pos) { return SplitLlama3Like(text, pos, 3, Fold::kAscii); }
size_t SplitQwen2(std::string_view text, size_t pos) { return SplitLlama3Like(text, pos, 1, Fold::kAscii); }
size_t SplitLlama3Folded(std::string_view text, size_t pos) { return SplitLlama3Like(text, pos, 3, Fold::kUnicode); }
size_t SplitQwen2Folded(std::string_view text, size_t pos) { return SplitLlama3Like(text, pos, 1, Fold::kUnicode); }

size_t SplitPunctuationRuns(std::string_view text, size_t pos) {
  return SplitRuns(text, pos, [](const Cursor& c) {
    constexpr std::string_view kSymbols = "$+<=>^~|";
    return c.Is(kPunctuation) ||
           (c.code_point() < 0x80 && kSymbols.find(static_cast<char>(c.code_point())) != std::string_view::npos);
  });
}

size_t SplitNumberRuns(std::string_view text, size_t pos) {
  return SplitRuns(text, pos, [](const Cursor& c) { return c.Is(kNumber); });
}

size_t SplitDigits(std::string_view text, size_t pos) {
  Cursor c(text, pos);
  if (!c.Is(kNumber)) return SplitNumberRuns(text, pos);
  c.Advance();
  return c.pos();
}

size_t SplitBeforeSpaces(std::string_view text, size_t pos) { return std::min(text.find(' ', pos + 1), text.size()); }

size_t SplitThreeDigits(std::string_view text, size_t pos) {
  size_t digits = 0;  // how many end before `i`
  for (size_t i = pos; i < text.size(); ++i) {
    digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
    if (digits == 3) return i + 1 - 3 == pos ? i + 1 : i + 1 - 3;
  }
  return text.size();
}

namespace {

constexpr SplitStep kGpt2Steps[] = {SplitGpt2};
constexpr SplitStep kLlama3Steps[] = {SplitLlama3};
constexpr SplitStep kQwen2Steps[] = {SplitQwen2};
constexpr SplitStep kDefaultSteps[] = {SplitPunctuationRuns, SplitGpt2, SplitNumberRuns, SplitThreeDigits};

constexpr PreTokenizer kPreTokenizers[] = {
    {"default", kDefaultSteps, false, false}, {"falcon-h1", kLlama3Steps, true, true},
    {"falcon3", kLlama3Steps, true, true},    {"falcon_e", kLlama3Steps, true, true},
    {"gpt-2", kGpt2Steps, false, false},      {"llama-bpe", kLlama3Steps, true, true},
    {"llama3", kLlama3Steps, true, true},     {"qwen2", kQwen2Steps, false, false},
};

}  // namespace

const PreTokenizer* FindPreTokenizer(std::string_view name) {
  for (const PreTokenizer& p : kPreTokenizers) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

std::string_view PreTokenizerNames() {
  return "default, falcon-h1, falcon3, falcon_e, gpt-2, llama-bpe, llama3, qwen2";
}

}  // namespace bitnet::core
