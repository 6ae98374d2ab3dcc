#include "receipts/canonical_json.h"

#include <bit>

#include "support/catch.h"

namespace bitnet::receipts {
namespace {

std::string Canonical(std::string_view text) {
  const auto value = core::ParseJson(text);
  REQUIRE(value.ok());
  return CanonicalJson(*value);
}

TEST_CASE("Numbers come out as in appendix B of RFC 8785", "[receipts][jcs]") {
  const struct {
    uint64_t bits;
    const char* text;
  } rows[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& row : rows) CHECK(CanonicalNumber(std::bit_cast<double>(row.bits)) == row.text);
}

TEST_CASE("The example of RFC 8785, section 3.2.2, comes out byte for byte", "[receipts][jcs]") {
  CHECK(Canonical(R"({
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
})") == R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
        "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST_CASE("Keys sort by UTF-16 code units, as in RFC 8785, section 3.2.3", "[receipts][jcs]") {
  CHECK(Canonical(R"({"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
  "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
  "\u00f6": "Latin Small Letter O With Diaeresis"})") ==
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
        "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
        "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST_CASE("Order of members, space and spelling of numbers do not change the canonical form", "[receipts][jcs]") {
  CHECK(Canonical(R"({"b": 1.0, "a": [100, 1e2]})") == Canonical("{\"a\":[1e+2,100.0],\"b\":1}"));
  CHECK(Canonical(R"({"a": -0.0})") == R"({"a":0})");
  CHECK(Canonical(R"({"aa": 1, "a": 2, "": 3})") == R"({"":3,"a":2,"aa":1})");
}

}  // namespace
}  // namespace bitnet::receipts
