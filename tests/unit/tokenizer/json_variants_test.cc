// Components of tokenizer.json that the published sets do not have, as Hugging Face tokenizers reads them
// (tests/reference/make_tokenizer_variants.py).
#include "core/base/json_writer.h"
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

using core::JsonValue;

void Write(const JsonValue& value, core::JsonWriter& out) {
  switch (value.kind) {
    case JsonValue::Kind::kNull: out.Null(); break;
    case JsonValue::Kind::kBool: out.Bool(value.boolean); break;
    case JsonValue::Kind::kInt: out.Int(value.integer); break;
    case JsonValue::Kind::kUint: out.Uint(value.uinteger); break;
    case JsonValue::Kind::kDouble: out.Double(value.number); break;
    case JsonValue::Kind::kString: out.String(value.string); break;
    case JsonValue::Kind::kArray:
      out.BeginArray();
      for (const JsonValue& element : value.array) Write(element, out);
      out.EndArray();
      break;
    case JsonValue::Kind::kObject:
      out.BeginObject();
      for (const auto& [key, member] : value.object) Write(member, out.Key(key));
      out.EndObject();
      break;
  }
}

// The tokenizer.json of a set with the members of `changes` in place of its own.
std::string Changed(const std::string& set, const JsonValue& changes) {
  JsonValue file = ReadJson(SetFolder(set) + "/tokenizer.json");
  for (auto& [key, member] : file.object) {
    if (const JsonValue* change = changes.Find(key)) member = *change;
    if (key != "model") continue;
    for (auto& [model_key, model_member] : member.object) {
      if (const JsonValue* change = changes.Find(model_key)) model_member = *change;
    }
  }
  core::JsonWriter out;
  Write(file, out);
  return out.Take();
}

TEST_CASE("normalizers, pre-tokenizers and flags of added tokens do what the reference does") {
  size_t n = 0;
  for (const JsonValue& variant : ReadJson(BITNET_TEST_DATA "/tokenizer_variants.json").array) {
    const std::string& set = Member(variant, "set").string;
    core::JsonWriter shown;
    Write(Member(variant, "changes"), shown);
    CAPTURE(set, shown.str());
    const auto tokenizer = core::Tokenizer::FromJson(Changed(set, Member(variant, "changes")), "");
    REQUIRE(tokenizer.ok());
    for (const JsonValue& vector : Member(variant, "vectors").array) {
      CAPTURE(Member(vector, "text").string);
      const core::EncodeOptions options = {.add_special = false,
                                           .parse_special = Member(vector, "parse_special").boolean};
      CHECK(Encode(**tokenizer, Member(vector, "text").string, options) == IdsOf(Member(vector, "ids")));
      ++n;
    }
  }
  CHECK(n == 38 * 16);
}

}  // namespace
}  // namespace bitnet::test
