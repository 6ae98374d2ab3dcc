// Typed reads of the key-values that a parsed header holds.
#include "core/format/gguf.h"
#include "core/format/gguf_reader.h"

namespace bitnet::core {

namespace {

Status WrongType(const GgufValue& v, std::string_view expected) {
  std::string found(GgufTypeName(v.type));
  if (v.type == GgufType::kArray) found = Cat("array of ", GgufTypeName(v.element));
  return Status(Code::kBadFormat, Cat("key ", Quoted(v.key), " has type ", found, ", expected ", expected),
                std::string(v.key), v.offset);
}

bool IsArrayOf(const GgufValue& v, GgufType element) { return v.type == GgufType::kArray && v.element == element; }

Status NotUtf8(const GgufValue& v, uint64_t offset) {
  return Status(Code::kBadFormat, Cat("key ", Quoted(v.key), " holds text that is not UTF-8"), std::string(v.key),
                offset);
}

// The elements of an array of scalars.
template <typename T>
std::vector<T> Elements(const GgufValue& v) {
  std::vector<T> out(v.count);
  if (!out.empty()) std::memcpy(out.data(), v.raw.data(), v.raw.size());
  return out;
}

}  // namespace

Result<std::optional<uint64_t>> Gguf::Count(std::string_view key) const {
  const GgufValue* v = Find(key);
  if (v == nullptr) return std::optional<uint64_t>();
  switch (v->type) {
    case GgufType::kU32: return std::optional<uint64_t>(LoadScalar<uint32_t>(v->raw));
    case GgufType::kU64: return std::optional<uint64_t>(LoadScalar<uint64_t>(v->raw));
    case GgufType::kI32: {
      const int32_t value = LoadScalar<int32_t>(v->raw);
      if (value >= 0) return std::optional<uint64_t>(static_cast<uint64_t>(value));
      return Status(Code::kBadFormat,
                    Cat("key ", Quoted(key), " is ", value, ", expected a number that is not negative"),
                    std::string(key), v->offset);
    }
    default: return WrongType(*v, "u32, u64 or i32");
  }
}

Result<std::optional<float>> Gguf::Float(std::string_view key) const {
  const GgufValue* v = Find(key);
  if (v == nullptr) return std::optional<float>();
  if (v->type == GgufType::kF32) return std::optional<float>(LoadScalar<float>(v->raw));
  if (v->type == GgufType::kF64) return std::optional<float>(static_cast<float>(LoadScalar<double>(v->raw)));
  return WrongType(*v, "f32");
}

Result<std::optional<bool>> Gguf::Bool(std::string_view key) const {
  const GgufValue* v = Find(key);
  if (v == nullptr) return std::optional<bool>();
  if (v->type != GgufType::kBool) return WrongType(*v, "bool");
  return std::optional<bool>(v->raw[0] == std::byte{1});
}

Result<std::optional<std::string_view>> Gguf::String(std::string_view key) const {
  const GgufValue* v = Find(key);
  if (v == nullptr) return std::optional<std::string_view>();
  if (v->type != GgufType::kString) return WrongType(*v, "string");
  if (!IsUtf8(AsText(v->raw))) return NotUtf8(*v, v->offset);
  return std::optional<std::string_view>(AsText(v->raw));
}

Result<std::optional<std::vector<std::string_view>>> Gguf::Strings(std::string_view key) const {
  using Out = std::optional<std::vector<std::string_view>>;
  const GgufValue* v = Find(key);
  if (v == nullptr) return Out();
  if (!IsArrayOf(*v, GgufType::kString)) return WrongType(*v, "array of string");
  std::vector<std::string_view> out;
  out.reserve(v->count);
  const uint64_t start = v->offset + 4 + 8;  // after the element type and the count
  GgufCursor in(v->raw);                     // walked and checked once already, by Parse
  for (uint64_t i = 0; i < v->count; ++i) {
    uint64_t length = 0;
    BN_ENSURE(in.Read(length) && length <= in.left());
    const uint64_t at = start + in.offset();
    out.push_back(AsText(in.Take(length)));
    if (!IsUtf8(out.back())) return NotUtf8(*v, at);
  }
  return Out(std::move(out));
}

Result<std::optional<std::vector<float>>> Gguf::Floats(std::string_view key) const {
  using Out = std::optional<std::vector<float>>;
  const GgufValue* v = Find(key);
  if (v == nullptr) return Out();
  if (!IsArrayOf(*v, GgufType::kF32)) return WrongType(*v, "array of f32");
  return Out(Elements<float>(*v));
}

Result<std::optional<std::vector<int32_t>>> Gguf::Ints(std::string_view key) const {
  using Out = std::optional<std::vector<int32_t>>;
  const GgufValue* v = Find(key);
  if (v == nullptr) return Out();
  if (!IsArrayOf(*v, GgufType::kI32) && !IsArrayOf(*v, GgufType::kU32)) return WrongType(*v, "array of i32");
  return Out(Elements<int32_t>(*v));
}

}  // namespace bitnet::core
