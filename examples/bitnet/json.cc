#include "json.h"

#include <charconv>
#include <cmath>

#include "text.h"

namespace bitnet::tool {

void Json::Separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

Json& Json::Open(char bracket) {
  Separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

Json& Json::Close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

Json& Json::Plain(std::string_view text) {
  Separate();
  out_ += text;
  return *this;
}

Json& Json::Key(std::string_view key) {
  Value(key);
  out_ += ':';
  comma_ = false;
  return *this;
}

Json& Json::Value(std::string_view text) {
  Separate();
  out_ += '"';
  for (const char c : WellFormed(text)) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c == '\r') {
      out_ += "\\r";
    } else if (c == '\t') {
      out_ += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out_ += "\\u00";
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    } else {
      out_ += c;
    }
  }
  out_ += '"';
  return *this;
}

Json& Json::Value(double value) {
  if (!std::isfinite(value)) return Null();
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return Plain({digits, end.ptr});
}

}  // namespace bitnet::tool
