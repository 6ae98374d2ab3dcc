#include "core/tokenizer/added_tokens.h"

#include "core/base/text.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

// "[3:text]" for a token and what it took with it, "(abc)" for text.
std::string Cut(const AddedTokens& tokens, std::string_view text, bool parse_special = true) {
  std::string out;
  for (const TextPart& part : tokens.Cut(text, parse_special)) {
    CHECK_FALSE(part.text.empty());
    if (part.id < 0) {
      out += Cat('(', part.text, ')');
    } else {
      out += Cat('[', part.id, ':', part.text, ']');
    }
  }
  return out;
}

AddedToken Token(const char* text, int32_t id) {
  AddedToken token;
  token.text = text;
  token.id = id;
  return token;
}

TEST_CASE("the leftmost added token wins, then the longest") {
  const AddedTokens tokens({Token("ab", 0), Token("bcd", 1), Token("abc", 2), Token("a", 3)});
  CHECK(Cut(tokens, "abcd") == "[2:abc](d)");
  CHECK(Cut(tokens, "xbcdab") == "(x)[1:bcd][0:ab]");
  CHECK(Cut(tokens, "ax") == "[3:a](x)");
  CHECK(Cut(tokens, "") == "");
}

TEST_CASE("a special token that is not looked for hides what stands inside of it") {
  AddedToken special = Token("<s>", 0);
  special.special = true;
  const AddedTokens tokens({special, Token("s", 1)});
  CHECK(Cut(tokens, "<s>s") == "[0:<s>][1:s]");
  CHECK(Cut(tokens, "<s>s", false) == "(<s>)[1:s]");
}

TEST_CASE("a single word stands between characters that are no word characters") {
  AddedToken word = Token("at", 0);
  word.single_word = true;
  const AddedTokens tokens({word});
  CHECK(Cut(tokens, "at cat at, at\xC3\xA9 _at at") == "[0:at]( cat )[0:at](, at\xC3\xA9 _at )[0:at]");
  CHECK(Cut(tokens,
            "\xE2\x80\x8D"
            "at") ==
        "(\xE2\x80\x8D"
        "at)");  // a joiner belongs to a word
}

TEST_CASE("white space goes with a token that strips it, up to the token before") {
  AddedToken left = Token("<l>", 0), right = Token("<r>", 1);
  left.lstrip = true;
  right.rstrip = true;
  const AddedTokens tokens({left, right});
  CHECK(Cut(tokens, "a \xC2\xA0\n<l> b") == "(a)[0: \xC2\xA0\n<l>]( b)");
  CHECK(Cut(tokens, "a <r> \t\xE3\x80\x80 b") == "(a )[1:<r> \t\xE3\x80\x80 ](b)");
  CHECK(Cut(tokens, "<r>  <l>") == "[1:<r>  ][0:<l>]");
  CHECK(Cut(tokens, "\xFF <l>\x80") == "(\xFF)[0: <l>](\x80)");
}

TEST_CASE("of tokens with one text the first counts, and empty ones do not") {
  const AddedTokens tokens({Token("a", 5), Token("a", 6), Token("", 7)});
  CHECK(Cut(tokens, "ba") == "(b)[5:a]");
  CHECK(AddedTokens({Token("", 7)}).empty());
}

}  // namespace
}  // namespace bitnet::core
