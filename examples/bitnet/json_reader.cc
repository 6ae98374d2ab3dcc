#include "json_reader.h"

#include <cstdint>

#include "text.h"

namespace bitnet::tool {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() {
    SkipBlanks();
    return position_ == text_.size();
  }
  // Whether `c` comes next; takes it.
  bool Take(char c) {
    SkipBlanks();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) Fail(std::string("expected ") + c);
  }
  bool TakeWord(std::string_view word) {
    SkipBlanks();
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  std::string String();
  [[noreturn]] void Fail(const std::string& what) const {
    throw JsonError("not the JSON that is expected: " + what + " at byte " + std::to_string(position_));
  }

 private:
  void SkipBlanks() {
    while (position_ < text_.size() && std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
  }
  char Next() {
    if (position_ == text_.size()) Fail("a string that does not end");
    return text_[position_++];
  }
  uint32_t Hex4();
  void AppendEscape(std::string& out);

  std::string_view text_;
  size_t position_ = 0;
};

uint32_t Reader::Hex4() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = Next();
    const uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : 16;
    if (digit == 16) Fail("expected four hex digits");
    value = value << 4 | digit;
  }
  return value;
}

void AppendUtf8(std::string& out, uint32_t c) {
  const auto byte = [&](uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
  }
}

void Reader::AppendEscape(std::string& out) {
  const char c = Next();
  constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
  if (const size_t i = kNames.find(c); i != std::string_view::npos) {
    out += kValues[i];
  } else if (c == 'u') {
    uint32_t code = Hex4();
    if (code >= 0xD800 && code < 0xDC00) {
      if (Next() != '\\' || Next() != 'u') Fail("half of a surrogate pair");
      const uint32_t low = Hex4();
      if (low < 0xDC00 || low >= 0xE000) Fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
      Fail("half of a surrogate pair");
    }
    AppendUtf8(out, code);
  } else {
    Fail("an unknown escape");
  }
}

std::string Reader::String() {
  Expect('"');
  std::string out;
  for (char c = Next(); c != '"'; c = Next()) {
    if (c == '\\') {
      AppendEscape(out);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      Fail("a raw control character");
    } else {
      out += c;
    }
  }
  if (WellFormed(out) != out) Fail("ill-formed UTF-8 (send such bytes as bytes_hex)");
  return out;
}

}  // namespace

const std::string* JsonObject::String(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text == nullptr) throw JsonError("\"" + key + "\" is not a string");
  return text;
}

bool JsonObject::Bool(const std::string& key, bool absent) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return absent;
  const bool* value = std::get_if<bool>(&found->second);
  if (value == nullptr) throw JsonError("\"" + key + "\" is not true or false");
  return *value;
}

JsonObject ReadJsonObject(std::string_view text) {
  Reader reader(text);
  JsonObject object;
  reader.Expect('{');
  if (!reader.Take('}')) {
    do {
      const std::string key = reader.String();
      reader.Expect(':');
      if (reader.TakeWord("true")) {
        object.values_[key] = true;
      } else if (reader.TakeWord("false")) {
        object.values_[key] = false;
      } else {
        object.values_[key] = reader.String();
      }
    } while (reader.Take(','));
    reader.Expect('}');
  }
  if (!reader.AtEnd()) reader.Fail("something after the object");
  return object;
}

}  // namespace bitnet::tool
