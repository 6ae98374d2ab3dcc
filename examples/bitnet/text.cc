#include "text.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace bitnet::tool {
namespace {

struct Character {
  char32_t code = 0;
  size_t n_bytes = 1;  // of the character, or of the maximal part of an ill-formed one
  bool well_formed = false;
};

// The first character of `text` (not empty). Source: The Unicode Standard, table 3-7.
Character Decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const size_t n_bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = lead & (0xFFu >> (n_bytes + 1));
  for (size_t i = 1; i < n_bytes; ++i) {
    if (i == text.size()) return {0, i, false};
    unsigned char low = 0x80, high = 0xBF;
    if (i == 1) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (byte(i) < low || byte(i) > high) return {0, i, false};
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {code, n_bytes, true};
}

// Characters that change what a terminal shows beside themselves: controls and directional formatting.
bool IsUnsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

template <typename Keep>
std::string Escape(std::string_view text, Keep keep) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = Decode(text);
    if (!c.well_formed) {
      out += "\uFFFD";
    } else if (keep(c.code)) {
      out += text.substr(0, c.n_bytes);
    } else {
      out += Format(c.code < 0x100 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(c.code));
    }
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

}  // namespace

std::string WellFormed(std::string_view text) {
  return Escape(text, [](char32_t) { return true; });
}

std::string Printable(std::string_view text) {
  return Escape(text, [](char32_t c) { return !IsUnsafe(c); });
}

std::string PrintableLines(std::string_view text) {
  return Escape(text, [](char32_t c) { return c == '\n' || c == '\t' || !IsUnsafe(c); });
}

std::string Quoted(std::string_view text, size_t max_bytes) {
  const bool cut = text.size() > max_bytes;
  return '"' + Printable(text.substr(0, max_bytes)) + (cut ? "...\"" : "\"");
}

std::string Shortened(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return Printable(text);
  size_t n = max_bytes;  // not within a character
  while (n > 0 && max_bytes - n < 3 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  return Printable(text.substr(0, n)) + "... (" + Grouped(text.size()) + " bytes)";
}

std::string Fixed(double value, int decimals) { return Format("%.*f", decimals, value); }

std::string Bytes(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return Fixed(value, 1) + " " + kUnits[unit];
}

std::string Grouped(uint64_t value) {
  std::string out = std::to_string(value);
  for (size_t i = out.size(); i > 3; i -= 3) out.insert(i - 3, ",");
  return out;
}

std::string Counted(uint64_t n, const char* noun) { return Grouped(n) + " " + noun + (n == 1 ? "" : "s"); }

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += Format("%02x", static_cast<unsigned char>(c));
  return out;
}

bool FromHex(std::string_view digits, std::string& bytes) {
  const auto value = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  bytes.clear();
  if (digits.size() % 2 != 0) return false;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = value(digits[i]), low = value(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high << 4 | low);
  }
  return true;
}

std::string Format(const char* format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int n = std::vsnprintf(nullptr, 0, format, args);
  va_end(args);
  std::string out(n > 0 ? static_cast<size_t>(n) : 0, '\0');
  std::vsnprintf(out.data(), out.size() + 1, format, again);
  va_end(again);
  return out;
}

std::string Columns(std::span<const std::vector<std::string>> rows, std::string_view right) {
  std::vector<size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(width[i] - row[i].size(), ' ');
      const bool to_right = i < right.size() && right[i] == 'r';
      line += (i == 0 ? "" : "  ") + (to_right ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace bitnet::tool
