#include "core/format/gguf_text.h"

#include <cmath>

#include "core/base/json_writer.h"
#include "core/format/gguf_reader.h"

namespace bitnet::core {

namespace {

std::string ScalarText(GgufType type, std::span<const std::byte> bytes) {
  switch (type) {
    case GgufType::kU8: return Cat(uint32_t{LoadScalar<uint8_t>(bytes)});
    case GgufType::kI8: return Cat(int32_t{LoadScalar<int8_t>(bytes)});
    case GgufType::kU16: return Cat(LoadScalar<uint16_t>(bytes));
    case GgufType::kI16: return Cat(LoadScalar<int16_t>(bytes));
    case GgufType::kU32: return Cat(LoadScalar<uint32_t>(bytes));
    case GgufType::kI32: return Cat(LoadScalar<int32_t>(bytes));
    case GgufType::kU64: return Cat(LoadScalar<uint64_t>(bytes));
    case GgufType::kI64: return Cat(LoadScalar<int64_t>(bytes));
    case GgufType::kF32: return Cat(LoadScalar<float>(bytes));
    case GgufType::kF64: return Cat(LoadScalar<double>(bytes));
    case GgufType::kBool: return LoadScalar<uint8_t>(bytes) != 0 ? "true" : "false";
    case GgufType::kString:
    case GgufType::kArray: break;
  }
  return {};
}

bool IsFinite(GgufType type, std::span<const std::byte> bytes) {
  if (type == GgufType::kF32) return std::isfinite(LoadScalar<float>(bytes));
  if (type == GgufType::kF64) return std::isfinite(LoadScalar<double>(bytes));
  return true;
}

// Elements at the cursor. The parser has checked them and bounds the depth.
void WriteArray(GgufCursor& in, GgufType element, uint64_t count, JsonWriter& json) {
  json.BeginArray();
  for (uint64_t i = 0; i < count; ++i) {
    if (element == GgufType::kArray) {
      uint32_t type = 0;
      uint64_t n = 0;
      if (!in.Read(type) || !in.Read(n)) break;
      WriteArray(in, static_cast<GgufType>(type), n, json);
    } else if (element == GgufType::kString) {
      uint64_t length = 0;
      if (!in.Read(length) || length > in.left()) break;
      json.String(AsText(in.Take(length)));
    } else {
      const size_t n = ScalarBytes(element);
      if (n > in.left()) break;
      const auto bytes = in.Take(n);
      const std::string text = ScalarText(element, bytes);
      IsFinite(element, bytes) ? json.Raw(text) : json.String(text);  // JSON has no infinity and no NaN
    }
  }
  json.EndArray();
}

}  // namespace

std::string GgufValueText(const GgufValue& value) {
  if (value.type == GgufType::kString) return std::string(AsText(value.raw));
  if (value.type != GgufType::kArray) return ScalarText(value.type, value.raw);
  GgufCursor in(value.raw);
  JsonWriter json;
  WriteArray(in, value.element, value.count, json);
  return json.Take();
}

}  // namespace bitnet::core
