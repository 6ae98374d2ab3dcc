#include "core/tokenizer/jinja/evaluator.h"

#include <algorithm>

namespace bitnet::core::jinja {

Evaluator::Evaluator(const std::vector<std::pair<std::string, Value>>& variables, std::optional<int64_t> now,
                     Budget& budget)
    : variables_(variables), now_(now), budget_(budget), scope_(&scopes_.emplace_back()) {}

Evaluator::Inner::Inner(Evaluator& evaluator, Scope* parent) : evaluator_(evaluator), outer_(evaluator.scope_) {
  evaluator_.scopes_.push_back({parent != nullptr ? parent : outer_, {}});
  evaluator_.scope_ = &evaluator_.scopes_.back();
}

Evaluator::Inner::~Inner() {
  // A macro may still need the scopes around its definition.
  if (evaluator_.macros_.empty()) evaluator_.scopes_.pop_back();
  evaluator_.scope_ = outer_;
}

Result<const Value*> Evaluator::Find(std::string_view name) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    BN_RETURN_IF_ERROR(budget_.Spend(scope->names.size() / kComparisonsPerStep));
    for (const auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return static_cast<const Value*>(nullptr);
}

Result<Text> Evaluator::Render(const Body& body) {
  Text out;
  out_ = &out;
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow, Run(body));
  return out;
}

Result<Evaluator::Flow> Evaluator::Run(const Body& body) {
  for (const auto& statement : body) {
    BN_ASSIGN_OR_RETURN(const Flow flow, RunStatement(*statement));
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Evaluator::Flow> Evaluator::RunStatement(const Stmt& s) {
  const Level level(level_);
  if (level_ > kMaxCallDepth)
    return ErrorAt(s.location, Code::kLimit, Cat("calls in calls deeper than ", kMaxCallDepth, " levels"));
  if (const Status spent = budget_.Spend(1); !spent.ok()) return At(s.location, spent);
  switch (s.kind) {
    case Stmt::Kind::kText:
    case Stmt::Kind::kPrint: {
      Value value(s.text);
      if (s.expr != nullptr) {
        BN_ASSIGN_OR_RETURN(value, Evaluate(*s.expr));
      }
      BN_RETURN_IF_ERROR(Print(value, s.location));
      return Flow::kOn;
    }
    case Stmt::Kind::kIf: return RunIf(s);
    case Stmt::Kind::kFor: return RunFor(s);
    case Stmt::Kind::kSet: {
      BN_ASSIGN_OR_RETURN(Value value, Evaluate(*s.expr));
      BN_RETURN_IF_ERROR(Assign(*s.target, std::move(value)));
      return Flow::kOn;
    }
    case Stmt::Kind::kSetBlock:
    case Stmt::Kind::kFilter: return RunCaptured(s);
    case Stmt::Kind::kMacro: {
      const Macro* macro = &macros_.emplace_back(Macro{&s, scope_});
      Store(s.name, Value(macro));
      return Flow::kOn;
    }
    case Stmt::Kind::kScope: {
      std::vector<Value> values;  // of names around the block
      for (const auto& assignment : s.assignments) {
        BN_ASSIGN_OR_RETURN(Value value, Evaluate(*assignment.value));
        values.push_back(std::move(value));
      }
      const Inner inner(*this);
      for (size_t i = 0; i < values.size(); ++i)
        BN_RETURN_IF_ERROR(Assign(*s.assignments[i].target, std::move(values[i])));
      return Run(s.body);
    }
    case Stmt::Kind::kBreak: return Flow::kBreak;
    case Stmt::Kind::kContinue: return Flow::kContinue;
  }
  return Flow::kOn;
}

Status Evaluator::Print(const Value& value, Location location) {
  auto text = ToText(value, budget_);
  if (!text.ok()) return At(location, text.status());
  if (out_->size() + text->size() > kMaxTextBytes)
    return ErrorAt(location, Code::kLimit, Cat("the text grows beyond ", kMaxTextBytes, " bytes"));
  out_->Append(*text);
  return {};
}

Result<Evaluator::Flow> Evaluator::RunIf(const Stmt& s) {
  for (const Stmt::Branch& branch : s.branches) {
    BN_ASSIGN_OR_RETURN(const Value test, Evaluate(*branch.test));
    if (test.Truth()) return Run(branch.body);
  }
  return Run(s.body);
}

Result<Evaluator::Flow> Evaluator::RunFor(const Stmt& s) {
  BN_ASSIGN_OR_RETURN(const Value sequence, Evaluate(*s.expr));
  auto found = Items(sequence, budget_);
  if (!found.ok()) return At(s.location, found.status());
  std::vector<Value> items;
  if (s.test == nullptr) {
    items = *std::move(found);
  } else {
    for (Value& item : *found) {
      const Inner inner(*this);
      BN_RETURN_IF_ERROR(Assign(*s.target, item));
      BN_ASSIGN_OR_RETURN(const Value wanted, Evaluate(*s.test));
      if (wanted.Truth()) items.push_back(std::move(item));
    }
  }
  if (items.empty()) {
    const Inner inner(*this);
    return Run(s.orelse);
  }
  Loop& loop = loops_.emplace_back();
  loop.items = &items;
  Status status;
  for (; loop.index < items.size() && status.ok(); ++loop.index) {
    const Inner inner(*this);
    status = Assign(*s.target, items[loop.index]);
    if (!status.ok()) break;
    Store("loop", Value(&loop));
    const auto flow = Run(s.body);
    status = flow.status();
    if (status.ok() && *flow == Flow::kBreak) break;
  }
  loop.over = true;
  loop.items = nullptr;
  if (!status.ok()) return status;
  return Flow::kOn;
}

Result<Text> Evaluator::Capture(const Body& body, Flow* flow) {
  const Inner inner(*this);
  Text captured;
  Text* const outer = std::exchange(out_, &captured);
  auto ended = Run(body);
  out_ = outer;
  if (!ended.ok()) return ended.status();
  *flow = *ended;
  return captured;
}

Result<Evaluator::Flow> Evaluator::RunCaptured(const Stmt& s) {
  Flow flow = Flow::kOn;
  BN_ASSIGN_OR_RETURN(Text text, Capture(s.body, &flow));
  if (flow != Flow::kOn) return flow;
  BN_ASSIGN_OR_RETURN(Value value, Filtered(s.filter.get(), Value(std::move(text))));
  if (s.kind == Stmt::Kind::kSetBlock) {
    BN_RETURN_IF_ERROR(Assign(*s.target, std::move(value)));
  } else {
    BN_RETURN_IF_ERROR(Print(value, s.location));
  }
  return flow;
}

Result<Value> Evaluator::Filtered(const Expr* filter, Value value) {
  if (filter == nullptr) return value;
  BN_ASSIGN_OR_RETURN(value, Filtered(filter->args[0].get(), std::move(value)));
  return FilterOf(*filter, value);
}

Status Evaluator::AssignMember(const Expr& target, Value value) {
  BN_ASSIGN_OR_RETURN(const Value object, Evaluate(*target.args[0]));
  if (object.ns() == nullptr)
    return ErrorAt(target.location, Code::kInvalidArgument, "only members of a namespace can be assigned to");
  auto& members = object.ns()->members;
  if (const Status spent = budget_.Spend(members.size() / kComparisonsPerStep); !spent.ok())
    return At(target.location, spent);
  const auto known =
      std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == target.name; });
  if (known != members.end()) {
    known->second = std::move(value);
  } else {
    members.emplace_back(target.name, std::move(value));
  }
  return {};
}

Status Evaluator::Assign(const Expr& target, Value value) {
  if (target.kind == Expr::Kind::kMember) return AssignMember(target, std::move(value));
  if (target.kind == Expr::Kind::kTuple) {
    auto items = Items(value, budget_);
    if (!items.ok()) return At(target.location, items.status());
    if (items->size() != target.args.size()) {
      return ErrorAt(target.location, Code::kInvalidArgument,
                     Cat("cannot assign ", items->size(), " values to ", target.args.size(), " names"));
    }
    for (size_t i = 0; i < items->size(); ++i) BN_RETURN_IF_ERROR(Assign(*target.args[i], std::move((*items)[i])));
    return {};
  }
  if (const Status spent = budget_.Spend(scope_->names.size() / kComparisonsPerStep); !spent.ok())
    return At(target.location, spent);
  Store(target.name, std::move(value));
  return {};
}

void Evaluator::Store(std::string_view name, Value value) {
  for (auto& [known, old] : scope_->names) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  scope_->names.emplace_back(name, std::move(value));
}

Result<Value> Evaluator::CallMacro(const Macro& macro, const Arguments& arguments) {
  const Stmt& definition = *macro.definition;
  const auto& parameters = definition.parameters;
  if (arguments.positional.size() > parameters.size()) {
    return Status(Code::kInvalidArgument, Cat("the macro ", Quoted(definition.name), " takes ", parameters.size(),
                                              " arguments, it got ", arguments.positional.size()));
  }
  for (const auto& [name, value] : arguments.named) {
    const auto known =
        std::find_if(parameters.begin(), parameters.end(), [&name = name](const auto& p) { return p.name == name; });
    if (known == parameters.end() || static_cast<size_t>(known - parameters.begin()) < arguments.positional.size()) {
      return Status(Code::kInvalidArgument,
                    Cat("the macro ", Quoted(definition.name), " takes no further argument ", Quoted(name)));
    }
  }
  const Inner inner(*this, macro.scope);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, fallback] = parameters[i];
    const auto given = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&name = name](const auto& argument) { return argument.first == name; });
    Value value = MakeUndefined(Cat("parameter ", Quoted(name), " was not provided"));
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else if (given != arguments.named.end()) {
      value = given->second;
    } else if (fallback != nullptr) {
      BN_ASSIGN_OR_RETURN(value, Evaluate(*fallback));
    }
    Store(name, std::move(value));
  }
  Flow flow = Flow::kOn;
  auto text = Capture(definition.body, &flow);
  if (!text.ok()) return text.status();
  return Value(*std::move(text));
}

}  // namespace bitnet::core::jinja
