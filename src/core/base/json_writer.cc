#include "core/base/json_writer.h"

#include <cmath>

#include "core/base/text.h"

namespace bitnet::core {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

uint8_t ByteAt(std::string_view s, size_t i) { return static_cast<uint8_t>(s[i]); }

struct Utf8Part {
  size_t length;
  bool valid;
};

// The well-formed sequence at s[i], or the maximal ill-formed part (Unicode 15, table 3-7).
Utf8Part PartAt(std::string_view s, size_t i) {
  const uint8_t lead = ByteAt(s, i);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and values above U+10FFFF.
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t k = 1; k < length; ++k) {
    if (i + k >= s.size()) return {k, false};
    const uint8_t c = ByteAt(s, i + k);
    if (c < (k == 1 ? low : 0x80) || c > (k == 1 ? high : 0xBF)) return {k, false};
  }
  return {length, true};
}

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (static_cast<uint8_t>(c) < 0x20) {
    out += "\\u00";
    out += HexBytes(&c, 1);
  } else {
    out.push_back(c);
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view value) {
  out.push_back('"');
  for (size_t i = 0; i < value.size();) {
    const Utf8Part part = PartAt(value, i);
    if (!part.valid) {
      out += kReplacement;
    } else if (part.length == 1) {
      AppendEscaped(out, value[i]);
    } else {
      out.append(value, i, part.length);
    }
    i += part.length;
  }
  out.push_back('"');
}

void JsonWriter::NewLine() {
  out_.push_back('\n');
  out_.append(size_t{2} * depth_, ' ');
}

void JsonWriter::BeforeValue(bool container) {
  if (!after_key_ && depth_ > 0) {  // an element of an array
    if (!first_) out_.push_back(',');
    if (pretty_ && (container || last_container_)) {
      NewLine();
    } else if (pretty_ && !first_) {
      out_.push_back(' ');
    }
  }
  after_key_ = false;
}

void JsonWriter::BeginContainer(char bracket) {
  BeforeValue(true);
  out_.push_back(bracket);
  ++depth_;
  first_ = true;
  last_container_ = false;
}

void JsonWriter::EndContainer(char bracket, bool own_line) {
  --depth_;
  if (pretty_ && own_line) NewLine();
  out_.push_back(bracket);
  first_ = false;
  last_container_ = true;
}

JsonWriter& JsonWriter::Scalar(std::string_view text) {
  BeforeValue(false);
  out_ += text;
  first_ = false;
  last_container_ = false;
  return *this;
}

JsonWriter& JsonWriter::BeginObject() {
  BeginContainer('{');
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  EndContainer('}', !first_);
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  BeginContainer('[');
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  EndContainer(']', last_container_);
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  if (!first_) out_.push_back(',');
  if (pretty_) NewLine();
  AppendJsonString(out_, key);
  out_ += pretty_ ? ": " : ":";
  first_ = false;
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  std::string text;
  AppendJsonString(text, value);
  return Scalar(text);
}

JsonWriter& JsonWriter::Int(int64_t value) { return Scalar(Cat(value)); }
JsonWriter& JsonWriter::Uint(uint64_t value) { return Scalar(Cat(value)); }
JsonWriter& JsonWriter::Double(double value) { return Scalar(std::isfinite(value) ? Cat(value) : "null"); }
JsonWriter& JsonWriter::Bool(bool value) { return Scalar(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Scalar("null"); }
JsonWriter& JsonWriter::Raw(std::string_view json) { return Scalar(json); }

}  // namespace bitnet::core
