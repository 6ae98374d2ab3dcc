// Every text of tests/data/tokenizers.tar.xz against what the references make of it (its README says which ids count).
#include <map>

#include "core/tokenizer/gguf_vocabulary.h"
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

// Vectors of each set: a set that lost some must not pass.
const std::map<std::string, size_t> kSets = {{"bpe-default", 1214}, {"bpe-falcon3", 1079},  {"bpe-gpt2", 1075},
                                             {"bpe-llama", 1214},   {"bpe-qwen2", 1079},    {"probe-default", 645},
                                             {"probe-gpt2", 616},   {"probe-llama", 728},   {"probe-qwen2", 616},
                                             {"spm-llama", 1079},   {"spm-noprefix", 1079}, {"tiny", 1067}};

const core::JsonValue& ExpectedIds(const core::JsonValue& vector, const std::string& other) {
  const core::JsonValue* ids = vector.Find(other);
  const core::JsonValue* why = vector.Find("why");
  // One reference merges text into control tokens: a defect that is not followed.
  const bool defect = other == "ids_llama_cpp" && why != nullptr && why->string == "control-merge";
  return ids != nullptr && !defect ? *ids : Member(vector, "ids");
}

std::string Text(const core::Result<std::string>& decoded) {
  return decoded.ok() ? *decoded : "error: " + std::string(decoded.status().message());
}

// `other`: the member that stands in place of "ids" where the file in question gives other ids than the reference.
void CheckVectors(const core::Tokenizer& tokenizer, const std::string& set,
                  const std::string& other = "ids_llama_cpp") {
  const core::JsonValue vectors = ReadJson(SetFolder(set) + "/vectors.json");
  size_t n = 0;
  for (const core::JsonValue& v : vectors.array) {
    const std::string& text = Member(v, "text").string;
    CAPTURE(set, n, Member(v, "what").string, text);
    const Ids ids = Encode(tokenizer, text, {Member(v, "add_special").boolean, Member(v, "parse_special").boolean});
    CHECK(ids == IdsOf(ExpectedIds(v, other)));
    const Ids reference = IdsOf(Member(v, "ids"));
    const std::string& decoded = Member(v, "decoded").string;
    const core::JsonValue* skipped = v.Find("decoded_skip_special");
    CHECK(Text(tokenizer.Decode(reference, /*skip_control=*/false)) == decoded);
    CHECK(Text(tokenizer.Decode(reference, /*skip_control=*/true)) == (skipped != nullptr ? skipped->string : decoded));
    ++n;
  }
  CHECK(n == kSets.at(set));
}

TEST_CASE("every text of every set encodes and decodes as the references have it") {
  for (const auto& [set, n] : kSets) CheckVectors(*SetTokenizer(set), set);
}

TEST_CASE("every text of every set encodes and decodes from its tokenizer.json as the references have it") {
  for (const auto& [set, n] : kSets) CheckVectors(*JsonTokenizer(set), set, "ids_tokenizer_json");
}

// What a conversion writes of a tokenizer.json, read as a GGUF.
std::shared_ptr<const core::Tokenizer> ConvertedTokenizer(const std::string& set, const std::string& file) {
  const auto vocabulary = core::VocabularyForGguf(ReadText(SetFolder(set) + "/" + file),
                                                  ReadText(SetFolder(set) + "/tokenizer_config.json"), "", 0);
  INFO(set << ": " << vocabulary.status().message());
  REQUIRE(vocabulary.ok());
  core::GgufWriter writer;
  core::AddVocabulary(*vocabulary, writer);
  const std::string header = writer.Header();
  const auto gguf = core::Gguf::Parse(std::as_bytes(std::span(header)));
  REQUIRE(gguf.ok());
  const auto tokenizer = core::Tokenizer::FromGguf(*gguf, "", {});
  INFO(set << ": " << tokenizer.status().message());
  REQUIRE(tokenizer.ok());
  return *tokenizer;
}

TEST_CASE("a tokenizer.json that is written as GGUF keys gives the ids of a GGUF") {
  for (const auto& [set, n] : kSets) {
    const auto tokenizer = ConvertedTokenizer(set, "tokenizer.json");
    CHECK(tokenizer->pre() == SetTokenizer(set)->pre());
    CheckVectors(*tokenizer, set);
  }
  for (const char* set : {"spm-llama", "spm-noprefix"})
    CheckVectors(*ConvertedTokenizer(set, "tokenizer.metaspace.json"), set);
}

TEST_CASE("what the keys of a GGUF cannot say of a SentencePiece tokenizer.json is a note") {
  const auto notes = [](const std::string& file, const std::string& added) {
    std::string json = ReadText(SetFolder("spm-llama") + "/" + file);
    const size_t at = json.find('[', json.find("\"added_tokens\""));
    REQUIRE(at != std::string::npos);
    json.insert(at + 1, added);
    const auto vocabulary =
        core::VocabularyForGguf(json, ReadText(SetFolder("spm-llama") + "/tokenizer_config.json"), "", 0);
    INFO(vocabulary.status().message());
    REQUIRE(vocabulary.ok());
    return vocabulary->notes;
  };
  const auto token = [](const std::string& text, const std::string& flags) {
    return "{\"id\":1600,\"content\":\"" + text + "\"," + flags + "},";
  };
  CHECK(notes("tokenizer.json", "").empty());
  for (const char* text : {"z q", "\u2581zq"}) {
    CHECK(notes("tokenizer.json", token(text, R"("normalized":false)")).empty());
    CHECK(notes("tokenizer.json", token(text, R"("special":true)")).empty());
    for (const char* flags : {R"("normalized":true)", R"("special":false)"}) {
      const auto found = notes("tokenizer.json", token(text, flags));
      REQUIRE(found.size() == 1);
      CHECK(found[0].find("1 added tokens of tokenizer.json with a space or U+2581") == 0);
    }
  }
  CHECK(notes("tokenizer.json", token("zq", R"("normalized":true)")).empty());
  // A tokenizer.json takes the left one of "yzqj", a GGUF the longer one, or the first of two.
  const std::string yz = R"({"id":1601,"content":"yz","normalized":false},)";
  const auto overlap = notes("tokenizer.json", yz + token("zqj", R"("normalized":false)"));
  REQUIRE(overlap.size() == 1);
  CHECK(overlap[0].find("the special tokens 'yz' and 'zqj' can overlap") == 0);
  CHECK(notes("tokenizer.json", yz + token("yzqj", R"("normalized":false)")).empty());
  const auto newer = notes("tokenizer.metaspace.json", "");
  REQUIRE(newer.size() == 1);
  CHECK(newer[0].find("begins with one, nor behind a special token") != std::string::npos);
}

TEST_CASE("the newer form of a SentencePiece tokenizer.json puts a space at the start of the text alone") {
  for (const char* set : {"spm-llama", "spm-noprefix"}) {
    CheckVectors(*JsonTokenizer(set, "tokenizer.metaspace.json"), set, "ids_metaspace_json");
  }
}

TEST_CASE("a tokenizer.model gives the ids of the reference itself") {
  for (const char* set : {"spm-llama", "spm-noprefix"}) {
    const std::string file = ReadText(SetFolder(set) + "/tokenizer.model");
    const auto tokenizer = core::Tokenizer::FromBytes(std::as_bytes(std::span(file)),
                                                      ReadText(SetFolder(set) + "/tokenizer_config.json"), "", {});
    REQUIRE(tokenizer.ok());
    CheckVectors(**tokenizer, set, "ids");
  }
}

TEST_CASE("the name falcon_e means the same pattern as falcon3") {
  const auto tokenizer = Tokenizer(SetFolder("bpe-falcon3") + "/vocab.falcon_e.gguf");
  CHECK(tokenizer->pre() == "falcon_e");
  CheckVectors(*tokenizer, "bpe-falcon3");
}

TEST_CASE("the tiny model's tokenizer is that of its set") { CheckVectors(*TinyTokenizer(), "tiny"); }

TEST_CASE("a pattern asked for by name replaces that of the file") {
  const auto tokenizer = Tokenizer(SetFolder("bpe-default") + "/vocab.gguf", "llama-bpe");
  CHECK(tokenizer->pre() == "llama-bpe");
  CheckVectors(*tokenizer, "bpe-llama");
}

TEST_CASE("ill-formed UTF-8 becomes byte tokens and comes back as the same bytes") {
  const core::JsonValue inputs = ReadJson(BITNET_TEST_UNPACKED "/tokenizers/vectors_invalid_utf8.json");
  REQUIRE(inputs.array.size() == 10);
  for (const auto& [set, n] : kSets) {
    const auto tokenizer = SetTokenizer(set);
    for (const core::JsonValue& input : inputs.array) {
      CAPTURE(set, Member(input, "what").string);
      const std::string& hex = Member(input, "bytes_hex").string;
      std::string bytes;
      for (size_t i = 0; i < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      const Ids ids = Encode(*tokenizer, bytes);
      CHECK(Text(tokenizer->Decode(ids, false)) == bytes);
      // Ill-formed bytes stand alone, whatever merges there are.
      size_t alone = 0;
      for (const int32_t id : ids)
        alone += tokenizer->Piece(id).size() == 1 && static_cast<uint8_t>(tokenizer->Piece(id)[0]) >= 0x80;
      size_t high = 0;
      for (const char c : bytes) high += static_cast<uint8_t>(c) >= 0x80;
      CHECK(alone == high);
    }
  }
}

}  // namespace
}  // namespace bitnet::test
