#include "core/tokenizer/unicode_normalize.h"

#include "core/base/sha256.h"
#include "core/tokenizer/utf8.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

// All code points but surrogates, each followed by one of a few that compose or reorder.
std::string EveryCharacter() {
  constexpr uint32_t kNext[] = {'\n', 0x301, 0x323, 0x1161, 0x11A8, 0x3099};
  std::string text;
  for (const uint32_t next : kNext) {
    for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      AppendUtf8(c, text);
      AppendUtf8(next, text);
    }
  }
  return text;
}

std::string DigestOf(const std::string& text) { return ToHex(Sha256Of(text.data(), text.size())); }

TEST_CASE("both forms of every character, alone and before marks, are those of Unicode 14") {
  // Digests of what Python 3.11's unicodedata.normalize makes of the same text.
  const std::string text = EveryCharacter();
  CHECK(DigestOf(text) == "186ea7ca258f366963cff1d9d2a8cdf3146654ac5beb7e03f9ce465b1f23b970");
  CHECK(DigestOf(NormalizeUnicode(text, UnicodeForm::kNfc)) ==
        "3aaf594ac1d560c84ff136b69ec7650e237459166f1cb73ecfae09449d22c0b4");
  CHECK(DigestOf(NormalizeUnicode(text, UnicodeForm::kNfkc)) ==
        "5c230f69422bd008e1a21cbf3e9346e85883c8ff2e980408d4da9e76d9fcd70c");
}

TEST_CASE("marks are ordered, composed unless blocked, and Hangul is computed") {
  const auto nfc = [](std::string_view text) { return NormalizeUnicode(text, UnicodeForm::kNfc); };
  CHECK(nfc("") == "");
  CHECK(nfc("plain") == "plain");
  CHECK(nfc("e\xCC\x81t") == "\xC3\xA9t");
  CHECK(nfc("a\xCC\x87\xCC\xA3") == "\xE1\xBA\xA1\xCC\x87");             // the dot below comes first
  CHECK(nfc("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB") == "\xED\x95\x9C");  // three jamo, one syllable
  CHECK(nfc("\xE2\x84\xAB") == "\xC3\x85");                              // the sign for angstrom
  CHECK(nfc("\xEF\xAC\x81") == "\xEF\xAC\x81");                          // a ligature stays
  CHECK(NormalizeUnicode("\xEF\xAC\x81\xC2\xB2", UnicodeForm::kNfkc) == "fi2");
}

TEST_CASE("a megabyte of marks is ordered in n log n") {
  std::string text = "a";
  for (int i = 0; i < 250000; ++i) text += i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3";
  const std::string normal = NormalizeUnicode(text, UnicodeForm::kNfc);
  CHECK(normal.size() == text.size());  // the letter and one dot below become one character of three bytes
  CHECK(normal.starts_with("\xE1\xBA\xA1\xCC\xA3"));
}

}  // namespace
}  // namespace bitnet::core
