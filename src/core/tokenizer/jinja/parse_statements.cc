#include <algorithm>
#include <iterator>
#include <utility>

#include "core/tokenizer/jinja/parser.h"

namespace bitnet::core::jinja {
namespace {

using StmtPtr = std::unique_ptr<Stmt>;
using Names = std::vector<std::string_view>;

// Statements of Jinja, and of extensions, that chat templates have no use for.
constexpr std::string_view kUnsupported[] = {"autoescape", "block",  "call",    "debug", "do",   "extends",
                                             "from",       "import", "include", "print", "trans"};

class StatementParser {
 public:
  explicit StatementParser(std::vector<Token> tokens) : stream_(std::move(tokens)), expressions_(stream_) {}

  Result<Body> Template() { return Statements({}, {}, {}); }

 private:
  // Statements up to one of `ends`, at which the stream then stands. `opened` and `where` name the block around them.
  Result<Body> Statements(const Names& ends, std::string_view opened, Location where) {
    if (++level_ > kMaxSyntaxDepth)
      return ErrorAt(stream_.current().location, Code::kLimit,
                     Cat("statements in statements deeper than ", kMaxSyntaxDepth, " levels"));
    Body body;
    while (true) {
      const Token& token = stream_.current();
      if (token.kind == Token::Kind::kEnd) {
        if (!ends.empty()) return ErrorAt(where, Code::kBadFormat, Cat("a block ", Quoted(opened), " that never ends"));
        break;
      }
      if (token.kind == Token::Kind::kData) {
        StmtPtr text = New(Stmt::Kind::kText);
        text->text = std::make_shared<const Text>(token.text, Origin::kTemplate);
        stream_.Advance();
        body.push_back(std::move(text));
      } else if (token.kind == Token::Kind::kVariableBegin) {
        StmtPtr print = New(Stmt::Kind::kPrint);
        stream_.Advance();
        BN_ASSIGN_OR_RETURN(print->expr, expressions_.Tuple(/*with_if=*/true));
        BN_RETURN_IF_ERROR(ExpectEnd(Token::Kind::kVariableEnd));
        body.push_back(std::move(print));
      } else {
        stream_.Advance();  // the beginning of a block
        const std::string& name = stream_.current().text;
        if (stream_.current().kind != Token::Kind::kName) return stream_.Unexpected("the name of a statement");
        if (std::find(ends.begin(), ends.end(), name) != ends.end()) break;
        BN_ASSIGN_OR_RETURN(StmtPtr statement, Statement());
        BN_RETURN_IF_ERROR(ExpectEnd(Token::Kind::kBlockEnd));
        body.push_back(std::move(statement));
      }
    }
    --level_;
    return body;
  }

  // The body of a block: its tag ends here; the closing tag is taken, but for the end of it.
  Result<Body> BlockBody(std::string_view opened, Location where, std::string_view end) {
    BN_RETURN_IF_ERROR(TagEnd());
    BN_ASSIGN_OR_RETURN(Body body, Statements({end}, opened, where));
    stream_.Advance();
    return body;
  }
  Status TagEnd() {
    stream_.SkipOperator(":");
    return ExpectEnd(Token::Kind::kBlockEnd);
  }
  Status ExpectEnd(Token::Kind kind) {
    if (stream_.current().kind != kind) return stream_.Unexpected("the end of the tag");
    stream_.Advance();
    return {};
  }
  StmtPtr New(Stmt::Kind kind) const {
    auto statement = std::make_unique<Stmt>();
    statement->kind = kind;
    statement->location = stream_.current().location;
    return statement;
  }

  Result<StmtPtr> Statement() {
    const Token token = stream_.current();
    const std::string& name = token.text;
    stream_.Advance();
    if (name == "if") return If(token.location);
    if (name == "for") return For(token.location);
    if (name == "set") return Set(token.location);
    if (name == "macro") return Macro(token.location);
    if (name == "filter") return FilterBlock(token.location);
    if (name == "with" || name == "generation") return Scope(token);
    if (name == "break" || name == "continue") {
      if (loops_ == 0) return ErrorAt(token.location, Code::kBadFormat, Cat("a ", Quoted(name), " outside of a loop"));
      StmtPtr statement = New(name == "break" ? Stmt::Kind::kBreak : Stmt::Kind::kContinue);
      statement->location = token.location;
      return statement;
    }
    if (std::find(std::begin(kUnsupported), std::end(kUnsupported), name) != std::end(kUnsupported))
      return ErrorAt(token.location, Code::kUnsupported, Cat("the statement ", Quoted(name), " is not supported"));
    if (name.starts_with("end") || name == "else" || name == "elif")
      return ErrorAt(token.location, Code::kBadFormat, Cat("an ", Quoted(name), " that belongs to no open block"));
    return ErrorAt(token.location, Code::kBadFormat, Cat("unknown statement ", Quoted(name)));
  }

  Result<StmtPtr> If(Location where) {
    StmtPtr statement = New(Stmt::Kind::kIf);
    statement->location = where;
    while (true) {
      Stmt::Branch branch;
      BN_ASSIGN_OR_RETURN(branch.test, expressions_.Tuple(/*with_if=*/false));
      BN_RETURN_IF_ERROR(TagEnd());
      BN_ASSIGN_OR_RETURN(branch.body, Statements({"elif", "else", "endif"}, "if", where));
      statement->branches.push_back(std::move(branch));
      if (stream_.SkipName("elif")) continue;
      if (stream_.SkipName("endif")) return statement;
      stream_.Advance();  // else
      BN_ASSIGN_OR_RETURN(statement->body, BlockBody("if", where, "endif"));
      return statement;
    }
  }

  Result<StmtPtr> For(Location where) {
    StmtPtr statement = New(Stmt::Kind::kFor);
    statement->location = where;
    BN_ASSIGN_OR_RETURN(statement->target, expressions_.Target(/*with_member=*/false));
    if (!stream_.SkipName("in")) return stream_.Unexpected("'in'");
    BN_ASSIGN_OR_RETURN(statement->expr, expressions_.Tuple(/*with_if=*/false));
    if (stream_.SkipName("if")) {
      BN_ASSIGN_OR_RETURN(statement->test, expressions_.Expression());
    }
    if (stream_.IsName("recursive"))
      return ErrorAt(stream_.current().location, Code::kUnsupported, "a recursive loop: not supported");
    BN_RETURN_IF_ERROR(TagEnd());
    ++loops_;
    BN_ASSIGN_OR_RETURN(statement->body, Statements({"endfor", "else"}, "for", where));
    --loops_;
    if (stream_.SkipName("endfor")) return statement;
    stream_.Advance();  // else
    BN_ASSIGN_OR_RETURN(statement->orelse, BlockBody("for", where, "endfor"));
    return statement;
  }

  Result<StmtPtr> Set(Location where) {
    StmtPtr statement = New(Stmt::Kind::kSet);
    statement->location = where;
    BN_ASSIGN_OR_RETURN(statement->target, expressions_.Target(/*with_member=*/true));
    if (stream_.SkipOperator("=")) {
      BN_ASSIGN_OR_RETURN(statement->expr, expressions_.Tuple(/*with_if=*/true));
      return statement;
    }
    statement->kind = Stmt::Kind::kSetBlock;
    BN_ASSIGN_OR_RETURN(statement->filter, expressions_.Filters(nullptr, /*at_name=*/false));
    BN_ASSIGN_OR_RETURN(statement->body, BlockBody("set", where, "endset"));
    return statement;
  }

  Result<StmtPtr> Macro(Location where) {
    StmtPtr statement = New(Stmt::Kind::kMacro);
    statement->location = where;
    BN_ASSIGN_OR_RETURN(statement->name, stream_.ExpectName());
    BN_RETURN_IF_ERROR(stream_.Expect("("));
    while (!stream_.IsOperator(")")) {
      if (!statement->parameters.empty()) BN_RETURN_IF_ERROR(stream_.Expect(","));
      Stmt::Parameter parameter;
      BN_ASSIGN_OR_RETURN(parameter.name, stream_.ExpectName());
      if (stream_.SkipOperator("=")) {
        BN_ASSIGN_OR_RETURN(parameter.value, expressions_.Expression());
      } else if (!statement->parameters.empty() && statement->parameters.back().value != nullptr) {
        return stream_.Unexpected("a default: the parameter before has one");
      }
      statement->parameters.push_back(std::move(parameter));
    }
    stream_.Advance();
    return OutsideOfLoops(std::move(statement), "macro", "endmacro");
  }

  Result<StmtPtr> FilterBlock(Location where) {
    StmtPtr statement = New(Stmt::Kind::kFilter);
    statement->location = where;
    BN_ASSIGN_OR_RETURN(statement->filter, expressions_.Filters(nullptr, /*at_name=*/true));
    BN_ASSIGN_OR_RETURN(statement->body, BlockBody("filter", where, "endfilter"));
    return statement;
  }

  Result<StmtPtr> Scope(const Token& token) {
    StmtPtr statement = New(Stmt::Kind::kScope);
    statement->location = token.location;
    if (token.text == "generation") return OutsideOfLoops(std::move(statement), "generation", "endgeneration");
    while (stream_.current().kind != Token::Kind::kBlockEnd) {
      if (!statement->assignments.empty()) BN_RETURN_IF_ERROR(stream_.Expect(","));
      Stmt::Assignment assignment;
      BN_ASSIGN_OR_RETURN(assignment.target, expressions_.Target(/*with_member=*/false));
      BN_RETURN_IF_ERROR(stream_.Expect("="));
      BN_ASSIGN_OR_RETURN(assignment.value, expressions_.Expression());
      statement->assignments.push_back(std::move(assignment));
    }
    BN_ASSIGN_OR_RETURN(statement->body, BlockBody("with", token.location, "endwith"));
    return statement;
  }

  // The body of what Jinja makes a function of: a loop around it is none to break.
  Result<StmtPtr> OutsideOfLoops(StmtPtr statement, std::string_view name, std::string_view end) {
    const uint32_t loops = std::exchange(loops_, 0);
    BN_ASSIGN_OR_RETURN(statement->body, BlockBody(name, statement->location, end));
    loops_ = loops;
    return statement;
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  uint32_t level_ = 0;
  uint32_t loops_ = 0;  // that are open around the statement
};

}  // namespace

Result<Body> Parse(std::string_view source) {
  BN_ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(source));
  return StatementParser(std::move(tokens)).Template();
}

}  // namespace bitnet::core::jinja
