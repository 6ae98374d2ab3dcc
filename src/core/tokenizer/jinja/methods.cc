// The methods of texts, lists and dicts.
#include <algorithm>
#include <iterator>

#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

// What Python's types have; those that are not in CallMethod are refused by name when they are called.
constexpr std::string_view kOfText[] = {
    "capitalize",   "casefold",   "center",    "count",       "encode",    "endswith",     "expandtabs",   "find",
    "format",       "format_map", "index",     "isalnum",     "isalpha",   "isascii",      "isdecimal",    "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",      "isupper",      "join",
    "ljust",        "lower",      "lstrip",    "maketrans",   "partition", "removeprefix", "removesuffix", "replace",
    "rfind",        "rindex",     "rjust",     "rpartition",  "rsplit",    "rstrip",       "split",        "splitlines",
    "startswith",   "strip",      "swapcase",  "title",       "translate", "upper",        "zfill"};
constexpr std::string_view kOfList[] = {"copy", "count", "index"};
constexpr std::string_view kChangesList[] = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
constexpr std::string_view kOfDict[] = {"copy", "fromkeys", "get", "items", "keys", "values"};
constexpr std::string_view kChangesDict[] = {"clear", "pop", "popitem", "setdefault", "update"};

template <size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Status NotSupported(std::string_view type, std::string_view name) {
  return Status(Code::kUnsupported, Cat("the method ", Quoted(name), " of a ", type, " is not supported"));
}

Result<const Text*> TextArgument(const Value* value, std::string_view method) {
  if (value->text() == nullptr)
    return Status(Code::kInvalidArgument, Cat(Quoted(method), " takes a text, not a ", value->type_name()));
  return value->text();
}

Result<int64_t> IntegerArgument(const Value* value, int64_t otherwise, std::string_view method) {
  if (value == nullptr) return otherwise;
  int64_t i = 0;
  if (!value->AsInteger(&i))
    return Status(Code::kInvalidArgument, Cat(Quoted(method), " takes a whole number, not a ", value->type_name()));
  return i;
}

Result<Value> StripMethod(const Text& self, std::string_view name, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"chars"}));
  const Side side = name == "lstrip" ? Side::kLeft : name == "rstrip" ? Side::kRight : Side::kBoth;
  if (given[0] == nullptr || given[0]->is_none()) return Value(Strip(self, side));
  BN_ASSIGN_OR_RETURN(const Text* chars, TextArgument(given[0], name));
  return Value(Strip(self, side, chars->bytes()));
}

Result<Value> SplitMethod(const Text& self, std::string_view name, const Arguments& arguments, Budget& budget) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"sep", "maxsplit"}));
  BN_ASSIGN_OR_RETURN(const int64_t max, IntegerArgument(given[1], -1, name));
  BN_RETURN_IF_ERROR(budget.SpendBytes(self.size()));
  const bool from_right = name == "rsplit";
  if (given[0] == nullptr || given[0]->is_none()) return TextList(SplitBlank(self, max, from_right, budget));
  BN_ASSIGN_OR_RETURN(const Text* separator, TextArgument(given[0], name));
  if (separator->empty()) return Status(Code::kInvalidArgument, "the separator of a split is empty");
  return TextList(Split(self, separator->bytes(), max, from_right, budget));
}

// startswith, endswith: a text, or one of a tuple.
Result<Value> AffixMethod(const Text& self, std::string_view name, const Arguments& arguments) {
  if (arguments.positional.size() > 1) return NotSupported("str with bounds", name);
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"affix"}, 1));
  const auto holds = [&](const Text& affix) {
    return name == "startswith" ? self.bytes().starts_with(affix.bytes()) : self.bytes().ends_with(affix.bytes());
  };
  const List* several = given[0]->list();
  if (several == nullptr || several->kind != List::Kind::kTuple) {
    BN_ASSIGN_OR_RETURN(const Text* affix, TextArgument(given[0], name));
    return Value(holds(*affix));
  }
  bool any = false;
  for (const Value& one : several->items) {
    BN_ASSIGN_OR_RETURN(const Text* affix, TextArgument(&one, name));
    any = any || holds(*affix);
  }
  return Value(any);
}

Result<Value> RemoveMethod(const Text& self, std::string_view name, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"affix"}, 1));
  BN_ASSIGN_OR_RETURN(const Text* affix, TextArgument(given[0], name));
  const size_t n = affix->size();
  if (name == "removeprefix" && self.bytes().starts_with(affix->bytes())) return Value(self.Part(n, self.size() - n));
  if (name == "removesuffix" && self.bytes().ends_with(affix->bytes())) return Value(self.Part(0, self.size() - n));
  return Value(self);
}

// find, rfind, index, rindex, count; places are counted in characters.
Result<Value> FindMethod(const Text& self, std::string_view name, const Arguments& arguments) {
  if (arguments.positional.size() > 1) return NotSupported("str with bounds", name);
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"sub"}, 1));
  BN_ASSIGN_OR_RETURN(const Text* sub, TextArgument(given[0], name));
  if (name == "count") {
    if (sub->empty()) return Value(static_cast<int64_t>(CharCount(self.bytes()) + 1));
    int64_t n = 0;
    for (size_t at = 0; (at = FindBytes(self.bytes(), sub->bytes(), at)) != std::string_view::npos; at += sub->size())
      ++n;
    return Value(n);
  }
  const size_t at = name[0] == 'r' ? FindLastBytes(self.bytes(), sub->bytes()) : FindBytes(self.bytes(), sub->bytes());
  if (at != std::string_view::npos) return Value(static_cast<int64_t>(CharCount(self.bytes().substr(0, at))));
  if (name.ends_with("find")) return Value(int64_t{-1});
  return Status(Code::kInvalidArgument, Cat("the text that ", Quoted(name), " seeks is not there"));
}

Result<Value> PartitionMethod(const Text& self, std::string_view name, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"sep"}, 1));
  BN_ASSIGN_OR_RETURN(const Text* separator, TextArgument(given[0], name));
  if (separator->empty()) return Status(Code::kInvalidArgument, "the separator of a partition is empty");
  const bool right = name == "rpartition";
  const size_t at =
      right ? FindLastBytes(self.bytes(), separator->bytes()) : FindBytes(self.bytes(), separator->bytes());
  std::vector<Value> parts;
  if (at == std::string_view::npos) {
    parts = {Value(Text()), Value(Text()), Value(Text())};
    parts[right ? 2 : 0] = Value(self);
  } else {
    const size_t end = at + separator->size();
    parts = {Value(self.Part(0, at)), Value(*separator), Value(self.Part(end, self.size() - end))};
  }
  return MakeList(List::Kind::kTuple, std::move(parts));
}

// isalpha, isdigit, isspace, islower, isupper and others: of texts that are not empty.
Result<Value> IsMethod(const Text& self, std::string_view name) {
  bool every = true, any_cased = false;
  for (size_t pos = 0; pos < self.size();) {
    const Utf8Char c = DecodeUtf8(self.bytes(), pos);
    const uint8_t cls = c.ok ? CharClassOf(c.code_point) : 0;
    if (c.ok && c.code_point >= 0x80 && (cls & kNumber) != 0 && (name == "isdigit" || name == "isalnum"))
      return NotSupported("str with numbers beyond ASCII", name);
    const bool digit = c.code_point >= '0' && c.code_point <= '9';
    if (name == "isalpha") every = every && (cls & kLetter) != 0;
    if (name == "isdigit") every = every && digit;
    if (name == "isalnum") every = every && ((cls & kLetter) != 0 || digit);
    if (name == "isspace") every = every && c.ok && IsBlank(c.code_point);
    if (name == "isascii") every = every && c.code_point < 0x80;
    any_cased = any_cased || (c.ok && IsCased(c.code_point));
    pos += c.length;
  }
  if (name == "isascii") return Value(every);
  if (name == "islower") return Value(any_cased && Lower(self).bytes() == self.bytes());
  if (name == "isupper") return Value(any_cased && Upper(self).bytes() == self.bytes());
  return Value(every && !self.empty());
}

Result<Value> OfText(const Text& self, std::string_view name, const Arguments& arguments, Budget& budget) {
  BN_RETURN_IF_ERROR(budget.SpendBytes(self.size()));
  if (name == "strip" || name == "lstrip" || name == "rstrip") return StripMethod(self, name, arguments);
  if (name == "split" || name == "rsplit") return SplitMethod(self, name, arguments, budget);
  if (name == "startswith" || name == "endswith") return AffixMethod(self, name, arguments);
  if (name == "removeprefix" || name == "removesuffix") return RemoveMethod(self, name, arguments);
  if (name == "find" || name == "rfind" || name == "index" || name == "rindex" || name == "count")
    return FindMethod(self, name, arguments);
  if (name == "partition" || name == "rpartition") return PartitionMethod(self, name, arguments);
  if (name == "replace") {
    BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"old", "new", "count"}, 2));
    if (!arguments.named.empty()) return Status(Code::kInvalidArgument, "replace takes no arguments by name");
    BN_ASSIGN_OR_RETURN(const Text* from, TextArgument(given[0], name));
    BN_ASSIGN_OR_RETURN(const Text* to, TextArgument(given[1], name));
    BN_ASSIGN_OR_RETURN(const int64_t max, IntegerArgument(given[2], -1, name));
    BN_ASSIGN_OR_RETURN(Text replaced, Replace(self, *from, *to, max, budget));
    return Value(std::move(replaced));
  }
  if (name == "join") {
    BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"iterable"}, 1));
    if (given[0]->is_undefined()) return Value(Text());
    BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(*given[0], budget));
    BN_ASSIGN_OR_RETURN(Text joined, Join(self, items, /*strict=*/true, budget));
    return Value(std::move(joined));
  }
  constexpr std::string_view kIs[] = {"isalnum", "isalpha", "isascii", "isdigit", "islower", "isspace", "isupper"};
  constexpr std::string_view kPlain[] = {"lower", "upper", "title", "capitalize", "splitlines"};
  if (!IsOneOf(kIs, name) && !IsOneOf(kPlain, name)) return NotSupported("str", name);
  if (!arguments.positional.empty() || !arguments.named.empty()) return NotSupported("str with arguments", name);
  if (name == "lower") return Value(Lower(self));
  if (name == "upper") return Value(Upper(self));
  if (name == "title") return Value(Title(self));
  if (name == "capitalize") return Value(Capitalize(self));
  if (name == "splitlines") return TextList(SplitLines(self, budget));
  return IsMethod(self, name);
}

Result<Value> OfList(const List& self, std::string_view name, const Arguments& arguments, Budget& budget) {
  if (name == "copy") return MakeList(self.kind, self.items);
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"value"}, 1));
  int64_t n = 0;
  for (size_t i = 0; i < self.items.size(); ++i) {
    BN_ASSIGN_OR_RETURN(const bool same, Equals(self.items[i], *given[0], budget));
    if (same && name == "index") return Value(static_cast<int64_t>(i));
    n += same ? 1 : 0;
  }
  if (name == "count") return Value(n);
  return Status(Code::kInvalidArgument, "the value that 'index' seeks is not in the list");
}

Result<Value> OfDict(const Value& value, std::string_view name, const Arguments& arguments, Budget& budget) {
  const Dict& self = *value.dict();
  if (name == "get") {
    BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"key", "default"}, 1));
    if (!arguments.named.empty()) return Status(Code::kInvalidArgument, "get takes no arguments by name");
    BN_ASSIGN_OR_RETURN(const Value* found, Lookup(self, *given[0], budget));
    return found != nullptr ? *found : given[1] != nullptr ? *given[1] : Value(None{});
  }
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind(name, arguments, {}));
  if (name == "copy") return value;
  if (name == "fromkeys") return NotSupported("dict", name);
  BN_RETURN_IF_ERROR(budget.SpendElements(self.entries.size()));
  std::vector<Value> items;
  for (const auto& [key, member] : self.entries) {
    if (name != "items") {
      items.push_back(name == "keys" ? key : member);
      continue;
    }
    BN_ASSIGN_OR_RETURN(Value pair, MakeList(List::Kind::kTuple, {key, member}));
    items.push_back(std::move(pair));
  }
  return MakeList(List::Kind::kView, std::move(items));
}

}  // namespace

bool HasMethod(const Value& self, std::string_view name, bool* safe) {
  *safe = true;
  if (self.text() != nullptr) return IsOneOf(kOfText, name);
  if (self.dict() != nullptr) {
    *safe = !IsOneOf(kChangesDict, name);
    return !*safe || IsOneOf(kOfDict, name);
  }
  const List* list = self.list();
  if (list == nullptr) return false;
  if (list->kind == List::Kind::kTuple) return name == "count" || name == "index";
  if (list->kind != List::Kind::kList) return false;
  *safe = !IsOneOf(kChangesList, name);
  return !*safe || IsOneOf(kOfList, name);
}

Result<Value> CallMethod(const Value& self, std::string_view name, const Arguments& arguments, Budget& budget) {
  if (const Text* text = self.text()) {
    if (text->safe) return Status(Code::kUnsupported, "methods of a safe text are not supported");
    return OfText(*text, name, arguments, budget);
  }
  if (self.dict() != nullptr) return OfDict(self, name, arguments, budget);
  return OfList(*self.list(), name, arguments, budget);
}

Result<Value> TextList(Result<std::vector<Text>> texts) {
  if (!texts.ok()) return texts.status();
  std::vector<Value> items;
  for (Text& text : *texts) items.emplace_back(std::move(text));
  return MakeList(List::Kind::kList, std::move(items));
}

Result<Text> Replace(const Text& text, const Text& from, const Text& to, int64_t max, Budget& budget) {
  Text out;
  const auto put = [&](const Text& part, size_t begin, size_t n) -> Status {
    out.Append(part, begin, n);
    return out.size() > kMaxTextBytes ? budget.SpendBytes(out.size()) : Status();
  };
  size_t pos = 0;
  if (from.empty()) {  // between all characters
    const std::vector<size_t> starts = CharStarts(text.bytes());
    for (size_t i = 0; i < starts.size() && max != 0; ++i, --max) {
      BN_RETURN_IF_ERROR(put(to, 0, to.size()));
      pos = i + 1 < starts.size() ? starts[i + 1] : text.size();
      BN_RETURN_IF_ERROR(put(text, starts[i], pos - starts[i]));
    }
  } else {
    for (size_t at; max != 0 && (at = FindBytes(text.bytes(), from.bytes(), pos)) != std::string_view::npos; --max) {
      BN_RETURN_IF_ERROR(put(text, pos, at - pos));
      BN_RETURN_IF_ERROR(put(to, 0, to.size()));
      pos = at + from.size();
    }
  }
  BN_RETURN_IF_ERROR(put(text, pos, text.size() - pos));
  BN_RETURN_IF_ERROR(budget.SpendBytes(out.size()));
  return out;
}

Result<Text> Join(const Text& separator, const std::vector<Value>& items, bool strict, Budget& budget) {
  Text out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (strict && items[i].text() == nullptr)
      return Status(Code::kInvalidArgument, Cat("join takes texts, not a ", items[i].type_name()));
    BN_ASSIGN_OR_RETURN(const Text text, ToText(items[i], budget));
    if (i > 0) out.Append(separator);
    out.Append(text);
    if (out.size() > kMaxTextBytes) BN_RETURN_IF_ERROR(budget.SpendBytes(out.size()));
  }
  BN_RETURN_IF_ERROR(budget.SpendBytes(out.size()));
  return out;
}

}  // namespace bitnet::core::jinja
