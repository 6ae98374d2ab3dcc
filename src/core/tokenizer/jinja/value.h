// The values that a template computes with: those of Python that chat templates meet. Immutable but for namespaces,
// as in Jinja's immutable sandbox; so values cannot contain themselves.
#ifndef BITNET_CORE_TOKENIZER_JINJA_VALUE_H_
#define BITNET_CORE_TOKENIZER_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/status.h"
#include "core/tokenizer/jinja/budget.h"
#include "core/tokenizer/jinja/text.h"

namespace bitnet::core::jinja {

class Value;
struct List;
struct Dict;
struct Method;
struct Namespace;  // evaluator.h; the evaluator owns these three, values point to them
struct Loop;
struct Macro;

// A name or a member that is not there: prints as nothing, everything else done with it fails and says `hint`.
struct Undefined {
  std::shared_ptr<const std::string> hint;
};
struct None {};
enum class Function : uint8_t { kRange, kNamespace, kDict, kRaiseException, kStrftimeNow, kLoopCycle, kLoopChanged };
// A function, and for those of a loop the loop.
struct BoundFunction {
  Function function;
  Loop* loop = nullptr;
};

using TextPtr = std::shared_ptr<const Text>;
using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<const Dict>;
using MethodPtr = std::shared_ptr<const Method>;

class Value {
 public:
  Value() = default;                                                       // undefined, without a hint
  Value(None none) : v_(none) {}                                           // NOLINT: implicit on purpose, all of these
  Value(Undefined undefined) : v_(std::move(undefined)) {}                 // NOLINT
  Value(bool b) : v_(b) {}                                                 // NOLINT
  Value(int64_t i) : v_(i) {}                                              // NOLINT
  Value(double d) : v_(d) {}                                               // NOLINT
  Value(Text text) : v_(std::make_shared<const Text>(std::move(text))) {}  // NOLINT
  Value(TextPtr text) : v_(std::move(text)) {}                             // NOLINT
  Value(ListPtr list) : v_(std::move(list)) {}                             // NOLINT
  Value(DictPtr dict) : v_(std::move(dict)) {}                             // NOLINT
  Value(MethodPtr method) : v_(std::move(method)) {}                       // NOLINT
  Value(Namespace* ns) : v_(ns) {}                                         // NOLINT
  Value(Loop* loop) : v_(loop) {}                                          // NOLINT
  Value(const Macro* macro) : v_(macro) {}                                 // NOLINT
  Value(BoundFunction f) : v_(f) {}                                        // NOLINT
  Value(const char*) = delete;                                             // would be a bool

  bool is_undefined() const { return std::holds_alternative<Undefined>(v_); }
  bool is_none() const { return std::holds_alternative<None>(v_); }
  const bool* boolean() const { return std::get_if<bool>(&v_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&v_); }
  const double* number() const { return std::get_if<double>(&v_); }
  const Text* text() const { return Pointed<Text>(); }
  const List* list() const { return Pointed<List>(); }
  const Dict* dict() const { return Pointed<Dict>(); }
  const Method* method() const { return Pointed<Method>(); }
  Namespace* ns() const { return Raw<Namespace*>(); }
  Loop* loop() const { return Raw<Loop*>(); }
  const Macro* macro() const { return Raw<const Macro*>(); }
  const BoundFunction* function() const { return std::get_if<BoundFunction>(&v_); }
  bool is_callable() const { return method() != nullptr || macro() != nullptr || function() != nullptr; }

  // A bool as 0 or 1 too, as in Python.
  bool AsInteger(int64_t* out) const;
  bool AsNumber(double* out) const;  // also of an integer
  bool is_number() const { return boolean() != nullptr || integer() != nullptr || number() != nullptr; }

  bool Truth() const;
  uint32_t depth() const;              // of lists in lists; 0 for anything else
  std::string_view type_name() const;  // as Python calls it
  // Why nothing can be done with an undefined value.
  std::string Hint() const;

 private:
  template <typename T>
  const T* Pointed() const {
    const auto* p = std::get_if<std::shared_ptr<const T>>(&v_);
    return p == nullptr ? nullptr : p->get();
  }
  template <typename T>
  T Raw() const {
    const T* p = std::get_if<T>(&v_);
    return p == nullptr ? nullptr : *p;
  }

  std::variant<Undefined, None, bool, int64_t, double, TextPtr, ListPtr, DictPtr, MethodPtr, Namespace*, Loop*,
               const Macro*, BoundFunction>
      v_;
};

struct List {
  // What Python would have: they print, compare and index differently.
  enum class Kind : uint8_t { kList, kTuple, kRange, kIterator, kView };
  Kind kind = Kind::kList;
  std::vector<Value> items;
  uint32_t depth = 1;
  mutable bool used_up = false;  // an iterator gives its items once
};

struct Dict {
  std::vector<std::pair<Value, Value>> entries;  // in the order of insertion
  uint32_t depth = 1;

  const Value* Find(std::string_view key) const;
};

struct Method {
  Value self;
  std::string name;
};

Value MakeText(std::string_view bytes, Origin origin);
Value MakeUndefined(std::string hint);
// kLimit where lists would be too deep in lists.
Result<Value> MakeList(List::Kind kind, std::vector<Value> items);
// Later entries with a key that is there already take its place. Keys must be hashable.
Result<Value> MakeDict(std::vector<std::pair<Value, Value>> entries, Budget& budget);
// Texts come from a message.
Result<Value> FromJson(const JsonValue& json, Budget& budget);

// == of Python. Spends a step for each part that is looked at.
Result<bool> Equals(const Value& a, const Value& b, Budget& budget);
// -1, 0, 1; an error for values that Python does not order.
Result<int> Compare(const Value& a, const Value& b, Budget& budget);
// Whether Python takes the value for the key of a dict.
bool IsHashable(const Value& key);
// The value of a key, or null.
Result<const Value*> Lookup(const Dict& dict, const Value& key, Budget& budget);

// str() of Python.
Result<Text> ToText(const Value& value, Budget& budget);
// The shortest text that reads back as the same number, as Python writes it.
std::string FloatText(double d);

// What iterating gives: characters of a text, keys of a dict, items. An error for what cannot be iterated.
Result<std::vector<Value>> Items(const Value& value, Budget& budget);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_VALUE_H_
