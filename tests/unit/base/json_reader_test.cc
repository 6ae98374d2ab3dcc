#include "core/base/json_reader.h"
#include "core/base/json_place.h"

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

TEST_CASE("What is wrong with a text is said with line and column, in characters", "[json]") {
  const struct {
    std::string_view text, start;
  } rows[] = {
      {"", "line 1, column 1: json without a value"},
      {" \n\t ", "line 1, column 1: json without a value"},
      {"{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, column 3: malformed json: found '\"', expected ',' or '}'"},
      {"[1,\r\n 2 3]", "line 2, column 4: malformed json: found '3', expected ',' or ']'"},
      {"{\"\xC3\xA4\xE2\x82\xAC\": x}", "line 1, column 8: json word"},
      {"{\"a\": 1,}", "line 1, column 9: malformed json: found '}', expected a key in double quotes"},
      {"{\"a\" 1}", "line 1, column 6: malformed json: found '1', expected ':'"},
      {"{\"a\":\n", "line 2, column 1: malformed json: found the end, expected a value"},
      {"[1] 2", "line 1, column 5: malformed json: found '2', expected the end"},
      {"[01]", "line 1, column 2: json number"},
      {"[-]", "line 1, column 2: json number"},
      {"[1, 1e999]", "line 1, column 5: json number"},
      {"[1e-999, 0.0e-99999999999999999999, 1e99999999999999999999]", "line 1, column 37: json number"},
      {"[18446744073709551616]", "line 1, column 2: json number"},
      {"[\"abc]", "line 1, column 2: json string that does not end"},
      {"[\"a\\x\"]", "line 1, column 4: json string with a bad escape"},
      {"[\"a\\u12g4\"]", "line 1, column 4: json string with a bad escape"},
      {"[\"a\\udc00\"]", "line 1, column 4: json string with half a surrogate pair"},
      {"[\"a\\ud800\\n\"]", "line 1, column 4: json string with half a surrogate pair"},
      {"[\"a\nb\"]", "line 1, column 4: json string with a raw control character"},
      {"[\"\xFF\"]", "line 1, column 3: json with ill-formed utf-8"},
      {"\xEF\xBB\xBF[]", "line 1, column 1: malformed json: found '\\xef', expected a value"},
      {"{\"a\": {\"k\": 1,\n\"\\u006b\": 2}}", "line 2, column 1: json object with two keys 'k'"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const std::string message(ParseJson(row.text).status().message());
    CHECK(message.substr(0, row.start.size()) == row.start);
  }
  CHECK(ParseJson("[\n[[]]]", {.max_depth = 2}).status().message() == "line 2, column 2: json nested too deeply");
}

// The second look at a text that was refused must refuse it too, and nothing else.
TEST_CASE("Parser and place finder refuse the same texts", "[json]") {
  const std::string good =
      "{\"k\\u00e4\": [1, -0.5e+3, \"\xC3\xA4\\ud83d\\ude00\\n\", true], \"l\": {\"m\": null, \"\": 12}}\n";
  REQUIRE(ParseJson(good).ok());
  constexpr char kOthers[] = "\0\x01\t \"\\{}[]:,-+.019eEnulx/\x7F\x80\xC3\xE4\xED\xFF";  // its end, a NUL, too
  size_t n = 0, n_refused = 0;
  const auto look = [&](const std::string& text) {
    const auto json = ParseJson(text);
    const Status fault = FindJsonFault(text, {});
    INFO(text << ": " << json.status().message());
    if (json.ok() != fault.ok()) FAIL_CHECK("the place finder says: " << fault.message());
    if (!json.ok() && json.status().message() != fault.message()) FAIL_CHECK("no place");
    n_refused += json.ok() ? 0 : 1;
    ++n;
  };
  for (size_t i = 0; i <= good.size(); ++i) {
    look(good.substr(0, i));
    for (const char c : kOthers) {
      std::string text = good;
      text.insert(i, 1, c);
      look(text);
      if (i == good.size()) continue;
      text = good;
      text[i] = c;
      look(text);
    }
  }
  CHECK(n > 5000);
  CHECK(n_refused > n / 2);
}

TEST_CASE("Values are found in the text that they came from", "[json]") {
  const std::string_view text = "{\"a\": [10,\n  {\"b\": \"x\", \"c\": []}],\n \"d\": null}";
  const JsonValue root = Read(text);
  const JsonValue& list = *root.Find("a");
  const JsonValue* const values[] = {root.Find("d"), &list.array[1], list.array[1].Find("c"),
                                     &root,          &list.array[0], &list.array[0]};
  const std::vector<TextPlace> places = PlacesInJson(text, root, values);
  std::string found;
  for (const TextPlace& place : places) found += Cat(place, "\n");
  CHECK(
      found ==
      "line 3, column 7\nline 2, column 3\nline 2, column 19\nline 1, column 1\nline 1, column 8\nline 1, column 8\n");
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
