// What stands after `is`.
#include <algorithm>
#include <iterator>

#include "core/tokenizer/jinja/filters.h"
#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/jinja/operators.h"

namespace bitnet::core::jinja {
namespace {

// Tests without arguments that only look at the type of a value.
struct TypeTest {
  std::string_view name;
  bool (*holds)(const Value&);
};
bool IsSized(const Value& v) {
  return v.text() != nullptr || v.dict() != nullptr || v.is_undefined() ||
         (v.list() != nullptr && v.list()->kind != List::Kind::kIterator && v.list()->kind != List::Kind::kView);
}
constexpr TypeTest kTypeTests[] = {
    {"defined", [](const Value& v) { return !v.is_undefined(); }},
    {"undefined", [](const Value& v) { return v.is_undefined(); }},
    {"none", [](const Value& v) { return v.is_none(); }},
    {"boolean", [](const Value& v) { return v.boolean() != nullptr; }},
    {"true", [](const Value& v) { return v.boolean() != nullptr && *v.boolean(); }},
    {"false", [](const Value& v) { return v.boolean() != nullptr && !*v.boolean(); }},
    {"integer", [](const Value& v) { return v.integer() != nullptr; }},
    {"float", [](const Value& v) { return v.number() != nullptr; }},
    {"number", [](const Value& v) { return v.is_number(); }},
    {"string", [](const Value& v) { return v.text() != nullptr; }},
    {"mapping", [](const Value& v) { return v.dict() != nullptr; }},
    {"sequence", IsSized},
    {"iterable",
     [](const Value& v) {
       return v.text() != nullptr || v.list() != nullptr || v.dict() != nullptr || v.is_undefined() ||
              v.loop() != nullptr;
     }},
    // The undefined value of Jinja has a method to be called, which fails.
    {"callable", [](const Value& v) { return v.is_callable() || v.is_undefined(); }},
    {"escaped", [](const Value& v) { return v.text() != nullptr && v.text()->safe; }},
};

// Tests with one argument that are operators.
struct OperatorTest {
  std::string_view name, op;
};
constexpr OperatorTest kOperatorTests[] = {{"eq", "=="}, {"equalto", "=="},    {"==", "=="},      {"ne", "!="},
                                           {"!=", "!="}, {"lt", "<"},          {"lessthan", "<"}, {"<", "<"},
                                           {"le", "<="}, {"<=", "<="},         {"gt", ">"},       {">", ">"},
                                           {"ge", ">="}, {"greaterthan", ">"}, {">=", ">="}};

constexpr std::string_view kOtherTests[] = {"even",  "odd",   "divisibleby", "in",  "sameas",
                                            "lower", "upper", "filter",      "test"};

// value % divisor == rest
Result<bool> Leaves(const Value& value, const Value& divisor, int64_t rest, Budget& budget) {
  BN_ASSIGN_OR_RETURN(const Value left, Arithmetic("%", value, divisor, budget));
  return Equals(left, Value(rest), budget);
}

// `is` of Python, where it does not hang on what Python happens to keep only once: equal texts, numbers and tuples may
// be one object or several there.
Result<bool> Same(const Value& a, const Value& b) {
  if (a.type_name() != b.type_name()) return false;
  if (a.is_none()) return true;
  if (a.boolean() != nullptr) return *a.boolean() == *b.boolean();
  if (a.ns() != nullptr) return a.ns() == b.ns();
  if (a.loop() != nullptr) return a.loop() == b.loop();
  if (a.macro() != nullptr) return a.macro() == b.macro();
  if (a.dict() != nullptr) return a.dict() == b.dict();
  if (a.list() != nullptr && (a.list() == b.list() || a.list()->kind != List::Kind::kTuple))
    return a.list() == b.list();
  return Status(Code::kUnsupported, Cat("the test 'sameas' of two values of type ", a.type_name(),
                                        " is not supported: compare them with =="));
}

}  // namespace

bool HasTest(std::string_view name) {
  const auto named = [&](const auto& test) { return test.name == name; };
  return std::any_of(std::begin(kTypeTests), std::end(kTypeTests), named) ||
         std::any_of(std::begin(kOperatorTests), std::end(kOperatorTests), named) ||
         std::find(std::begin(kOtherTests), std::end(kOtherTests), name) != std::end(kOtherTests);
}

Result<bool> Evaluator::ApplyTest(std::string_view name, const Value& value, const Arguments& arguments) {
  if (!HasTest(name)) return Status(Code::kBadFormat, Cat("no test ", Quoted(name)));
  for (const TypeTest& test : kTypeTests) {
    if (test.name != name) continue;
    BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind(name, arguments, {}));
    return test.holds(value);
  }
  if (name == "even") return Leaves(value, Value(int64_t{2}), 0, budget_);
  if (name == "odd") return Leaves(value, Value(int64_t{2}), 1, budget_);
  if (name == "lower" || name == "upper" || name == "filter" || name == "test") {
    BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind(name, arguments, {}));
    BN_ASSIGN_OR_RETURN(const Text text, ToText(value, budget_));
    if (name == "filter") return HasFilter(text.bytes());
    if (name == "test") return HasTest(text.bytes());
    BN_ASSIGN_OR_RETURN(const Value holds,
                        CallMethod(Value(text), name == "lower" ? "islower" : "isupper", {}, budget_));
    return holds.Truth();
  }
  BN_ASSIGN_OR_RETURN(const auto given, Bind(name, arguments, {"other"}, 1));
  if (name == "divisibleby") return Leaves(value, *given[0], 0, budget_);
  if (name == "in") return Contains(*given[0], value, budget_);
  if (name == "sameas") return Same(value, *given[0]);
  for (const OperatorTest& test : kOperatorTests) {
    if (test.name == name) return Related(test.op, value, *given[0], budget_);
  }
  return false;
}

}  // namespace bitnet::core::jinja
