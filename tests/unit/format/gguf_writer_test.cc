#include "core/format/gguf_writer.h"

#include "support/catch.h"
#include "support/gguf_builder.h"

namespace bitnet::core {
namespace {

std::span<const std::byte> SpanOf(const std::string& text) { return std::as_bytes(std::span(text)); }

GgufWriter Sample() {
  GgufWriter out;
  out.String("general.architecture", "llama").U32("a.count", 7).F32("a.ratio", 0.5f).Bool("a.yes", true);
  out.Strings("a.texts", std::vector<std::string>{"one", "", "three"});
  out.Ints("a.ints", std::vector<int32_t>{-1, 2}).Floats("a.floats", std::vector<float>{1.5f, -2.0f});
  out.AddTensor("norm", std::vector<uint64_t>{3}, QuantType::kF32);
  out.AddTensor("linear", std::vector<uint64_t>{128, 3}, QuantType::kI2_S);
  out.AddTensor("rows", std::vector<uint64_t>{64, 8}, QuantType::kIQ2_BN);
  return out;
}

TEST_CASE("a written GGUF is read as it was meant", "[format]") {
  const GgufWriter out = Sample();
  std::string file = out.Header();
  CHECK(file == Sample().Header());
  CHECK(file.size() == out.TensorOffset(0));
  file.resize(out.FileBytes());
  const auto gguf = Gguf::Parse(SpanOf(file));
  INFO(gguf.status().message());
  REQUIRE(gguf.ok());
  CHECK(gguf->version() == 3);
  CHECK(**gguf->String("general.architecture") == "llama");
  CHECK(**gguf->Count("a.count") == 7);
  CHECK(**gguf->Float("a.ratio") == 0.5f);
  CHECK(**gguf->Bool("a.yes"));
  CHECK(**gguf->Strings("a.texts") == std::vector<std::string_view>{"one", "", "three"});
  CHECK(**gguf->Ints("a.ints") == std::vector<int32_t>{-1, 2});
  CHECK(**gguf->Floats("a.floats") == std::vector<float>{1.5f, -2.0f});
  REQUIRE(gguf->tensors().size() == 3);
  const uint64_t bytes[] = {12, 3 * 32 + 32, 8 * (4 + 16)};
  for (size_t i = 0; i < 3; ++i) {
    CHECK(gguf->tensors()[i].n_bytes == bytes[i]);
    CHECK(out.TensorBytes(i) == bytes[i]);
    CHECK(gguf->tensors()[i].offset == out.TensorOffset(i));
  }
}

TEST_CASE("pairs of another file are copied byte for byte, arrays of arrays too", "[format]") {
  test::GgufBuilder b;
  b.String("s", "text").U32("u", 1).Strings("l", {"a", "bc"}).Bool("b", false);
  std::string nested = test::Bytes<uint32_t>(9) + test::Bytes<uint64_t>(2);
  for (int i = 0; i < 2; ++i) nested += test::Bytes<uint32_t>(0) + test::Bytes<uint64_t>(1) + std::string("x");
  b.Raw("n", 9, nested);
  const std::string file = b.Build();
  const auto gguf = Gguf::Parse(SpanOf(file));
  REQUIRE(gguf.ok());
  GgufWriter out;
  for (const GgufValue& v : gguf->values()) out.Copy(v);
  CHECK(out.Header() == file);
}

}  // namespace
}  // namespace bitnet::core
