// How `run` and `chat` write a conversation: a form by name, or a template that is run.
#ifndef BITNET_EXAMPLES_BITNET_CHAT_TEMPLATE_H_
#define BITNET_EXAMPLES_BITNET_CHAT_TEMPLATE_H_

#include <bitnet/tokenizer.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options.h"

namespace bitnet::tool {

// "raw, bitnet, llama3, chatml, instruct, template".
std::string ChatForms();

class ChatTemplate {
 public:
  // As the flags ask for it. Failure for flags that do not fit each other, and for a file that cannot be read.
  ChatTemplate(const Tokenizer& tokenizer, const TemplateFlags& flags);

  // "" when nothing was asked for and the model's own template cannot be read.
  const std::string& form() const { return form_; }
  void UseRawText() { form_ = "raw"; }
  // Why the model's own template cannot be read.
  std::string Problem(const Tokenizer& tokenizer) const;

  // Failure when a system part is given to a form, or to a template, that has no place for it (docs/tool.md).
  void CheckSystemPart(const Tokenizer& tokenizer, const std::string& system) const;
  // Tokens of a conversation. Failure when the form or the template does not take it.
  Tokens Apply(const Tokenizer& tokenizer, const std::vector<Message>& messages) const;

 private:
  ChatOptions Options() const;

  std::string form_;
  std::string text_;  // of --chat-template; "": the model's own
  std::optional<int64_t> time_s_;
};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_CHAT_TEMPLATE_H_
