// What a reader of `tokenizer.*` keys makes of keys that are absent, odd or contradict each other.
#include "unit/tokenizer/load.h"
#include "unit/tokenizer/made_vocabulary.h"

namespace bitnet::test {
namespace {

struct Read {
  core::Result<std::shared_ptr<const core::Tokenizer>> result;
  std::vector<std::string> warnings;
  const core::Tokenizer& tokenizer() const {
    if (!result.ok()) FAIL(result.status().message());
    return **result;
  }
  std::string_view what() const { return result.status().what(); }
};

Read From(const GgufBuilder& keys, std::string_view pre = {}) {
  const std::string file = keys.Build();
  const auto gguf = core::Gguf::Parse(std::as_bytes(std::span(file)));
  if (!gguf.ok()) FAIL(gguf.status().message());
  std::vector<std::string> warnings;
  auto result = core::Tokenizer::FromGguf(*gguf, pre, [&](std::string_view w) { warnings.emplace_back(w); });
  return {std::move(result), std::move(warnings)};
}

GgufBuilder WithEnd(const Made& made) { return made.Keys().U32("tokenizer.ggml.eos_token_id", 256); }

TEST_CASE("plain text never merges into a control token, and is no whole word that is one") {
  for (const char* pre : {"gpt-2", "llama-bpe"}) {
    Made made = ByteLevel(pre);
    made.Add("ab");                              // 257
    made.Add("abc", core::TokenType::kControl);  // 258
    made.Add("bc", core::TokenType::kUnknown);   // 259
    made.merges = {"b c", "a b", "ab c"};
    const Read read = From(WithEnd(made));
    CHECK(Encode(read.tokenizer(), "abc") == Ids{257, 'c'});
    CHECK(Encode(read.tokenizer(), "abc", {.add_special = false, .parse_special = true}) == Ids{258});
    CHECK(Encode(read.tokenizer(), "bc", {.add_special = false, .parse_special = true}) == Ids{259});
  }
  Made made = SentencePiece();
  made.Add("<", core::TokenType::kNormal, -5);     // 259
  made.Add("s", core::TokenType::kNormal, -5);     // 260
  made.Add(">", core::TokenType::kNormal, -5);     // 261
  made.Add("s>", core::TokenType::kNormal, -1);    // 262
  made.Add("<0x4", core::TokenType::kNormal, -1);  // 263: with "1>" the text of a byte token
  made.Add("1>", core::TokenType::kNormal, -1);    // 264
  made.Add("<0", core::TokenType::kNormal, -1);    // 265
  made.Add("<0x", core::TokenType::kNormal, -1);   // 266
  const Read read = From(made.Keys().Bool("tokenizer.ggml.add_space_prefix", false));
  CHECK(Encode(read.tokenizer(), "<s>") == Ids{259, 262});
  CHECK(Encode(read.tokenizer(), "<s>", {.add_special = false, .parse_special = true}) == Ids{1});
  CHECK(Encode(read.tokenizer(), "<0x41>") == Ids{263, 264});
}

TEST_CASE("a missing tokenizer.ggml.pre means the default pattern, with a warning") {
  const Read read = From(WithEnd(ByteLevel("")));
  CHECK(read.tokenizer().pre() == "default");
  REQUIRE(read.warnings.size() == 1);
  CHECK(read.warnings[0].find("tokenizer.ggml.pre") != std::string::npos);
  CHECK(From(WithEnd(ByteLevel("")), "gpt-2").warnings.empty());
  CHECK(From(WithEnd(ByteLevel("qwen2"))).warnings.empty());
}

TEST_CASE("a pattern asked for by an unknown name is refused with the choices") {
  const Read read = From(WithEnd(ByteLevel("gpt-2")), "gpt9");
  CHECK(read.result.status().code() == core::Code::kInvalidArgument);
  CHECK(read.result.status().message().find("llama-bpe") != std::string_view::npos);
  CHECK(From(SentencePiece().Keys(), "gpt-2").result.status().code() == core::Code::kInvalidArgument);
}

TEST_CASE("BOS is added by default for SentencePiece and the llama-bpe family alone") {
  for (const char* pre : {"llama-bpe", "llama3", "falcon3", "falcon-h1", "falcon_e"}) {
    CHECK(From(WithEnd(ByteLevel(pre)).U32("tokenizer.ggml.bos_token_id", 256)).tokenizer().add_bos());
    CHECK_FALSE(From(WithEnd(ByteLevel(pre))).tokenizer().add_bos());  // there is none
  }
  for (const char* pre : {"gpt-2", "qwen2", "default"}) {
    CHECK_FALSE(From(WithEnd(ByteLevel(pre)).U32("tokenizer.ggml.bos_token_id", 256)).tokenizer().add_bos());
  }
  const Read spm = From(SentencePiece().Keys());
  CHECK(spm.tokenizer().add_bos());
  CHECK_FALSE(spm.tokenizer().add_eos());
  CHECK(spm.tokenizer().bos() == 1);
  CHECK(spm.tokenizer().eos() == 2);
  CHECK(spm.tokenizer().stop_ids() == Ids{2});
  CHECK(Encode(spm.tokenizer(), "", {}) == Ids{1});
}

TEST_CASE("the keys for BOS and EOS win over the defaults") {
  const Read read = From(WithEnd(ByteLevel("llama-bpe"))
                             .U32("tokenizer.ggml.bos_token_id", 0)
                             .Bool("tokenizer.ggml.add_bos_token", false)
                             .Bool("tokenizer.ggml.add_eos_token", true));
  CHECK(Encode(read.tokenizer(), "!", {}) == Ids{'!', 256});
  CHECK(From(WithEnd(ByteLevel("gpt-2")).Bool("tokenizer.ggml.add_bos_token", true)).what() ==
        "tokenizer.ggml.bos_token_id");
}

TEST_CASE("generation stops at eos, eot and the control tokens known by name, not at plain tokens of that name") {
  Made made = ByteLevel("gpt-2");
  made.Add("<|im_end|>", core::TokenType::kControl);     // 257
  made.Add("<end_of_turn>", core::TokenType::kControl);  // 258
  made.Add("<|endoftext|>");                             // 259
  made.Add("other", core::TokenType::kControl);          // 260
  const Read read = From(WithEnd(made).U32("tokenizer.ggml.eot_token_id", 260));
  CHECK(read.tokenizer().stop_ids() == Ids{256, 257, 258, 260});
}

TEST_CASE("odd lists of tokens are refused by their key") {
  Made unused = ByteLevel("gpt-2");
  unused.Add("", core::TokenType::kUnused);
  unused.Add("a b", core::TokenType::kUnused);
  CHECK(From(WithEnd(unused)).tokenizer().Piece(258) == "a b");
  Made same = ByteLevel("gpt-2");
  same.Add("<end>", core::TokenType::kUserDefined);
  CHECK(From(WithEnd(same)).what() == "tokenizer.ggml.tokens");
  CHECK(From(WithEnd(ByteLevel("gpt-2")).U32("tokenizer.ggml.unknown_token_id", 257)).what() ==
        "tokenizer.ggml.unknown_token_id");
  CHECK(From(WithEnd(ByteLevel("gpt-2")).String("general.architecture", "x").U32("x.vocab_size", 256)).what() ==
        "x.vocab_size");
  CHECK(From(WithEnd(ByteLevel("gpt-2")).String("general.architecture", "x").U32("x.vocab_size", 257)).result.ok());
}

TEST_CASE("a merge needs two parts that are tokens and whose text together is one") {
  for (const char* merge : {"", " ", "a", " a", "a ", "a zz", "zz a", "a b"}) {
    Made made = ByteLevel("gpt-2");
    made.merges = {merge};
    CAPTURE(merge);
    CHECK(From(WithEnd(made)).what() == "tokenizer.ggml.merges");
  }
}

}  // namespace
}  // namespace bitnet::test
