#include "core/base/json_reader.h"

#include "support/catch.h"

namespace bitnet::core {
namespace {

using Kind = JsonValue::Kind;

JsonValue Read(std::string_view text) {
  auto value = ParseJson(text);
  INFO(text << ": " << value.status().message());
  REQUIRE(value.ok());
  return *value;
}

Code CodeOf(std::string_view text, const JsonLimits& limits = {}) { return ParseJson(text, limits).status().code(); }

TEST_CASE("A document becomes a tree with members in file order", "[json]") {
  const JsonValue v = Read(R"({"b": [1, -2, 2.5, "x", null], "a": {"t": true, "f": false}})");
  REQUIRE(v.kind == Kind::kObject);
  REQUIRE(v.object.size() == 2);
  CHECK(v.object[0].key == "b");
  const auto& list = v.Find("b")->array;
  REQUIRE(list.size() == 5);
  CHECK(list[0].kind == Kind::kUint);
  CHECK(list[0].uinteger == 1);
  CHECK(list[1].kind == Kind::kInt);
  CHECK(list[1].integer == -2);
  CHECK(list[2].kind == Kind::kDouble);
  CHECK(list[2].number == 2.5);
  CHECK(list[3].string == "x");
  CHECK(list[4].kind == Kind::kNull);
  CHECK(v.Find("a")->Find("t")->boolean);
  CHECK_FALSE(v.Find("a")->Find("f")->boolean);
  CHECK(v.Find("c") == nullptr);
  CHECK(list[0].Find("c") == nullptr);
}

TEST_CASE("64-bit integers are exact, larger ones are refused rather than rounded", "[json]") {
  CHECK(Read("18446744073709551615").uinteger == 18446744073709551615u);
  CHECK(Read("9007199254740993").uinteger == 9007199254740993u);
  CHECK(Read("9223372036854775808").uinteger == 9223372036854775808u);
  CHECK(Read("-9223372036854775808").integer == INT64_MIN);
  CHECK(CodeOf("18446744073709551616") == Code::kBadFormat);
  CHECK(CodeOf("-9223372036854775809") == Code::kBadFormat);
  CHECK(CodeOf("1e999") == Code::kBadFormat);
}

TEST_CASE("Strings are decoded, and what is not Unicode is refused", "[json]") {
  CHECK(Read(R"("a\u0000\n\u20ac\ud83d\ude00")").string == std::string("a\0\n\xE2\x82\xAC\xF0\x9F\x98\x80", 10));
  CHECK(CodeOf(R"("\ud800")") == Code::kBadFormat);
  CHECK(CodeOf(R"("\udc00")") == Code::kBadFormat);
  CHECK(CodeOf(R"({"\udc00": 1})") == Code::kBadFormat);
  CHECK(CodeOf(R"("\ud800\u0041")") == Code::kBadFormat);
  CHECK(Read("\"\xED\x9F\xBF\"").string == "\xED\x9F\xBF");  // U+D7FF, the last before the surrogates
  CHECK(CodeOf("\"\xED\xA0\x80\"") == Code::kBadFormat);
  CHECK(CodeOf("\"\xC0\x80\"") == Code::kBadFormat);
  CHECK(CodeOf("\"\xFF\"") == Code::kBadFormat);
}

TEST_CASE("Nothing but strict JSON is read", "[json]") {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "'a'",
                                      "01",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "NaN",
                                      "Infinity",
                                      "tru",
                                      "truex",
                                      "[1] 2",
                                      "1 2",
                                      "\"a",
                                      "\"\t\"",
                                      "\"\\x41\"",
                                      "// c\n1",
                                      "{\"a\" 1}",
                                      "{1:2}",
                                      "[1 2]",
                                      "\xEF\xBB\xBF"
                                      "1"}) {
    INFO(text);
    CHECK(CodeOf(text) == Code::kBadFormat);
  }
  CHECK(CodeOf(std::string_view("1\0", 2)) == Code::kBadFormat);
}

TEST_CASE("A key twice in one object is refused and named", "[json]") {
  const auto twice = ParseJson(R"({"x": {"k": 1, "j": 2, "k": 3}})");
  CHECK(twice.status().code() == Code::kBadFormat);
  CHECK(twice.status().what() == "k");
  CHECK(CodeOf(R"({"a": 1, "\u0061": 2})") == Code::kBadFormat);  // the same key, spelt differently
  Read(R"([{"a": 1}, {"a": 2}])");
}

TEST_CASE("Depth and size are bounded exactly", "[json]") {
  JsonLimits limits;
  limits.max_depth = 3;
  CHECK(CodeOf("[[[1]]]", limits) == Code::kOk);
  CHECK(CodeOf("[[[[1]]]]", limits) == Code::kLimit);
  CHECK(CodeOf(R"({"a":{"b":{"c":{}}}})", limits) == Code::kLimit);
  CHECK(CodeOf(std::string(100000, '[') + std::string(100000, ']')) == Code::kLimit);
  CHECK_FALSE(ParseJson(std::string(100000, '[')).ok());
  limits.max_bytes = 8;
  CHECK(CodeOf("12345678", limits) == Code::kOk);
  CHECK(CodeOf("123456789", limits) == Code::kLimit);
}

TEST_CASE("An object with very many keys is read in less than quadratic time", "[json]") {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += Cat(i == 0 ? "" : ",", "\"k", i, "\":", i);
  text += "}";
  const JsonValue v = Read(text);
  REQUIRE(v.object.size() == 200000);
  CHECK(v.object.back().value.uinteger == 199999);
}

}  // namespace
}  // namespace bitnet::core
