// The only file that knows simdjson. Its parser checks grammar, UTF-8 and number ranges; this file adds the bounds,
// refuses duplicate keys and copies the result into values of our own.
#include "core/base/json_reader.h"

#include <simdjson.h>

#include <algorithm>

namespace bitnet::core {

namespace {

namespace dom = simdjson::dom;

Status TooDeep() { return Status(Code::kLimit, "json nested too deeply"); }

Status ReadError(simdjson::error_code error, size_t n_bytes, const JsonLimits& limits) {
  switch (error) {
    case simdjson::MEMALLOC: return Status(Code::kNoMemory, Cat("no memory to read ", n_bytes, " bytes of json"));
    case simdjson::DEPTH_ERROR: return TooDeep();
    case simdjson::CAPACITY:
      return Status(Code::kLimit, Cat("json of ", n_bytes, " bytes, at most ", limits.max_bytes, " are read"));
    case simdjson::EMPTY: return Status(Code::kBadFormat, "json without a value");
    case simdjson::UTF8_ERROR: return Status(Code::kBadFormat, "json with ill-formed utf-8");
    case simdjson::UNESCAPED_CHARS: return Status(Code::kBadFormat, "json string with a raw control character");
    case simdjson::UNCLOSED_STRING: return Status(Code::kBadFormat, "json string that does not end");
    case simdjson::STRING_ERROR: return Status(Code::kBadFormat, "json string with a bad escape");
    case simdjson::NUMBER_ERROR:
      return Status(Code::kBadFormat, "json number that is malformed, or beyond 64-bit integers or binary64");
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return Status(Code::kBadFormat, "json word that is not true, false or null");
    default: return Status(Code::kBadFormat, "malformed json");
  }
}

// simdjson lets an escaped lone low surrogate through as a three-byte sequence that is not UTF-8: ED A0..BF xx.
bool HasSurrogate(std::string_view s) {
  for (size_t i = s.find('\xED'); i != std::string_view::npos && i + 1 < s.size(); i = s.find('\xED', i + 1)) {
    if (static_cast<uint8_t>(s[i + 1]) >= 0xA0) return true;
  }
  return false;
}

Status CopyString(std::string_view from, std::string& to) {
  if (HasSurrogate(from)) return Status(Code::kBadFormat, "json string with half a surrogate pair", Quoted(from));
  to.assign(from);
  return {};
}

Status CheckKeysDiffer(const JsonValue& value) {
  std::vector<std::string_view> keys;
  keys.reserve(value.object.size());
  for (const JsonMember& member : value.object) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return {};
  return Status(Code::kBadFormat, Cat("json object with two keys ", Quoted(*twice)), std::string(*twice));
}

// Recursion is bounded by the depth that the parser was given. `levels` more containers may open: the parser does not
// count empty ones.
Status Copy(dom::element from, uint32_t levels, JsonValue& to) {
  if (levels == 0 && (from.is_array() || from.is_object())) return TooDeep();
  switch (from.type()) {
    case dom::element_type::NULL_VALUE: return {};
    case dom::element_type::BOOL:
      to.kind = JsonValue::Kind::kBool;
      to.boolean = from.get_bool().value_unsafe();
      return {};
    case dom::element_type::INT64: {
      const int64_t v = from.get_int64().value_unsafe();
      to.kind = v < 0 ? JsonValue::Kind::kInt : JsonValue::Kind::kUint;
      to.integer = v;
      to.uinteger = v < 0 ? 0 : static_cast<uint64_t>(v);
      to.number = static_cast<double>(v);
      return {};
    }
    case dom::element_type::UINT64:
      to.kind = JsonValue::Kind::kUint;
      to.uinteger = from.get_uint64().value_unsafe();
      to.number = static_cast<double>(to.uinteger);
      return {};
    case dom::element_type::DOUBLE:
      to.kind = JsonValue::Kind::kDouble;
      to.number = from.get_double().value_unsafe();
      return {};
    case dom::element_type::STRING:
      to.kind = JsonValue::Kind::kString;
      return CopyString(from.get_string().value_unsafe(), to.string);
    case dom::element_type::ARRAY: {
      to.kind = JsonValue::Kind::kArray;
      const dom::array elements = from.get_array().value_unsafe();
      for (dom::element element : elements) {
        BN_RETURN_IF_ERROR(Copy(element, levels - 1, to.array.emplace_back()));
      }
      return {};
    }
    case dom::element_type::OBJECT: {
      to.kind = JsonValue::Kind::kObject;
      const dom::object members = from.get_object().value_unsafe();
      for (const auto& member : members) {
        auto& [key, value] = to.object.emplace_back();
        BN_RETURN_IF_ERROR(CopyString(member.key, key));
        BN_RETURN_IF_ERROR(Copy(member.value, levels - 1, value));
      }
      return CheckKeysDiffer(to);
    }
  }
  return Status(Code::kInternal, "json element of an unknown type");
}

}  // namespace

const JsonValue* JsonValue::Find(std::string_view key) const {
  for (const JsonMember& member : object) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.empty()) return ReadError(simdjson::EMPTY, 0, limits);  // the parser copies from a null pointer then
  if (text.size() > limits.max_bytes) return ReadError(simdjson::CAPACITY, text.size(), limits);
  dom::parser parser;
  // One level more: the parser counts the document itself.
  if (const auto error = parser.allocate(text.size(), size_t{limits.max_depth} + 1); error != simdjson::SUCCESS) {
    return ReadError(error, text.size(), limits);
  }
  dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS) {
    return ReadError(error, text.size(), limits);
  }
  JsonValue value;
  BN_RETURN_IF_ERROR(Copy(root, limits.max_depth, value));
  return value;
}

}  // namespace bitnet::core
