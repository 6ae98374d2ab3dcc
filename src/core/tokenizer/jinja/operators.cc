#include "core/tokenizer/jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/tokenizer/jinja/functions.h"

namespace bitnet::core::jinja {
namespace {

Status Overflow() { return Status(Code::kLimit, "a whole number grows beyond 64 bits"); }
Status NoZero() { return Status(Code::kInvalidArgument, "division by zero"); }
Status NoOperator(std::string_view op, const Value& a, const Value& b) {
  return Status(Code::kInvalidArgument, Cat("no operator ", op, " for a ", a.type_name(), " and a ", b.type_name()));
}

Result<Value> Power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return NoZero();
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return Overflow();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return Overflow();
  }
  return Value(result);
}

Result<Value> Integers(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+") return __builtin_add_overflow(a, b, &result) ? Result<Value>(Overflow()) : Value(result);
  if (op == "-") return __builtin_sub_overflow(a, b, &result) ? Result<Value>(Overflow()) : Value(result);
  if (op == "*") return __builtin_mul_overflow(a, b, &result) ? Result<Value>(Overflow()) : Value(result);
  if (op == "**") return Power(a, b);
  if (b == 0) return NoZero();
  if (op == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) return op == "%" ? Value(int64_t{0}) : Integers("-", 0, a);  // the one quotient that overflows
  int64_t quotient = a / b, rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {  // Python rounds down
    --quotient;
    rest += b;
  }
  return Value(op == "%" ? rest : quotient);
}

Result<Value> Floats(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") {
    if (a == 0 && b < 0) return NoZero();
    if (a < 0 && b != std::floor(b)) return Status(Code::kUnsupported, "a power that is a complex number");
    return Value(std::pow(a, b));
  }
  if (b == 0) return NoZero();
  if (op == "/") return Value(a / b);
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    rest += b;
    quotient -= 1;
  }
  if (op == "%") return Value(rest != 0 ? rest : std::copysign(0.0, b));
  const double floor = std::floor(quotient);
  return Value(quotient - floor > 0.5 ? floor + 1 : floor);
}

// `n` copies of a text or list.
Result<Value> Repeat(const Value& value, int64_t n, Budget& budget) {
  const auto times = static_cast<uint64_t>(std::max<int64_t>(n, 0));
  if (const Text* text = value.text()) {
    if (!text->empty() && times > kMaxTextBytes) return Status(budget.SpendBytes(kMaxTextBytes + 1));
    BN_RETURN_IF_ERROR(budget.SpendBytes(text->size() * (text->empty() ? 0 : times)));
    Text out;
    for (uint64_t i = 0; i < times && !text->empty(); ++i) out.Append(*text);
    return Value(std::move(out));
  }
  const List& list = *value.list();
  std::vector<Value> items;
  if (list.items.empty()) return MakeList(list.kind, std::move(items));
  BN_RETURN_IF_ERROR(budget.SpendElements(times > kMaxSteps ? kMaxSteps : times * list.items.size()));
  for (uint64_t i = 0; i < times; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  return MakeList(list.kind, std::move(items));
}

bool IsSequence(const Value& value) {
  const List* list = value.list();
  return value.text() != nullptr ||
         (list != nullptr && (list->kind == List::Kind::kList || list->kind == List::Kind::kTuple));
}

Result<Value> Add(const Value& a, const Value& b, Budget& budget) {
  if (a.text() != nullptr && b.text() != nullptr) {
    const Text &x = *a.text(), &y = *b.text();
    if (x.safe != y.safe) return Status(Code::kUnsupported, "a safe and a plain text with + between them");
    BN_RETURN_IF_ERROR(budget.SpendBytes(x.size() + y.size()));
    Text out = x;
    out.Append(y);
    return Value(std::move(out));
  }
  const List &x = *a.list(), &y = *b.list();
  BN_RETURN_IF_ERROR(budget.SpendElements(x.items.size() + y.items.size()));
  std::vector<Value> items = x.items;
  items.insert(items.end(), y.items.begin(), y.items.end());
  return MakeList(x.kind, std::move(items));
}

// The place of an index among `size` elements, from the end where it is negative; none: outside.
std::optional<size_t> Place(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return {};
  return static_cast<size_t>(index);
}

Value NoMember(const Value& value, std::string_view name) {
  return MakeUndefined(Cat("a ", value.type_name(), " has no member ", Quoted(name)));
}

// A method of the value, undefined if it has none of that name.
Value MethodOrUndefined(const Value& value, std::string_view name) {
  bool safe = false;
  if (name.starts_with("__")) return MakeUndefined(Cat("the member ", Quoted(name), " is not safe to use"));
  if (!HasMethod(value, name, &safe)) return NoMember(value, name);
  if (!safe) return MakeUndefined(Cat("the method ", Quoted(name), " changes its value, which templates may not"));
  return Value(std::make_shared<const Method>(Method{value, std::string(name)}));
}

}  // namespace

Result<Value> Arithmetic(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  if (a.is_undefined()) return Status(Code::kInvalidArgument, a.Hint());
  if (op == "%" && a.text() != nullptr) {
    const List* tuple = b.list();
    if (tuple != nullptr && tuple->kind == List::Kind::kTuple)
      return Format(*a.text(), tuple->items, /*all=*/true, budget);
    // What has items Python takes for a mapping, of which a format need not name any.
    const bool has_items =
        b.dict() != nullptr || b.is_undefined() ||
        (tuple != nullptr && (tuple->kind == List::Kind::kList || tuple->kind == List::Kind::kRange));
    return Format(*a.text(), {b}, /*all=*/!has_items, budget);
  }
  if (b.is_undefined()) return Status(Code::kInvalidArgument, b.Hint());
  int64_t i = 0, j = 0;
  if (a.AsInteger(&i) && b.AsInteger(&j)) return Integers(op, i, j);
  double x = 0, y = 0;
  if (a.AsNumber(&x) && b.AsNumber(&y)) return Floats(op, x, y);
  if (op == "*" && IsSequence(a) && b.AsInteger(&j)) return Repeat(a, j, budget);
  if (op == "*" && IsSequence(b) && a.AsInteger(&i)) return Repeat(b, i, budget);
  if (op == "+" && IsSequence(a) && IsSequence(b) && (a.text() == nullptr) == (b.text() == nullptr) &&
      (a.text() != nullptr || a.list()->kind == b.list()->kind)) {
    return Add(a, b, budget);
  }
  return NoOperator(op, a, b);
}

Result<Value> Negative(const Value& value) {
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  int64_t i = 0;
  if (value.AsInteger(&i)) return Integers("-", 0, i);
  if (const double* d = value.number()) return Value(-*d);
  return Status(Code::kInvalidArgument, Cat("a ", value.type_name(), " has no negative"));
}

Result<bool> Contains(const Value& container, const Value& item, Budget& budget) {
  if (const Text* text = container.text()) {
    if (item.text() == nullptr)
      return Status(Code::kInvalidArgument, Cat("a ", item.type_name(), " cannot be sought in a text"));
    BN_RETURN_IF_ERROR(budget.Spend(text->size() / kBytesPerStep));
    return FindBytes(text->bytes(), item.text()->bytes()) != std::string_view::npos;
  }
  if (const Dict* dict = container.dict()) {
    BN_ASSIGN_OR_RETURN(const Value* found, Lookup(*dict, item, budget));
    return found != nullptr;
  }
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(container, budget));
  for (const Value& other : items) {
    BN_ASSIGN_OR_RETURN(const bool same, Equals(other, item, budget));
    if (same) return true;
  }
  return false;
}

Result<bool> Related(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  if (op == "==" || op == "!=") {
    BN_ASSIGN_OR_RETURN(const bool same, Equals(a, b, budget));
    return same == (op == "==");
  }
  BN_ASSIGN_OR_RETURN(const int order, Compare(a, b, budget));
  if (op == "<") return order == -1;
  if (op == "<=") return order == -1 || order == 0;
  if (op == ">") return order == 1;
  return order == 1 || order == 0;
}

Result<Value> Member(const Value& value, std::string_view name, Budget& budget) {
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  if (Namespace* ns = value.ns()) {
    BN_RETURN_IF_ERROR(budget.Spend(ns->members.size() / kComparisonsPerStep));
    for (const auto& [known, member] : ns->members) {
      if (known == name) return member;
    }
    return NoMember(value, name);
  }
  if (value.loop() != nullptr) return LoopMember(*value.loop(), name);
  if (value.is_callable()) return Status(Code::kUnsupported, "members of functions are not supported");
  bool safe = false;
  if (const Dict* dict = value.dict(); dict != nullptr && !HasMethod(value, name, &safe)) {
    BN_RETURN_IF_ERROR(budget.Spend(dict->entries.size() / kComparisonsPerStep));
    if (const Value* found = dict->Find(name)) return *found;
  }
  return MethodOrUndefined(value, name);
}

Result<Value> Item(const Value& value, const Value& key, Budget& budget) {
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  int64_t index = 0;
  const Text* name = key.text();
  if (const Dict* dict = value.dict()) {
    if (name != nullptr || (key.list() == nullptr && key.dict() == nullptr)) {
      BN_ASSIGN_OR_RETURN(const Value* found, Lookup(*dict, key, budget));
      if (found != nullptr) return *found;
    }
  } else if (name != nullptr && (value.ns() != nullptr || value.loop() != nullptr)) {
    return Member(value, name->bytes(), budget);
  } else if (key.AsInteger(&index)) {
    if (const Text* text = value.text()) {
      BN_RETURN_IF_ERROR(budget.Spend(text->size() / kBytesPerStep));
      const std::vector<size_t> starts = CharStarts(text->bytes());
      if (const auto at = Place(index, starts.size() - 1))
        return Value(text->Part(starts[*at], starts[*at + 1] - starts[*at]));
    } else if (const List* list = value.list();
               list != nullptr && list->kind != List::Kind::kIterator && list->kind != List::Kind::kView) {
      if (const auto at = Place(index, list->items.size())) return list->items[*at];
    }
    return MakeUndefined(Cat("a ", value.type_name(), " has no element ", index));
  }
  if (name != nullptr && !value.is_callable()) return MethodOrUndefined(value, name->bytes());
  return MakeUndefined(Cat("a ", value.type_name(), " has no element for a ", key.type_name()));
}

Result<Value> Slice(const Value& value, const Value* from, const Value* to, const Value* step, Budget& budget) {
  if (value.is_undefined()) return Status(Code::kInvalidArgument, value.Hint());
  const Text* text = value.text();
  const List* list = value.list();
  if (text == nullptr && (list == nullptr || list->kind == List::Kind::kIterator || list->kind == List::Kind::kView)) {
    return Status(Code::kInvalidArgument, Cat("a ", value.type_name(), " has no slices"));
  }
  int64_t bounds[3] = {0, 0, 1};
  const Value* given[3] = {from, to, step};
  for (int k = 0; k < 3; ++k) {
    if (given[k] != nullptr && !given[k]->AsInteger(&bounds[k]))
      return Status(Code::kInvalidArgument, Cat("a ", given[k]->type_name(), " is no bound of a slice"));
  }
  if (bounds[2] == 0) return Status(Code::kInvalidArgument, "the step of a slice is 0");
  if (text != nullptr) BN_RETURN_IF_ERROR(budget.SpendBytes(text->size()));
  const std::vector<size_t> starts = text != nullptr ? CharStarts(text->bytes()) : std::vector<size_t>();
  const auto size = static_cast<int64_t>(text != nullptr ? starts.size() - 1 : list->items.size());
  const bool back = bounds[2] < 0;
  const int64_t lowest = back ? -1 : 0, highest = back ? size - 1 : size;
  for (int k = 0; k < 2; ++k) {
    if (given[k] == nullptr) {
      bounds[k] = (k == 0) == back ? highest : lowest;
    } else {
      bounds[k] = std::clamp(bounds[k] < 0 ? std::max(bounds[k], -size - 1) + size : bounds[k], lowest, highest);
    }
  }
  const int64_t stride = std::clamp(bounds[2], -size - 1, size + 1);
  Text out;
  std::vector<Value> items;
  for (int64_t i = bounds[0]; back ? i > bounds[1] : i < bounds[1]; i += stride) {
    const auto at = static_cast<size_t>(i);
    if (text != nullptr) {
      out.Append(*text, starts[at], starts[at + 1] - starts[at]);
    } else {
      items.push_back(list->items[at]);
    }
  }
  if (text != nullptr) return Value(std::move(out));
  BN_RETURN_IF_ERROR(budget.SpendElements(items.size()));
  return MakeList(list->kind, std::move(items));
}

Result<Value> Format(const Text& format, const std::vector<Value>& values, bool all, Budget& budget) {
  Text out;
  size_t next = 0;  // of the values
  for (size_t pos = 0; pos < format.size(); ++pos) {
    if (format.bytes()[pos] != '%') {
      out.Append(format, pos, 1);
      continue;
    }
    const char type = pos + 1 < format.size() ? format.bytes()[++pos] : '\0';
    if (type == '%') {
      out.Append(format, pos, 1);
      continue;
    }
    if (type != 's' && type != 'r' && type != 'd' && type != 'i')
      return Status(Code::kUnsupported, "a format other than %s, %r, %d, %i and %%");
    if (next == values.size()) return Status(Code::kInvalidArgument, "too few values for a format");
    Value value = values[next++];
    if (type == 'd' || type == 'i') {
      int64_t i = 0;
      if (!value.AsInteger(&i)) return Status(Code::kInvalidArgument, Cat("%", type, " of a ", value.type_name()));
      value = Value(i);
    } else if (type == 'r') {
      // As the one item of a list, without the brackets.
      BN_ASSIGN_OR_RETURN(const Value list, MakeList(List::Kind::kList, {value}));
      BN_ASSIGN_OR_RETURN(const Text text, ToText(list, budget));
      value = Value(text.Part(1, text.size() - 2));
    }
    BN_ASSIGN_OR_RETURN(const Text text, ToText(value, budget));
    BN_RETURN_IF_ERROR(budget.SpendBytes(out.size() + text.size()));
    out.Append(text);
  }
  if (all && next < values.size()) return Status(Code::kInvalidArgument, "too many values for a format");
  return Value(std::move(out));
}

}  // namespace bitnet::core::jinja
