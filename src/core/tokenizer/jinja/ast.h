// The tree of a parsed template.
#ifndef BITNET_CORE_TOKENIZER_JINJA_AST_H_
#define BITNET_CORE_TOKENIZER_JINJA_AST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/tokenizer/jinja/lexer.h"
#include "core/tokenizer/jinja/value.h"

namespace bitnet::core::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind : uint8_t {
    kConstant,
    kName,
    kList,      // args
    kTuple,     // args
    kDict,      // args: key, value, key, value, ...
    kNot,       // args[0]
    kNegative,  // args[0]
    kPositive,  // args[0]
    kBinary,    // args[0] name args[1]; and, or, arithmetic
    kConcat,    // all args, ~ between them
    kCompare,   // args[0] operators[0] args[1] operators[1] args[2] ...
    kIfElse,    // args: test, then, else (may be null)
    kMember,    // args[0].name
    kItem,      // args[0][args[1]]
    kSlice,     // args[0][args[1]:args[2]:args[3]], null where left out
    kCall,      // args[0](args[1...])
    kFilter,    // args[0] | name(args[1...]); args[0] is null in a filter block and in a block set
    kTest,      // args[0] is name(args[1...])
  };
  Kind kind = Kind::kConstant;
  Location location;
  uint32_t depth = 1;
  std::string name;
  Value constant;
  std::vector<ExprPtr> args;
  std::vector<std::string> keywords;   // of the last args of a call, filter or test
  std::vector<std::string> operators;  // of a comparison
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

struct Stmt {
  enum class Kind : uint8_t {
    kText,
    kPrint,     // expr
    kIf,        // branches; body is the else
    kFor,       // for target in expr if test: body, else orelse
    kSet,       // target = expr
    kSetBlock,  // target = body, through filter (may be null)
    kMacro,     // name, parameters, body
    kFilter,    // body through filter
    kScope,     // {% generation %} and {% with %}: assignments, then body, in a scope of its own
    kBreak,
    kContinue,
  };
  struct Branch {
    ExprPtr test;
    Body body;
  };
  struct Parameter {
    std::string name;
    ExprPtr value;  // the default, or null
  };
  struct Assignment {
    ExprPtr target, value;
  };
  Kind kind = Kind::kText;
  Location location;
  TextPtr text;
  ExprPtr expr, test, filter;
  ExprPtr target;  // a name, a tuple of targets, or a member of a namespace
  std::string name;
  std::vector<Branch> branches;
  std::vector<Parameter> parameters;
  std::vector<Assignment> assignments;
  Body body, orelse;
};

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_AST_H_
