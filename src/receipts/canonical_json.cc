#include "receipts/canonical_json.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/base/json_writer.h"

namespace bitnet::receipts {

namespace {

using core::JsonMember;
using core::JsonValue;

// UTF-16 puts the surrogates of U+10000 and above (lead bytes F0..F4) before U+E000..U+FFFF (lead bytes EE, EF);
// apart from that the order of UTF-8 bytes is the order of code units.
uint8_t Utf16Rank(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte == 0xEE || byte == 0xEF ? static_cast<uint8_t>(byte + 0x10) : byte;
}

bool Utf16Less(const JsonMember* a, const JsonMember* b) {
  return std::lexicographical_compare(a->key.begin(), a->key.end(), b->key.begin(), b->key.end(),
                                      [](char x, char y) { return Utf16Rank(x) < Utf16Rank(y); });
}

void Append(const JsonValue& value, std::string& out);

void AppendObject(const JsonValue& object, std::string& out) {
  std::vector<const JsonMember*> members;
  members.reserve(object.object.size());
  for (const JsonMember& member : object.object) members.push_back(&member);
  std::sort(members.begin(), members.end(), Utf16Less);
  out.push_back('{');
  for (size_t i = 0; i < members.size(); ++i) {
    if (i != 0) out.push_back(',');
    core::AppendJsonString(out, members[i]->key);
    out.push_back(':');
    Append(members[i]->value, out);
  }
  out.push_back('}');
}

void Append(const JsonValue& value, std::string& out) {
  switch (value.kind) {
    case JsonValue::Kind::kNull: out += "null"; return;
    case JsonValue::Kind::kBool: out += value.boolean ? "true" : "false"; return;
    case JsonValue::Kind::kInt:
    case JsonValue::Kind::kUint:
    case JsonValue::Kind::kDouble: out += CanonicalNumber(value.number); return;
    case JsonValue::Kind::kString: core::AppendJsonString(out, value.string); return;
    case JsonValue::Kind::kArray:
      out.push_back('[');
      for (size_t i = 0; i < value.array.size(); ++i) {
        if (i != 0) out.push_back(',');
        Append(value.array[i], out);
      }
      out.push_back(']');
      return;
    case JsonValue::Kind::kObject: AppendObject(value, out); return;
  }
}

}  // namespace

std::string CanonicalNumber(double value) {
  if (value == 0) return "0";  // -0 too
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  // [-]d[.ddd]e[+-]xx: the shortest digits that read back, as ECMAScript asks for; only the layout differs.
  std::string out, digits;
  const char* p = text;
  if (*p == '-') out.push_back(*p++);
  for (; *p != 'e'; ++p) {
    if (*p != '.') digits.push_back(*p);
  }
  ++p;
  if (*p == '+') ++p;
  int exponent = 0;
  std::from_chars(p, end.ptr, exponent);
  const int point = exponent + 1;  // digits before the decimal point
  const int n = static_cast<int>(digits.size());
  if (n <= point && point <= 21) return out + digits + std::string(static_cast<size_t>(point - n), '0');
  if (0 < point && point <= 21) {
    return out + digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
  }
  if (-6 < point && point <= 0) return out + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  out.push_back(digits[0]);
  if (n > 1) out += "." + digits.substr(1);
  return out + core::Cat("e", exponent < 0 ? "-" : "+", exponent < 0 ? -exponent : exponent);
}

std::string CanonicalJson(const JsonValue& value) {
  std::string out;
  Append(value, out);
  return out;
}

}  // namespace bitnet::receipts
