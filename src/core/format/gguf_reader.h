// The walk over the bytes of a GGUF header, shared by gguf.cc and gguf_values.cc.
#ifndef BITNET_CORE_FORMAT_GGUF_READER_H_
#define BITNET_CORE_FORMAT_GGUF_READER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/status.h"
#include "core/format/gguf.h"

namespace bitnet::core {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian and are used in place");

// Bytes of a scalar type; 0 for strings, arrays and unknown types.
constexpr size_t ScalarBytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool: return 1;
    case GgufType::kU16:
    case GgufType::kI16: return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32: return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64: return 8;
    case GgufType::kString:
    case GgufType::kArray: break;
  }
  return 0;
}

constexpr bool IsGgufType(uint32_t type) { return type <= static_cast<uint32_t>(GgufType::kF64); }

// The fewest bytes one element of this type takes: a string its length, an array its type and count.
constexpr size_t SmallestBytes(GgufType type) {
  return type == GgufType::kString ? 8 : type == GgufType::kArray ? 12 : ScalarBytes(type);
}

// A value from bytes of any alignment; `bytes` holds at least sizeof(T).
template <typename T>
T LoadScalar(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// A position in the file's bytes that never passes their end.
class GgufCursor {
 public:
  explicit GgufCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t left() const { return bytes_.size() - offset_; }

  // n <= left().
  std::span<const std::byte> Take(uint64_t n) {
    const auto taken = bytes_.subspan(offset_, n);
    offset_ += n;
    return taken;
  }
  // False, and no move, when fewer bytes are left.
  template <typename T>
  bool Read(T& value) {
    if (left() < sizeof(T)) return false;
    value = LoadScalar<T>(Take(sizeof(T)));
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_GGUF_READER_H_
