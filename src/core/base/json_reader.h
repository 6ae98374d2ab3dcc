// Strict, bounded JSON reading into a tree of values; simdjson stays inside json_reader.cc.
#ifndef BITNET_CORE_BASE_JSON_READER_H_
#define BITNET_CORE_BASE_JSON_READER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace bitnet::core {

struct JsonMember;

struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;    // kInt (negative)
  uint64_t uinteger = 0;  // kUint (not negative)
  double number = 0;      // the value as binary64 for all three number kinds
  std::string string;
  std::vector<JsonValue> array;
  std::vector<JsonMember> object;  // file order

  bool is_number() const { return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble; }
  const JsonValue* Find(std::string_view key) const;  // null: absent or not an object
};

// "a string", "an integer": what a message says that it found.
std::string_view KindName(const JsonValue& value);

struct JsonMember {
  std::string key;
  JsonValue value;
};

struct JsonLimits {
  size_t max_bytes = size_t{64} << 20;
  uint32_t max_depth = 64;
};

// Errors in the text (kBadFormat, kLimit) begin with "line L, column C: ". Duplicate keys are an error.
Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits = {});

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_JSON_READER_H_
