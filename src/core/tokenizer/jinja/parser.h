// From the text of a template to its tree.
#ifndef BITNET_CORE_TOKENIZER_JINJA_PARSER_H_
#define BITNET_CORE_TOKENIZER_JINJA_PARSER_H_

#include <string_view>
#include <vector>

#include "core/tokenizer/jinja/ast.h"

namespace bitnet::core::jinja {

// Errors with line and column: kBadFormat for what is no template, kUnsupported for what this interpreter leaves out,
// kLimit for what is too long or too deep.
Result<Body> Parse(std::string_view source);

// The tokens, and the steps forward that statements and expressions share.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  const Token& current() const { return tokens_[pos_]; }
  const Token& next() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  void Advance() { pos_ = std::min(pos_ + 1, tokens_.size() - 1); }
  bool IsName(std::string_view name) const { return current().kind == Token::Kind::kName && current().text == name; }
  bool IsOperator(std::string_view op) const {
    return current().kind == Token::Kind::kOperator && current().text == op;
  }
  bool SkipName(std::string_view name) { return IsName(name) && (Advance(), true); }
  bool SkipOperator(std::string_view op) { return IsOperator(op) && (Advance(), true); }
  Status Expect(std::string_view op);
  Result<std::string> ExpectName();
  Status Unexpected(std::string_view expected) const;  // at the current token

 private:
  std::vector<Token> tokens_;
  size_t pos_ = 0;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  Result<ExprPtr> Expression(bool with_if = true);
  // Expressions with commas between them, or one alone.
  Result<ExprPtr> Tuple(bool with_if, bool parenthesized = false);
  // What can be assigned to: names, tuples of names; members of namespaces where `with_member`.
  Result<ExprPtr> Target(bool with_member);
  // | name(...) | name(...) around `inner`, which may be null; null where there is none.
  Result<ExprPtr> Filters(ExprPtr inner, bool at_name);

 private:
  Result<ExprPtr> Or();
  Result<ExprPtr> And();
  Result<ExprPtr> Not();
  Result<ExprPtr> Comparison();
  Result<ExprPtr> Sum();
  Result<ExprPtr> Concat();
  Result<ExprPtr> Product();
  Result<ExprPtr> Power();
  Result<ExprPtr> Unary(bool with_filter = true);
  Result<ExprPtr> Primary();
  Result<ExprPtr> ListLiteral();
  Result<ExprPtr> DictLiteral();
  Result<ExprPtr> Postfix(ExprPtr inner);
  Result<ExprPtr> FilterOrTest(ExprPtr inner);
  Result<ExprPtr> Subscript(ExprPtr inner);
  Result<ExprPtr> Test(ExprPtr inner);
  Result<ExprPtr> Call(ExprPtr callee);
  Status Arguments(Expr& call);
  Result<ExprPtr> TargetPart(bool with_member);

  // The levels that are open: Leave at the end of the scope.
  struct Level {
    explicit Level(uint32_t& level) : level(++level) {}
    ~Level() { --level; }
    uint32_t& level;
  };
  Status CheckLevel() const;
  ExprPtr New(Expr::Kind kind) const;
  // Adds a part; kLimit where the tree gets too deep.
  Status Adopt(Expr& parent, ExprPtr part) const;
  Result<ExprPtr> Binary(ExprPtr left, const Token& op, ExprPtr right) const;

  TokenStream& stream_;
  uint32_t level_ = 0;
};

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_PARSER_H_
