#include "core/base/json_writer.h"

#include <cmath>
#include <limits>

#include "core/base/json_reader.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

std::string StringOf(std::string_view s) { return JsonWriter().String(s).Take(); }
std::string DoubleOf(double v) { return JsonWriter().Double(v).Take(); }

void WriteExample(JsonWriter& w) {
  w.BeginObject().Key("n").Int(-1).Key("ids").BeginArray().Uint(1).Uint(2).EndArray();
  w.Key("list").BeginArray().BeginObject().Key("a").Bool(true).EndObject().BeginObject().EndObject().EndArray();
  w.Key("none").Null().Key("empty").BeginArray().EndArray().Key("raw").Raw("[0]").EndObject();
}

TEST_CASE("Compact form has no space at all", "[json]") {
  JsonWriter w;
  WriteExample(w);
  CHECK(w.str() == R"({"n":-1,"ids":[1,2],"list":[{"a":true},{}],"none":null,"empty":[],"raw":[0]})");
}

TEST_CASE("Pretty form breaks lines at members and containers, not at numbers", "[json]") {
  JsonWriter w(true);
  WriteExample(w);
  CHECK(w.str() ==
        "{\n  \"n\": -1,\n  \"ids\": [1, 2],\n  \"list\": [\n    {\n      \"a\": true\n    },\n    {}\n  ],\n"
        "  \"none\": null,\n  \"empty\": [],\n  \"raw\": [0]\n}");
}

TEST_CASE("Arrays that mix scalars and containers stay valid in both forms", "[json]") {
  for (const bool pretty : {false, true}) {
    JsonWriter w(pretty);
    w.BeginArray().Int(1).BeginArray().Int(2).EndArray().Int(3).Int(4).BeginObject().EndObject().EndArray();
    const auto back = ParseJson(w.str());
    REQUIRE(back.ok());
    REQUIRE(back->array.size() == 5);
    CHECK(back->array[1].array[0].uinteger == 2);
    CHECK(back->array[3].uinteger == 4);
  }
}

TEST_CASE("Control characters, quotes and backslashes are escaped", "[json]") {
  CHECK(StringOf(std::string("\"\\\b\f\n\r\t\x01\x1f\x7f/\0", 12)) ==
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\\u0000\"");
  CHECK(StringOf("\xE2\x82\xAC") == "\"\xE2\x82\xAC\"");
}

TEST_CASE("Each maximal ill-formed part of UTF-8 becomes one U+FFFD", "[json]") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(StringOf("a\xFF"
                 "b") == "\"a" + r + "b\"");
  CHECK(StringOf("\xC0\xAF") == "\"" + r + r + "\"");  // overlong: neither byte can start
  CHECK(StringOf("\xE2\x82") == "\"" + r + "\"");      // truncated at the end
  CHECK(StringOf("\xF0\x9F\x98"
                 "x") == "\"" + r + "x\"");                            // truncated before x
  CHECK(StringOf("\xED\xA0\x80") == "\"" + r + r + r + "\"");          // a surrogate
  CHECK(StringOf("\xF4\x90\x80\x80") == "\"" + r + r + r + r + "\"");  // above U+10FFFF
  CHECK(StringOf("\xF4\x8F\xBF\xBF") == "\"\xF4\x8F\xBF\xBF\"");       // U+10FFFF itself
}

TEST_CASE("Numbers read back as exactly the same value", "[json]") {
  CHECK(DoubleOf(0.1) == "0.1");
  CHECK(DoubleOf(1e300) == "1e+300");
  CHECK(DoubleOf(std::nan("")) == "null");
  CHECK(DoubleOf(-std::numeric_limits<double>::infinity()) == "null");
  CHECK(JsonWriter().Uint(18446744073709551615u).str() == "18446744073709551615");
  CHECK(JsonWriter().Int(INT64_MIN).str() == "-9223372036854775808");
  for (const double v : {1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.125, 1e21}) {
    const auto back = ParseJson(DoubleOf(v));
    REQUIRE(back.ok());
    CHECK(back->number == v);
  }
}

}  // namespace
}  // namespace bitnet::core
