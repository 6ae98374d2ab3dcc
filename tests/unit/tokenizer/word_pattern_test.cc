#include "core/tokenizer/word_pattern.h"

#include <string>
#include <vector>

#include "support/catch.h"

namespace bitnet::core {
namespace {

std::vector<std::string> Pieces(std::string_view regex, std::string_view text) {
  const auto pattern = WordPattern::Compile(regex);
  if (!pattern.ok()) FAIL(regex << ": " << pattern.status().message());
  std::vector<std::string> out;
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = (*pattern)->PieceEnd(text, pos);
    out.emplace_back(text.substr(pos, end - pos));
    pos = end;
  }
  return out;
}
using Words = std::vector<std::string>;

TEST_CASE("a match is that of the first alternative, as long as its greedy parts make it") {
  CHECK(Pieces("a|ab", "abab") == Words{"a", "b", "a", "b"});
  CHECK(Pieces("ab|a", "abaab") == Words{"ab", "a", "ab"});
  CHECK(Pieces("(a|ab)(c|bcd)", "abcd") == Words{"abcd"});
  CHECK(Pieces("(a|ab)(c|b)", "abc") == Words{"ab", "c"});
  CHECK(Pieces("a{2,3}", "aaaaaaa") == Words{"aaa", "aaa", "a"});
  CHECK(Pieces("a{2}", "aaaaa") == Words{"aa", "aa", "a"});
  CHECK(Pieces("(?:ab)+c?", "ababcab") == Words{"ababc", "ab"});
  CHECK(Pieces("x?a", "xxbxxa") == Words{"xxbx", "xa"});
}

TEST_CASE("classes, escapes and categories") {
  CHECK(Pieces(R"([a-c\-x]+)", "ab-xyc") == Words{"ab-x", "y", "c"});
  CHECK(Pieces(R"([^\s\p{Lu}]+)", "ab CD\xC2\xA0x") == Words{"ab", " CD\xC2\xA0", "x"});
  CHECK(Pieces(R"(\P{L}+)", "ab12 c") == Words{"ab", "12 ", "c"});
  CHECK(Pieces(R"(\d+)", "a\xD9\xA3\x31\xC2\xB2") == Words{"a", "\xD9\xA3\x31", "\xC2\xB2"});  // Nd, not No
  CHECK(Pieces("[a-]+", "a-b") == Words{"a-", "b"});
  CHECK(Pieces(R"(\.\\\[)", "x.\\[y") == Words{"x", ".\\[", "y"});
  CHECK(Pieces(LiteralRegex("a.b|(c)"), "xa.b|(c)aab") == Words{"x", "a.b|(c)", "aab"});
}

TEST_CASE("(?i:..) folds as the engine of tokenizer.json does: the long s is an s") {
  CHECK(Pieces("(?i:'s)", "'S'\xC5\xBF's'x") == Words{"'S", "'\xC5\xBF", "'s", "'x"});
  CHECK(Pieces("(?i:k)z", "\xE2\x84\xAAzKZkz") == Words{"\xE2\x84\xAAz", "KZ", "kz"});
}

TEST_CASE("lookahead sees one character and the end of the text") {
  CHECK(Pieces(R"(\s+(?!\S)|\s+)", "a   b  ") == Words{"a", "  ", " ", "b", "  "});
  CHECK(Pieces(R"(a(?=b))", "aabaa") == Words{"a", "a", "baa"});
  CHECK(Pieces(R"(((?=[\p{L}])([^a-z]))+)", "aBC1") == Words{"a", "BC", "1"});
}

TEST_CASE("what a pattern may not hold is named, with its place") {
  struct Case {
    const char *regex, *message;
  };
  for (const Case& c : {Case{"a**", "quantifier after another"},
                        {"a+?", "quantifier after another"},
                        {"a++", "quantifier after another"},
                        {"(a", "without its ')'"},
                        {"a)", "without its '('"},
                        {"[a", "without its ']'"},
                        {"[]", "empty class"},
                        {"[b-a]", "range"},
                        {"[[a]]", "class in a class"},
                        {"[a&&b]", "class in a class"},
                        {"^a", "the sign '^'"},
                        {"a$", "the sign '$'"},
                        {".", "the sign '.'"},
                        {"\\w", "the escape 'w'"},
                        {"\\", "at the end"},
                        {"\\p{Han}", "the property 'Han'"},
                        {"\\pL", "'{..}'"},
                        {"(?<=a)b", "group of an unknown kind"},
                        {"(?=ab)c", "lookahead at more"},
                        {"a*", "empty text"},
                        {"", "empty text"},
                        {"(?!a)", "empty text"},
                        {"(a*)+b", "quantifier of what matches the empty"},
                        {"a{0}", "quantifier"},
                        {"a{3,2}", "quantifier"},
                        {"a{x}", "quantifier"},
                        {"a{1000}b", "quantifier"},
                        {"(?i:ss)", "'ss'"},
                        {"(?i:[a])", "class in (?i:"},
                        {"(?i:\xC3\xA9)", "outside of ASCII"},
                        {"\xFF", "UTF-8"}}) {
    CAPTURE(c.regex);
    const auto result = WordPattern::Compile(c.regex);
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.status().message());
    CHECK(result.status().message().find(c.message) != std::string::npos);
  }
}

TEST_CASE("a pattern that could take quadratic time is refused") {
  for (const char* regex : {R"(a+b)", R"(\s+(?![\s\S]))", R"([ab]*c|a)", R"(\s*[\r\n]+|x)", R"((?:ab)*d)"}) {
    CAPTURE(regex);
    const auto result = WordPattern::Compile(regex);
    CHECK_FALSE(result.ok());
  }
  // Those read on too, but the next scan does not, or matches what they read.
  for (const char* regex : {R"(a(?:bc)*d)", R"(a+b|a+)", R"(\s*[\r\n]+|\s+)", R"([ab]*c|[ab]+)"}) {
    CAPTURE(regex);
    CHECK(WordPattern::Compile(regex).ok());
  }
}

TEST_CASE("a pattern that is too large is refused before it takes time") {
  std::string sets, levels, states;
  for (int i = 0; i < 70; ++i) sets += static_cast<char>('0' + i);
  for (int i = 0; i < 20; ++i) levels += "(";
  for (int i = 0; i < 20; ++i) states += "[ab]";
  for (const std::string& regex :
       {std::string(5000, 'a'), LiteralRegex(sets), levels + "a", std::string("(?:a{900}){900}"),
        std::string("(?:a{900}b{900})"), "(?:[ab]*a" + states + "|[ab])+"}) {
    const auto result = WordPattern::Compile(regex);
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.status().message());
    CHECK(result.status().code() == Code::kLimit);
  }
}

TEST_CASE("a pattern that covers a text is told from one that does not") {
  CHECK((*WordPattern::Compile(R"(\s+|\S)"))->CoversText());
  CHECK_FALSE((*WordPattern::Compile(R"(\p{N}+)"))->CoversText());
  CHECK_FALSE((*WordPattern::Compile(R"(\S|\s(?!\s))"))->CoversText());
}

}  // namespace
}  // namespace bitnet::core
