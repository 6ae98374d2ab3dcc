// Reads one flat JSON object: what a line of `tokenize --ndjson` is.
#ifndef BITNET_EXAMPLES_BITNET_JSON_READER_H_
#define BITNET_EXAMPLES_BITNET_JSON_READER_H_

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace bitnet::tool {

class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class JsonObject {
 public:
  // Null or the default when the key is absent; JsonError when it holds something else.
  const std::string* String(const std::string& key) const;
  bool Bool(const std::string& key, bool absent) const;

 private:
  friend JsonObject ReadJsonObject(std::string_view text);
  using Value = std::variant<std::string, bool>;
  std::map<std::string, Value> values_;
};

// JsonError for anything but an object whose values are strings, true or false.
JsonObject ReadJsonObject(std::string_view text);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_JSON_READER_H_
