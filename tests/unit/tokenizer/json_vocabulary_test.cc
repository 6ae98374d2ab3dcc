// A tokenizer of a GGUF as tokenizer.json: the same rules and the same ids; and what no tokenizer.json can say.
#include "core/tokenizer/json_vocabulary.h"

#include <algorithm>

#include "core/tokenizer/rules.h"
#include "unit/tokenizer/load.h"
#include "unit/tokenizer/made_vocabulary.h"

namespace bitnet::test {
namespace {

using core::Code;

struct Written {
  core::Result<core::JsonVocabulary> result;
  std::shared_ptr<const core::Tokenizer> tokenizer;
};

Written WriteJson(std::span<const std::byte> bytes) {
  const auto gguf = core::Gguf::Parse(bytes);
  REQUIRE(gguf.ok());
  auto tokenizer = core::Tokenizer::FromGguf(*gguf, "", {});
  INFO(tokenizer.status().message());
  REQUIRE(tokenizer.ok());
  return {core::VocabularyForJson(*gguf, **tokenizer), *tokenizer};
}

TEST_CASE("the tokenizer of a GGUF is written as a tokenizer.json that gives the same ids") {
  for (const char* set : {"bpe-default", "bpe-falcon3", "bpe-gpt2", "bpe-llama", "bpe-qwen2", "probe-default",
                          "probe-gpt2", "probe-llama", "probe-qwen2", "spm-llama", "spm-noprefix", "tiny"}) {
    CAPTURE(set);
    const auto file =
        core::MappedFile::Map(std::string(set) == "tiny" ? BITNET_TINY_MODEL : SetFolder(set) + "/vocab.gguf");
    REQUIRE(file.ok());
    const auto [result, tokenizer] = WriteJson(file->bytes());
    INFO(result.status().message());
    REQUIRE(result.ok());
    const bool has_note = std::string(set) == "bpe-falcon3" || std::string(set) == "bpe-gpt2";
    CHECK(result->notes.size() == (has_note ? 1 : 0));
    const auto again = core::Tokenizer::FromJson(result->tokenizer_json, result->tokenizer_config_json);
    REQUIRE(again.ok());
    CHECK(core::RulesOf(**again) == core::RulesOf(*tokenizer));
    CHECK((*again)->chat_template() == tokenizer->chat_template());
    size_t n = 0;
    for (const core::JsonValue& vector : ReadJson(SetFolder(set) + "/vectors.json").array) {
      const core::JsonValue* text = vector.Find("text");
      if (text == nullptr) continue;
      for (const bool parse_special : {false, true}) {
        CAPTURE(text->string, parse_special);
        const Ids ids = Encode(*tokenizer, text->string, {true, parse_special});
        // Where the note is about the text, the references part as well.
        const bool parts = has_note && (vector.Find("ids_llama_cpp") || vector.Find("ids_tokenizer_json"));
        if (!parts) CHECK(Encode(**again, text->string, {true, parse_special}) == ids);
        CHECK(*(*again)->Decode(ids, false) == *tokenizer->Decode(ids, false));
        ++n;
      }
    }
    CHECK(n > 50);
  }
}

TEST_CASE("a tokenizer that no tokenizer.json can say is named, and none is written") {
  const auto refused = [](const GgufBuilder& keys, std::string_view says) {
    const std::string file = keys.Build();
    const auto [result, tokenizer] = WriteJson(std::as_bytes(std::span(file)));
    CAPTURE(says);
    REQUIRE_FALSE(result.ok());
    INFO(result.status().message());
    CHECK(result.status().code() == Code::kUnsupported);
    CHECK(result.status().message().starts_with("no tokenizer.json can say what this tokenizer does: "));
    CHECK(result.status().message().find(says) != std::string_view::npos);
  };
  const auto with_end = [](const Made& made) { return made.Keys().U32("tokenizer.ggml.eos_token_id", 256); };
  using core::TokenType;
  Made scanned = ByteLevel("superbpe");
  refused(with_end(scanned), "read again it is refused");
  Made unused = ByteLevel("gpt-2");
  unused.Add("\u65e5", TokenType::kUnused);
  refused(with_end(unused), "one that no text becomes");

  Made ties = SentencePiece();
  for (const char* text : {"a", "b", "c", "ab", "bc"}) ties.Add(text, TokenType::kNormal, -1);
  refused(ties.Keys(), "one score for the tokens 'ab' and 'bc'");
  Made unknown = SentencePiece();
  for (const char* text : {"a", "ab"}) unknown.Add(text, TokenType::kNormal, -1);
  refused(unknown.Keys(), "the token 'ab' with 'b', which is no token itself");
  Made spaceless = SentencePiece();
  spaceless.Add("a", TokenType::kNormal, -1);
  refused(spaceless.Keys(), "it has no token for its space, U+2581");
  Made spaced = SentencePiece();
  spaced.Add("a b", TokenType::kNormal, -1);
  refused(spaced.Keys(), "one that no text becomes");
}

TEST_CASE("what readers of the two kinds of files do by convention is noted") {
  using core::TokenType;
  const auto noted = [](const Made& made, int32_t eot, std::string_view says) {
    const std::string file = made.Keys()
                                 .U32("tokenizer.ggml.eos_token_id", 256)
                                 .U32("tokenizer.ggml.eot_token_id", static_cast<uint32_t>(eot))
                                 .Build();
    const auto [result, tokenizer] = WriteJson(std::as_bytes(std::span(file)));
    CAPTURE(says);
    REQUIRE(result.ok());
    if (says.empty()) {
      CHECK(result->notes.empty());
    } else {
      REQUIRE(result->notes.size() == 1);
      CHECK(result->notes[0].find(says) != std::string::npos);
    }
  };
  Made made = ByteLevel("gpt-2");
  made.Add("<over>", TokenType::kControl);  // 257
  noted(made, 257, "(256, 257)");
  noted(made, 256, "");
  Made overlap = ByteLevel("gpt-2");
  overlap.Add("bcd", TokenType::kUserDefined);
  overlap.Add("ab", TokenType::kUserDefined);
  noted(overlap, 256, "'ab' and 'bcd' can overlap");
  Made left_is_longer = ByteLevel("gpt-2");
  left_is_longer.Add("abc", TokenType::kUserDefined);
  left_is_longer.Add("cd", TokenType::kUserDefined);
  noted(left_is_longer, 256, "");
  Made inside = ByteLevel("gpt-2");
  inside.Add("en", TokenType::kUserDefined);
  noted(inside, 256, "'en' stands in the control token '<end>'");
}

TEST_CASE("runs of one character may overlap, and pairs of one token that overlap keep their order") {
  using core::TokenType;
  Made made = SentencePiece();
  for (const char* text : {"  ", "    ", "   "}) made.Add(text, TokenType::kUserDefined);
  float score = 0;
  for (const char* text : {"\u2581", "a", "b", "=", "ba", "ab", "==", "aba", "===", "====", "\u2581\u2581"})
    made.Add(text, TokenType::kNormal, --score);
  const std::string file = made.Keys().Build();
  const auto [result, tokenizer] = WriteJson(std::as_bytes(std::span(file)));
  INFO(result.status().message());
  REQUIRE(result.ok());
  const auto again = core::Tokenizer::FromJson(result->tokenizer_json, result->tokenizer_config_json);
  REQUIRE(again.ok());
  // All texts of seven letters, and longer runs.
  size_t n = 0;
  for (uint32_t code = 0; code < 4 * 4 * 4 * 4 * 4 * 4 * 4; ++code) {
    std::string text;
    for (uint32_t rest = code, i = 0; i < 7; ++i, rest /= 4) text += "ab= "[rest % 4];
    n += Encode(**again, text) == Encode(*tokenizer, text) ? 1 : 0;
  }
  CHECK(n == 16384);
  for (size_t length = 1; length < 200; ++length) {
    for (const char c : {'=', ' ', 'a'}) {
      CHECK(Encode(**again, std::string(length, c)) == Encode(*tokenizer, std::string(length, c)));
      CHECK(Encode(**again, 'b' + std::string(length, c)) == Encode(*tokenizer, 'b' + std::string(length, c)));
    }
  }
}

}  // namespace
}  // namespace bitnet::test
