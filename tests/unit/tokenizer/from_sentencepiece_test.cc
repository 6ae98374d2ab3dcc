// tokenizer.model files: with other options, as the package sentencepiece reads them
// (tests/reference/make_sentencepiece_vectors.py), and those that are refused.
#include <bit>
#include <cmath>

#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  for (; value > 127; value >>= 7) out.push_back(static_cast<char>((value & 127) | 128));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Field(uint32_t number, uint64_t value) { return Varint(number << 3) + Varint(value); }
std::string Field(uint32_t number, float value) {
  std::string out = Varint(number << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (uint32_t shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift & 255));
  return out;
}
std::string Field(uint32_t number, std::string_view bytes) {
  return Varint(number << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}
std::string Piece(std::string_view text, float score, core::TokenType type) {
  return Field(1, Field(1, text) + Field(2, score) + Field(3, static_cast<uint64_t>(type)));
}

std::string Model(const std::string& set) { return ReadText(SetFolder(set) + "/tokenizer.model"); }

TEST_CASE("a tokenizer.model with other options gives the ids and the text of sentencepiece") {
  size_t n = 0;
  for (const core::JsonValue& variant : ReadJson(BITNET_TEST_DATA "/sentencepiece_vectors.json").array) {
    const std::string& set = Member(variant, "set").string;
    const std::string& more = Member(variant, "more").string;
    std::string model = Model(set);
    for (size_t i = 0; i < more.size(); i += 2) {
      model.push_back(static_cast<char>(std::stoi(more.substr(i, 2), nullptr, 16)));
    }
    CAPTURE(set, more);
    const auto tokenizer = core::Tokenizer::FromSentencePiece(model, "");
    REQUIRE(tokenizer.ok());
    for (const core::JsonValue& vector : Member(variant, "vectors").array) {
      const std::string& text = Member(vector, "text").string;
      CAPTURE(text);
      const Ids ids = Encode(**tokenizer, text);
      CHECK(ids == IdsOf(Member(vector, "ids")));
      const auto decoded = (*tokenizer)->Decode(ids, false);
      REQUIRE(decoded.ok());
      CHECK(*decoded == Member(vector, "decoded").string);
      ++n;
    }
  }
  CHECK(n == 600);
}

// As sentencepiece 0.2.3 has it.
TEST_CASE("a user-defined piece is found where U+2581 stands for its spaces, and never with a space of its own") {
  const auto ids = [](const std::string& more, std::string_view text) {
    const auto tokenizer = core::Tokenizer::FromSentencePiece(Model("spm-llama") + more, "");
    REQUIRE(tokenizer.ok());
    return Encode(**tokenizer, text);
  };
  const std::string spaced = Piece("a b", 0, core::TokenType::kUserDefined);
  const std::string with_sign = Piece("a\u2581b", 0, core::TokenType::kUserDefined);
  for (const char* text : {"a b", "xa bx", "  a b"}) {
    CHECK(ids(spaced, text) == ids("", text));
    CHECK(ids(with_sign, text) != ids("", text));
    CHECK(ids(spaced + with_sign, text).size() == ids(with_sign, text).size());
  }
}

TEST_CASE("what a tokenizer.model may not ask for is named") {
  using core::TokenType;
  const std::string model = Model("spm-llama");
  struct Case {
    std::string file;
    const char* message;
  };
  const Case cases[] = {
      {model + Field(2, Field(3, uint64_t{1})), "model_type is unigram"},
      {model + Field(2, Field(3, uint64_t{3})), "model_type is word"},
      {model + Field(2, Field(3, uint64_t{9})), "model_type is the unknown type 9"},
      {model + Field(2, Field(24, uint64_t{1})), "treat_whitespace_as_suffix"},
      {model + Field(2, Field(35, uint64_t{0})), "byte_fallback is false"},
      {model + Field(3, Field(1, "nmt_nfkc") + Field(2, "map")), "normalizes by the rule 'nmt_nfkc'"},
      {model + Field(3, Field(4, uint64_t{1})), "remove_extra_whitespaces"},
      {model + Field(3, Field(5, uint64_t{0})), "escape_whitespaces"},
      {model + Field(5, Field(2, "map")), "denormalizer_spec"},
      {model + Piece("<s>", 0, TokenType::kNormal), "'<s>' twice"},
      {model + Piece("", 0, TokenType::kNormal), "not empty"},
      {model + Piece("\xFF", 0, TokenType::kNormal), "UTF-8"},
      {model + Piece("new", 0, TokenType::kUnused), "UNUSED"},
      {model + Piece("new", 0, TokenType{7}), "type 7"},
      {model + Piece("new", NAN, TokenType::kNormal), "finite"},
      {model + Piece("<0xZZ>", 0, TokenType::kByte), "'<0x00>' to '<0xFF>'"},
      {Piece("a", 0, TokenType::kNormal) + Field(2, Field(3, uint64_t{2}) + Field(35, uint64_t{1})) +
           Field(3, Field(4, uint64_t{0})),
       "no byte token for 0x0"},
      {Piece("a", 0, TokenType::kNormal), "model_type is unigram"},
      {Field(9, "x"), "pieces are missing"},
      {model + "\x0A\x7F", "cut"},
      {model + "\x0B", "cut"},  // a group
      {model + Varint(uint64_t{1} << 40), "cut"},
      {std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12), "cut"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    const auto result = core::Tokenizer::FromSentencePiece(c.file, "");
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.status().message());
    CHECK(result.status().message().find(c.message) != std::string::npos);
    CHECK(result.status().message().starts_with("tokenizer.model: "));
  }
}

TEST_CASE("a tokenizer.model cut anywhere is an error or a smaller vocabulary, never a crash") {
  const std::string model = Model("spm-noprefix");
  for (size_t size = 0; size < model.size(); size += size < 600 || size + 600 > model.size() ? 1 : 97) {
    const auto result = core::Tokenizer::FromSentencePiece(model.substr(0, size), "");
    if (!result.ok()) CHECK_FALSE(result.status().message().empty());
  }
}

TEST_CASE("the configuration beside a tokenizer.model names its special tokens") {
  const std::string model = Model("spm-llama");
  const auto plain = core::Tokenizer::FromSentencePiece(model, "");
  REQUIRE(plain.ok());
  CHECK((*plain)->model() == "llama");
  CHECK((*plain)->pre().empty());
  CHECK((*plain)->bos() == 1);
  CHECK((*plain)->eos() == 2);
  CHECK((*plain)->add_bos());
  CHECK_FALSE((*plain)->add_eos());
  const auto other = core::Tokenizer::FromSentencePiece(
      model, R"({"bos_token":{"content":"</s>"},"eos_token":"<s>","add_bos_token":false,"add_eos_token":true,)"
             R"("chat_template":"x"})");
  REQUIRE(other.ok());
  CHECK((*other)->bos() == 2);
  CHECK((*other)->eos() == 1);
  CHECK_FALSE((*other)->add_bos());
  CHECK((*other)->add_eos());
  CHECK((*other)->chat_template() == "x");
  const auto wrong = core::Tokenizer::FromSentencePiece(model, R"({"bos_token":"<none>"})");
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.status().message().find("'<none>'") != std::string::npos);
}

TEST_CASE("the three kinds of tokenizer file are told apart by their content") {
  using core::TokenizerFileKind;
  const auto kind = [](std::string_view text) { return core::TokenizerFileKindOf(std::as_bytes(std::span(text))); };
  CHECK(kind(Model("spm-llama")) == TokenizerFileKind::kSentencePiece);
  CHECK(kind(" \n{\"model\":{}}") == TokenizerFileKind::kJson);
  CHECK(kind("GGUF....") == TokenizerFileKind::kGguf);
  CHECK(kind("") == TokenizerFileKind::kGguf);
  const std::string model = Model("spm-llama");
  const auto result = core::Tokenizer::FromBytes(std::as_bytes(std::span(model)), "", "gpt-2", {});
  REQUIRE_FALSE(result.ok());
  CHECK(result.status().code() == core::Code::kInvalidArgument);
}

}  // namespace
}  // namespace bitnet::test
