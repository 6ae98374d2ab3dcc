#include <algorithm>
#include <utility>

#include "core/tokenizer/jinja/parser.h"

namespace bitnet::core::jinja {

using Kind = Expr::Kind;

Status TokenStream::Unexpected(std::string_view expected) const {
  const Token& t = current();
  std::string found;
  switch (t.kind) {
    case Token::Kind::kEnd: found = "the end of the template"; break;
    case Token::Kind::kBlockEnd:
    case Token::Kind::kVariableEnd: found = "the end of the tag"; break;
    case Token::Kind::kInteger:
    case Token::Kind::kFloat: found = "a number"; break;
    default: found = Quoted(t.text);
  }
  return ErrorAt(t.location, Code::kBadFormat, Cat("expected ", expected, ", found ", found));
}

Status TokenStream::Expect(std::string_view op) { return SkipOperator(op) ? Status() : Unexpected(Quoted(op)); }

Result<std::string> TokenStream::ExpectName() {
  if (current().kind != Token::Kind::kName) return Unexpected("a name");
  std::string name = current().text;
  Advance();
  return name;
}

Status ExpressionParser::CheckLevel() const {
  if (level_ <= kMaxSyntaxDepth) return {};
  return ErrorAt(stream_.current().location, Code::kLimit,
                 Cat("expressions in expressions deeper than ", kMaxSyntaxDepth, " levels"));
}

ExprPtr ExpressionParser::New(Kind kind) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->location = stream_.current().location;
  return expr;
}

Status ExpressionParser::Adopt(Expr& parent, ExprPtr part) const {
  if (part != nullptr) parent.depth = std::max(parent.depth, part->depth + 1);
  parent.args.push_back(std::move(part));
  if (parent.depth <= kMaxSyntaxDepth) return {};
  return ErrorAt(parent.location, Code::kLimit,
                 Cat("expressions in expressions deeper than ", kMaxSyntaxDepth, " levels"));
}

Result<ExprPtr> ExpressionParser::Binary(ExprPtr left, const Token& op, ExprPtr right) const {
  ExprPtr expr = New(Kind::kBinary);
  expr->name = op.text;
  expr->location = op.location;
  BN_RETURN_IF_ERROR(Adopt(*expr, std::move(left)));
  BN_RETURN_IF_ERROR(Adopt(*expr, std::move(right)));
  return expr;
}

Result<ExprPtr> ExpressionParser::Expression(bool with_if) {
  const Level level(level_);
  BN_RETURN_IF_ERROR(CheckLevel());
  BN_ASSIGN_OR_RETURN(ExprPtr expr, Or());
  while (with_if && stream_.IsName("if")) {
    ExprPtr choice = New(Kind::kIfElse);
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr test, Or());
    ExprPtr otherwise;
    if (stream_.SkipName("else")) {
      BN_ASSIGN_OR_RETURN(otherwise, Expression());
    }
    BN_RETURN_IF_ERROR(Adopt(*choice, std::move(test)));
    BN_RETURN_IF_ERROR(Adopt(*choice, std::move(expr)));
    BN_RETURN_IF_ERROR(Adopt(*choice, std::move(otherwise)));
    expr = std::move(choice);
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Or() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, And());
  while (stream_.IsName("or")) {
    const Token op = stream_.current();
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, And());
    BN_ASSIGN_OR_RETURN(left, Binary(std::move(left), op, std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::And() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Not());
  while (stream_.IsName("and")) {
    const Token op = stream_.current();
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, Not());
    BN_ASSIGN_OR_RETURN(left, Binary(std::move(left), op, std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Not() {
  if (!stream_.IsName("not")) return Comparison();
  const Level level(level_);
  BN_RETURN_IF_ERROR(CheckLevel());
  ExprPtr expr = New(Kind::kNot);
  stream_.Advance();
  BN_ASSIGN_OR_RETURN(ExprPtr inner, Not());
  BN_RETURN_IF_ERROR(Adopt(*expr, std::move(inner)));
  return expr;
}

Result<ExprPtr> ExpressionParser::Comparison() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Sum());
  ExprPtr expr;
  while (true) {
    const Token op = stream_.current();
    std::string name;
    if (op.kind == Token::Kind::kOperator && (op.text == "==" || op.text == "!=" || op.text == "<" || op.text == "<=" ||
                                              op.text == ">" || op.text == ">=")) {
      name = op.text;
    } else if (stream_.IsName("in")) {
      name = "in";
    } else if (stream_.IsName("not") && stream_.next().kind == Token::Kind::kName && stream_.next().text == "in") {
      name = "not in";
      stream_.Advance();
    } else {
      break;
    }
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, Sum());
    if (expr == nullptr) {
      expr = New(Kind::kCompare);
      expr->location = op.location;
      BN_RETURN_IF_ERROR(Adopt(*expr, std::move(left)));
    }
    expr->operators.push_back(std::move(name));
    BN_RETURN_IF_ERROR(Adopt(*expr, std::move(right)));
  }
  return expr == nullptr ? std::move(left) : std::move(expr);
}

Result<ExprPtr> ExpressionParser::Sum() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Concat());
  while (stream_.IsOperator("+") || stream_.IsOperator("-")) {
    const Token op = stream_.current();
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, Concat());
    BN_ASSIGN_OR_RETURN(left, Binary(std::move(left), op, std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Concat() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Product());
  if (!stream_.IsOperator("~")) return left;
  ExprPtr expr = New(Kind::kConcat);
  BN_RETURN_IF_ERROR(Adopt(*expr, std::move(left)));
  while (stream_.SkipOperator("~")) {
    BN_ASSIGN_OR_RETURN(ExprPtr right, Product());
    BN_RETURN_IF_ERROR(Adopt(*expr, std::move(right)));
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Product() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Power());
  while (stream_.IsOperator("*") || stream_.IsOperator("/") || stream_.IsOperator("//") || stream_.IsOperator("%")) {
    const Token op = stream_.current();
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, Power());
    BN_ASSIGN_OR_RETURN(left, Binary(std::move(left), op, std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Power() {
  BN_ASSIGN_OR_RETURN(ExprPtr left, Unary());
  while (stream_.IsOperator("**")) {
    const Token op = stream_.current();
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr right, Unary());
    BN_ASSIGN_OR_RETURN(left, Binary(std::move(left), op, std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Unary(bool with_filter) {
  const Level level(level_);
  BN_RETURN_IF_ERROR(CheckLevel());
  ExprPtr expr;
  if (stream_.IsOperator("-") || stream_.IsOperator("+")) {
    expr = New(stream_.IsOperator("-") ? Kind::kNegative : Kind::kPositive);
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(ExprPtr inner, Unary(/*with_filter=*/false));
    BN_RETURN_IF_ERROR(Adopt(*expr, std::move(inner)));
  } else {
    BN_ASSIGN_OR_RETURN(expr, Primary());
  }
  BN_ASSIGN_OR_RETURN(expr, Postfix(std::move(expr)));
  return with_filter ? FilterOrTest(std::move(expr)) : Result<ExprPtr>(std::move(expr));
}

Result<ExprPtr> ExpressionParser::Primary() {
  const Token& token = stream_.current();
  ExprPtr expr = New(Kind::kConstant);
  switch (token.kind) {
    case Token::Kind::kName:
      if (token.text == "true" || token.text == "True") {
        expr->constant = Value(true);
      } else if (token.text == "false" || token.text == "False") {
        expr->constant = Value(false);
      } else if (token.text == "none" || token.text == "None") {
        expr->constant = Value(None{});
      } else {
        expr->kind = Kind::kName;
        expr->name = token.text;
      }
      stream_.Advance();
      return expr;
    case Token::Kind::kString: {
      Text text;  // strings that stand side by side are one
      for (; stream_.current().kind == Token::Kind::kString; stream_.Advance())
        text.Append(stream_.current().text, Origin::kTemplate);
      expr->constant = Value(std::move(text));
      return expr;
    }
    case Token::Kind::kInteger:
      expr->constant = Value(token.integer);
      stream_.Advance();
      return expr;
    case Token::Kind::kFloat:
      expr->constant = Value(token.number);
      stream_.Advance();
      return expr;
    default: break;
  }
  if (stream_.SkipOperator("(")) {
    BN_ASSIGN_OR_RETURN(expr, Tuple(/*with_if=*/true, /*parenthesized=*/true));
    BN_RETURN_IF_ERROR(stream_.Expect(")"));
    return expr;
  }
  if (stream_.IsOperator("[")) return ListLiteral();
  if (stream_.IsOperator("{")) return DictLiteral();
  return stream_.Unexpected("an expression");
}

Result<ExprPtr> ExpressionParser::Tuple(bool with_if, bool parenthesized) {
  const auto at_end = [&] {
    const Token::Kind kind = stream_.current().kind;
    return kind == Token::Kind::kVariableEnd || kind == Token::Kind::kBlockEnd || stream_.IsOperator(")");
  };
  ExprPtr tuple = New(Kind::kTuple);
  bool is_tuple = false;
  while (true) {
    if (!tuple->args.empty()) BN_RETURN_IF_ERROR(stream_.Expect(","));
    if (at_end()) break;
    BN_ASSIGN_OR_RETURN(ExprPtr item, Expression(with_if));
    BN_RETURN_IF_ERROR(Adopt(*tuple, std::move(item)));
    if (!stream_.IsOperator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return tuple;
  if (!tuple->args.empty()) return std::move(tuple->args[0]);
  if (!parenthesized) return stream_.Unexpected("an expression");
  return tuple;
}

Result<ExprPtr> ExpressionParser::TargetPart(bool with_member) {
  if (stream_.SkipOperator("(")) {
    BN_ASSIGN_OR_RETURN(ExprPtr target, Target(with_member));
    BN_RETURN_IF_ERROR(stream_.Expect(")"));
    return target;
  }
  ExprPtr target = New(Kind::kName);
  BN_ASSIGN_OR_RETURN(target->name, stream_.ExpectName());
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (target->name == constant)
      return ErrorAt(target->location, Code::kBadFormat, Cat("cannot assign to ", Quoted(target->name)));
  }
  if (with_member && stream_.IsOperator(".")) {
    ExprPtr member = New(Kind::kMember);
    stream_.Advance();
    BN_ASSIGN_OR_RETURN(member->name, stream_.ExpectName());
    BN_RETURN_IF_ERROR(Adopt(*member, std::move(target)));
    return member;
  }
  return target;
}

Result<ExprPtr> ExpressionParser::Target(bool with_member) {
  const Level level(level_);
  BN_RETURN_IF_ERROR(CheckLevel());
  ExprPtr tuple = New(Kind::kTuple);
  while (true) {
    BN_ASSIGN_OR_RETURN(ExprPtr part, TargetPart(with_member));
    BN_RETURN_IF_ERROR(Adopt(*tuple, std::move(part)));
    if (!stream_.SkipOperator(",")) return tuple->args.size() == 1 ? std::move(tuple->args[0]) : std::move(tuple);
    if (stream_.IsName("in") || stream_.IsOperator("=") || stream_.IsOperator(")")) return tuple;
  }
}

Result<ExprPtr> ExpressionParser::ListLiteral() {
  ExprPtr list = New(Kind::kList);
  stream_.Advance();
  while (!stream_.IsOperator("]")) {
    if (!list->args.empty()) BN_RETURN_IF_ERROR(stream_.Expect(","));
    if (stream_.IsOperator("]")) break;
    BN_ASSIGN_OR_RETURN(ExprPtr item, Expression());
    BN_RETURN_IF_ERROR(Adopt(*list, std::move(item)));
  }
  stream_.Advance();
  return list;
}

Result<ExprPtr> ExpressionParser::DictLiteral() {
  ExprPtr dict = New(Kind::kDict);
  stream_.Advance();
  while (!stream_.IsOperator("}")) {
    if (!dict->args.empty()) BN_RETURN_IF_ERROR(stream_.Expect(","));
    if (stream_.IsOperator("}")) break;
    BN_ASSIGN_OR_RETURN(ExprPtr key, Expression());
    BN_RETURN_IF_ERROR(stream_.Expect(":"));
    BN_ASSIGN_OR_RETURN(ExprPtr value, Expression());
    BN_RETURN_IF_ERROR(Adopt(*dict, std::move(key)));
    BN_RETURN_IF_ERROR(Adopt(*dict, std::move(value)));
  }
  stream_.Advance();
  return dict;
}

Result<ExprPtr> ExpressionParser::Postfix(ExprPtr inner) {
  while (true) {
    if (stream_.IsOperator(".") || stream_.IsOperator("[")) {
      BN_ASSIGN_OR_RETURN(inner, Subscript(std::move(inner)));
    } else if (stream_.IsOperator("(")) {
      BN_ASSIGN_OR_RETURN(inner, Call(std::move(inner)));
    } else {
      return inner;
    }
  }
}

Result<ExprPtr> ExpressionParser::FilterOrTest(ExprPtr inner) {
  while (true) {
    if (stream_.IsOperator("|")) {
      BN_ASSIGN_OR_RETURN(inner, Filters(std::move(inner), /*at_name=*/false));
    } else if (stream_.IsName("is")) {
      BN_ASSIGN_OR_RETURN(inner, Test(std::move(inner)));
    } else if (stream_.IsOperator("(")) {
      BN_ASSIGN_OR_RETURN(inner, Call(std::move(inner)));
    } else {
      return inner;
    }
  }
}

Result<ExprPtr> ExpressionParser::Subscript(ExprPtr inner) {
  ExprPtr expr = New(Kind::kMember);
  if (stream_.SkipOperator(".")) {
    if (stream_.current().kind == Token::Kind::kInteger) {
      expr->kind = Kind::kItem;
      ExprPtr index = New(Kind::kConstant);
      index->constant = Value(stream_.current().integer);
      stream_.Advance();
      BN_RETURN_IF_ERROR(Adopt(*expr, std::move(inner)));
      BN_RETURN_IF_ERROR(Adopt(*expr, std::move(index)));
      return expr;
    }
    BN_ASSIGN_OR_RETURN(expr->name, stream_.ExpectName());
    BN_RETURN_IF_ERROR(Adopt(*expr, std::move(inner)));
    return expr;
  }
  stream_.Advance();  // [
  expr->kind = Kind::kItem;
  BN_RETURN_IF_ERROR(Adopt(*expr, std::move(inner)));
  ExprPtr bounds[3];
  int n = 0;  // of the colons
  while (!stream_.IsOperator("]")) {
    if (stream_.IsOperator(":") && n < 2) {
      stream_.Advance();
      ++n;
    } else if (bounds[n] == nullptr) {
      BN_ASSIGN_OR_RETURN(bounds[n], Expression());
      if (stream_.IsOperator(","))
        return ErrorAt(expr->location, Code::kUnsupported, "an index of several parts: not supported");
    } else {
      return stream_.Unexpected("']'");
    }
  }
  stream_.Advance();
  if (n > 0) expr->kind = Kind::kSlice;
  if (n == 0 && bounds[0] == nullptr)
    return ErrorAt(expr->location, Code::kUnsupported, "an index without a value: not supported");
  for (int i = 0; i < (n > 0 ? 3 : 1); ++i) BN_RETURN_IF_ERROR(Adopt(*expr, std::move(bounds[i])));
  return expr;
}

Status ExpressionParser::Arguments(Expr& call) {
  BN_RETURN_IF_ERROR(stream_.Expect("("));
  for (bool comma = false; !stream_.IsOperator(")"); comma = true) {
    if (comma) {
      BN_RETURN_IF_ERROR(stream_.Expect(","));
      if (stream_.IsOperator(")")) break;
    }
    if (stream_.IsOperator("*") || stream_.IsOperator("**"))
      return ErrorAt(stream_.current().location, Code::kUnsupported, "arguments from a list or dict: not supported");
    const bool keyword = stream_.current().kind == Token::Kind::kName &&
                         stream_.next().kind == Token::Kind::kOperator && stream_.next().text == "=";
    if (keyword) {
      call.keywords.push_back(stream_.current().text);
      stream_.Advance();
      stream_.Advance();
    } else if (!call.keywords.empty()) {
      return stream_.Unexpected("an argument with a name");
    }
    BN_ASSIGN_OR_RETURN(ExprPtr argument, Expression());
    BN_RETURN_IF_ERROR(Adopt(call, std::move(argument)));
  }
  stream_.Advance();
  return {};
}

Result<ExprPtr> ExpressionParser::Call(ExprPtr callee) {
  ExprPtr call = New(Kind::kCall);
  call->location = callee->location;
  BN_RETURN_IF_ERROR(Adopt(*call, std::move(callee)));
  BN_RETURN_IF_ERROR(Arguments(*call));
  return call;
}

Result<ExprPtr> ExpressionParser::Filters(ExprPtr inner, bool at_name) {
  while (at_name || stream_.IsOperator("|")) {
    if (!at_name) stream_.Advance();
    at_name = false;
    ExprPtr filter = New(Kind::kFilter);
    BN_ASSIGN_OR_RETURN(filter->name, stream_.ExpectName());
    BN_RETURN_IF_ERROR(Adopt(*filter, std::move(inner)));
    if (stream_.IsOperator("(")) BN_RETURN_IF_ERROR(Arguments(*filter));
    inner = std::move(filter);
  }
  return inner;
}

Result<ExprPtr> ExpressionParser::Test(ExprPtr inner) {
  const Location location = stream_.current().location;
  stream_.Advance();  // is
  const bool negated = stream_.SkipName("not");
  ExprPtr test = New(Kind::kTest);
  BN_ASSIGN_OR_RETURN(test->name, stream_.ExpectName());
  BN_RETURN_IF_ERROR(Adopt(*test, std::move(inner)));
  const Token& t = stream_.current();
  const bool literal = t.kind == Token::Kind::kString || t.kind == Token::Kind::kInteger ||
                       t.kind == Token::Kind::kFloat || stream_.IsOperator("[") || stream_.IsOperator("{");
  const bool name = t.kind == Token::Kind::kName && t.text != "else" && t.text != "or" && t.text != "and";
  if (stream_.IsOperator("(")) {
    BN_RETURN_IF_ERROR(Arguments(*test));
  } else if (literal || name) {
    if (stream_.IsName("is")) return ErrorAt(t.location, Code::kBadFormat, "tests cannot be chained with 'is'");
    BN_ASSIGN_OR_RETURN(ExprPtr argument, Primary());
    BN_ASSIGN_OR_RETURN(argument, Postfix(std::move(argument)));
    BN_RETURN_IF_ERROR(Adopt(*test, std::move(argument)));
  }
  if (!negated) return test;
  ExprPtr result = New(Kind::kNot);
  result->location = location;
  BN_RETURN_IF_ERROR(Adopt(*result, std::move(test)));
  return result;
}

}  // namespace bitnet::core::jinja
