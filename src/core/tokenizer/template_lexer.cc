#include "core/tokenizer/template_lexer.h"

#include <algorithm>

namespace bitnet::core {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Whether `rest`, from a statement's opening delimiter on, is {% endraw %}.
bool IsEndRaw(std::string_view rest) {
  rest.remove_prefix(2);
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  while (!rest.empty() && IsBlank(rest[0])) rest.remove_prefix(1);
  return rest.starts_with("endraw");
}

}  // namespace

TemplateToken TemplateLexer::Error(size_t offset, std::string_view what) {
  pos_ = source_.size();
  close_ = {};
  return {TemplateToken::kError, what, offset};
}

TemplateToken TemplateLexer::Take(TemplateToken::Kind kind, size_t bytes) {
  const TemplateToken token = {kind, source_.substr(pos_, bytes), pos_};
  pos_ += bytes;
  return token;
}

TemplateToken TemplateLexer::Next() { return close_.empty() ? NextOutside() : NextInside(); }

TemplateToken TemplateLexer::NextOutside() {
  while (At("{#") && !raw_) {
    const size_t end = source_.find("#}", pos_ + 2);
    if (end == std::string_view::npos) return Error(pos_, "a comment that never ends");
    pos_ = end + 2;
  }
  if (pos_ == source_.size()) return {TemplateToken::kEnd, {}, pos_};
  const bool statement = At("{%") && (!raw_ || IsEndRaw(source_.substr(pos_)));
  if (statement || (At("{{") && !raw_)) {
    opened_ = pos_;
    close_ = statement ? "%}" : "}}";
    names_in_statement_ = 0;
    raw_ = false;
    const bool marked = source_.substr(pos_ + 2).starts_with('-') || source_.substr(pos_ + 2).starts_with('+');
    return Take(statement ? TemplateToken::kStatementOpen : TemplateToken::kExpressionOpen, marked ? 3 : 2);
  }
  size_t end = pos_ + 1;
  for (;; ++end) {
    end = source_.find('{', end);
    if (end == std::string_view::npos) break;
    const std::string_view two = source_.substr(end, 2);
    if (raw_ ? two == "{%" && IsEndRaw(source_.substr(end)) : two == "{%" || two == "{{" || two == "{#") break;
  }
  return Take(TemplateToken::kText, std::min(end, source_.size()) - pos_);
}

TemplateToken TemplateLexer::NextInside() {
  while (pos_ < source_.size() && IsBlank(source_[pos_])) ++pos_;
  if (pos_ == source_.size()) {
    return Error(opened_, close_ == "%}" ? "a statement that never ends" : "an expression that never ends");
  }
  const char c = source_[pos_];
  const bool marked = c == '-' || c == '+';
  if (brackets_.empty() && source_.substr(pos_ + (marked ? 1 : 0)).starts_with(close_)) {
    close_ = {};
    return Take(TemplateToken::kClose, marked ? 3 : 2);
  }
  if (c == '\'' || c == '"') return String();
  if (IsNameByte(c)) {
    size_t end = pos_;
    while (end < source_.size() && IsNameByte(source_[end])) ++end;
    const TemplateToken name = Take(TemplateToken::kName, end - pos_);
    if (close_ == "%}" && ++names_in_statement_ == 1) raw_ = name.text == "raw";
    return name;
  }
  if (c == '(' || c == '[' || c == '{') {
    brackets_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
  } else if (c == ')' || c == ']' || c == '}') {
    if (brackets_.empty() || brackets_.back() != c) return Error(pos_, "a closing bracket that fits no open one");
    brackets_.pop_back();
  }
  return Take(TemplateToken::kSign, 1);
}

TemplateToken TemplateLexer::String() {
  const char quote = source_[pos_];
  for (size_t end = pos_ + 1; end < source_.size(); ++end) {
    if (source_[end] == '\\') {
      ++end;
    } else if (source_[end] == quote) {
      const TemplateToken token = {TemplateToken::kString, source_.substr(pos_ + 1, end - pos_ - 1), pos_};
      pos_ = end + 1;
      return token;
    }
  }
  return Error(pos_, "a string that never ends");
}

}  // namespace bitnet::core
