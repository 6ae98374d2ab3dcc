// The chat forms of docs/tool.md, and how a model's own template is recognised.
#ifndef BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_
#define BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

enum class ChatForm : uint32_t { kUnknown, kRaw, kBitnet, kLlama3, kChatml, kInstruct };

struct ChatMessage {
  std::string_view role;  // "system", "user" or "assistant"
  std::string_view content;
};

// "raw", "bitnet", "llama3", "chatml", "instruct"; kUnknown for any other name.
ChatForm ChatFormByName(std::string_view name);
std::string_view ChatFormName(ChatForm form);
// By the structure of tokenizer.chat_template: kUnknown when it has one that fits none, kRaw when it has none.
ChatForm DetectChatForm(const Tokenizer& tokenizer);
// The same for the text of a template, "" for none.
ChatForm DetectChatForm(std::string_view chat_template);

// Token ids of a conversation in `form`, ending where the assistant's answer begins (add_generation_prompt).
// Appends to `ids`. kUnsupported for kUnknown (naming the choices) and when the vocabulary lacks a control token that
// the form needs.
//
// Control tokens of a form are put as ids; the plain text between two of them ("User: " and the message) is encoded as
// one text, without looking for control tokens: so words are cut where the model saw them cut in training (" Why" in
// "User: Why"), and a message never becomes a control token. "bitnet" and "llama3" drop white space around a message,
// as the templates that they come from do; the other forms take it as it is. BOS comes once: always in "bitnet" and
// "llama3", in the other forms where the vocabulary's metadata adds it.
Status ApplyChat(const Tokenizer& tokenizer, ChatForm form, std::span<const ChatMessage> messages,
                 bool add_generation_prompt, std::vector<int32_t>& ids);
// Stop strings that belong to a form ("instruct" has two).
std::span<const std::string_view> ChatStopStrings(ChatForm form);

// Whether the delimiters, blocks and brackets of a Jinja template balance: kBadFormat with the byte offset in the
// template otherwise.
Status CheckTemplateBalance(std::string_view chat_template);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_
