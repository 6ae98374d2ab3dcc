#include "core/tokenizer/jinja/string_literal.h"

#include <cstdint>

#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads `n` hex digits at `*pos`.
Result<uint32_t> Hex(std::string_view literal, size_t* pos, int n) {
  uint32_t value = 0;
  for (int i = 0; i < n; ++i, ++*pos) {
    const int digit = *pos < literal.size() ? HexDigit(literal[*pos]) : -1;
    if (digit < 0) return Status(Code::kBadFormat, "a cut \\x or \\u escape in a string");
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  if (value > 0x10FFFF) return Status(Code::kBadFormat, "an escape beyond U+10FFFF in a string");
  if (value >= 0xD800 && value < 0xE000)
    return Status(Code::kUnsupported, "an escape of a surrogate in a string: not supported");
  return value;
}

}  // namespace

Result<std::string> UnescapeString(std::string_view literal) {
  constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  for (size_t pos = 0; pos < literal.size();) {
    const char c = literal[pos++];
    if (c != '\\') {
      out += c;
      continue;
    }
    const char escape = literal[pos++];  // a string never ends in a lone backslash
    if (const size_t k = kNames.find(escape); k != std::string_view::npos) {
      out += kValues[k];
    } else if (escape == '\n') {
      // the line goes on
    } else if (escape == 'x' || escape == 'u' || escape == 'U') {
      BN_ASSIGN_OR_RETURN(const uint32_t code_point, Hex(literal, &pos, escape == 'x' ? 2 : escape == 'u' ? 4 : 8));
      AppendUtf8(code_point, out);
    } else if (escape >= '0' && escape <= '7') {
      auto code_point = static_cast<uint32_t>(escape - '0');
      for (int i = 0; i < 2 && pos < literal.size() && literal[pos] >= '0' && literal[pos] <= '7'; ++i)
        code_point = code_point << 3 | static_cast<uint32_t>(literal[pos++] - '0');
      AppendUtf8(code_point, out);
    } else if (escape == 'N') {
      return Status(Code::kUnsupported, "an escape \\N in a string: not supported");
    } else {  // not an escape: the backslash stays
      out += '\\';
      out += escape;
    }
  }
  return out;
}

}  // namespace bitnet::core::jinja
