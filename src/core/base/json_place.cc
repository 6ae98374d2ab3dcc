#include "core/base/json_place.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace bitnet::core {

namespace {

constexpr size_t kEnd = std::string_view::npos;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The grammar of RFC 8259 with the bounds of ParseJson, once over the text from the front. Beside `root`, where there
// is one, its values meet those of the text one by one.
class Walker {
 public:
  Walker(std::string_view text, uint32_t max_depth) : text_(text), max_depth_(max_depth) {}

  Status Document(const JsonValue* root = nullptr) {
    if (Next() == kEnd) return Fault(0, "json without a value");
    BN_RETURN_IF_ERROR(Value(root, max_depth_));
    return Next() == kEnd ? Status() : Unexpected("the end");
  }

  // Asks Document() to note where `value` begins.
  void Want(const JsonValue* value) { wanted_.emplace(value, TextPlace{}); }
  TextPlace PlaceOf(const JsonValue* value) const { return wanted_.at(value); }

 private:
  // Places are asked for from the front to the back, so that all of them together take one pass.
  TextPlace Here(size_t offset) {
    for (; counted_ < offset; counted_ += std::max<size_t>(1, Utf8Length(text_, counted_))) {
      ++place_.column;
      if (text_[counted_] == '\n') place_ = {place_.line + 1, 1};
    }
    return place_;
  }
  Status Fault(size_t offset, std::string_view message, std::string what = {}, Code code = Code::kBadFormat) {
    return Status(code, Cat(Here(offset), ": ", message), std::move(what));
  }
  Status Unexpected(std::string_view expected) {
    if (at_ == text_.size()) return Fault(at_, Cat("malformed json: found the end, expected ", expected));
    if (Utf8Length(text_, at_) == 0) return Fault(at_, "json with ill-formed utf-8");
    return Fault(at_, Cat("malformed json: found ", Quoted(text_.substr(at_, 1)), ", expected ", expected));
  }

  // Skips blanks; the offset of what follows.
  size_t Next() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    return at_ == text_.size() ? kEnd : at_;
  }
  bool Take(char c) {
    if (Next() == kEnd || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // Recursion ends with `levels`: how many more containers may open.
  Status Value(const JsonValue* node, uint32_t levels) {
    if (Next() == kEnd) return Unexpected("a value");
    if (node != nullptr) {
      if (const auto wanted = wanted_.find(node); wanted != wanted_.end()) wanted->second = Here(at_);
    }
    const char c = text_[at_];
    if (c == '{' || c == '[') {
      if (levels == 0) return Fault(at_, "json nested too deeply", {}, Code::kLimit);
      return c == '{' ? Object(node, levels - 1) : Array(node, levels - 1);
    }
    if (c == '"') return String(nullptr);
    if (c == '-' || IsDigit(c)) return Number();
    return IsLetter(c) ? Word() : Unexpected("a value");
  }

  Status Array(const JsonValue* node, uint32_t levels) {
    ++at_;
    if (Take(']')) return {};
    for (size_t i = 0;; ++i) {
      BN_RETURN_IF_ERROR(Value(node != nullptr ? &node->array[i] : nullptr, levels));
      if (Take(']')) return {};
      if (!Take(',')) return Unexpected("',' or ']'");
    }
  }

  Status Object(const JsonValue* node, uint32_t levels) {
    ++at_;
    if (Take('}')) return {};
    std::unordered_set<std::string> keys;
    for (size_t i = 0;; ++i) {
      if (Next() == kEnd || text_[at_] != '"') return Unexpected("a key in double quotes");
      const size_t begin = at_;
      std::string key;
      BN_RETURN_IF_ERROR(String(&key));
      if (!keys.insert(key).second) return Fault(begin, Cat("json object with two keys ", Quoted(key)), key);
      if (!Take(':')) return Unexpected("':'");
      BN_RETURN_IF_ERROR(Value(node != nullptr ? &node->object[i].value : nullptr, levels));
      if (Take('}')) return {};
      if (!Take(',')) return Unexpected("',' or '}'");
    }
  }

  // The run of characters that a number or a word is made of.
  std::string_view Run() {
    const size_t begin = at_;
    while (at_ < text_.size() && (IsDigit(text_[at_]) || IsLetter(text_[at_]) || text_[at_] == '+' ||
                                  text_[at_] == '-' || text_[at_] == '.')) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  Status Word() {
    const size_t begin = at_;
    const std::string_view word = Run();
    if (word == "true" || word == "false" || word == "null") return {};
    return Fault(begin, "json word that is not true, false or null");
  }

  Status Number() {
    const size_t begin = at_;
    return IsNumber(Run()) ? Status()
                           : Fault(begin, "json number that is malformed, or beyond 64-bit integers or binary64");
  }

  static bool IsNumber(std::string_view s) {
    size_t i = s.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
      const size_t begin = i;
      while (i < s.size() && IsDigit(s[i])) ++i;
      return i - begin;
    };
    const size_t first = i, n_whole = digits();
    if (n_whole == 0 || (n_whole > 1 && s[first] == '0')) return false;
    const bool integer = i == s.size();
    if (i < s.size() && s[i] == '.' && (++i, digits() == 0)) return false;
    if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
      ++i;
      if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
      if (digits() == 0) return false;
    }
    if (i != s.size()) return false;
    if (integer) {
      int64_t negative = 0;
      uint64_t positive = 0;
      return (s[0] == '-' ? std::from_chars(s.data(), s.data() + s.size(), negative).ec
                          : std::from_chars(s.data(), s.data() + s.size(), positive).ec) == std::errc();
    }
    double value = 0;
    if (std::from_chars(s.data(), s.data() + s.size(), value).ec == std::errc()) return true;
    // Out of range: what is too small is read as zero, what is too large is an error.
    const size_t e = std::min(s.find_first_of("eE"), s.size());
    int64_t exponent = 0;
    if (e < s.size()) {
      const char* const from = s.data() + e + (s[e + 1] == '+' ? 2 : 1);
      if (std::from_chars(from, s.data() + s.size(), exponent).ec != std::errc()) return s[e + 1] == '-';
    }
    const size_t point = std::min(s.find('.'), e), leading = s.find_first_of("123456789");
    return exponent + static_cast<int64_t>(point) < static_cast<int64_t>(leading);
  }

  // A string with its quotes; decoded into `out` where that is not null.
  Status String(std::string* out) {
    const size_t begin = at_++;
    for (;;) {
      if (at_ == text_.size()) return Fault(begin, "json string that does not end");
      const char c = text_[at_];
      const size_t length = Utf8Length(text_, at_);
      if (length == 0) return Fault(at_, "json with ill-formed utf-8");
      if (static_cast<uint8_t>(c) < 0x20) return Fault(at_, "json string with a raw control character");
      if (c == '\\') {
        BN_RETURN_IF_ERROR(Escape(out));
        continue;
      }
      at_ += length;
      if (c == '"') return {};
      if (out != nullptr) out->append(text_, at_ - length, length);
    }
  }

  // Four hex digits at text_[at_ + 2], after "\u"; -1 where there are none.
  int32_t CodeUnit() const {
    if (text_.substr(at_, 2) != "\\u" || text_.size() - at_ < 6) return -1;
    uint32_t unit = 0;
    const char* digits = text_.data() + at_ + 2;
    const auto [end, error] = std::from_chars(digits, digits + 4, unit, 16);
    return error == std::errc() && end == digits + 4 ? static_cast<int32_t>(unit) : -1;
  }

  Status Escape(std::string* out) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    const size_t begin = at_;
    const size_t name = at_ + 1 < text_.size() ? kNames.find(text_[at_ + 1]) : kEnd;
    if (name != kEnd) {
      at_ += 2;
      if (out != nullptr) out->push_back(kValues[name]);
      return {};
    }
    int32_t code = CodeUnit();
    if (code < 0) return Fault(begin, "json string with a bad escape");
    at_ += 6;
    if (code >= 0xD800 && code < 0xE000) {
      const int32_t low = code < 0xDC00 ? CodeUnit() : -1;
      if (low < 0xDC00 || low >= 0xE000) return Fault(begin, "json string with half a surrogate pair");
      at_ += 6;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (out != nullptr) AppendUtf8(static_cast<uint32_t>(code), *out);
    return {};
  }

  const std::string_view text_;
  const uint32_t max_depth_;
  size_t at_ = 0;
  size_t counted_ = 0;  // place_ is that of text_[counted_]
  TextPlace place_;
  std::unordered_map<const JsonValue*, TextPlace> wanted_;
};

}  // namespace

Status FindJsonFault(std::string_view text, const JsonLimits& limits) {
  return Walker(text, limits.max_depth).Document();
}

std::vector<TextPlace> PlacesInJson(std::string_view text, const JsonValue& root,
                                    std::span<const JsonValue* const> values) {
  Walker walker(text, JsonLimits().max_depth);
  for (const JsonValue* value : values) walker.Want(value);
  std::vector<TextPlace> places(values.size());
  if (!walker.Document(&root).ok()) return places;
  for (size_t i = 0; i < values.size(); ++i) places[i] = walker.PlaceOf(values[i]);
  return places;
}

}  // namespace bitnet::core
