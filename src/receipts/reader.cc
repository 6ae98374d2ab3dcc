#include "receipts/reader.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/json_place.h"
#include "core/format/limits.h"
#include "receipts/fields.h"
#include "receipts/writer.h"

namespace bitnet::receipts {

namespace {

using core::Cat;
using core::JsonValue;

// Problems, and the value that each is about; of a missing field the object that lacks it.
struct Found {
  std::vector<Problem> problems;
  std::vector<const JsonValue*> values;
};

class ReadArchive {
 public:
  ReadArchive(const JsonValue& object, std::string path, Found& found)
      : object_(object), path_(std::move(path)), found_(found) {}

  template <typename T>
  void Required(std::string_view key, T& value) {
    const JsonValue* json = object_.Find(key);
    if (json == nullptr) return Report(object_, PathOf(key), "required field is missing");
    Read(*json, PathOf(key), value);
  }
  template <typename T>
  void Optional(std::string_view key, std::optional<T>& value) {
    const JsonValue* json = object_.Find(key);
    if (json != nullptr) Read(*json, PathOf(key), value.emplace());
  }

 private:
  std::string PathOf(std::string_view key) const { return path_.empty() ? std::string(key) : Cat(path_, ".", key); }

  void Report(const JsonValue& at, const std::string& path, std::string message) {
    if (found_.problems.size() >= kMaxProblems) return;
    found_.problems.push_back({path, std::move(message)});
    found_.values.push_back(&at);
  }
  bool Expect(bool right, const JsonValue& json, const std::string& path, std::string_view expected) {
    if (!right) Report(json, path, Cat("found ", KindName(json), ", expected ", expected));
    return right;
  }

  void Read(const JsonValue& json, const std::string& path, std::string& value) {
    if (Expect(json.kind == JsonValue::Kind::kString, json, path, "a string")) value = json.string;
  }
  void Read(const JsonValue& json, const std::string& path, bool& value) {
    if (Expect(json.kind == JsonValue::Kind::kBool, json, path, "a boolean")) value = json.boolean;
  }
  void Read(const JsonValue& json, const std::string& path, double& value) {
    if (Expect(json.is_number(), json, path, "a number")) value = json.number;
  }
  void Read(const JsonValue& json, const std::string& path, float& value) {
    if (!Expect(json.is_number(), json, path, "a number")) return;
    value = static_cast<float>(json.number);
    if (!std::isfinite(value)) Report(json, path, "number is beyond binary32");
  }
  // 3 and 3.0 are the same number in canonical JSON.
  template <std::integral T>
  requires(sizeof(T) == 4) void Read(const JsonValue& json, const std::string& path, T& value) {
    const bool fits = json.is_number() && json.number == std::floor(json.number) &&
                      json.number >= double{std::numeric_limits<T>::min()} &&
                      json.number <= double{std::numeric_limits<T>::max()};
    if (Expect(fits, json, path, std::is_signed_v<T> ? "a 32-bit integer" : "an integer from 0 to 4294967295")) {
      value = static_cast<T>(json.number);
    }
  }
  void Read(const JsonValue& json, const std::string& path, uint64_t& value) {
    const std::string& s = json.string;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    const bool decimal = json.kind == JsonValue::Kind::kString && error == std::errc() && end == s.data() + s.size() &&
                         (s.size() == 1 || s[0] != '0');
    Expect(decimal, json, path, "a 64-bit integer as a decimal string");
  }
  void Read(const JsonValue& json, const std::string& path, std::vector<std::pair<std::string, std::string>>& map) {
    if (!Expect(json.kind == JsonValue::Kind::kObject, json, path, "an object of strings")) return;
    for (const core::JsonMember& member : json.object) {
      auto& [key, value] = map.emplace_back();
      key = member.key;
      Read(member.value, Cat(path, ".", member.key), value);
    }
  }
  template <typename T>
  void Read(const JsonValue& json, const std::string& path, std::vector<T>& list) {
    if (!Expect(json.kind == JsonValue::Kind::kArray, json, path, "an array")) return;
    list.resize(json.array.size());
    for (size_t i = 0; i < list.size(); ++i) Read(json.array[i], Cat(path, "[", i, "]"), list[i]);
  }
  template <typename T>
  requires requires(ReadArchive& a, T& value) { Fields(a, value); }
  void Read(const JsonValue& json, const std::string& path, T& value) {
    if (!Expect(json.kind == JsonValue::Kind::kObject, json, path, "an object")) return;
    ReadArchive archive(json, path, found_);
    Fields(archive, value);
  }

  const JsonValue& object_;
  std::string path_;
  Found& found_;
};

}  // namespace

core::Status CheckSize(std::string_view text) {
  if (text.size() <= core::kMaxReceiptBytes) return {};
  return core::Status(core::Code::kLimit, Cat("more than ", core::kMaxReceiptBytes, " bytes, the most that are read"));
}

core::Result<ReadResult> ReadReceipt(std::string_view text) {
  BN_RETURN_IF_ERROR(CheckSize(text));
  BN_ASSIGN_OR_RETURN(JsonValue json, core::ParseJson(text));
  if (json.kind != JsonValue::Kind::kObject) {
    const JsonValue* const root = &json;
    return core::Status(core::Code::kBadFormat, Cat(core::PlacesInJson(text, json, {&root, 1})[0], ": found ",
                                                    KindName(json), ", expected an object"));
  }
  ReadResult result;
  Found found;
  ReadArchive archive(json, "", found);
  Fields(archive, result.receipt);
  if (!found.problems.empty()) {
    const std::vector<core::TextPlace> places = core::PlacesInJson(text, json, found.values);
    for (size_t i = 0; i < places.size(); ++i) {
      found.problems[i].message = Cat(places[i], ": ", found.problems[i].message);
    }
    result.problems = std::move(found.problems);
  }
  result.computed_sha256 = ReceiptSha256(std::move(json));
  return result;
}

}  // namespace bitnet::receipts
