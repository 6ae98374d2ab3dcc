// A tokenizer.json whose parts contradict each other, or ask for what is not there, is refused by name.
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

// `text` with the first `from` replaced.
std::string With(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

const std::string& Qwen() {
  static const std::string text = ReadText(SetFolder("bpe-qwen2") + "/tokenizer.json");
  return text;
}
const std::string& Llama() {
  static const std::string text = ReadText(SetFolder("spm-llama") + "/tokenizer.json");
  return text;
}

std::string What(const std::string& json, const std::string& config = "") {
  return std::string(core::Tokenizer::FromJson(json, config).status().what());
}

TEST_CASE("tokens are spelled in the byte alphabet or with U+2581, never neither or both") {
  CHECK(What(Qwen()) == "");
  const std::string replace = R"("type": "Replace", "pattern": {"String": " "}, "content": "\u2581")";
  CHECK(What(With(Qwen(), R"("type": "NFC")", replace)) == "pre_tokenizer");
  CHECK(What(With(Llama(), R"("String": " ")", R"("String": "_")")) == "pre_tokenizer");
}

TEST_CASE("components and members that the library does not know are refused by name") {
  CHECK(What(With(Qwen(), R"("NFC")", R"("Lowercase")")) == "normalizer");
  CHECK(What(With(Qwen(), "\"post_processor\": {\n    \"type\": \"ByteLevel\"",
                  "\"post_processor\": {\n    \"type\": \"BertProcessing\"")) == "post_processor");
  CHECK(What(With(Llama(), R"("type": "Fuse")", R"("type": "CTC")")) == "decoder");
  CHECK(What(With(Llama(), R"("byte_fallback": true)", R"("byte_fallback": false)")) == "model");
  CHECK(What(With(Qwen(), R"("dropout": null)", R"("dropout": 0.1)")) == "model");
  CHECK(What(With(Qwen(), R"("continuing_subword_prefix": null)", R"("continuing_subword_prefix": "##")")) == "model");
  CHECK(What(With(Qwen(), R"("use_regex": false)", R"("use_regex": 1)")) == "pre_tokenizer");
}

TEST_CASE("a Split that cannot be done, or not in linear time, is refused with the reason") {
  const auto message = [](std::string_view from, std::string_view to) {
    return std::string(core::Tokenizer::FromJson(With(Qwen(), from, to), "").status().message());
  };
  const std::string regex = R"("Regex": ")";
  CHECK(message(regex, R"("Regex": "a+b|[^b]|)").find("quadratic") != std::string::npos);
  CHECK(message(regex, R"("Regex": "(?<=a)b|)").find("a group of an unknown kind at byte 0") != std::string::npos);
  CHECK(message(regex, R"("Regex": "\\w|)").find("the escape 'w'") != std::string::npos);
  CHECK(message(regex, R"("Nothing": ")").find("no String") != std::string::npos);
  CHECK(message(R"("Isolated")", R"("MergedWithNext")").find("'MergedWithNext'") != std::string::npos);
  CHECK(message(R"("Isolated")", R"("Removed")").find("'Removed'") != std::string::npos);
}

TEST_CASE("steps of a tokenizer.json are counted, and what they make of a text is bounded") {
  std::string many = R"("type": "Sequence", "normalizers": [)", grows = many;
  for (int i = 0; i < 17; ++i) many += R"({"type": "NFC"},)";
  for (int i = 0; i < 7; ++i) grows += R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},)";
  const auto status = [](const std::string& normalizers) {
    return core::Tokenizer::FromJson(With(Qwen(), R"("type": "NFC")", normalizers + R"({"type": "NFC"}])"), "")
        .status();
  };
  CHECK(status(many).code() == core::Code::kLimit);
  CHECK(status(grows).code() == core::Code::kLimit);
  CHECK(status(R"("type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": []},)").ok());
}

TEST_CASE("a byte without a token and an id with two texts are refused") {
  CHECK(What(With(Llama(), "<0x41>", "<0xZZ>")) == "vocab");
  CHECK(What(With(Qwen(), R"("id": 1797)", R"("id": 1796)")) == "added_tokens");
  CHECK(What(With(Qwen(), R"("id": 1797)", R"("id": 99999999)")) == "added_tokens");
}

TEST_CASE("what is no JSON object is refused by the name of the file") {
  for (const char* text : {"", "[]", "{", "null", "{}\x01"}) CHECK(What(text) == "tokenizer.json");
  CHECK(What(Qwen(), "[]") == "tokenizer_config.json");
  CHECK(What("{}") == "model");
}

TEST_CASE("tokenizer_config.json names BOS, EOS and the chat template") {
  const auto read = [](const std::string& config) {
    auto tokenizer = core::Tokenizer::FromJson(Qwen(), config);
    REQUIRE(tokenizer.ok());
    return *std::move(tokenizer);
  };
  const auto plain = read(R"({"bos_token": null, "eos_token": "<|im_end|>", "chat_template": "x{{ y }}"})");
  CHECK(plain->bos() == -1);
  CHECK(plain->eos() == 1797);
  CHECK(plain->chat_template() == "x{{ y }}");
  const auto nested = read(R"({"bos_token": {"content": "<|endoftext|>"}, "eos_token": {"content": "<|im_end|>"},
      "chat_template": [{"name": "tool_use", "template": "a"}, {"name": "default", "template": "b"}]})");
  CHECK(nested->bos() == 1795);
  CHECK_FALSE(nested->add_bos());
  CHECK(nested->chat_template() == "b");
  CHECK(nested->stop_ids() == Ids{1795, 1797});
  CHECK(What(Qwen(), R"({"eos_token": "<no such token>"})") == "eos_token");
  const auto alone = core::Tokenizer::FromJson(Llama(), "");
  REQUIRE(alone.ok());
  CHECK((*alone)->bos() == 1);
  CHECK((*alone)->add_bos());
  CHECK((*alone)->eos() == -1);
  CHECK((*alone)->stop_ids() == Ids{2});  // by its name
}

TEST_CASE("ill-formed UTF-8 comes back from a tokenizer.json too") {
  for (const char* set : {"bpe-qwen2", "spm-llama", "spm-noprefix"}) {
    const auto tokenizer = JsonTokenizer(set);
    for (const std::string bytes : {"\xFF",
                                    "a\x80"
                                    "b",
                                    "\x80 a \xC3", "e\xCC\x81\xED\xA0\x80 x"}) {
      CAPTURE(set, bytes);
      const auto decoded = tokenizer->Decode(Encode(*tokenizer, bytes), false);
      REQUIRE(decoded.ok());
      const bool composes = std::string_view(set) == "bpe-qwen2" && bytes.starts_with("e");  // NFC
      CHECK(*decoded == (composes ? "\xC3\xA9\xED\xA0\x80 x" : bytes));
    }
  }
}

TEST_CASE("an added token that is a character of the model stays one where it is not found as added") {
  // Normalized with a Prepend it is sought with the space before it: as the reference has it, "[x" is '[' and 'x'.
  const auto plain = core::Tokenizer::FromJson(Llama(), "");
  REQUIRE(plain.ok());
  const Ids ids = Encode(**plain, "[x");
  REQUIRE(ids.size() == 3);
  CHECK((*plain)->Piece(ids[2]) == "x");
  const std::string added = core::Cat(R"("added_tokens": [{"id": )", ids[2],
                                      R"(, "content": "x", "single_word": false, "lstrip": false, "rstrip": false, )"
                                      R"("normalized": true, "special": false},)");
  const auto with = core::Tokenizer::FromJson(With(Llama(), R"("added_tokens": [)", added), "");
  INFO(with.status().message());
  REQUIRE(with.ok());
  CHECK(Encode(**with, "[x") == ids);
}

}  // namespace
}  // namespace bitnet::test
