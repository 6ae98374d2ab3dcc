#include "core/base/text.h"

#include <limits>

#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("text is joined from words and numbers in their shortest exact form", "[base]") {
  CHECK(Cat("found ", 3, ", expected ", uint64_t{18446744073709551615u}, ' ', -7, ' ', true) ==
        "found 3, expected 18446744073709551615 -7 true");
  CHECK(Cat(0.1f, " ", 0.1, " ", 1e-5f) == "0.1 0.1 1e-05");
  CHECK(Cat() == "");
}

TEST_CASE("quoted bytes hold nothing that a terminal obeys", "[base]") {
  CHECK(Quoted("plain text") == "'plain text'");
  CHECK(Quoted("a\x1b[2J\n'\\\xff") == "'a\\x1b[2J\\x0a\\x27\\x5c\\xff'");
  CHECK(Quoted(std::string_view("\0", 1)) == "'\\x00'");
  CHECK(Quoted("abcdef", 3) == "'abc...'");
}

TEST_CASE("numbers and bytes become hex digits", "[base]") {
  CHECK(Hex(0) == "0x0");
  CHECK(Hex(std::numeric_limits<uint64_t>::max()) == "0xffffffffffffffff");
  CHECK(HexBytes("\x00\xa9\xff", 3) == "00a9ff");
}

TEST_CASE("well-formed UTF-8 is told from the rest", "[base]") {
  for (const char* good : {"", "ascii", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"}) {
    INFO(Quoted(good));
    CHECK(IsUtf8(good));
  }
  // Overlong forms, surrogates, values above U+10FFFF, lone and missing continuation bytes.
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80",
                          "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                          "\xc2\x41", "\xe1\x80\x41", "\xf1\x80\x80\x41", "a\xe2\x82"}) {
    INFO(Quoted(bad));
    CHECK_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace bitnet::core
