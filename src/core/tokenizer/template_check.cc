#include <string>
#include <vector>

#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/template_lexer.h"

namespace bitnet::core {
namespace {

// Statements that have an end: {% for %} ... {% endfor %}.
constexpr std::string_view kBlocks[] = {"autoescape", "block", "call", "filter", "for", "generation",
                                        "if",         "macro", "raw",  "trans",  "with"};

bool IsBlock(std::string_view name) {
  for (const std::string_view block : kBlocks) {
    if (block == name) return true;
  }
  return false;
}

Status Unbalanced(size_t offset, std::string_view what) {
  return Status(Code::kBadFormat,
                Cat("key 'tokenizer.chat_template' has ", what, " at byte ", offset,
                    " of the template: correct it or choose a chat form by name"),
                "tokenizer.chat_template");
}

}  // namespace

Status CheckTemplateBalance(std::string_view chat_template) {
  struct Open {
    std::string_view name;
    size_t offset;
  };
  std::vector<Open> open;
  TemplateLexer lexer(chat_template);
  for (TemplateToken t = lexer.Next(); t.kind != TemplateToken::kEnd; t = lexer.Next()) {
    if (t.kind == TemplateToken::kError) return Unbalanced(t.offset, t.text);
    if (t.kind != TemplateToken::kStatementOpen) continue;
    const size_t offset = t.offset;
    const TemplateToken name = lexer.Next();
    if (name.kind != TemplateToken::kName) return Unbalanced(offset, "a statement without a name");
    bool assigns = false;  // {% set x = ... %} has no end, {% set x %} has
    for (t = lexer.Next(); t.kind != TemplateToken::kClose; t = lexer.Next()) {
      if (t.kind == TemplateToken::kError) return Unbalanced(t.offset, t.text);
      if (t.kind == TemplateToken::kSign && t.text == "=") assigns = true;
    }
    if (IsBlock(name.text) || (name.text == "set" && !assigns)) {
      open.push_back({name.text, offset});
    } else if (name.text.starts_with("end")) {
      if (open.empty() || open.back().name != name.text.substr(3)) {
        return Unbalanced(offset, Cat("an ", Quoted(name.text), " that ends no open block"));
      }
      open.pop_back();
    } else if (name.text == "else" || name.text == "elif") {
      const std::string_view in = open.empty() ? std::string_view() : open.back().name;
      if (in != "if" && (in != "for" || name.text == "elif"))
        return Unbalanced(offset, Cat("an ", Quoted(name.text), " outside of its block"));
    }
  }
  if (!open.empty())
    return Unbalanced(open.back().offset, Cat("a block ", Quoted(open.back().name), " that never ends"));
  return {};
}

}  // namespace bitnet::core
