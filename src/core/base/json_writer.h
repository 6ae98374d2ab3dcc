// A small JSON writer: objects and arrays in the order they are written, UTF-8, two-space indent or compact.
#ifndef BITNET_CORE_BASE_JSON_WRITER_H_
#define BITNET_CORE_BASE_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace bitnet::core {

class JsonWriter {
 public:
  explicit JsonWriter(bool pretty = false) : pretty_(pretty) {}
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);  // ill-formed UTF-8 becomes U+FFFD
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  JsonWriter& Double(double value);            // shortest exact form; not finite: null
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);      // a complete JSON value
  const std::string& str() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Separate();
  std::string out_;
  bool pretty_;
  bool after_key_ = false;
  bool first_ = true;
  uint32_t depth_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_JSON_WRITER_H_
