// Conversations to token ids: in the forms of docs/tool.md, or through a template in Jinja (docs/chat-templates.md).
#ifndef BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_
#define BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/jinja/text.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

enum class ChatForm : uint32_t { kUnknown, kRaw, kBitnet, kLlama3, kChatml, kInstruct, kTemplate };

struct ChatMessage {
  std::string_view role;  // "system", "user" or "assistant"; a template may know more
  std::string_view content;
};

// "raw", "bitnet", "llama3", "chatml", "instruct", "template"; kUnknown for any other name.
ChatForm ChatFormByName(std::string_view name);
std::string_view ChatFormName(ChatForm form);
// What a conversation is written in where nothing else is asked for: the model's own template where it has one, raw
// text where it has none.
ChatForm DefaultChatForm(const Tokenizer& tokenizer);

// What a template gets beside the messages.
struct TemplateOptions {
  std::string_view chat_template = {};   // Jinja; "": the tokenizer's own
  std::string_view messages_json = {};   // a JSON array of messages, in place of the list of them
  std::string_view variables_json = {};  // a JSON object: further variables (tools, documents, ...)
  std::optional<int64_t> now = {};       // seconds since 1970 in the caller's calendar, for strftime_now
  bool add_generation_prompt = true;
};

// What a template writes of a conversation: the text, and where in it the words of messages stand (of the JSON, too).
// A role of one word counts as the template's, since templates build control tokens from it.
// Errors as jinja::Render() has them; kUnsupported where the tokenizer has no template.
Result<jinja::Text> RenderChat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                               const TemplateOptions& options);
// The token ids of that, appended to `ids`: control tokens are sought in the words of the template alone, and BOS is
// put in front where the metadata says so and the template does not write it.
Status ApplyTemplate(const Tokenizer& tokenizer, std::span<const ChatMessage> messages, const TemplateOptions& options,
                     std::vector<int32_t>& ids);
// Whether the template of a tokenizer can be read at all; the error names its key.
Status CheckChatTemplate(std::string_view chat_template);

// Token ids of a conversation in `form`, ending where the assistant's answer begins (add_generation_prompt).
// Appends to `ids`. kUnsupported when the vocabulary lacks a control token that the form needs. kTemplate is
// ApplyTemplate() with defaults.
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

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_CHAT_TEMPLATE_H_
