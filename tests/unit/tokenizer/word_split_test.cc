#include "core/tokenizer/word_split.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"
#include "unit/tokenizer/load.h"

namespace bitnet::core {
namespace {

using Words = std::vector<std::string>;

std::vector<SplitStep> Steps(std::string_view pre) {
  const PreTokenizer* p = FindPreTokenizer(pre);
  REQUIRE(p != nullptr);
  auto steps = SplitSteps(*p);
  if (!steps.ok()) FAIL(pre << ": " << steps.status().message());
  return *std::move(steps);
}

Words Split(std::span<const SplitStep> steps, std::string_view text) {
  Words words;
  ForEachWord(steps, text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}
Words Split(std::string_view pre, std::string_view text) { return Split(Steps(pre), text); }

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

TEST_CASE("names of patterns are in order, each once, and a message can list them") {
  const auto by_name = [](const PreTokenizer& a, const PreTokenizer& b) { return a.name < b.name; };
  const auto all = PreTokenizers();
  CHECK(std::is_sorted(all.begin(), all.end(), by_name));
  CHECK(std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name == b.name; }) ==
        all.end());
  CHECK(PreTokenizerNames().find(", llama-bpe, ") != std::string::npos);
}

// The set of vectors for each pattern that has other names, or another flag, beside the one that names the set.
const std::map<std::string_view, std::string_view> kSameAs = {
    {"a.x-4.0", "gpt-2"},
    {"bailingmoe2", "bailingmoe"},
    {"chatglm-bpe", "llama-bpe"},
    {"codeshell", "starcoder"},
    {"command-r", "starcoder"},
    {"dbrx", "llama-bpe"},
    {"deepseek-r1-qwen", "qwen2"},
    {"exaone", "starcoder"},
    {"exaone4", "gpt-2"},
    {"falcon-h1", "llama-bpe"},
    {"falcon3", "llama-bpe"},
    {"falcon_e", "llama-bpe"},
    {"gigachat", "gpt-2"},
    {"glm4", "llama-bpe"},
    {"gpt3-finnish", "bloom"},
    {"granite-docling", "gpt-2"},
    {"grok-2", "qwen2"},
    {"hunyuan", "qwen2"},
    {"hunyuan-dense", "deepseek-v3"},
    {"hy_v4", "deepseek-v3"},
    {"jais", "gpt-2"},
    {"joyai-llm", "deepseek-v3"},
    {"kanana2", "gpt-4o"},
    {"kormo", "qwen2"},
    {"lfm2", "llama-bpe"},
    {"llada-moe", "bailingmoe"},
    {"llama-v3", "llama-bpe"},
    {"llama3", "llama-bpe"},
    {"llama4", "gpt-4o"},
    {"megrez", "qwen2"},
    {"mellum", "gpt-2"},
    {"mellum2", "starcoder"},
    {"midm-2.0", "llama-bpe"},
    {"minerva-7b", "starcoder"},
    {"minimax-m2", "gpt-4o"},
    {"mpt", "gpt-2"},
    {"olmo", "gpt-2"},
    {"phi-2", "gpt-2"},
    {"pixtral", "llama-bpe"},
    {"poro-chat", "bloom"},
    {"refact", "starcoder"},
    {"smaug-bpe", "llama-bpe"},
    {"smollm", "starcoder"},
    {"solar-open", "qwen2"},
    {"stablelm2", "qwen2"},
    {"talkie", "gpt-4o"},
    {"trillion", "gpt-2"},
};

TEST_CASE("every pattern cuts texts as a backtracking engine does") {
  const JsonValue file = test::ReadJson(BITNET_TEST_DATA "/pre_tokenizer_vectors.json");
  const auto& texts = test::Member(file, "texts").array;
  CHECK(texts.size() == 120);
  for (const PreTokenizer& pre : PreTokenizers()) {
    const auto same = kSameAs.find(pre.name);
    const std::string set(same == kSameAs.end() ? pre.name : same->second);
    CAPTURE(pre.name, set);
    const auto& expected = test::Member(test::Member(file, "bytes"), set).array;
    REQUIRE(expected.size() == texts.size());
    const std::vector<SplitStep> steps = Steps(pre.name);
    for (size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(i, texts[i].string);
      std::vector<uint64_t> bytes, expected_bytes;
      for (const std::string& word : Split(steps, texts[i].string)) bytes.push_back(word.size());
      for (const JsonValue& n : expected[i].array) expected_bytes.push_back(n.uinteger);
      CHECK(bytes == expected_bytes);
    }
  }
  CHECK(test::Member(file, "bytes").object.size() + kSameAs.size() == PreTokenizers().size());
}

TEST_CASE("only the patterns of Llama 3 and a few others take whole words and add a BOS") {
  std::map<std::string_view, std::pair<bool, bool>> flags;
  for (const PreTokenizer& pre : PreTokenizers()) flags[pre.name] = {pre.ignore_merges, pre.add_bos};
  for (const char* name : {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "falcon_e", "pixtral", "midm-2.0",
                           "lfm2", "tekken"}) {
    CHECK(flags[name] == std::pair(true, true));
    flags.erase(name);
  }
  for (const char* name : {"minicpm5", "youtu"}) {
    CHECK(flags[name] == std::pair(true, false));
    flags.erase(name);
  }
  CHECK(flags["chameleon"] == std::pair(false, true));
  flags.erase("chameleon");
  for (const auto& [name, flag] : flags) {
    CAPTURE(name);
    CHECK(flag == std::pair(false, false));
  }
}

TEST_CASE("the words of any text are the text, and none is empty") {
  std::mt19937 random(1);
  const std::vector<uint32_t> alphabet = {'a', 'Z', '7', ' ',  ' ',  '\n',  '\r',   '\t',   '\'',
                                          's', '.', '=', 0xA0, 0xE9, 0x663, 0x4E2D, 0x1F642};
  for (const PreTokenizer& pre : PreTokenizers()) {
    const std::vector<SplitStep> steps = Steps(pre.name);
    for (int i = 0; i < 200; ++i) {
      std::string text;
      for (size_t n = random() % 40; n > 0; --n) AppendUtf8(alphabet[random() % alphabet.size()], text);
      std::string joined;
      for (const std::string& word : Split(steps, text)) {
        if (word.empty()) FAIL(pre.name << " gives an empty word");
        joined += word;
      }
      CHECK(joined == text);
    }
  }
}

// Nothing is timed: a quadratic scanner would not end within the time limit of the test.
TEST_CASE("every pattern cuts megabytes of repeated characters in linear time") {
  for (const PreTokenizer& pre : PreTokenizers()) {
    if (kSameAs.count(pre.name) != 0) continue;
    const std::vector<SplitStep> steps = Steps(pre.name);
    for (const char* unit : {"a", "A", "aA", " ", "\n", " \n", "\t ", "7", "'", ".", "\xC3\xA9", "\xE4\xB8\x80", "a ",
                             "1a", "\xCC\x81", "\xCD\x85 ", "IMG", "<sentinel:1", "\xC7\x85"}) {
      std::string text;
      while (text.size() < size_t{1} << 19) text += unit;
      for (const char* end : {"", "x", "\n"}) {
        CAPTURE(pre.name, unit, end);
        size_t bytes = 0;
        ForEachWord(steps, text + end, [&](std::string_view word) { bytes += word.size(); });
        CHECK(bytes == text.size() + std::string_view(end).size());
      }
    }
  }
}

}  // namespace
}  // namespace bitnet::core
