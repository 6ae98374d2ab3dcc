#include "core/tokenizer/chat_template.h"

#include <cstddef>

#include "core/tokenizer/template_lexer.h"
#include "core/tokenizer/unicode.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

struct FormName {
  ChatForm form;
  std::string_view name;
};
constexpr FormName kForms[] = {{ChatForm::kBitnet, "bitnet"},
                               {ChatForm::kLlama3, "llama3"},
                               {ChatForm::kChatml, "chatml"},
                               {ChatForm::kInstruct, "instruct"},
                               {ChatForm::kRaw, "raw"}};
constexpr std::string_view kChoices = "bitnet, llama3, chatml, instruct, raw";

constexpr std::string_view kInstructStops[] = {"\n\nQ:", "\n\nHuman:"};

// As Python's str.strip, which the trim filter of templates is: White_Space and the four information separators.
bool IsTrimmed(uint32_t code_point) {
  return (CharClassOf(code_point) & kSpace) != 0 || (code_point >= 0x1C && code_point <= 0x1F);
}

std::string_view Trim(std::string_view text) {
  size_t begin = text.size(), end = 0;  // of what is not trimmed
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeUtf8(text, pos);
    if (!c.ok || !IsTrimmed(c.code_point)) {
      begin = std::min(begin, pos);
      end = pos + c.length;
    }
    pos += c.length;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

// Builds the ids of a conversation: control tokens, and the plain text between them.
class Prompt {
 public:
  Prompt(const Tokenizer& tokenizer, ChatForm form, std::vector<int32_t>& ids)
      : tokenizer_(tokenizer), form_(form), ids_(ids) {}

  void Text(std::string_view text) { text_.append(text); }
  void Bos(bool always) {
    if (always || tokenizer_.add_bos())
      Control(tokenizer_.bos() >= 0 ? tokenizer_.bos() : tokenizer_.FindControl("<|begin_of_text|>"), "<bos>");
  }
  void EndOfTurn() {
    const int32_t id = tokenizer_.FindControl("<|eot_id|>");
    Control(id >= 0 ? id : tokenizer_.eot(), "<|eot_id|>");
  }
  void Control(std::string_view name) { Control(tokenizer_.FindControl(name), name); }
  // Encodes the text that is left; the first control token that was missing, if any.
  Status Finish() {
    FlushText();
    if (missing_.empty()) return {};
    return Status(Code::kUnsupported, Cat("the chat form '", ChatFormName(form_), "' needs the control token ",
                                          missing_, ", which the vocabulary lacks; choose one of ", kChoices));
  }

 private:
  void Control(int32_t id, std::string_view name) {
    FlushText();
    if (id >= 0) {
      ids_.push_back(id);
    } else if (missing_.empty()) {
      missing_ = name;
    }
  }
  void FlushText() {
    tokenizer_.Encode(text_, {.add_special = false, .parse_special = false}, ids_);
    text_.clear();
  }

  const Tokenizer& tokenizer_;
  ChatForm form_;
  std::vector<int32_t>& ids_;
  std::string text_;
  std::string_view missing_;
};

void Bitnet(std::span<const ChatMessage> messages, bool answer, Prompt& out) {
  out.Bos(/*always=*/true);
  for (const ChatMessage& m : messages) {
    out.Text(m.role == "system" ? "System: " : m.role == "user" ? "User: " : "Assistant: ");
    out.Text(Trim(m.content));
    out.EndOfTurn();
  }
  if (answer) out.Text("Assistant: ");
}

void Llama3(std::span<const ChatMessage> messages, bool answer, Prompt& out) {
  const auto header = [&](std::string_view role) {
    out.Control("<|start_header_id|>");
    out.Text(role);
    out.Control("<|end_header_id|>");
    out.Text("\n\n");
  };
  out.Bos(/*always=*/true);
  for (const ChatMessage& m : messages) {
    header(m.role);
    out.Text(Trim(m.content));
    out.EndOfTurn();
  }
  if (answer) header("assistant");
}

void Chatml(std::span<const ChatMessage> messages, bool answer, Prompt& out) {
  const auto header = [&](std::string_view role) {
    out.Control("<|im_start|>");
    out.Text(role);
    out.Text("\n");
  };
  out.Bos(/*always=*/false);
  for (const ChatMessage& m : messages) {
    header(m.role);
    out.Text(m.content);
    out.Control("<|im_end|>");
    out.Text("\n");
  }
  if (answer) header("assistant");
}

// Turns after the first, and a system message, are set apart by an empty line: what its stop strings look for.
void Instruct(std::span<const ChatMessage> messages, bool answer, Prompt& out) {
  out.Bos(/*always=*/false);
  for (const ChatMessage& m : messages) {
    const bool first = &m == &messages.front();
    if (m.role == "assistant") {
      out.Text(first ? "A: " : "\nA: ");
    } else {
      if (!first) out.Text("\n\n");
      if (m.role == "user") out.Text("Q: ");
    }
    out.Text(m.content);
  }
  if (answer) out.Text("\nA:");
}

}  // namespace

ChatForm ChatFormByName(std::string_view name) {
  for (const FormName& f : kForms) {
    if (f.name == name) return f.form;
  }
  return ChatForm::kUnknown;
}

std::string_view ChatFormName(ChatForm form) {
  for (const FormName& f : kForms) {
    if (f.form == form) return f.name;
  }
  return "unknown";
}

ChatForm DetectChatForm(const Tokenizer& tokenizer) { return DetectChatForm(tokenizer.chat_template()); }

ChatForm DetectChatForm(std::string_view chat_template) {
  if (chat_template.empty()) return ChatForm::kRaw;
  // What the template writes (its text and its string literals, no comments), and the filters that it applies.
  std::string written;
  bool capitalizes = false;
  TemplateLexer lexer(chat_template);
  for (TemplateToken t = lexer.Next(); t.kind != TemplateToken::kEnd && t.kind != TemplateToken::kError;
       t = lexer.Next()) {
    if (t.kind == TemplateToken::kText || t.kind == TemplateToken::kString) written.append(t.text).push_back('\0');
    if (t.kind == TemplateToken::kName && t.text == "capitalize") capitalizes = true;
  }
  const auto has = [&](std::string_view text) { return written.find(text) != std::string::npos; };
  if (has("<|start_header_id|>") && has("<|end_header_id|>") && has("<|eot_id|>")) return ChatForm::kLlama3;
  if (has("<|im_start|>") && has("<|im_end|>")) return ChatForm::kChatml;
  const bool role_colon = (capitalizes && has(": ")) || has("User: ");
  if (role_colon && has("Assistant: ") && has("<|eot_id|>") && !has("<|start_header_id|>")) return ChatForm::kBitnet;
  return ChatForm::kUnknown;
}

Status ApplyChat(const Tokenizer& tokenizer, ChatForm form, std::span<const ChatMessage> messages,
                 bool add_generation_prompt, std::vector<int32_t>& ids) {
  for (const ChatMessage& m : messages) {
    if (m.role != "system" && m.role != "user" && m.role != "assistant") {
      return Status(Code::kInvalidArgument,
                    Cat("unknown role ", Quoted(m.role), ", expected system, user or assistant"));
    }
  }
  const size_t before = ids.size();
  Prompt prompt(tokenizer, form, ids);
  switch (form) {
    case ChatForm::kUnknown:
      return Status(Code::kUnsupported,
                    Cat("the model's own chat template is not one that is known; choose one of ", kChoices));
    case ChatForm::kRaw:
      prompt.Bos(/*always=*/false);
      for (const ChatMessage& m : messages) prompt.Text(m.content);
      break;
    case ChatForm::kBitnet: Bitnet(messages, add_generation_prompt, prompt); break;
    case ChatForm::kLlama3: Llama3(messages, add_generation_prompt, prompt); break;
    case ChatForm::kChatml: Chatml(messages, add_generation_prompt, prompt); break;
    case ChatForm::kInstruct: Instruct(messages, add_generation_prompt, prompt); break;
  }
  Status status = prompt.Finish();
  if (!status.ok()) ids.resize(before);
  return status;
}

std::span<const std::string_view> ChatStopStrings(ChatForm form) {
  return form == ChatForm::kInstruct ? std::span<const std::string_view>(kInstructStops)
                                     : std::span<const std::string_view>();
}

}  // namespace bitnet::core
