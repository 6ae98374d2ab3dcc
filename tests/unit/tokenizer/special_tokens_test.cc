#include "core/tokenizer/special_tokens.h"

#include <string>

#include "core/base/text.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

// "[3]" for a token, "(abc)" for text.
std::string Cut(const Vocab& vocab, std::string_view text, bool parse_special) {
  std::string out;
  for (const TextPart& part : SpecialTokens(vocab).CutLongestFirst(vocab, text, parse_special)) {
    CHECK_FALSE(part.text.empty());
    if (part.id < 0) {
      out += Cat('(', part.text, ')');
    } else {
      out += Cat('[', part.id, ']');
    }
  }
  return out;
}

Vocab Made(std::initializer_list<std::pair<const char*, TokenType>> tokens) {
  Vocab vocab(tokens.size());
  for (const auto& [text, type] : tokens) vocab.Add(text, type, type == TokenType::kNormal);
  return vocab;
}

TEST_CASE("user-defined tokens are always found, control tokens only when special tokens are parsed") {
  const Vocab vocab = Made({{"<s>", TokenType::kControl},
                            {"==>", TokenType::kUserDefined},
                            {"<unk>", TokenType::kUnknown},
                            {"a", TokenType::kNormal}});
  CHECK(Cut(vocab, "a<s>b==>c<unk>", false) == "(a<s>b)[1](c<unk>)");
  CHECK(Cut(vocab, "a<s>b==>c<unk>", true) == "(a)[0](b)[1](c)[2]");
  CHECK(Cut(vocab, "<s><s>", true) == "[0][0]");
  CHECK(Cut(vocab, "", true) == "");
  CHECK(Cut(vocab, "<s", true) == "(<s)");
}

TEST_CASE("where tokens overlap the longest wins, wherever it stands") {
  const Vocab vocab = Made({{"ab", TokenType::kUserDefined},
                            {"bcd", TokenType::kUserDefined},
                            {"abc", TokenType::kUserDefined},
                            {"a", TokenType::kUserDefined}});
  CHECK(Cut(vocab, "abcd", false) == "[3][1]");  // bcd before abc: the same length, the lower id
  CHECK(Cut(vocab, "abc", false) == "[2]");
  CHECK(Cut(vocab, "abx", false) == "[0](x)");
  CHECK(Cut(vocab, "aab", false) == "[3][0]");
}

TEST_CASE("of one token's occurrences that overlap the leftmost wins") {
  const Vocab vocab = Made({{"    ", TokenType::kUserDefined}});
  CHECK(Cut(vocab, "      x", false) == "[0](  x)");
}

TEST_CASE("a control token is found by its spelling, other tokens are not") {
  const Vocab vocab = Made({{"<s>", TokenType::kControl},
                            {"==>", TokenType::kUserDefined},
                            {"<unk>", TokenType::kUnknown},
                            {"a", TokenType::kNormal}});
  const SpecialTokens special(vocab);
  CHECK(special.FindControl(vocab, "<s>") == 0);
  for (const char* text : {"==>", "<unk>", "a", "", "<", "<s>x", "zzz"}) CHECK(special.FindControl(vocab, text) == -1);
}

}  // namespace
}  // namespace bitnet::core
