#include "core/format/gguf.h"

#include <cmath>

#include "support/catch.h"
#include "support/gguf_builder.h"

namespace bitnet::core {
namespace {

using test::Bytes;
using test::GgufBuilder;

// A file with one key of each kind; the text must outlive the header.
const std::string& File() {
  static const std::string file = [] {
    GgufBuilder b;
    b.Raw("u8", 0, Bytes<uint8_t>(200)).Raw("i8", 1, Bytes<int8_t>(-3)).Raw("u16", 2, Bytes<uint16_t>(1));
    b.U32("u32", 4000000000u).Raw("u64", 10, Bytes<uint64_t>(uint64_t{1} << 40)).Raw("i32", 5, Bytes<int32_t>(5));
    b.Raw("negative", 5, Bytes<int32_t>(-1)).Raw("i64", 11, Bytes<int64_t>(-9)).F32("f32", 1.5f);
    b.Raw("f64", 12, Bytes(0.1)).Bool("yes", true).Bool("no", false).String("text", "a b").String("bad text", "\xff");
    b.Strings("strings", {"x", "", "zz"}).Strings("bad strings", {"x", "\xc3"}).Ints("ints", {1, -2});
    b.Raw("uints", 9, Bytes<uint32_t>(4) + Bytes<uint64_t>(1) + Bytes<uint32_t>(9));
    b.Raw("floats", 9, Bytes<uint32_t>(6) + Bytes<uint64_t>(2) + Bytes(0.5f) + Bytes(std::nanf("")));
    b.Raw("none", 9, Bytes<uint32_t>(6) + Bytes<uint64_t>(0));
    b.Raw("bools", 9, Bytes<uint32_t>(7) + Bytes<uint64_t>(2) + std::string("\0\1", 2));
    return b.Build();
  }();
  return file;
}

Gguf Parsed() {
  auto gguf = Gguf::Parse({reinterpret_cast<const std::byte*>(File().data()), File().size()});
  REQUIRE(gguf.ok());
  return *std::move(gguf);
}

template <typename T>
void CheckWrongType(const Result<T>& r, std::string_view key, std::string_view found) {
  REQUIRE_FALSE(r.ok());
  INFO(r.status().message());
  CHECK(r.status().code() == Code::kBadFormat);
  CHECK(r.status().what() == key);
  CHECK(r.status().offset() != Status::kNoOffset);
  CHECK(r.status().message().find(found) != std::string_view::npos);
}

TEST_CASE("counts are u32, u64 or i32 that is not negative", "[format]") {
  const Gguf g = Parsed();
  CHECK(*g.Count("u32") == std::optional<uint64_t>(4000000000u));
  CHECK(*g.Count("u64") == std::optional<uint64_t>(uint64_t{1} << 40));
  CHECK(*g.Count("i32") == std::optional<uint64_t>(5));
  CHECK(*g.Count("absent") == std::nullopt);
  CheckWrongType(g.Count("negative"), "negative", "-1");
  for (const char* key : {"u8", "i8", "u16", "i64", "f32", "yes", "text", "ints"})
    CheckWrongType(g.Count(key), key, "type");
}

TEST_CASE("floats, booleans and text are read as what they are", "[format]") {
  const Gguf g = Parsed();
  CHECK(*g.Float("f32") == std::optional<float>(1.5f));
  CHECK(*g.Float("f64") == std::optional<float>(0.1f));
  CheckWrongType(g.Float("u32"), "u32", "type u32, expected f32");
  CHECK(*g.Bool("yes") == std::optional<bool>(true));
  CHECK(*g.Bool("no") == std::optional<bool>(false));
  CheckWrongType(g.Bool("u8"), "u8", "expected bool");
  CHECK(*g.String("text") == std::optional<std::string_view>("a b"));
  CHECK(*g.String("absent") == std::nullopt);
  CheckWrongType(g.String("bad text"), "bad text", "UTF-8");
  CheckWrongType(g.String("strings"), "strings", "array of string");
}

TEST_CASE("arrays are read with their element type", "[format]") {
  const Gguf g = Parsed();
  const auto strings = g.Strings("strings");
  REQUIRE(strings.ok());
  CHECK(**strings == std::vector<std::string_view>{"x", "", "zz"});
  CheckWrongType(g.Strings("bad strings"), "bad strings", "UTF-8");
  CheckWrongType(g.Strings("ints"), "ints", "array of i32");
  CheckWrongType(g.Strings("text"), "text", "expected array of string");
  CHECK(**g.Ints("ints") == std::vector<int32_t>{1, -2});
  CHECK(**g.Ints("uints") == std::vector<int32_t>{9});
  CheckWrongType(g.Ints("floats"), "floats", "array of f32");
  const auto floats = g.Floats("floats");
  REQUIRE(floats.ok());
  CHECK((**floats)[0] == 0.5f);
  CHECK(std::isnan((**floats)[1]));
  CHECK((**g.Floats("none")).empty());
  CheckWrongType(g.Floats("ints"), "ints", "expected array of f32");
  CHECK_FALSE(g.Floats("absent")->has_value());
}

TEST_CASE("a boolean is 0 or 1, in arrays too", "[format]") {
  for (const std::string& file :
       {GgufBuilder().Raw("b", 7, "\2").Build(),
        GgufBuilder().Raw("b", 9, Bytes<uint32_t>(7) + Bytes<uint64_t>(2) + std::string("\1\2")).Build()}) {
    const Status s = Gguf::Parse({reinterpret_cast<const std::byte*>(file.data()), file.size()}).status();
    CHECK(s.code() == Code::kBadFormat);
    CHECK(s.message().find("bool in key 'b' is 2") != std::string_view::npos);
    CHECK(file[s.offset()] == 2);
  }
}

}  // namespace
}  // namespace bitnet::core
