#include <algorithm>
#include <utility>

#include "core/tokenizer/jinja/evaluator.h"
#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/jinja/operators.h"

namespace bitnet::core::jinja {
namespace {

using Kind = Expr::Kind;

// Functions that every template may call, beside its variables.
struct Global {
  std::string_view name;
  Function function;
};
constexpr Global kGlobals[] = {{"range", Function::kRange},
                               {"namespace", Function::kNamespace},
                               {"dict", Function::kDict},
                               {"raise_exception", Function::kRaiseException},
                               {"strftime_now", Function::kStrftimeNow}};
// Functions of Jinja, and what it gives to macros.
constexpr std::string_view kMissing[] = {"lipsum", "cycler", "joiner", "varargs", "kwargs", "caller", "self"};

}  // namespace

Result<Value> Evaluator::Evaluate(const Expr& e) {
  const Level level(level_);
  if (level_ > kMaxCallDepth)
    return ErrorAt(e.location, Code::kLimit, Cat("calls in calls deeper than ", kMaxCallDepth, " levels"));
  if (const Status spent = budget_.Spend(1); !spent.ok()) return At(e.location, spent);
  auto value = EvaluateKind(e);
  if (!value.ok()) return At(e.location, value.status());
  return value;
}

Result<Value> Evaluator::EvaluateKind(const Expr& e) {
  switch (e.kind) {
    case Kind::kConstant: return e.constant;
    case Kind::kName: return Name(e);
    case Kind::kList:
    case Kind::kTuple: {
      std::vector<Value> items;
      for (const ExprPtr& arg : e.args) {
        BN_ASSIGN_OR_RETURN(Value item, Evaluate(*arg));
        items.push_back(std::move(item));
      }
      return MakeList(e.kind == Kind::kList ? List::Kind::kList : List::Kind::kTuple, std::move(items));
    }
    case Kind::kDict: {
      std::vector<std::pair<Value, Value>> entries;
      for (size_t i = 0; i < e.args.size(); i += 2) {
        BN_ASSIGN_OR_RETURN(Value key, Evaluate(*e.args[i]));
        BN_ASSIGN_OR_RETURN(Value value, Evaluate(*e.args[i + 1]));
        entries.emplace_back(std::move(key), std::move(value));
      }
      return MakeDict(std::move(entries), budget_);
    }
    case Kind::kNot: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      return Value(!value.Truth());
    }
    case Kind::kNegative:
    case Kind::kPositive: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      if (e.kind == Kind::kNegative) return Negative(value);
      return Arithmetic("+", Value(int64_t{0}), value, budget_);
    }
    case Kind::kBinary: return Binary(e);
    case Kind::kConcat: return Concat(e);
    case Kind::kCompare: return Comparison(e);
    case Kind::kIfElse: {
      BN_ASSIGN_OR_RETURN(const Value test, Evaluate(*e.args[0]));
      if (test.Truth()) return Evaluate(*e.args[1]);
      if (e.args[2] != nullptr) return Evaluate(*e.args[2]);
      return MakeUndefined("an inline 'if' without 'else' was false");
    }
    case Kind::kMember: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      return Member(value, e.name, budget_);
    }
    case Kind::kItem: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      BN_ASSIGN_OR_RETURN(const Value key, Evaluate(*e.args[1]));
      return Item(value, key, budget_);
    }
    case Kind::kSlice: return SliceOf(e);
    case Kind::kCall: return Call(e);
    case Kind::kFilter: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      return FilterOf(e, value);
    }
    case Kind::kTest: {
      BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
      BN_ASSIGN_OR_RETURN(const Arguments arguments, ArgumentsOf(e));
      BN_ASSIGN_OR_RETURN(const bool holds, ApplyTest(e.name, value, arguments));
      return Value(holds);
    }
  }
  return Value();
}

Result<Value> Evaluator::Name(const Expr& e) {
  BN_ASSIGN_OR_RETURN(const Value* known, Find(e.name));
  if (known != nullptr) return *known;
  BN_RETURN_IF_ERROR(budget_.Spend(variables_.size() / kComparisonsPerStep));
  for (const auto& [name, value] : variables_) {
    if (name == e.name) return value;
  }
  for (const Global& global : kGlobals) {
    if (global.name == e.name && (global.function != Function::kStrftimeNow || now_))
      return Value(BoundFunction{global.function});
  }
  if (std::find(std::begin(kMissing), std::end(kMissing), e.name) != std::end(kMissing))
    return Status(Code::kUnsupported, Cat(Quoted(e.name), " is not supported"));
  if (e.name == "strftime_now") return MakeUndefined("'strftime_now' is undefined: no time was given");
  return MakeUndefined(Cat(Quoted(e.name), " is undefined"));
}

Result<Value> Evaluator::Binary(const Expr& e) {
  BN_ASSIGN_OR_RETURN(Value left, Evaluate(*e.args[0]));
  if (e.name == "and") return left.Truth() ? Evaluate(*e.args[1]) : Result<Value>(std::move(left));
  if (e.name == "or") return left.Truth() ? Result<Value>(std::move(left)) : Evaluate(*e.args[1]);
  BN_ASSIGN_OR_RETURN(const Value right, Evaluate(*e.args[1]));
  return Arithmetic(e.name, left, right, budget_);
}

Result<Value> Evaluator::Concat(const Expr& e) {
  Text out;
  for (const ExprPtr& arg : e.args) {
    BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*arg));
    BN_ASSIGN_OR_RETURN(const Text text, ToText(value, budget_));
    BN_RETURN_IF_ERROR(budget_.SpendBytes(out.size() + text.size()));
    out.Append(text);
  }
  return Value(std::move(out));
}

Result<Value> Evaluator::Comparison(const Expr& e) {
  BN_ASSIGN_OR_RETURN(Value left, Evaluate(*e.args[0]));
  for (size_t i = 0; i < e.operators.size(); ++i) {
    BN_ASSIGN_OR_RETURN(Value right, Evaluate(*e.args[i + 1]));
    const std::string& op = e.operators[i];
    bool holds = false;
    if (op == "in" || op == "not in") {
      BN_ASSIGN_OR_RETURN(const bool contained, Contains(right, left, budget_));
      holds = contained == (op == "in");
    } else {
      BN_ASSIGN_OR_RETURN(holds, Related(op, left, right, budget_));
    }
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Evaluator::SliceOf(const Expr& e) {
  BN_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.args[0]));
  Value bounds[3];
  const Value* given[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    if (e.args[i + 1] == nullptr) continue;
    BN_ASSIGN_OR_RETURN(bounds[i], Evaluate(*e.args[i + 1]));
    if (!bounds[i].is_none()) given[i] = &bounds[i];
  }
  return Slice(value, given[0], given[1], given[2], budget_);
}

Result<Arguments> Evaluator::ArgumentsOf(const Expr& e) {
  Arguments arguments;
  const size_t n_positional = e.args.size() - e.keywords.size();
  for (size_t i = 1; i < e.args.size(); ++i) {
    BN_ASSIGN_OR_RETURN(Value value, Evaluate(*e.args[i]));
    if (i < n_positional) {
      arguments.positional.push_back(std::move(value));
      continue;
    }
    const std::string& name = e.keywords[i - n_positional];
    for (const auto& [known, other] : arguments.named) {
      if (known == name) return Status(Code::kBadFormat, Cat("the argument ", Quoted(name), " comes twice"));
    }
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

Result<Value> Evaluator::FilterOf(const Expr& e, const Value& value) {
  BN_ASSIGN_OR_RETURN(const Arguments arguments, ArgumentsOf(e));
  auto result = ApplyFilter(e.name, value, arguments);
  if (!result.ok()) return At(e.location, result.status());
  return result;
}

Result<Value> Evaluator::Call(const Expr& e) {
  BN_ASSIGN_OR_RETURN(const Value callee, Evaluate(*e.args[0]));
  BN_ASSIGN_OR_RETURN(const Arguments arguments, ArgumentsOf(e));
  if (callee.is_undefined()) return Status(Code::kInvalidArgument, callee.Hint());
  if (const BoundFunction* function = callee.function()) return CallFunction(*function, arguments);
  if (const Macro* macro = callee.macro()) return CallMacro(*macro, arguments);
  if (const Method* method = callee.method()) return CallMethod(method->self, method->name, arguments, budget_);
  return Status(Code::kInvalidArgument, Cat("a ", callee.type_name(), " cannot be called"));
}

}  // namespace bitnet::core::jinja
