// The only file that knows simdjson. Its parser checks grammar, UTF-8 and number ranges; this file adds the bounds,
// refuses duplicate keys and copies the result into values of our own.
#include "core/base/json_reader.h"

#include <simdjson.h>

#include <algorithm>

#include "core/base/json_place.h"

namespace bitnet::core {

namespace {

namespace dom = simdjson::dom;

Status TooLarge(size_t n_bytes, const JsonLimits& limits) {
  return Status(Code::kLimit, Cat("json of ", n_bytes, " bytes, at most ", limits.max_bytes, " are read"));
}

// simdjson lets an escaped lone low surrogate through as a three-byte sequence that is not UTF-8: ED A0..BF xx.
bool HasSurrogate(std::string_view s) {
  for (size_t i = s.find('\xED'); i != std::string_view::npos && i + 1 < s.size(); i = s.find('\xED', i + 1)) {
    if (static_cast<uint8_t>(s[i + 1]) >= 0xA0) return true;
  }
  return false;
}

bool CopyString(std::string_view from, std::string& to) {
  to.assign(from);
  return !HasSurrogate(from);
}

bool KeysDiffer(const JsonValue& value) {
  std::vector<std::string_view> keys;
  keys.reserve(value.object.size());
  for (const JsonMember& member : value.object) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
}

// False for what the parser lets through and this reader does not. Recursion is bounded by the depth that the parser
// was given. `levels` more containers may open: the parser does not count empty ones.
bool Copy(dom::element from, uint32_t levels, JsonValue& to) {
  if (levels == 0 && (from.is_array() || from.is_object())) return false;
  switch (from.type()) {
    case dom::element_type::NULL_VALUE: return true;
    case dom::element_type::BOOL:
      to.kind = JsonValue::Kind::kBool;
      to.boolean = from.get_bool().value_unsafe();
      return true;
    case dom::element_type::INT64: {
      const int64_t v = from.get_int64().value_unsafe();
      to.kind = v < 0 ? JsonValue::Kind::kInt : JsonValue::Kind::kUint;
      to.integer = v;
      to.uinteger = v < 0 ? 0 : static_cast<uint64_t>(v);
      to.number = static_cast<double>(v);
      return true;
    }
    case dom::element_type::UINT64:
      to.kind = JsonValue::Kind::kUint;
      to.uinteger = from.get_uint64().value_unsafe();
      to.number = static_cast<double>(to.uinteger);
      return true;
    case dom::element_type::DOUBLE:
      to.kind = JsonValue::Kind::kDouble;
      to.number = from.get_double().value_unsafe();
      return true;
    case dom::element_type::STRING:
      to.kind = JsonValue::Kind::kString;
      return CopyString(from.get_string().value_unsafe(), to.string);
    case dom::element_type::ARRAY: {
      to.kind = JsonValue::Kind::kArray;
      const dom::array elements = from.get_array().value_unsafe();
      for (dom::element element : elements) {
        if (!Copy(element, levels - 1, to.array.emplace_back())) return false;
      }
      return true;
    }
    case dom::element_type::OBJECT: {
      to.kind = JsonValue::Kind::kObject;
      const dom::object members = from.get_object().value_unsafe();
      for (const auto& member : members) {
        auto& [key, value] = to.object.emplace_back();
        if (!CopyString(member.key, key) || !Copy(member.value, levels - 1, value)) return false;
      }
      return KeysDiffer(to);
    }
  }
  return false;
}

// Why `text` was refused. The parser's own word is the last resort: it knows no place.
Status Refused(std::string_view text, const JsonLimits& limits, std::string_view otherwise) {
  BN_RETURN_IF_ERROR(FindJsonFault(text, limits));
  return Status(Code::kBadFormat, Cat("malformed json: ", otherwise));
}

}  // namespace

const JsonValue* JsonValue::Find(std::string_view key) const {
  for (const JsonMember& member : object) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view KindName(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kNull: return "null";
    case JsonValue::Kind::kBool: return "a boolean";
    case JsonValue::Kind::kInt:
    case JsonValue::Kind::kUint: return "an integer";
    case JsonValue::Kind::kDouble: return "a number";
    case JsonValue::Kind::kString: return "a string";
    case JsonValue::Kind::kArray: return "an array";
    case JsonValue::Kind::kObject: return "an object";
  }
  return "";
}

Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.empty()) return FindJsonFault(text, limits);  // the parser copies from a null pointer then
  if (text.size() > limits.max_bytes) return TooLarge(text.size(), limits);
  dom::parser parser;
  // One level more: the parser counts the document itself.
  auto error = parser.allocate(text.size(), size_t{limits.max_depth} + 1);
  dom::element root;
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size()).get(root);
  if (error == simdjson::MEMALLOC) {
    return Status(Code::kNoMemory, Cat("no memory to read ", text.size(), " bytes of json"));
  }
  if (error == simdjson::CAPACITY) return TooLarge(text.size(), limits);
  if (error != simdjson::SUCCESS) return Refused(text, limits, simdjson::error_message(error));
  JsonValue value;
  if (!Copy(root, limits.max_depth, value)) return Refused(text, limits, "the copy of a value failed");
  return value;
}

}  // namespace bitnet::core
