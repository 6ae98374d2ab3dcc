#include "core/format/safetensors.h"

#include <fstream>
#include <random>

#include "core/base/json_reader.h"
#include "core/base/mapped_file.h"
#include "support/catch.h"
#include "support/gguf_builder.h"

namespace bitnet::core {
namespace {

using test::Bytes;

std::string FileOf(const std::string& header, const std::string& data) {
  return Bytes<uint64_t>(header.size()) + header + data;
}

Result<Safetensors> Parse(const std::string& file) {
  return Safetensors::Parse({reinterpret_cast<const std::byte*>(file.data()), file.size()});
}

// The error for a header over `n_bytes` of data; "" when there is none.
std::string ErrorOf(const std::string& header, size_t n_bytes = 0) {
  const std::string file = FileOf(header, std::string(n_bytes, '\0'));
  return std::string(Parse(file).status().message());
}

bool Has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("tensors are found by name with their bytes", "[format][safetensors]") {
  const std::string file = FileOf(
      R"({"b":{"dtype":"F16","shape":[3],"data_offsets":[4,10]},"__metadata__":{"format":"pt"},)"
      R"("a":{"data_offsets":[0,4],"shape":[2, 2],"dtype":"U8"},"empty":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}  )",
      "aaaabbbbbb");
  const auto parsed = Parse(file);
  INFO(parsed.status().message());
  REQUIRE(parsed.ok());
  REQUIRE(parsed->tensors().size() == 3);
  const SafeTensor& a = parsed->tensors()[0];
  CHECK(a.name == "a");
  CHECK(a.dtype == "U8");
  CHECK(a.shape == std::vector<uint64_t>{2, 2});
  CHECK(file.substr(a.offset, a.data.size()) == "aaaa");
  const SafeTensor& b = parsed->tensors()[1];
  CHECK(b.name == "b");
  CHECK(b.data.size() == 6);
  CHECK(file[b.offset] == 'b');
  CHECK(parsed->tensors()[2].data.empty());
}

TEST_CASE("escaped names are the text that they stand for", "[format][safetensors]") {
  const auto parsed =
      Parse(FileOf(R"({"a\u00e9\ud83d\ude00\n\"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", "x"));
  REQUIRE(parsed.ok());
  CHECK(parsed->tensors()[0].name == "a\xc3\xa9\xf0\x9f\x98\x80\n\"");
  CHECK(parsed->tensors()[0].data.size() == 1);  // no dimension is one element
  CHECK(Has(ErrorOf(R"({"a\ud83d":1})"), "surrogate"));
  CHECK(Has(ErrorOf(R"({"a\ude00":1})"), "surrogate"));
  CHECK(Has(ErrorOf(R"({"a\q":1})"), "escape"));
  CHECK(Has(ErrorOf(R"({"a\u12g4":1})"), "escape"));
}

TEST_CASE("a name spelled in two ways is still twice the same", "[format][safetensors]") {
  CHECK(Has(
      ErrorOf(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          2),
      "duplicate_tensor"));
}

TEST_CASE("every field of a header is checked", "[format][safetensors]") {
  const auto with = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return ErrorOf(Cat(R"({"t":{"dtype":)", dtype, R"(,"shape":)", shape, R"(,"data_offsets":)", offsets, "}}"), 8);
  };
  CHECK(with(R"("F32")", "[2]", "[0,8]").empty());
  CHECK(Has(with(R"("F99")", "[2]", "[0,8]"), "dtype"));
  CHECK(Has(with("4", "[2]", "[0,8]"), "dtype"));
  for (const char* shape :
       {"[3]", "[1]", "[-2]", "[2.0]", "[2e0]", "[\"2\"]", "2", "null", "[18446744073709551616]",
        "[4611686018427387906]", "[4294967296,4294967296,2]", "[2", "[2,]", "[1,1,1,1,1,1,1,1,2]"}) {
    INFO(shape);
    CHECK(Has(with(R"("F32")", shape, "[0,8]"), "shape"));
  }
  for (const char* offsets :
       {"[]", "[0]", "[0,8,8]", "[8,0]", "[0,9]", "[-1,8]", "[1.0,8]", "[18446744073709551608,8]"}) {
    INFO(offsets);
    CHECK(Has(with(R"("F32")", "[2]", offsets), "data_offsets"));
  }
  CHECK(Has(ErrorOf(R"({"t":{"dtype":"U8","shape":[1]}})", 1), "data_offsets"));
  CHECK(Has(ErrorOf(R"({"t":{"dtype":"U8","data_offsets":[0,1]}})", 1), "shape"));
  CHECK(Has(ErrorOf(R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), "twice"));
  CHECK(Has(ErrorOf(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", 1), "unknown"));
  CHECK(Has(ErrorOf(R"({"__metadata__":{"a":1}})"), "__metadata__"));
  CHECK(Has(ErrorOf("{} {}"), "after its object"));
  CHECK(Has(ErrorOf("[]"), "expected '{'"));
  CHECK(ErrorOf("{}").empty());
  CHECK(Has(ErrorOf("{}", 1), "hole"));
}

TEST_CASE("hostile containers are refused by the name of their defect", "[format][safetensors]") {
  const std::string root = std::string(BITNET_TEST_UNPACKED) + "/hostile/";
  std::ifstream in(root + "manifest.json", std::ios::binary);
  const auto manifest = ParseJson(std::string{std::istreambuf_iterator<char>(in), {}});
  REQUIRE(manifest.ok());
  size_t n_refused = 0, n_valid = 0;
  for (const JsonValue& entry : manifest->array) {
    const std::string& file = entry.Find("file")->string;
    const JsonValue* level = entry.Find("level");
    if (entry.Find("kind")->string != "safetensors" || level == nullptr || file.find("index_") != std::string::npos)
      continue;
    const auto bytes = MappedFile::Map(root + file + "/model.safetensors");
    if (!bytes.ok()) continue;  // sharded
    const Status status = Safetensors::Parse(bytes->bytes()).status();
    INFO(file << ": " << status.message());
    if (level->string != "container") {
      CHECK(status.ok());
      ++n_valid;
      continue;
    }
    REQUIRE_FALSE(status.ok());
    bool named = Has(std::string(status.message()), entry.Find("field")->string);
    if (const JsonValue* also = entry.Find("also")) {
      for (const JsonValue& name : also->array) named = named || Has(std::string(status.message()), name.string);
    }
    CHECK(named);
    ++n_refused;
  }
  CHECK(n_refused == 40);
  CHECK(n_valid > 50);
}

TEST_CASE("cut and flipped headers give an error or tensors that cover the data", "[format][safetensors]") {
  const std::string good = FileOf(
      R"({"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[3],"data_offsets":[4,10]}})",
      "aaaabbbbbb");
  for (size_t n = 0; n < good.size(); ++n) CHECK_FALSE(Parse(good.substr(0, n)).ok());
  std::mt19937 random(11);
  size_t n_ok = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string file = good;
    file[random() % (good.size() - 10)] = static_cast<char>(random());
    const auto parsed = Parse(file);
    if (!parsed.ok()) continue;
    ++n_ok;
    size_t covered = 0;
    for (const SafeTensor& t : parsed->tensors()) covered += t.data.size();
    if (covered != 10) FAIL("covers " << covered);
  }
  CHECK(n_ok > 0);
}

}  // namespace
}  // namespace bitnet::core
