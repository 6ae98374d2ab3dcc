// Texts that a regular expression or a naive merge would take quadratic time or a deep stack for. Nothing is timed
// here: a quadratic algorithm would not end within the time limit of the test.
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

void CheckRoundTrip(const core::Tokenizer& tokenizer, const std::string& text) {
  const Ids ids = Encode(tokenizer, text);
  CHECK(ids.size() <= text.size() + 1);  // SPM may add a space
  const auto decoded = tokenizer.Decode(ids, false);
  REQUIRE(decoded.ok());
  CHECK(*decoded == text);
}

std::string Repeated(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() + unit.size() <= bytes) text.append(unit);
  return text;
}

TEST_CASE("a megabyte of one repeated character encodes in linear time") {
  for (const char* set : {"tiny", "bpe-default", "spm-llama"}) {
    const auto tokenizer = SetTokenizer(set);
    for (const char* unit :
         {"a", " ", "\n", "7", "=", "'", "\xC3\xA9", "\xE6\x9D\xB1", "\xF0\x9F\x99\x82", "\xFF", "\xF0\x9F"}) {
      CAPTURE(set, unit);
      CheckRoundTrip(*tokenizer, Repeated(unit, size_t{1} << 20));
    }
  }
}

TEST_CASE("a megabyte of repeated pairs, line ends among spaces and unfinished special tokens encodes in linear time") {
  for (const char* set : {"bpe-gpt2", "bpe-llama", "spm-llama"}) {
    const auto tokenizer = SetTokenizer(set);
    for (const char* unit : {"ab", " \n", "\r\n ", "a ", "'s", "1a", "<|eot_id|", "[[note]]", "    ", "=[[="}) {
      CAPTURE(set, unit);
      CheckRoundTrip(*tokenizer, Repeated(unit, size_t{1} << 20));
    }
  }
}

TEST_CASE("four megabytes of one letter encode in linear time") {
  for (const char* set : {"tiny", "spm-llama"}) CheckRoundTrip(*SetTokenizer(set), std::string(size_t{4} << 20, 'a'));
}

TEST_CASE("a long text has the ids of its words") {
  // Long texts go through a cache of words, short ones do not. Many more words than it has places, each twice.
  for (const char* set : {"tiny", "bpe-default", "spm-llama"}) {
    const auto tokenizer = SetTokenizer(set);
    const bool prefixed = std::string_view(set) == "spm-llama";  // a text has a space before it already
    std::string text;
    Ids expected;
    for (int i = 0; i < 60000; ++i) {
      std::string word;
      for (int n = i * 7919 % 30011; n > 0; n /= 26) word.push_back(static_cast<char>('a' + n % 26));
      word += i % 7 == 0 ? "\xC3\xA9" : "x";
      text += (prefixed && i == 0 ? "" : " ") + word;
      tokenizer->Encode(prefixed ? word : " " + word, {.add_special = false, .parse_special = false}, expected);
    }
    CAPTURE(set);
    CHECK(Encode(*tokenizer, text) == expected);
  }
}

}  // namespace
}  // namespace bitnet::test
