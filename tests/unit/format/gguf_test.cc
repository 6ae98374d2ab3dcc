#include "core/format/gguf.h"

#include "core/base/mapped_file.h"
#include "core/format/limits.h"
#include "support/catch.h"
#include "support/gguf_builder.h"

namespace bitnet::core {
namespace {

using test::Bytes;
using test::GgufBuilder;

std::span<const std::byte> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

Status StatusOf(const std::string& file) { return Gguf::Parse(AsBytes(file)).status(); }

GgufBuilder Small() {
  GgufBuilder b;
  b.String("general.architecture", "none").U32("n", 7);
  b.Add({"a.weight", {4, 2}, 0, std::string(32, 'a')}).Add({"b.weight", {3}, 1, std::string(6, 'b')});
  return b;
}

void CheckError(const Status& status, Code code, std::string_view what, std::string_view part) {
  INFO(status.message());
  CHECK(status.code() == code);
  CHECK(status.what() == what);
  CHECK(status.message().find(part) != std::string_view::npos);
}

TEST_CASE("a header gives its keys and tensors with absolute regions", "[format]") {
  const std::string file = Small().Build();
  const auto gguf = Gguf::Parse(AsBytes(file));
  REQUIRE(gguf.ok());
  CHECK(gguf->version() == 3);
  CHECK(gguf->alignment() == 32);
  CHECK(gguf->values().size() == 2);
  REQUIRE(gguf->tensors().size() == 2);
  const GgufTensor* a = gguf->FindTensor("a.weight");
  REQUIRE(a != nullptr);
  CHECK(a->n_dims == 2);
  CHECK(a->ne[0] == 4);
  CHECK(a->ne[1] == 2);
  CHECK(a->n_bytes == 32);
  CHECK(a->offset == gguf->data_offset());
  CHECK(file.substr(a->offset, a->n_bytes) == std::string(32, 'a'));
  const GgufTensor* b = gguf->FindTensor("b.weight");
  REQUIRE(b != nullptr);
  CHECK(static_cast<char>(b->data[5]) == 'b');
  CHECK(gguf->FindTensor("c.weight") == nullptr);
  CHECK(gguf->Find("absent") == nullptr);
}

TEST_CASE("a moved header keeps its views", "[format]") {
  const std::string file = Small().Build();
  Gguf moved = *Gguf::Parse(AsBytes(file));
  const Gguf again = std::move(moved);
  REQUIRE(again.FindTensor("a.weight") != nullptr);
  CHECK(*again.Count("n") == std::optional<uint64_t>(7));
}

TEST_CASE("every cut of a small file is an error", "[format]") {
  const std::string file = Small().Build();
  const size_t end = Gguf::Parse(AsBytes(file))->FindTensor("b.weight")->offset + 6;
  for (size_t n = 0; n < end; ++n) {
    INFO(n);
    CHECK(StatusOf(file.substr(0, n)).code() == Code::kBadFormat);
  }
  CHECK(StatusOf(file.substr(0, end)).ok());
}

TEST_CASE("arrays may stand in arrays eight deep and no deeper", "[format]") {
  const auto nested = [](int depth) {
    std::string value;
    for (int i = 1; i < depth; ++i) value += Bytes<uint32_t>(9) + Bytes<uint64_t>(1);
    value += Bytes<uint32_t>(4) + Bytes<uint64_t>(1) + Bytes<uint32_t>(5);
    return GgufBuilder().Raw("x", 9, value).Build();
  };
  CHECK(StatusOf(nested(8)).ok());
  CheckError(StatusOf(nested(9)), Code::kLimit, "x", "array_depth");
  CheckError(StatusOf(nested(1000000)), Code::kLimit, "x", "array_depth");
}

TEST_CASE("names are text without control characters, within the format's lengths", "[format]") {
  CHECK(StatusOf(GgufBuilder().U32(std::string(kMaxKeyBytes, 'k'), 1).Build()).ok());
  CheckError(StatusOf(GgufBuilder().U32(std::string(kMaxKeyBytes + 1, 'k'), 1).Build()), Code::kBadFormat, "key_length",
             "65536");
  CheckError(StatusOf(GgufBuilder().U32("", 1).Build()), Code::kBadFormat, "key", "''");
  CheckError(StatusOf(GgufBuilder().U32("a\nb", 1).Build()), Code::kBadFormat, "key", "\\x0a");
  CheckError(StatusOf(GgufBuilder().U32("\xff", 1).Build()), Code::kBadFormat, "key", "UTF-8");
  CHECK(StatusOf(GgufBuilder().Add({std::string(64, 'n'), {1}, 0, std::string(4, '\0')}).Build()).ok());
  CheckError(StatusOf(GgufBuilder().Add({std::string(65, 'n'), {1}, 0, std::string(4, '\0')}).Build()),
             Code::kBadFormat, "tensor_name", "65");
}

TEST_CASE("counts beyond the limits are refused before anything is allocated for them", "[format]") {
  // One key that pads the file so far that so many tensor infos could follow.
  const auto with_counts = [](uint64_t tensors, uint64_t keys, size_t padding) {
    return "GGUF" + Bytes<uint32_t>(3) + Bytes(tensors) + Bytes(keys) + std::string(padding, '\0');
  };
  CheckError(StatusOf(with_counts(kMaxTensors + 1, 0, (kMaxTensors + 1) * 33)), Code::kLimit, "tensor_count", "65537");
  CheckError(StatusOf(with_counts(0, kMaxKeys + 1, (kMaxKeys + 1) * 14)), Code::kLimit, "kv_count", "65537");
  CheckError(StatusOf(with_counts(2, 0, 57)), Code::kBadFormat, "tensor_count", "at most 1");
}

TEST_CASE("id 39 is called TL2 or MXFP4 by file type and size", "[format]") {
  const auto with = [](uint32_t file_type, size_t bytes) {
    return GgufBuilder().U32("general.file_type", file_type).Add({"t", {64, 4}, 39, std::string(bytes, '\0')}).Build();
  };
  CheckError(StatusOf(with(38, 64 * 4 / 32 * 17)), Code::kUnsupported, "t", "MXFP4");
  CheckError(StatusOf(with(39, 64 * 4 / 32 * 17)), Code::kUnsupported, "t", "TL2");
  CheckError(StatusOf(with(38, 640)), Code::kUnsupported, "t", "TL2");
}

TEST_CASE("the block of Q2_0 is told by the size of the tensor", "[format]") {
  const uint64_t n = 128 * 64;
  const auto bytes_of = [&](size_t bytes) {
    const std::string file =
        GgufBuilder().Add({"t", {128, 64}, 42, std::string(bytes, '\0')}).Add({"u", {1}, 0, "1234"}).Build();
    const auto gguf = Gguf::Parse(AsBytes(file));
    return gguf.ok() ? gguf->FindTensor("t")->n_bytes : 0;
  };
  CHECK(bytes_of(n / 64 * 18) == n / 64 * 18);
  CHECK(bytes_of(n / 128 * 34) == n / 128 * 34);
  CHECK(bytes_of(n / 64 * 18 + 32) == 0);
  CHECK(bytes_of(n / 128 * 34 - 32) == 0);
}

TEST_CASE("types that are not read here are named with advice", "[format]") {
  for (const auto& [id, name] :
       {std::pair{37u, "I8_S"}, {38u, "TL1"}, {40u, "NVFP4"}, {142u, "rotated"}, {143u, "rotated"}}) {
    const Status s = StatusOf(GgufBuilder().Add({"t", {128}, id, std::string(128, '\0')}).Build());
    CheckError(s, Code::kUnsupported, "t", name);
    CHECK(s.message().find("; ") != std::string_view::npos);
  }
  CheckError(StatusOf(GgufBuilder().Add({"t", {128}, 4, std::string(128, '\0')}).Build()), Code::kUnsupported, "t",
             "tensor_type 4");
}

TEST_CASE("regions may leave gaps and fall, but not overlap", "[format]") {
  std::string file = Small().Build();
  const size_t at = file.find("b.weight") + 8 + 4 + 8 + 4;  // the offset of b
  const auto with_offset = [&](uint64_t offset) {
    std::string changed = file + std::string(256, '\0');
    changed.replace(at, 8, Bytes(offset));
    return StatusOf(changed);
  };
  CHECK(with_offset(32).ok());
  CHECK(with_offset(128).ok());
  CheckError(with_offset(0), Code::kBadFormat, "b.weight", "overlap");
  CheckError(with_offset(33), Code::kBadFormat, "b.weight", "multiple of the alignment");
  CheckError(with_offset(uint64_t{1} << 40), Code::kBadFormat, "b.weight", "offset");
  CheckError(with_offset(~uint64_t{0} - 31), Code::kBadFormat, "b.weight", "offset");
}

TEST_CASE("the tiny model's header is read", "[format]") {
  const auto file = MappedFile::Map(BITNET_TINY_MODEL);
  REQUIRE(file.ok());
  const auto gguf = Gguf::Parse(file->bytes());
  REQUIRE(gguf.ok());
  CHECK(gguf->tensors().size() == 68);
  CHECK(*gguf->String("general.architecture") == std::optional<std::string_view>("bitnet-b1.58"));
}

}  // namespace
}  // namespace bitnet::core
