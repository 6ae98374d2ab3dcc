// Walks the tree of a template.
#ifndef BITNET_CORE_TOKENIZER_JINJA_EVALUATOR_H_
#define BITNET_CORE_TOKENIZER_JINJA_EVALUATOR_H_

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tokenizer/jinja/ast.h"
#include "core/tokenizer/jinja/budget.h"
#include "core/tokenizer/jinja/value.h"

namespace bitnet::core::jinja {

// Names and values of a block; names point into the tree.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> names;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members;
};

// The variable `loop` of a for loop.
struct Loop {
  const std::vector<Value>* items = nullptr;
  size_t index = 0;
  bool over = false;  // `items` is gone
  std::optional<std::vector<Value>> last_changed;
};

struct Macro {
  const Stmt* definition = nullptr;
  Scope* scope = nullptr;  // where it was defined
};

// The arguments of a call, filter or test.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Evaluator {
 public:
  // `now` is what strftime_now tells, in seconds since 1970 of the caller's calendar; without it there is no such
  // function. The variables live as long as the evaluator.
  Evaluator(const std::vector<std::pair<std::string, Value>>& variables, std::optional<int64_t> now, Budget& budget);

  Result<Text> Render(const Body& body);

  Budget& budget() { return budget_; }
  std::optional<int64_t> now() const { return now_; }
  Namespace* NewNamespace() { return &namespaces_.emplace_back(); }

  // By name, as the filters map and select do too.
  Result<Value> ApplyFilter(std::string_view name, const Value& value, const Arguments& arguments);
  Result<bool> ApplyTest(std::string_view name, const Value& value, const Arguments& arguments);

 private:
  enum class Flow : uint8_t { kOn, kBreak, kContinue };

  // evaluator.cc: statements
  Result<Flow> Run(const Body& body);
  Result<Flow> RunStatement(const Stmt& s);
  Result<Flow> RunIf(const Stmt& s);
  Result<Flow> RunFor(const Stmt& s);
  Result<Flow> RunCaptured(const Stmt& s);
  Status Print(const Value& value, Location location);
  Status Assign(const Expr& target, Value value);
  void Store(std::string_view name, Value value);  // in the current scope
  Status AssignMember(const Expr& target, Value value);
  Result<Value> Filtered(const Expr* filter, Value value);
  // The text that a body writes, in a scope of its own; `flow` as it ended.
  Result<Text> Capture(const Body& body, Flow* flow);
  Result<Value> CallMacro(const Macro& macro, const Arguments& arguments);

  // expressions.cc
  Result<Value> Evaluate(const Expr& e);
  Result<Value> EvaluateKind(const Expr& e);
  Result<Value> Name(const Expr& e);
  Result<Value> Binary(const Expr& e);
  Result<Value> Concat(const Expr& e);
  Result<Value> Comparison(const Expr& e);
  Result<Value> SliceOf(const Expr& e);
  Result<Value> Call(const Expr& e);
  Result<Value> CallFunction(const BoundFunction& f, const Arguments& arguments);
  // The args of `e` from the second on.
  Result<Arguments> ArgumentsOf(const Expr& e);
  Result<Value> FilterOf(const Expr& e, const Value& value);

  // A scope inside of the current one while this lives.
  class Inner {
   public:
    explicit Inner(Evaluator& evaluator, Scope* parent = nullptr);
    ~Inner();
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;

   private:
    Evaluator& evaluator_;
    Scope* outer_;
  };
  // A level of the walk while this lives.
  struct Level {
    explicit Level(uint32_t& level) : level(++level) {}
    ~Level() { --level; }
    uint32_t& level;
  };
  // The value of a name of the scopes, or null.
  Result<const Value*> Find(std::string_view name);

  const std::vector<std::pair<std::string, Value>>& variables_;
  const std::optional<int64_t> now_;
  Budget& budget_;
  // Values point into these, so they stay until the end.
  std::deque<Scope> scopes_;
  std::deque<Namespace> namespaces_;
  std::deque<Loop> loops_;
  std::deque<Macro> macros_;
  Scope* scope_ = nullptr;
  Text* out_ = nullptr;
  uint32_t level_ = 0;
};

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_EVALUATOR_H_
