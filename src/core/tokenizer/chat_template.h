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

// Token ids of a conversation in `form`, ending where the assistant's answer begins (add_generation_prompt).
// Template text may hold control tokens, message text never becomes one. Appends to `ids`.
// kUnsupported for kUnknown (naming the choices) and when the vocabulary lacks a control token that the form needs.
Status ApplyChat(const Tokenizer& tokenizer, ChatForm form, std::span<const ChatMessage> messages,
                 bool add_generation_prompt, std::vector<int32_t>& ids);
// Stop strings that belong to a form ("instruct" has two).
std::span<const std::string_view> ChatStopStrings(ChatForm form);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_
