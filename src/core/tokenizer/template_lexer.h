// The tokens of a Jinja template: text outside of delimiters, and names, strings and signs inside.
#ifndef BITNET_CORE_TOKENIZER_TEMPLATE_LEXER_H_
#define BITNET_CORE_TOKENIZER_TEMPLATE_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bitnet::core {

struct TemplateToken {
  enum Kind : uint8_t {
    kText,            // outside of delimiters; also what stands between raw and endraw
    kExpressionOpen,  // {{ and {{-
    kStatementOpen,   // {% and {%-
    kClose,           // the end of either
    kString,          // without its quotes, escapes as written
    kName,            // a name or a number
    kSign,            // any other character
    kEnd,
    kError,  // `text` says what is wrong at `offset`; nothing follows
  };
  Kind kind = kEnd;
  std::string_view text;
  size_t offset = 0;  // byte in the template
};

// Comments are skipped. Linear in the template; the views point into it.
class TemplateLexer {
 public:
  explicit TemplateLexer(std::string_view source) : source_(source) {}
  TemplateToken Next();

 private:
  TemplateToken NextOutside();
  TemplateToken NextInside();
  TemplateToken String();
  TemplateToken Error(size_t offset, std::string_view what);
  TemplateToken Take(TemplateToken::Kind kind, size_t bytes);
  bool At(std::string_view text) const { return source_.substr(pos_).starts_with(text); }

  std::string_view source_;
  size_t pos_ = 0;
  size_t opened_ = 0;           // where the delimiter that we are in began
  std::string_view close_;      // what ends it; empty: outside
  std::vector<char> brackets_;  // the closing ones that are due
  uint32_t names_in_statement_ = 0;
  bool raw_ = false;  // a statement `raw` is open
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TEMPLATE_LEXER_H_
