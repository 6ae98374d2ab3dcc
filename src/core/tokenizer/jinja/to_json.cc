// The filter `tojson` as transformers has it: json.dumps.
#include <algorithm>
#include <cmath>

#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

class JsonText {
 public:
  JsonText(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  Status Write(const Value& value, uint32_t level) {
    BN_RETURN_IF_ERROR(budget_.Spend(1));
    if (out.size() > kMaxTextBytes) BN_RETURN_IF_ERROR(budget_.SpendBytes(out.size()));
    if (const Text* text = value.text()) {
      Quote(*text);
      return {};
    }
    if (const List* list = value.list();
        list != nullptr && (list->kind == List::Kind::kList || list->kind == List::Kind::kTuple)) {
      return WriteList(*list, level);
    }
    if (const Dict* dict = value.dict()) return WriteDict(*dict, level);
    const std::string scalar = Scalar(value);
    if (scalar.empty()) return Status(Code::kInvalidArgument, Cat("a ", value.type_name(), " has no form in JSON"));
    Put(scalar);
    return {};
  }
  Text out;

 private:
  void Put(std::string_view bytes) { out.Append(bytes, Origin::kTemplate); }

  static std::string Scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* b = value.boolean()) return *b ? "true" : "false";
    if (const int64_t* i = value.integer()) return Cat(*i);
    const double* d = value.number();
    if (d == nullptr) return {};
    return std::isnan(*d) ? "NaN" : std::isinf(*d) ? (*d > 0 ? "Infinity" : "-Infinity") : FloatText(*d);
  }

  void Quote(const Text& text) {
    constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kNames = "\"\\nrtfb";
    Put("\"");
    for (size_t pos = 0; pos < text.size();) {
      const Utf8Char c = DecodeUtf8(text.bytes(), pos);
      const size_t k = c.code_point < 0x80 ? kEscaped.find(static_cast<char>(c.code_point)) : std::string_view::npos;
      if (k != std::string_view::npos) {
        out.Append({"\\", 1}, text.origin(pos));
        out.Append(kNames.substr(k, 1), text.origin(pos));
      } else if (c.code_point < 0x20 || (style_.ensure_ascii && c.code_point > 0x7E && c.ok)) {
        Unicode(c.code_point, text.origin(pos));
      } else {
        out.Append(text, pos, c.length);
      }
      pos += c.length;
    }
    Put("\"");
  }
  void Unicode(uint32_t code_point, Origin origin) {
    if (code_point >= 0x10000) {
      Unicode(0xD800 + ((code_point - 0x10000) >> 10), origin);
      code_point = 0xDC00 + ((code_point - 0x10000) & 0x3FF);
    }
    constexpr char kDigits[] = "0123456789abcdef";
    const char escape[] = {'\\',
                           'u',
                           kDigits[code_point >> 12 & 15],
                           kDigits[code_point >> 8 & 15],
                           kDigits[code_point >> 4 & 15],
                           kDigits[code_point & 15]};
    out.Append({escape, sizeof escape}, origin);
  }

  void Break(uint32_t level) {
    if (!style_.indent) return;
    Put("\n");
    for (uint32_t i = 0; i < level; ++i) out.Append(*style_.indent);
  }

  Status WriteList(const List& list, uint32_t level) {
    if (list.items.empty()) return Put("[]"), Status();
    Put("[");
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out.Append(style_.item_separator);
      Break(level + 1);
      BN_RETURN_IF_ERROR(Write(list.items[i], level + 1));
    }
    Break(level);
    Put("]");
    return {};
  }

  Status WriteDict(const Dict& dict, uint32_t level) {
    if (dict.entries.empty()) return Put("{}"), Status();
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) BN_RETURN_IF_ERROR(Sort(entries));
    Put("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out.Append(style_.item_separator);
      Break(level + 1);
      const Value& key = entries[i]->first;
      if (key.text() != nullptr) {
        Quote(*key.text());
      } else {
        const std::string scalar = Scalar(key);
        if (scalar.empty()) return Status(Code::kInvalidArgument, Cat("a ", key.type_name(), " is no key in JSON"));
        Put(Cat('"', scalar, '"'));
      }
      out.Append(style_.key_separator);
      BN_RETURN_IF_ERROR(Write(entries[i]->second, level + 1));
    }
    Break(level);
    Put("}");
    return {};
  }

  static Status Sort(std::vector<const std::pair<Value, Value>*>& entries) {
    for (const auto* entry : entries) {
      if (entry->first.text() == nullptr) return Status(Code::kUnsupported, "sorted keys that are not all texts");
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto* a, const auto* b) { return a->first.text()->bytes() < b->first.text()->bytes(); });
    return {};
  }

  const JsonStyle& style_;
  Budget& budget_;
};

}  // namespace

Result<Text> ToJson(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonText json(style, budget);
  BN_RETURN_IF_ERROR(json.Write(value, 0));
  BN_RETURN_IF_ERROR(budget.SpendBytes(json.out.size()));
  return std::move(json.out);
}

}  // namespace bitnet::core::jinja
