#include "core/tokenizer/jinja/value.h"

#include <algorithm>
#include <limits>

namespace bitnet::core::jinja {
namespace {

Status TooDeep() { return Status(Code::kLimit, Cat("lists in lists deeper than ", kMaxValueDepth, " levels")); }

// Which of two numbers is greater; exact for an integer beside a float, too.
int CompareNumbers(const Value& a, const Value& b) {
  int64_t i = 0, j = 0;
  if (a.AsInteger(&i) && b.AsInteger(&j)) return i < j ? -1 : i > j ? 1 : 0;
  long double x = 0, y = 0;  // 64 bits of mantissa where the platform has them; binary128 on aarch64
  double d = 0;
  x = a.AsInteger(&i) ? static_cast<long double>(i) : (a.AsNumber(&d), static_cast<long double>(d));
  y = b.AsInteger(&j) ? static_cast<long double>(j) : (b.AsNumber(&d), static_cast<long double>(d));
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;  // 2: a NaN
}

}  // namespace

bool Value::AsInteger(int64_t* out) const {
  if (const int64_t* i = integer()) return *out = *i, true;
  if (const bool* b = boolean()) return *out = *b ? 1 : 0, true;
  return false;
}

bool Value::AsNumber(double* out) const {
  if (const double* d = number()) return *out = *d, true;
  int64_t i = 0;
  if (!AsInteger(&i)) return false;
  return *out = static_cast<double>(i), true;
}

bool Value::Truth() const {
  if (is_undefined() || is_none()) return false;
  if (const bool* b = boolean()) return *b;
  if (const int64_t* i = integer()) return *i != 0;
  if (const double* d = number()) return *d != 0;
  if (const Text* t = text()) return !t->empty();
  if (const List* l = list()) return l->kind == List::Kind::kIterator || !l->items.empty();
  if (const Dict* d = dict()) return !d->entries.empty();
  return true;
}

uint32_t Value::depth() const {
  if (const List* l = list()) return l->depth;
  if (const Dict* d = dict()) return d->depth;
  if (const Method* m = method()) return m->self.depth() + 1;
  return 0;
}

std::string_view Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (boolean() != nullptr) return "bool";
  if (integer() != nullptr) return "int";
  if (number() != nullptr) return "float";
  if (text() != nullptr) return "str";
  if (dict() != nullptr) return "dict";
  if (const List* l = list()) {
    constexpr std::string_view kNames[] = {"list", "tuple", "range", "iterator", "view of a dict"};
    return kNames[static_cast<size_t>(l->kind)];
  }
  if (ns() != nullptr) return "Namespace";
  if (loop() != nullptr) return "LoopContext";
  if (macro() != nullptr) return "Macro";
  return "function";
}

std::string Value::Hint() const {
  const Undefined* u = std::get_if<Undefined>(&v_);
  return u == nullptr || u->hint == nullptr ? "a value is undefined" : *u->hint;
}

const Value* Dict::Find(std::string_view key) const {
  for (const auto& [k, v] : entries) {
    if (k.text() != nullptr && k.text()->bytes() == key) return &v;
  }
  return nullptr;
}

Value MakeText(std::string_view bytes, Origin origin) { return Value(Text(bytes, origin)); }
Value MakeUndefined(std::string hint) { return Value(Undefined{std::make_shared<const std::string>(std::move(hint))}); }

Result<Value> MakeList(List::Kind kind, std::vector<Value> items) {
  auto list = std::make_shared<List>();
  list->kind = kind;
  for (const Value& item : items) list->depth = std::max(list->depth, item.depth() + 1);
  if (list->depth > kMaxValueDepth) return TooDeep();
  list->items = std::move(items);
  return Value(ListPtr(std::move(list)));
}

Result<Value> MakeDict(std::vector<std::pair<Value, Value>> entries, Budget& budget) {
  auto dict = std::make_shared<Dict>();
  for (auto& [key, value] : entries) {
    if (!IsHashable(key))
      return Status(Code::kInvalidArgument, Cat("a ", key.type_name(), " cannot be the key of a dict"));
    dict->depth = std::max({dict->depth, key.depth() + 1, value.depth() + 1});
    BN_ASSIGN_OR_RETURN(const Value* known, Lookup(*dict, key, budget));
    if (known != nullptr) {
      *const_cast<Value*>(known) = std::move(value);  // of the dict that is being made here
    } else {
      dict->entries.emplace_back(std::move(key), std::move(value));
    }
  }
  if (dict->depth > kMaxValueDepth) return TooDeep();
  return Value(DictPtr(std::move(dict)));
}

Result<Value> FromJson(const JsonValue& json, Budget& budget) {
  switch (json.kind) {
    case JsonValue::Kind::kNull: return Value(None{});
    case JsonValue::Kind::kBool: return Value(json.boolean);
    case JsonValue::Kind::kInt: return Value(json.integer);
    case JsonValue::Kind::kUint:
      if (json.uinteger > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return Status(Code::kLimit, "a number beyond 64 bits with a sign");
      return Value(static_cast<int64_t>(json.uinteger));
    case JsonValue::Kind::kDouble: return Value(json.number);
    case JsonValue::Kind::kString: return MakeText(json.string, Origin::kMessage);
    case JsonValue::Kind::kArray: {
      std::vector<Value> items;
      for (const JsonValue& item : json.array) {
        BN_ASSIGN_OR_RETURN(Value value, FromJson(item, budget));
        items.push_back(std::move(value));
      }
      return MakeList(List::Kind::kList, std::move(items));
    }
    case JsonValue::Kind::kObject: {
      auto dict = std::make_shared<Dict>();  // the reader has refused keys that come twice
      for (const JsonMember& member : json.object) {
        BN_ASSIGN_OR_RETURN(Value value, FromJson(member.value, budget));
        dict->depth = std::max(dict->depth, value.depth() + 1);
        dict->entries.emplace_back(MakeText(member.key, Origin::kMessage), std::move(value));
      }
      if (dict->depth > kMaxValueDepth) return TooDeep();
      return Value(DictPtr(std::move(dict)));
    }
  }
  return Value();
}

bool IsHashable(const Value& key) {
  if (key.dict() != nullptr) return false;
  const List* list = key.list();
  if (list == nullptr) return true;
  if (list->kind == List::Kind::kList || list->kind == List::Kind::kView) return false;
  return list->kind != List::Kind::kTuple || std::all_of(list->items.begin(), list->items.end(), IsHashable);
}

Result<const Value*> Lookup(const Dict& dict, const Value& key, Budget& budget) {
  if (!IsHashable(key)) return Status(Code::kInvalidArgument, Cat("a ", key.type_name(), " is no key of a dict"));
  if (key.text() != nullptr) {
    BN_RETURN_IF_ERROR(budget.Spend(dict.entries.size() / kComparisonsPerStep + key.text()->size() / kBytesPerStep));
    return dict.Find(key.text()->bytes());
  }
  for (const auto& [k, v] : dict.entries) {
    BN_ASSIGN_OR_RETURN(const bool same, Equals(k, key, budget));
    if (same) return &v;
  }
  return static_cast<const Value*>(nullptr);
}

Result<bool> Equals(const Value& a, const Value& b, Budget& budget) {
  BN_RETURN_IF_ERROR(budget.Spend(1));
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.text() != nullptr && b.text() != nullptr) {
    BN_RETURN_IF_ERROR(budget.Spend(std::min(a.text()->size(), b.text()->size()) / kBytesPerStep));
    return a.text()->bytes() == b.text()->bytes();
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    const List &x = *a.list(), &y = *b.list();
    if (&x == &y) return true;
    if (x.kind != y.kind || x.kind == List::Kind::kIterator || x.items.size() != y.items.size()) return false;
    for (size_t i = 0; i < x.items.size(); ++i) {
      BN_ASSIGN_OR_RETURN(const bool same, Equals(x.items[i], y.items[i], budget));
      if (!same) return false;
    }
    return true;
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    if (a.dict()->entries.size() != b.dict()->entries.size()) return false;
    for (const auto& [key, value] : a.dict()->entries) {
      BN_ASSIGN_OR_RETURN(const Value* other, Lookup(*b.dict(), key, budget));
      if (other == nullptr) return false;
      BN_ASSIGN_OR_RETURN(const bool same, Equals(value, *other, budget));
      if (!same) return false;
    }
    return true;
  }
  if (a.ns() != nullptr) return a.ns() == b.ns();
  if (a.loop() != nullptr) return a.loop() == b.loop();
  if (a.macro() != nullptr) return a.macro() == b.macro();
  return false;
}

Result<int> Compare(const Value& a, const Value& b, Budget& budget) {
  BN_RETURN_IF_ERROR(budget.Spend(1));
  if (a.is_undefined()) return Status(Code::kInvalidArgument, a.Hint());
  if (b.is_undefined()) return Status(Code::kInvalidArgument, b.Hint());
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b);
  if (a.text() != nullptr && b.text() != nullptr) {
    BN_RETURN_IF_ERROR(budget.Spend(std::min(a.text()->size(), b.text()->size()) / kBytesPerStep));
    const int c = a.text()->bytes().compare(b.text()->bytes());  // the order of UTF-8 is that of code points
    return c < 0 ? -1 : c > 0 ? 1 : 0;
  }
  const List *x = a.list(), *y = b.list();
  if (x != nullptr && y != nullptr && x->kind == y->kind &&
      (x->kind == List::Kind::kList || x->kind == List::Kind::kTuple)) {
    for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i) {
      BN_ASSIGN_OR_RETURN(const bool same, Equals(x->items[i], y->items[i], budget));
      if (!same) return Compare(x->items[i], y->items[i], budget);
    }
    return x->items.size() < y->items.size() ? -1 : x->items.size() > y->items.size() ? 1 : 0;
  }
  return Status(Code::kInvalidArgument, Cat("a ", a.type_name(), " and a ", b.type_name(), " have no order"));
}

Result<std::vector<Value>> Items(const Value& value, Budget& budget) {
  if (value.is_undefined()) return std::vector<Value>();
  if (const List* list = value.list()) {
    if (list->kind == List::Kind::kIterator && std::exchange(list->used_up, true)) return std::vector<Value>();
    BN_RETURN_IF_ERROR(budget.SpendElements(list->items.size()));
    return list->items;
  }
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    BN_RETURN_IF_ERROR(budget.SpendElements(dict->entries.size()));
    for (const auto& entry : dict->entries) items.push_back(entry.first);
    return items;
  }
  if (const Text* text = value.text()) {
    const std::vector<size_t> starts = CharStarts(text->bytes());
    BN_RETURN_IF_ERROR(budget.SpendElements(starts.size()));
    for (size_t i = 0; i + 1 < starts.size(); ++i) items.emplace_back(text->Part(starts[i], starts[i + 1] - starts[i]));
    return items;
  }
  return Status(Code::kInvalidArgument, Cat("a ", value.type_name(), " cannot be iterated"));
}

}  // namespace bitnet::core::jinja
