#include "core/tokenizer/utf8.h"

#include "core/base/text.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

std::string Streamed(std::string_view bytes, size_t chunk) {
  Utf8Stream stream;
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += chunk) {
    const std::string shown = stream.Push(bytes.substr(i, chunk));
    CHECK(IsUtf8(shown));
    out += shown;
  }
  return out + stream.Finish();
}

TEST_CASE("every code point is written and read back, and is well-formed") {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    const Utf8Char read = DecodeUtf8(text, 0);
    if (!read.ok || read.code_point != c || read.length != text.size() || DecodeWellFormed(text, 0).code_point != c ||
        !IsUtf8(text)) {
      FAIL("code point " << c);
    }
  }
  SUCCEED();
}

TEST_CASE("two bytes are well-formed exactly when the base layer says so") {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      if ((WellFormedPrefix(text) == 2) != IsUtf8(text)) FAIL(a << ' ' << b);
    }
  }
  SUCCEED();
}

TEST_CASE("the well-formed prefix ends before the first ill-formed sequence") {
  CHECK(WellFormedPrefix("") == 0);
  CHECK(WellFormedPrefix("twelve bytes and \xC3\xA9") == 19);
  CHECK(WellFormedPrefix("twelve bytes\x80 and more") == 12);
  CHECK(WellFormedPrefix("ab\xED\xA0\x80") == 2);
  CHECK(WellFormedPrefix("ab\xC3") == 2);
}

TEST_CASE("a stream shows whole characters, whatever the pieces it comes in") {
  const std::string text = "Z\xC3\xBCrich \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x99\x82!";
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) CHECK(Streamed(text, chunk) == text);
  Utf8Stream stream;
  CHECK(stream.Push("a\xF0\x9F") == "a");
  CHECK(stream.Push("\x99").empty());
  CHECK(stream.Push("\x82z") == "\xF0\x9F\x99\x82z");
  CHECK(stream.Finish().empty());
}

TEST_CASE("each maximal subpart of an ill-formed sequence is shown as one replacement character") {
  const std::string r = kReplacement;
  const std::pair<std::string, std::string> cases[] = {
      {"a\x80z", "a" + r + "z"},
      {"\xFF", r},
      {"\xC0\xAF", r + r},
      {"\xE0\x80\xAF", r + r + r},
      {"\xED\xA0\x80", r + r + r},
      {"\xF4\x90\x80\x80", r + r + r + r},
      {"caf\xC3", "caf" + r},
      {"\xF0\x9F\x98 ok", r + " ok"},
      {"\xE6\x9D", r},
      {"\xF0\x9F\xF0\x9F\x99\x82", r + "\xF0\x9F\x99\x82"},
  };
  for (const auto& [bytes, shown] : cases) {
    for (size_t chunk = 1; chunk <= bytes.size(); ++chunk) CHECK(Streamed(bytes, chunk) == shown);
  }
}

}  // namespace
}  // namespace bitnet::core
