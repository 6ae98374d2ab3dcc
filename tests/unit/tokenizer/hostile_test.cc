// The malformed tokenizers of tests/data/hostile.tar.xz: each an error that names the key that is wrong.
#include "core/tokenizer/chat_template.h"
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

bool Names(const core::Status& status, const std::string& field) {
  return status.what().find(field) != std::string_view::npos || status.message().find(field) != std::string_view::npos;
}

TEST_CASE("every malformed tokenizer of the hostile set is refused by the name of its key") {
  const core::JsonValue manifest = ReadJson(BITNET_TEST_UNPACKED "/hostile/manifest.json");
  size_t refused = 0;
  for (const core::JsonValue& entry : manifest.array) {
    const std::string& file = Member(entry, "file").string;
    if (!file.starts_with("gguf/") || Member(entry, "expect").string != "error") continue;
    if (Member(entry, "level").string != "tokenizer") continue;
    const std::string& field = Member(entry, "field").string;
    CAPTURE(file, field);
    const Loaded loaded = LoadFromGguf(BITNET_TEST_UNPACKED "/hostile/" + file);
    core::Status status = loaded.result.status();
    // A template that cannot be read is found by the check that --verify asks for.
    if (loaded.result.ok()) status = core::CheckChatTemplate((*loaded.result)->chat_template());
    CHECK_FALSE(status.ok());
    CAPTURE(status.message());
    bool named = Names(status, field);
    if (const core::JsonValue* also = entry.Find("also")) {
      for (const core::JsonValue& other : also->array) named |= Names(status, other.string);
    }
    CHECK(named);
    CHECK(status.message().find('\n') == std::string_view::npos);
    CHECK(loaded.warnings.empty());
    ++refused;
  }
  CHECK(refused == 33);
}

TEST_CASE("every malformed tokenizer.json of the hostile set is refused by the name of its member") {
  const core::JsonValue manifest = ReadJson(BITNET_TEST_UNPACKED "/hostile/manifest.json");
  size_t refused = 0;
  for (const core::JsonValue& entry : manifest.array) {
    const std::string& file = Member(entry, "file").string;
    const core::JsonValue* level = entry.Find("level");
    if (!file.starts_with("safetensors/") || level == nullptr || level->string != "tokenizer") continue;
    // A missing file and a size that does not fit the model's are not seen here.
    if (file.ends_with("tokenizer_missing") || file.ends_with("larger_than_embedding")) continue;
    CAPTURE(file, Member(entry, "field").string);
    const auto result =
        core::Tokenizer::FromJson(ReadText(BITNET_TEST_UNPACKED "/hostile/" + file + "/tokenizer.json"), "");
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.status().message());
    CHECK(Names(result.status(), Member(entry, "field").string));
    CHECK(result.status().message().find('\n') == std::string_view::npos);
    ++refused;
  }
  CHECK(refused == 9);
}

TEST_CASE("every valid model of the hostile set has a tokenizer that gives text back") {
  const core::JsonValue manifest = ReadJson(BITNET_TEST_UNPACKED "/hostile/manifest.json");
  size_t loaded = 0;
  for (const core::JsonValue& entry : manifest.array) {
    const std::string& file = Member(entry, "file").string;
    if (!file.starts_with("gguf/") || Member(entry, "expect").string != "ok") continue;
    CAPTURE(file);
    const Loaded result = LoadFromGguf(BITNET_TEST_UNPACKED "/hostile/" + file);
    REQUIRE(result.result.ok());
    const core::Tokenizer& tokenizer = **result.result;
    const std::string text = "the \xF0\x9F\x99\x82\xFF end\n";
    const auto decoded = tokenizer.Decode(Encode(tokenizer, text), false);
    REQUIRE(decoded.ok());
    CHECK(*decoded == text);
    CHECK(core::CheckChatTemplate(tokenizer.chat_template()).ok());
    CHECK(result.warnings.size() == (Member(entry, "field").string == "tokenizer.ggml.pre" ? 1 : 0));
    ++loaded;
  }
  CHECK(loaded > 10);
}

}  // namespace
}  // namespace bitnet::test
