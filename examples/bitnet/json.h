// Writes one JSON document on one line, in the order in which it is told.
#ifndef BITNET_EXAMPLES_BITNET_JSON_H_
#define BITNET_EXAMPLES_BITNET_JSON_H_

#include <concepts>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>

namespace bitnet::tool {

class Json {
 public:
  Json& BeginObject() { return Open('{'); }
  Json& EndObject() { return Close('}'); }
  Json& BeginArray() { return Open('['); }
  Json& EndArray() { return Close(']'); }
  Json& Key(std::string_view key);

  Json& Value(std::string_view text);  // ill-formed UTF-8 becomes U+FFFD
  Json& Value(const char* text) { return Value(std::string_view(text)); }
  Json& Value(const std::string& text) { return Value(std::string_view(text)); }
  Json& Value(std::same_as<bool> auto value) { return Plain(value ? "true" : "false"); }
  Json& Value(std::integral auto value) requires(!std::same_as<decltype(value), bool>) {
    return Plain(std::to_string(value));
  }
  Json& Value(double value);  // the shortest digits that read back the same; not finite: null
  Json& Null() { return Plain("null"); }
  Json& Raw(std::string_view json) { return Plain(json); }  // a complete JSON value

  template <typename T>
  Json& Field(std::string_view key, const T& value) {
    return Key(key).Value(value);
  }
  // An array of the elements of `values`.
  template <std::ranges::input_range R>
  requires(!std::convertible_to<R, std::string_view>) Json& Field(std::string_view key, const R& values) {
    Key(key).BeginArray();
    for (const auto& value : values) Value(value);
    return EndArray();
  }

  const std::string& str() const { return out_; }
  std::string Line() const { return out_ + "\n"; }

 private:
  Json& Open(char bracket);
  Json& Close(char bracket);
  Json& Plain(std::string_view text);
  void Separate();

  std::string out_;
  bool comma_ = false;  // a value stands before the next one
};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_JSON_H_
