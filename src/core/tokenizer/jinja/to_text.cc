// str() and repr() of Python.
#include <charconv>
#include <cmath>

#include "core/tokenizer/jinja/value.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

void AppendEscape(uint32_t c, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  const int n = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += n == 2 ? "\\x" : n == 4 ? "\\u" : "\\U";
  for (int shift = 4 * (n - 1); shift >= 0; shift -= 4) out += kDigits[c >> shift & 15];
}

void AppendRepr(const Text& text, Text& out) {
  const bool single = text.bytes().find('\'') == std::string_view::npos;
  const char quote = single || text.bytes().find('"') != std::string_view::npos ? '\'' : '"';
  out.Append(std::string_view(&quote, 1), Origin::kTemplate);
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeUtf8(text.bytes(), pos);
    std::string escaped;
    constexpr std::string_view kNamed = "\\\n\r\t", kNames = "\\nrt";
    const char ascii = c.code_point < 0x80 ? static_cast<char>(c.code_point) : '\0';
    if (const size_t k = kNamed.find(ascii); k != std::string_view::npos) {
      escaped.append({'\\', kNames[k]});
    } else if (ascii == quote) {
      escaped.append({'\\', quote});
    } else if (c.ok && !IsPrintable(c.code_point)) {
      AppendEscape(c.code_point, escaped);
    }
    if (escaped.empty()) {
      out.Append(text, pos, c.length);
    } else {
      out.Append(escaped, text.origin(pos));
    }
    pos += c.length;
  }
  out.Append(std::string_view(&quote, 1), Origin::kTemplate);
}

// Writes values; `repr` of the values inside lists and dicts.
class Writer {
 public:
  explicit Writer(Budget& budget) : budget_(budget) {}
  Status Write(const Value& value, bool repr) {
    BN_RETURN_IF_ERROR(budget_.Spend(1));
    if (const Text* text = value.text()) {
      if (repr) {
        AppendRepr(*text, out);
      } else {
        out.Append(*text);
      }
    } else if (const List* list = value.list()) {
      BN_RETURN_IF_ERROR(WriteList(*list));
    } else if (const Dict* dict = value.dict()) {
      BN_RETURN_IF_ERROR(WriteDict(*dict));
    } else if (value.is_undefined()) {
      if (repr) Put("Undefined");
    } else if (value.is_none()) {
      Put("None");
    } else if (const bool* b = value.boolean()) {
      Put(*b ? "True" : "False");
    } else if (const int64_t* i = value.integer()) {
      Put(Cat(*i));
    } else if (const double* d = value.number()) {
      Put(FloatText(*d));
    } else {
      return Status(Code::kUnsupported, Cat("a ", value.type_name(), " cannot be printed"));
    }
    // A list may hold one text many times.
    return out.size() > kMaxTextBytes ? budget_.SpendBytes(out.size()) : Status();
  }
  Text out;

 private:
  void Put(std::string_view bytes) { out.Append(bytes, Origin::kTemplate); }

  Status WriteList(const List& list) {
    if (list.kind != List::Kind::kList && list.kind != List::Kind::kTuple)
      return Status(Code::kUnsupported, "a range, an iterator or a view of a dict cannot be printed; make it a list");
    const bool tuple = list.kind == List::Kind::kTuple;
    Put(tuple ? "(" : "[");
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) Put(", ");
      BN_RETURN_IF_ERROR(Write(list.items[i], /*repr=*/true));
    }
    if (tuple && list.items.size() == 1) Put(",");
    Put(tuple ? ")" : "]");
    return {};
  }
  Status WriteDict(const Dict& dict) {
    Put("{");
    for (size_t i = 0; i < dict.entries.size(); ++i) {
      if (i > 0) Put(", ");
      BN_RETURN_IF_ERROR(Write(dict.entries[i].first, /*repr=*/true));
      Put(": ");
      BN_RETURN_IF_ERROR(Write(dict.entries[i].second, /*repr=*/true));
    }
    Put("}");
    return {};
  }

  Budget& budget_;
};

}  // namespace

std::string FloatText(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  // Shortest digits d.ddde+xx, laid out anew: Python uses an exponent below 1e-4 and from 1e16.
  char buf[40];
  const std::to_chars_result end = std::to_chars(buf, buf + sizeof buf, d, std::chars_format::scientific);
  const std::string_view all(buf, static_cast<size_t>(end.ptr - buf));
  const size_t e = all.find('e');
  int exponent = 0;
  const char* first = all.data() + e + 1 + (all[e + 1] == '+' ? 1 : 0);
  std::from_chars(first, all.data() + all.size(), exponent);
  const bool negative = all[0] == '-';
  std::string digits;
  for (const char c : all.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::string out = negative ? "-" : "";
  const auto n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out += '.' + digits.substr(1);
    const int size = exponent < 0 ? -exponent : exponent;
    out += exponent < 0 ? "e-" : "e+";
    if (size < 10) out += '0';
    return out + Cat(size);
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1) return out + digits + std::string(static_cast<size_t>(exponent + 1 - n), '0') + ".0";
  return out + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<size_t>(exponent) + 1);
}

Result<Text> ToText(const Value& value, Budget& budget) {
  if (const Text* text = value.text()) {
    Text plain = *text;
    plain.safe = false;
    BN_RETURN_IF_ERROR(budget.SpendBytes(plain.size()));
    return plain;
  }
  Writer writer(budget);
  BN_RETURN_IF_ERROR(writer.Write(value, /*repr=*/false));
  BN_RETURN_IF_ERROR(budget.SpendBytes(writer.out.size()));
  return std::move(writer.out);
}

}  // namespace bitnet::core::jinja
