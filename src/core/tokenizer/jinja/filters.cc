// Filters of texts and numbers, and the table of all.
#include "core/tokenizer/jinja/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/jinja/operators.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

// Filters of Jinja that chat templates have no use for.
constexpr std::string_view kUnsupportedFilters[] = {
    "batch", "center",    "filesizeformat", "forceescape", "groupby", "pprint",    "random",   "round",
    "slice", "striptags", "truncate",       "urlencode",   "urlize",  "wordcount", "wordwrap", "xmlattr"};

// A filter that makes a text of a text: value as str(), no arguments.
template <Text (*F)(const Text&)>
Result<Value> OfText(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("filter", arguments, {}));
  BN_ASSIGN_OR_RETURN(const Text text, ToText(value, evaluator.budget()));
  Text out = F(text);
  BN_RETURN_IF_ERROR(evaluator.budget().SpendBytes(out.size()));
  return Value(std::move(out));
}

Text Same(const Text& text) { return text; }
Text Safe(const Text& text) {
  Text safe = text;
  safe.safe = true;
  return safe;
}
Text Escaped(const Text& text) {
  constexpr std::string_view kSigns = "&<>'\"";
  constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  Text out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t k = kSigns.find(text.bytes()[i]);
    if (k == std::string_view::npos) {
      out.Append(text, i, 1);
    } else {
      out.Append(kEntities[k], text.origin(i));
    }
  }
  out.safe = true;
  return out;
}

Result<Value> Escape(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  if (value.text() != nullptr && value.text()->safe) return value;
  return OfText<Escaped>(evaluator, value, arguments);
}

Result<Value> Trim(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("trim", arguments, {"chars"}));
  BN_ASSIGN_OR_RETURN(const Text text, ToText(value, evaluator.budget()));
  if (given[0] == nullptr || given[0]->is_none()) return Value(Strip(text, Side::kBoth));
  if (given[0]->text() == nullptr)
    return Status(Code::kInvalidArgument, "the characters that 'trim' takes are no text");
  return Value(Strip(text, Side::kBoth, given[0]->text()->bytes()));
}

Result<Value> ReplaceFilter(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("replace", arguments, {"old", "new", "count"}, 2));
  Budget& budget = evaluator.budget();
  BN_ASSIGN_OR_RETURN(const Text text, ToText(value, budget));
  BN_ASSIGN_OR_RETURN(const Text from, ToText(*given[0], budget));
  BN_ASSIGN_OR_RETURN(const Text to, ToText(*given[1], budget));
  int64_t max = -1;
  if (given[2] != nullptr && !given[2]->is_none() && !given[2]->AsInteger(&max))
    return Status(Code::kInvalidArgument, "the count of 'replace' is no whole number");
  BN_ASSIGN_OR_RETURN(Text replaced, Replace(text, from, to, max, budget));
  return Value(std::move(replaced));
}

Result<Value> Indent(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("indent", arguments, {"width", "first", "blank"}));
  if (value.text() == nullptr) return Status(Code::kInvalidArgument, Cat("indent of a ", value.type_name()));
  Text indention("    ", Origin::kTemplate);
  int64_t width = 0;
  if (given[0] != nullptr && given[0]->text() != nullptr) {
    indention = *given[0]->text();
  } else if (given[0] != nullptr) {
    if (!given[0]->AsInteger(&width)) return Status(Code::kInvalidArgument, "the width of 'indent' is no whole number");
    BN_RETURN_IF_ERROR(evaluator.budget().SpendBytes(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
    indention = Text(std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '), Origin::kTemplate);
  }
  const bool first = given[1] != nullptr && given[1]->Truth(), blank = given[2] != nullptr && given[2]->Truth();
  Text text = *value.text();
  text.Append("\n", Origin::kTemplate);  // so that an empty text is one line
  BN_ASSIGN_OR_RETURN(const std::vector<Text> lines, SplitLines(text, evaluator.budget()));
  Text out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.Append("\n", Origin::kTemplate);
    if (i == 0 ? first : blank || !lines[i].empty()) out.Append(indention);
    out.Append(lines[i]);
    if (out.size() > kMaxTextBytes) break;
  }
  BN_RETURN_IF_ERROR(evaluator.budget().SpendBytes(out.size()));
  return Value(std::move(out));
}

Result<Value> FormatFilter(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  if (!arguments.named.empty()) return Status(Code::kUnsupported, "format with arguments by name: not supported");
  BN_ASSIGN_OR_RETURN(const Text format, ToText(value, evaluator.budget()));
  return Format(format, arguments.positional, /*all=*/true, evaluator.budget());
}

// A number as int() and float() of Python read it: white space around it, single underscores between digits, which may
// be those of any script. Written as from_chars reads it.
std::string NumberText(const Text& text) {
  const Text stripped = Strip(text, Side::kBoth);
  // The separators U+001C to U+001F are white space to Python, but not around digits of ASCII.
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  const std::string_view all = text.bytes();
  if (std::all_of(all.begin(), all.end(), is_ascii) && all.find_first_of("\x1c\x1d\x1e\x1f") != all.npos) return {};
  std::string ascii;
  for (size_t pos = 0; pos < stripped.size();) {
    const Utf8Char c = DecodeUtf8(stripped.bytes(), pos);
    const int digit = c.ok ? DigitValue(c.code_point) : -1;
    if (digit >= 0) {
      ascii += static_cast<char>('0' + digit);
    } else {
      ascii.append(stripped.bytes(), pos, c.length);
    }
    pos += c.length;
  }
  std::string out;
  for (size_t i = 0; i < ascii.size(); ++i) {
    const auto digit = [&](size_t at) { return at < ascii.size() && ascii[at] >= '0' && ascii[at] <= '9'; };
    if (ascii[i] == '+' && i == 0 && !ascii.substr(1).starts_with('-')) continue;
    if (ascii[i] == '_' && i > 0 && digit(i - 1) && digit(i + 1)) continue;
    out += ascii[i];
  }
  return out;
}

// What a number becomes that no float holds: infinite, or 0. Which of them, the place of its first digit tells: the
// range ends beyond 10^308 and below 10^-323.
double BeyondFloats(std::string_view digits) {
  const size_t e = std::min(digits.find_first_of("eE"), digits.size());
  const std::string_view mantissa = digits.substr(0, e);
  int64_t exponent = 0;
  for (const char c : digits.substr(e)) {
    if (c >= '0' && c <= '9') exponent = std::min<int64_t>(exponent * 10 + (c - '0'), int64_t{1} << 40);
  }
  if (digits.substr(e).find('-') != std::string_view::npos) exponent = -exponent;
  exponent += static_cast<int64_t>(std::min(mantissa.find('.'), mantissa.size())) -
              static_cast<int64_t>(mantissa.find_first_of("123456789"));
  const double magnitude = exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return digits.starts_with('-') ? -magnitude : magnitude;
}

bool ReadFloat(const Text& text, double* out) {
  const std::string digits = NumberText(text);
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, *out);
  if (rest != end || digits.find('(') != std::string::npos) return false;
  if (error == std::errc::result_out_of_range) *out = BeyondFloats(digits);
  return error == std::errc() || error == std::errc::result_out_of_range;
}

Result<Value> Int(Evaluator&, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("int", arguments, {"default", "base"}));
  if (given[1] != nullptr) return Status(Code::kUnsupported, "int with another base: not supported");
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  const Value otherwise = given[0] != nullptr ? *given[0] : Value(int64_t{0});
  int64_t i = 0;
  if (value.AsInteger(&i)) return Value(i);
  double d = 0;
  if (const Text* text = value.text()) {
    const std::string digits = NumberText(*text);
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, i);
    if (error == std::errc() && rest == end) return Value(i);
    if (error == std::errc::result_out_of_range) return Status(Code::kLimit, "a whole number beyond 64 bits");
    if (!ReadFloat(*text, &d)) return otherwise;
  } else if (!value.AsNumber(&d)) {
    return otherwise;
  }
  if (!std::isfinite(d)) return otherwise;
  if (std::fabs(d) >= 9.2e18) return Status(Code::kLimit, "a whole number beyond 64 bits");
  return Value(static_cast<int64_t>(d));
}

Result<Value> Float(Evaluator&, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("float", arguments, {"default"}));
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  double d = 0;
  if (value.AsNumber(&d)) return Value(d);
  if (value.text() != nullptr && ReadFloat(*value.text(), &d)) return Value(d);
  return given[0] != nullptr ? *given[0] : Value(0.0);
}

Result<Value> Abs(Evaluator&, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("abs", arguments, {}));
  double d = 0;
  if (!value.AsNumber(&d)) return Status(Code::kInvalidArgument, Cat("abs of a ", value.type_name()));
  if (value.number() != nullptr) return Value(std::fabs(d));
  if (d < 0) return Negative(value);
  int64_t i = 0;
  value.AsInteger(&i);
  return Value(i);
}

Result<Value> Default(Evaluator&, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("default", arguments, {"default_value", "boolean"}));
  const bool falsy_too = given[1] != nullptr && given[1]->Truth();
  if (!value.is_undefined() && !(falsy_too && !value.Truth())) return value;
  return given[0] != nullptr ? *given[0] : Value(Text());
}

Result<Value> Json(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given,
                      Bind("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = given[0] != nullptr && given[0]->Truth();
  style.sort_keys = given[3] != nullptr && given[3]->Truth();
  if (given[1] != nullptr && !given[1]->is_none()) {
    int64_t width = 0;
    if (given[1]->text() != nullptr) {
      style.indent = *given[1]->text();
    } else if (given[1]->AsInteger(&width)) {
      BN_RETURN_IF_ERROR(evaluator.budget().SpendBytes(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
      style.indent = Text(std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '), Origin::kTemplate);
    } else {
      return Status(Code::kInvalidArgument, "the indent of 'tojson' is no whole number");
    }
  }
  style.item_separator = Text(style.indent ? "," : ", ", Origin::kTemplate);
  style.key_separator = Text(": ", Origin::kTemplate);
  if (given[2] != nullptr && !given[2]->is_none()) {
    const List* pair = given[2]->list();
    if (pair == nullptr || pair->items.size() != 2 || pair->items[0].text() == nullptr ||
        pair->items[1].text() == nullptr)
      return Status(Code::kInvalidArgument, "the separators of 'tojson' are not two texts");
    style.item_separator = *pair->items[0].text();
    style.key_separator = *pair->items[1].text();
  }
  BN_ASSIGN_OR_RETURN(Text json, ToJson(value, style, evaluator.budget()));
  return Value(std::move(json));
}

// Only what the value itself has, no items of a dict.
Result<Value> Attr(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("attr", arguments, {"name"}, 1));
  if (given[0]->text() == nullptr) return Status(Code::kInvalidArgument, "the name of 'attr' is no text");
  bool safe = false;
  const std::string_view name = given[0]->text()->bytes();
  if (value.dict() != nullptr && !HasMethod(value, name, &safe))
    return MakeUndefined(Cat("a dict has no member ", Quoted(name)));
  return Member(value, name, evaluator.budget());
}

constexpr NamedFilter kFilters[] = {
    {"abs", Abs},
    {"attr", Attr},
    {"capitalize", OfText<Capitalize>},
    {"d", Default},
    {"default", Default},
    {"e", Escape},
    {"escape", Escape},
    {"float", Float},
    {"format", FormatFilter},
    {"indent", Indent},
    {"int", Int},
    {"lower", OfText<Lower>},
    {"replace", ReplaceFilter},
    {"safe", OfText<Safe>},
    {"string", OfText<Same>},
    {"title", OfText<TitleFilter>},
    {"tojson", Json},
    {"trim", Trim},
    {"upper", OfText<Upper>},
};

}  // namespace

bool HasFilter(std::string_view name) {
  return FindListFilter(name) != nullptr ||
         std::any_of(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.name == name; }) ||
         std::find(std::begin(kUnsupportedFilters), std::end(kUnsupportedFilters), name) !=
             std::end(kUnsupportedFilters);
}

Result<Value> Evaluator::ApplyFilter(std::string_view name, const Value& value, const Arguments& arguments) {
  if (!HasFilter(name)) return Status(Code::kBadFormat, Cat("no filter ", Quoted(name)));
  // What a text that is marked safe becomes in Jinja depends on the filter.
  if (value.text() != nullptr && value.text()->safe && name != "e" && name != "escape" && name != "safe" &&
      name != "default" && name != "d")
    return Status(Code::kUnsupported, "filters of a safe text are not supported");
  for (const NamedFilter& filter : kFilters) {
    if (filter.name == name) return filter.filter(*this, value, arguments);
  }
  if (const Filter filter = FindListFilter(name)) return filter(*this, value, arguments);
  return Status(Code::kUnsupported, Cat("the filter ", Quoted(name), " is not supported"));
}

}  // namespace bitnet::core::jinja
