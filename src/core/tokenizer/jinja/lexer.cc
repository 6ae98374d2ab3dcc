#include "core/tokenizer/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/tokenizer/jinja/limits.h"
#include "core/tokenizer/jinja/string_literal.h"
#include "core/tokenizer/jinja/text.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

// All line ends become \n, and the last one is dropped, as Jinja does.
std::string Normalized(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (source.substr(i + 1).starts_with('\n')) ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameByte(char c) { return IsNameStart(c) || IsDigit(c); }

constexpr std::string_view kOperators[] = {"**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    while (pos_ < source_.size()) BN_RETURN_IF_ERROR(Outside());
    Add(Token::Kind::kEnd, pos_);
    return std::move(tokens_);
  }

 private:
  std::string_view Rest(size_t from) const { return source_.substr(std::min(from, source_.size())); }
  bool AtPos(std::string_view text) const { return Rest(pos_).starts_with(text); }
  void SkipBlank() { pos_ += LeadingBlank(Rest(pos_)); }

  Location LocationOf(size_t pos) {
    for (; located_ < pos; ++located_) {
      if (source_[located_] == '\n') {
        location_ = {location_.line + 1, 1};
      } else if ((static_cast<uint8_t>(source_[located_]) & 0xC0) != 0x80) {
        ++location_.column;
      }
    }
    return location_;
  }
  Token& Add(Token::Kind kind, size_t pos, std::string text = {}) {
    tokens_.push_back({kind, std::move(text), 0, 0, LocationOf(pos)});
    return tokens_.back();
  }
  Status Error(size_t pos, std::string_view what, Code code = Code::kBadFormat) {
    return ErrorAt(LocationOf(pos), code, what);
  }

  // Text up to the next delimiter, and what that opens.
  Status Outside() {
    size_t open = pos_;
    for (;; ++open) {
      open = source_.find('{', open);
      if (open == std::string_view::npos || open + 1 >= source_.size()) {
        Data(pos_, source_.size());
        pos_ = source_.size();
        return {};
      }
      const char c = source_[open + 1];
      if (c == '%' || c == '{' || c == '#') break;
    }
    const char type = source_[open + 1];
    const char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    const size_t inside = open + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    Data(pos_, DataEnd(pos_, open, sign, /*lstrip=*/type != '{'));
    pos_ = inside;
    if (type == '#') return Comment(open);
    if (type == '%') {
      if (const std::optional<size_t> end = RawBegin()) {
        pos_ = *end;
        return Raw(open);
      }
    }
    Add(type == '%' ? Token::Kind::kBlockBegin : Token::Kind::kVariableBegin, open);
    return Inside(open, type == '%');
  }

  // Where the text from `begin` ends before a tag at `open`: white space control.
  size_t DataEnd(size_t begin, size_t open, char sign, bool lstrip) const {
    const std::string_view text = source_.substr(begin, open - begin);
    if (sign == '-') return open - TrailingBlank(text);
    if (sign == '+' || !lstrip) return open;
    const size_t newline = text.rfind('\n');
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    if (line == 0 && !line_starting_) return open;
    return LeadingBlank(text.substr(line)) == text.size() - line ? begin + line : open;
  }
  void Data(size_t begin, size_t end) {
    if (end > begin) Add(Token::Kind::kData, begin, std::string(source_.substr(begin, end - begin)));
  }

  // What `close` with a sign takes with it; pos_ stands behind `close`.
  void AfterClose(char sign, bool trims) {
    if (sign == '-') {
      SkipBlank();
    } else if (sign != '+' && trims && AtPos("\n")) {
      ++pos_;
    }
    line_starting_ = source_[pos_ - 1] == '\n';
  }

  Status Comment(size_t open) {
    // A sign of the opening tag is no sign of the closing one: {#-#} is not closed by its own minus.
    size_t end = source_.find("#}", pos_);
    if (end == std::string_view::npos) return Error(open, "a comment that never ends");
    const char sign = end > pos_ ? source_[end - 1] : '\0';
    pos_ = end + 2;
    AfterClose(sign, /*trims=*/true);
    return {};
  }

  // The end of "raw %}" if that is what stands here.
  std::optional<size_t> RawBegin() const {
    size_t at = pos_ + LeadingBlank(Rest(pos_));
    if (!Rest(at).starts_with("raw")) return {};
    at += 3;
    at += LeadingBlank(Rest(at));
    if (Rest(at).starts_with("%}")) return at + 2;
    if (!Rest(at).starts_with("-%}")) return {};
    at += 3;
    return at + LeadingBlank(Rest(at));
  }
  Status Raw(size_t open) {
    const size_t begin = pos_;
    if (begin == source_.size()) return {};  // Jinja lets a block end with the template if nothing is in it
    line_starting_ = source_[pos_ - 1] == '\n';
    for (size_t tag = begin;; ++tag) {
      tag = source_.find("{%", tag);
      if (tag == std::string_view::npos) return Error(open, "a block 'raw' that never ends");
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      size_t at = tag + 2 + (sign == '-' || sign == '+' ? 1 : 0);
      at += LeadingBlank(Rest(at));
      if (!Rest(at).starts_with("endraw")) continue;
      at += 6;
      at += LeadingBlank(Rest(at));
      const char close = at < source_.size() ? source_[at] : '\0';
      if (close == '-' || close == '+') ++at;
      if (!Rest(at).starts_with("%}")) continue;
      Data(begin, DataEnd(begin, tag, sign, /*lstrip=*/true));
      pos_ = at + 2;
      AfterClose(close, /*trims=*/true);
      return {};
    }
  }

  // The tokens of a tag, up to its end.
  Status Inside(size_t open, bool block) {
    const std::string_view close = block ? "%}" : "}}";
    const Location opened = LocationOf(open);  // later positions come first, if this is needed
    std::vector<char> brackets;                // the closing ones that are due
    while (true) {
      if (brackets.empty()) {
        const size_t at = pos_;
        const bool minus = AtPos("-") && Rest(pos_ + 1).starts_with(close);
        const bool plus = block && AtPos("+") && Rest(pos_ + 1).starts_with(close);
        if (minus || plus || AtPos(close)) {
          Add(block ? Token::Kind::kBlockEnd : Token::Kind::kVariableEnd, at);
          pos_ += minus || plus ? 3 : 2;
          AfterClose(minus ? '-' : plus ? '+' : '\0', /*trims=*/block);
          return {};
        }
      }
      SkipBlank();
      if (pos_ >= source_.size())
        return ErrorAt(opened, Code::kBadFormat,
                       block ? "a statement that never ends" : "an expression that never ends");
      const char c = source_[pos_];
      // The end of the tag may follow the blanks that were just skipped.
      if (brackets.empty() && (AtPos(close) || (c == '-' && Rest(pos_ + 1).starts_with(close)) ||
                               (block && c == '+' && Rest(pos_ + 1).starts_with(close)))) {
        continue;
      }
      if (IsDigit(c)) {
        BN_RETURN_IF_ERROR(Number());
      } else if (IsNameStart(c)) {
        size_t end = pos_;
        while (end < source_.size() && IsNameByte(source_[end])) ++end;
        Add(Token::Kind::kName, pos_, std::string(source_.substr(pos_, end - pos_)));
        pos_ = end;
      } else if (c == '\'' || c == '"') {
        BN_RETURN_IF_ERROR(String(c));
      } else {
        BN_RETURN_IF_ERROR(Operator(brackets));
      }
    }
  }

  Status Operator(std::vector<char>& brackets) {
    for (const std::string_view op : kOperators) {
      if (!AtPos(op)) continue;
      const char c = op[0];
      if (c == '(' || c == '[' || c == '{') {
        brackets.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
      } else if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty() || brackets.back() != c) return Error(pos_, "a closing bracket that fits no open one");
        brackets.pop_back();
      }
      Add(Token::Kind::kOperator, pos_, std::string(op));
      pos_ += op.size();
      return {};
    }
    const Utf8Char c = DecodeUtf8(source_, pos_);
    return Error(pos_, Cat("unexpected character ", Quoted(source_.substr(pos_, c.length))));
  }

  Status String(char quote) {
    for (size_t end = pos_ + 1; end < source_.size(); ++end) {
      if (source_[end] == '\\') {
        ++end;
      } else if (source_[end] == quote) {
        auto text = UnescapeString(source_.substr(pos_ + 1, end - pos_ - 1));
        if (!text.ok()) return At(LocationOf(pos_), text.status());
        Add(Token::Kind::kString, pos_, *std::move(text));
        pos_ = end + 1;
        return {};
      }
    }
    return Error(pos_, "a string that never ends");
  }

  // Digits with single underscores between them.
  size_t DigitsEnd(size_t at) const {
    while (at < source_.size() &&
           (IsDigit(source_[at]) || (source_[at] == '_' && at + 1 < source_.size() && IsDigit(source_[at + 1])))) {
      ++at;
    }
    return at;
  }
  Status Number() {
    const size_t begin = pos_;
    if (source_[begin] == '0' && begin + 1 < source_.size() &&
        std::string_view("xXoObB").find(source_[begin + 1]) != std::string_view::npos)
      return Error(begin, "a number that is not decimal: not supported", Code::kUnsupported);
    size_t end = DigitsEnd(begin);
    bool is_float = false;
    if (begin == 0 || source_[begin - 1] != '.') {
      if (end + 1 < source_.size() && source_[end] == '.' && IsDigit(source_[end + 1])) {
        end = DigitsEnd(end + 1);
        is_float = true;
      }
      if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
        const size_t digits = end + 1 + (Rest(end + 1).starts_with('+') || Rest(end + 1).starts_with('-') ? 1 : 0);
        if (digits < source_.size() && IsDigit(source_[digits])) {
          end = DigitsEnd(digits);
          is_float = true;
        }
      }
    }
    std::string digits(source_.substr(begin, end - begin));
    std::erase(digits, '_');
    Token& token = Add(is_float ? Token::Kind::kFloat : Token::Kind::kInteger, begin);
    pos_ = end;
    const char *first = digits.data(), *last = first + digits.size();
    const auto [rest, error] =
        is_float ? std::from_chars(first, last, token.number) : std::from_chars(first, last, token.integer);
    if (error != std::errc() || rest != last) return Error(begin, "a number out of range", Code::kLimit);
    return {};
  }

  std::string_view source_;
  size_t pos_ = 0;
  bool line_starting_ = true;  // the last tag took a line end with it
  std::vector<Token> tokens_;
  size_t located_ = 0;  // LocationOf goes forward, and back only to where a tag began
  Location location_;
};

}  // namespace

Status ErrorAt(Location location, Code code, std::string_view message) {
  return Status(code, Cat("chat template, line ", location.line, ", column ", location.column, ": ", message),
                "chat template");
}

Status At(Location location, const Status& status) {
  return status.ok() || !status.what().empty() ? status : ErrorAt(location, status.code(), status.message());
}

Result<std::vector<Token>> Lex(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return ErrorAt({}, Code::kLimit,
                   Cat("the template has ", source.size(), " bytes, at most ", kMaxTemplateBytes, " are read"));
  }
  if (!IsUtf8(source)) return ErrorAt({}, Code::kBadFormat, "the template is not UTF-8");
  const std::string normalized = Normalized(source);
  return Lexer(normalized).Run();
}

}  // namespace bitnet::core::jinja
