#include "core/tokenizer/jinja/text.h"

#include <string.h>

#include <algorithm>
#include <iterator>

#include "core/tokenizer/case_tables.h"
#include "core/tokenizer/category_ranges.h"
#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

// A table of case mappings: sorted keys, where each one's text begins, the texts.
struct CaseMap {
  const uint32_t* keys;
  size_t n_keys;
  const uint16_t* at;
  const uint32_t* text;
};
constexpr CaseMap kLower = {kLowerKeys, std::size(kLowerKeys), kLowerAt, kLowerText};
constexpr CaseMap kUpper = {kUpperKeys, std::size(kUpperKeys), kUpperAt, kUpperText};
constexpr CaseMap kTitle = {kTitleKeys, std::size(kTitleKeys), kTitleAt, kTitleText};

constexpr uint32_t kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2;

// Whether one of the stretches [first, last] of a table holds the code point.
template <size_t N>
bool InStretch(const uint32_t (&table)[N], uint32_t code_point) {
  const size_t at = static_cast<size_t>(std::upper_bound(table, table + N, code_point) - table);
  return at % 2 == 1 || (at > 0 && table[at - 1] == code_point);
}

bool IsIgnorable(uint32_t code_point) { return InStretch(kCaseIgnorable, code_point); }

// Whether a cased character stands before `pos`, or at or after it, beyond what is ignored: Final_Sigma of Unicode.
bool CasedBefore(std::string_view text, const std::vector<size_t>& starts, size_t index) {
  while (index-- > 0) {
    const uint32_t c = DecodeUtf8(text, starts[index]).code_point;
    if (!IsIgnorable(c)) return IsCased(c);
  }
  return false;
}
bool CasedAfter(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    const Utf8Char c = DecodeUtf8(text, pos);
    if (!IsIgnorable(c.code_point)) return IsCased(c.code_point);
    pos += c.length;
  }
  return false;
}

void AppendMapped(const CaseMap& map, const Text& text, size_t pos, const Utf8Char& c, Text& out) {
  const uint32_t* key = c.ok ? std::lower_bound(map.keys, map.keys + map.n_keys, c.code_point) : nullptr;
  if (key == nullptr || key == map.keys + map.n_keys || *key != c.code_point) return out.Append(text, pos, c.length);
  std::string bytes;
  const size_t k = static_cast<size_t>(key - map.keys);
  for (size_t i = map.at[k]; i < map.at[k + 1]; ++i) AppendUtf8(map.text[i], bytes);
  out.Append(bytes, text.origin(pos));
}

// One character in lower case; the sigma at the end of a word has a form of its own.
void AppendLower(const Text& text, const std::vector<size_t>& starts, size_t index, Text& out) {
  const size_t pos = starts[index];
  const Utf8Char c = DecodeUtf8(text.bytes(), pos);
  if (c.ok && c.code_point == kCapitalSigma && CasedBefore(text.bytes(), starts, index) &&
      !CasedAfter(text.bytes(), pos + c.length)) {
    std::string sigma;
    AppendUtf8(kFinalSigma, sigma);
    return out.Append(sigma, text.origin(pos));
  }
  AppendMapped(kLower, text, pos, c, out);
}

// Line ends of str.splitlines(); \r\n is one.
bool IsLineEnd(uint32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

size_t CharCount(std::string_view text) {
  size_t n = 0;
  for (size_t pos = 0; pos < text.size(); pos += DecodeUtf8(text, pos).length) ++n;
  return n;
}

std::vector<size_t> CharStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t pos = 0; pos < text.size(); pos += DecodeUtf8(text, pos).length) starts.push_back(pos);
  starts.push_back(text.size());
  return starts;
}

bool IsBlank(uint32_t code_point) {
  return (CharClassOf(code_point) & kSpace) != 0 || (code_point >= 0x1C && code_point <= 0x1F);
}
bool IsPrintable(uint32_t code_point) { return !InStretch(kNotPrintable, code_point); }
bool IsCased(uint32_t code_point) { return InStretch(kCased, code_point); }

size_t LeadingBlank(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size()) {
    const Utf8Char c = DecodeUtf8(text, pos);
    if (!c.ok || !IsBlank(c.code_point)) break;
    pos += c.length;
  }
  return pos;
}

size_t TrailingBlank(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;  // of the last character
    while (begin > 0 && end - begin < 4 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    const Utf8Char c = DecodeUtf8(text.substr(0, end), begin);
    if (!c.ok || begin + c.length != end || !IsBlank(c.code_point)) break;
    end = begin;
  }
  return text.size() - end;
}

Text Strip(const Text& text, Side side) {
  const size_t left = side != Side::kRight ? LeadingBlank(text.bytes()) : 0;
  if (left == text.size()) return {};
  const size_t right = side != Side::kLeft ? TrailingBlank(text.bytes()) : 0;
  return text.Part(left, text.size() - left - right);
}

Text Strip(const Text& text, Side side, std::string_view chars) {
  const auto characters = [](std::string_view of, const std::vector<size_t>& starts, size_t i) {
    return of.substr(starts[i], starts[i + 1] - starts[i]);
  };
  const std::vector<size_t> of_chars = CharStarts(chars), starts = CharStarts(text.bytes());
  std::vector<std::string_view> set;
  for (size_t i = 0; i + 1 < of_chars.size(); ++i) set.push_back(characters(chars, of_chars, i));
  std::sort(set.begin(), set.end());
  const auto stripped = [&](size_t i) {
    return std::binary_search(set.begin(), set.end(), characters(text.bytes(), starts, i));
  };
  size_t begin = 0, end = starts.size() - 1;
  if (side != Side::kRight) {
    while (begin < end && stripped(begin)) ++begin;
  }
  if (side != Side::kLeft) {
    while (begin < end && stripped(end - 1)) --end;
  }
  return text.Part(starts[begin], starts[end] - starts[begin]);
}

Text Lower(const Text& text) {
  const std::vector<size_t> starts = CharStarts(text.bytes());
  Text out;
  for (size_t i = 0; i + 1 < starts.size(); ++i) AppendLower(text, starts, i, out);
  return out;
}

Text Upper(const Text& text) {
  Text out;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeUtf8(text.bytes(), pos);
    AppendMapped(kUpper, text, pos, c, out);
    pos += c.length;
  }
  return out;
}

Text Title(const Text& text) {
  const std::vector<size_t> starts = CharStarts(text.bytes());
  Text out;
  bool in_word = false;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const Utf8Char c = DecodeUtf8(text.bytes(), starts[i]);
    if (in_word) {
      AppendLower(text, starts, i, out);
    } else {
      AppendMapped(kTitle, text, starts[i], c, out);
    }
    in_word = c.ok && IsCased(c.code_point);
  }
  return out;
}

Text Capitalize(const Text& text) {
  const std::vector<size_t> starts = CharStarts(text.bytes());
  Text out;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    if (i == 0) {
      AppendMapped(kTitle, text, 0, DecodeUtf8(text.bytes(), 0), out);
    } else {
      AppendLower(text, starts, i, out);
    }
  }
  return out;
}

Text TitleFilter(const Text& text) {
  Text out;
  bool breaks = false;  // of the stretch that `begin` starts
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    const Text stretch = text.Part(begin, end - begin);
    begin = end;
    if (stretch.empty()) return;
    const size_t first = DecodeUtf8(stretch.bytes(), 0).length;
    out.Append(Upper(stretch.Part(0, first)));
    out.Append(Lower(stretch.Part(first, stretch.size() - first)));
  };
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeUtf8(text.bytes(), pos);
    const bool is_break =
        c.ok && (IsBlank(c.code_point) ||
                 (c.code_point < 0x80 && c.code_point != 0 &&
                  std::string_view("-({[<").find(static_cast<char>(c.code_point)) != std::string_view::npos));
    if (is_break != breaks) flush(pos);
    breaks = is_break;
    pos += c.length;
  }
  flush(text.size());
  return out;
}

int DigitValue(uint32_t code_point) {
  const uint32_t* after =
      std::upper_bound(std::begin(kCategoryRanges), std::end(kCategoryRanges), code_point << 8 | 0xFF);
  const uint32_t range = after[-1];  // the first one begins at 0
  if (std::string_view(kCategoryNames + 2 * (range & 0xFF), 2) != "Nd") return -1;
  // Unicode promises that the digits of a script stand together, 0 to 9 in order (stability of General_Category Nd).
  return static_cast<int>((code_point - (range >> 8)) % 10);
}

size_t FindBytes(std::string_view text, std::string_view sought, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (sought.empty()) return from;
  if (text.size() - from < sought.size()) return std::string_view::npos;
  // The C library's search is linear; find() of string_view is not.
  const void* found = memmem(text.data() + from, text.size() - from, sought.data(), sought.size());
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastBytes(std::string_view text, std::string_view sought) {
  const std::string back(text.rbegin(), text.rend()), sought_back(sought.rbegin(), sought.rend());
  const size_t at = FindBytes(back, sought_back);
  return at == std::string_view::npos ? at : text.size() - at - sought.size();
}

Result<std::vector<Text>> SplitLines(const Text& text, Budget& budget) {
  std::vector<Text> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeUtf8(text.bytes(), pos);
    const size_t at = pos;
    pos += c.length;
    if (!c.ok || !IsLineEnd(c.code_point)) continue;
    BN_RETURN_IF_ERROR(budget.SpendElements(1));
    lines.push_back(text.Part(begin, at - begin));
    if (c.code_point == '\r' && text.bytes().substr(pos).starts_with('\n')) ++pos;
    begin = pos;
  }
  if (begin < text.size()) lines.push_back(text.Part(begin, text.size() - begin));
  return lines;
}

Result<std::vector<Text>> SplitBlank(const Text& text, int64_t max, bool from_right, Budget& budget) {
  const std::vector<size_t> starts = CharStarts(text.bytes());
  const auto blank = [&](size_t i) {
    const Utf8Char c = DecodeUtf8(text.bytes(), starts[i]);
    return c.ok && IsBlank(c.code_point);
  };
  std::vector<Text> parts;
  size_t begin = 0, end = starts.size() - 1;  // characters that are left
  while (true) {
    while (begin < end && blank(from_right ? end - 1 : begin)) from_right ? --end : ++begin;
    if (begin == end) break;
    size_t from = begin, to = end;
    if (max == 0) {
      // the rest, with the white space at its other end
    } else if (from_right) {
      from = end;
      while (from > begin && !blank(from - 1)) --from;
    } else {
      to = begin;
      while (to < end && !blank(to)) ++to;
    }
    BN_RETURN_IF_ERROR(budget.SpendElements(1));
    parts.push_back(text.Part(starts[from], starts[to] - starts[from]));
    if (max == 0) break;
    if (max > 0) --max;
    from_right ? end = from : begin = to;
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<std::vector<Text>> Split(const Text& text, std::string_view separator, int64_t max, bool from_right,
                                Budget& budget) {
  std::vector<size_t> cuts;  // where separators begin
  if (from_right) {
    // From the left in the text turned around.
    const std::string back(text.bytes().rbegin(), text.bytes().rend()), sought(separator.rbegin(), separator.rend());
    for (size_t at = 0; max != 0 && (at = FindBytes(back, sought, at)) != std::string_view::npos; --max) {
      BN_RETURN_IF_ERROR(budget.SpendElements(1));
      cuts.push_back(text.size() - at - separator.size());
      at += separator.size();
    }
    std::reverse(cuts.begin(), cuts.end());
  } else {
    for (size_t at = 0; max != 0 && (at = FindBytes(text.bytes(), separator, at)) != std::string_view::npos; --max) {
      BN_RETURN_IF_ERROR(budget.SpendElements(1));
      cuts.push_back(at);
      at += separator.size();
    }
  }
  std::vector<Text> parts;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    parts.push_back(text.Part(begin, cut - begin));
    begin = cut + separator.size();
  }
  parts.push_back(text.Part(begin, text.size() - begin));
  return parts;
}

}  // namespace bitnet::core::jinja
