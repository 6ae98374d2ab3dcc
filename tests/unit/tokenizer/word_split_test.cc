#include "core/tokenizer/word_split.h"

#include <random>
#include <string>
#include <vector>

#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

using Words = std::vector<std::string>;

Words Split(std::string_view pre, std::string_view text) {
  const PreTokenizer* p = FindPreTokenizer(pre);
  REQUIRE(p != nullptr);
  Words words;
  ForEachWord(p->steps, text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST_CASE("the gpt-2 pattern splits words, numbers and signs, each with one space before") {
  CHECK(Split("gpt-2", "Hello world 2024!?") == Words{"Hello", " world", " 2024", "!?"});
  CHECK(Split("gpt-2", "it's IT'S we'll'd") == Words{"it", "'s", " IT", "'", "S", " we", "'ll", "'d"});
  CHECK(Split("gpt-2", "a   b \n\n c  ") == Words{"a", "  ", " b", " \n\n", " c", "  "});
  CHECK(Split("gpt-2", "\n\nx\t\ty") == Words{"\n", "\n", "x", "\t", "\t", "y"});
}

TEST_CASE("the llama-bpe pattern takes three digits, line ends after signs, and a sign before a word") {
  CHECK(Split("llama-bpe", "Hello world 12345!\n\n") == Words{"Hello", " world", " ", "123", "45", "!\n\n"});
  CHECK(Split("llama-bpe", "IT'S we'Ll (yes)") == Words{"IT", "'S", " we", "'Ll", " (", "yes", ")"});
  CHECK(Split("llama-bpe", "(yes)\tno") == Words{"(yes", ")", "\tno"});
  CHECK(Split("llama-bpe", "a \n \n  b") == Words{"a", " \n \n", " ", " b"});
  CHECK(Split("llama-bpe", "\xE2\x80\x99s 1\xC2\xB2\xD9\xA3") == Words{"\xE2\x80\x99s", " ", "1\xC2\xB2\xD9\xA3"});
  CHECK(Split("falcon3", "12345") == Words{"123", "45"});
}

TEST_CASE("the qwen2 pattern takes digits one by one") {
  CHECK(Split("qwen2", "x 123") == Words{"x", " ", "1", "2", "3"});
}

TEST_CASE("the default pattern cuts runs of signs, then as gpt-2, then numbers, then three digits") {
  CHECK(Split("default", "a, 12345 = b") == Words{"a", ",", " ", "123", "45", " ", "=", " b"});
  CHECK(Split("default", "don't") == Words{"don", "'", "t"});
  CHECK(Split("default", "x@y~z") == Words{"x", "@", "y", "~", "z"});
}

TEST_CASE("marks are no letters, and only White_Space is space") {
  CHECK(CharClassOf(0x0E34) == kWord);              // Thai vowel sign, a mark
  CHECK(CharClassOf(0x0E01) == (kLetter | kWord));  // Thai ko kai
  CHECK(CharClassOf(0x2167) == (kNumber | kWord));  // Roman numeral eight
  CHECK(CharClassOf(0x00B2) == kNumber);            // superscript two
  CHECK(CharClassOf('_') == (kPunctuation | kWord));
  CHECK(CharClassOf('$') == 0);
  CHECK(CharClassOf(0x10FFFF) == 0);
  size_t spaces = 0;
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) spaces += (CharClassOf(c) & kSpace) != 0;
  CHECK(spaces == 25);
  for (const uint32_t c : {0x1Cu, 0x1Fu, 0x180Eu, 0x200Bu, 0xFEFFu}) CHECK((CharClassOf(c) & kSpace) == 0);
}

TEST_CASE("an unknown pattern has no name") {
  CHECK(FindPreTokenizer("no-such-pattern") == nullptr);
  CHECK(FindPreTokenizer("") == nullptr);
}

TEST_CASE("the words of any text are the text, and none is empty") {
  std::mt19937 random(1);
  const std::vector<uint32_t> alphabet = {'a', 'Z', '7', ' ',  ' ',  '\n',  '\r',   '\t',   '\'',
                                          's', '.', '=', 0xA0, 0xE9, 0x663, 0x4E2D, 0x1F642};
  for (const char* pre : {"gpt-2", "llama-bpe", "qwen2", "default"}) {
    for (int i = 0; i < 2000; ++i) {
      std::string text;
      for (size_t n = random() % 40; n > 0; --n) AppendUtf8(alphabet[random() % alphabet.size()], text);
      std::string joined;
      for (const std::string& word : Split(pre, text)) {
        CHECK_FALSE(word.empty());
        joined += word;
      }
      CHECK(joined == text);
    }
  }
}

}  // namespace
}  // namespace bitnet::core
