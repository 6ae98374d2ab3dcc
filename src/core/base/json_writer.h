// A small JSON writer: objects and arrays in the order they are written, UTF-8, two-space indent or compact.
#ifndef BITNET_CORE_BASE_JSON_WRITER_H_
#define BITNET_CORE_BASE_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace bitnet::core {

// The caller keeps the grammar: a Key before every value of an object, as many ends as begins.
class JsonWriter {
 public:
  // Pretty: a line for every member of an object and every container in an array; scalars of an array share a line.
  explicit JsonWriter(bool pretty = false) : pretty_(pretty) {}
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);  // ill-formed UTF-8 becomes U+FFFD
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  JsonWriter& Double(double value);  // shortest exact form; not finite: null
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);  // a complete JSON value
  const std::string& str() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void BeginContainer(char bracket);
  void EndContainer(char bracket, bool own_line);
  void BeforeValue(bool container);
  JsonWriter& Scalar(std::string_view text);
  void NewLine();

  std::string out_;
  bool pretty_;
  bool after_key_ = false;
  bool first_ = true;            // nothing written yet in the open container
  bool last_container_ = false;  // the last value written was an object or array
  uint32_t depth_ = 0;
};

// Appends `value` as a JSON string with its quotes; ill-formed UTF-8 becomes U+FFFD, one for each maximal part
// (Unicode 15, section 3.9). Escapes are those of RFC 8785: the two-letter ones, else \u00xx for control characters.
void AppendJsonString(std::string& out, std::string_view value);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_JSON_WRITER_H_
