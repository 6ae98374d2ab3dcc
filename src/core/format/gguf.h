// GGUF v2 and v3 reader (docs/formats.md, section 1): every field is checked before it is used.
#ifndef BITNET_CORE_FORMAT_GGUF_H_
#define BITNET_CORE_FORMAT_GGUF_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/quant_type.h"

namespace bitnet::core {

enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12
};
// "u8" ... "f64", "string", "array"; "unknown".
std::string_view GgufTypeName(GgufType type);

// One key-value pair: views into the file's bytes.
struct GgufValue {
  std::string_view key;
  GgufType type = GgufType::kU8;
  uint64_t offset = 0;               // of the value in the file
  std::span<const std::byte> raw;    // scalar: its bytes; string: its text; array: the encoded elements
  GgufType element = GgufType::kU8;  // arrays
  uint64_t count = 0;                // arrays
};

struct GgufTensor {
  std::string_view name;
  uint32_t n_dims = 0;
  uint64_t ne[4] = {1, 1, 1, 1};  // fastest first
  QuantType type{};
  uint64_t info_offset = 0;  // of the tensor info in the file
  uint64_t offset = 0;       // of the data in the file (absolute)
  uint64_t n_bytes = 0;      // exactly what type and shape say
  std::span<const std::byte> data;
};

// A parsed header over bytes that somebody else keeps alive. Movable; views stay valid with the bytes.
class Gguf {
 public:
  Gguf() = default;
  // Parses and checks all of the header, and that every tensor's region lies inside `file` and overlaps no other.
  static Result<Gguf> Parse(std::span<const std::byte> file);

  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  uint64_t data_offset() const { return data_offset_; }
  const std::vector<GgufValue>& values() const { return values_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufValue* Find(std::string_view key) const;          // null: absent
  const GgufTensor* FindTensor(std::string_view name) const;  // null: absent

  // Typed reads. Absent: nullopt. Another type or an unusable value: an error naming key, offset, found, expected.
  Result<std::optional<uint64_t>> Count(std::string_view key) const;  // u32, u64 or non-negative i32
  Result<std::optional<float>> Float(std::string_view key) const;     // f32 (f64 is rounded)
  Result<std::optional<bool>> Bool(std::string_view key) const;
  Result<std::optional<std::string_view>> String(std::string_view key) const;  // UTF-8
  // Elements of an array of strings, all of them UTF-8; an error when the key holds something else.
  Result<std::optional<std::vector<std::string_view>>> Strings(std::string_view key) const;
  Result<std::optional<std::vector<float>>> Floats(std::string_view key) const;  // array of f32
  Result<std::optional<std::vector<int32_t>>> Ints(std::string_view key) const;  // array of i32 or u32

 private:
  uint32_t version_ = 0;
  uint64_t alignment_ = 32;
  uint64_t data_offset_ = 0;
  std::vector<GgufValue> values_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint32_t> values_by_key_;    // sorted indices
  std::vector<uint32_t> tensors_by_name_;  // sorted indices
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_GGUF_H_
