#include "core/tokenizer/chat_template.h"

#include <cstddef>

#include "core/tokenizer/jinja/text.h"

namespace bitnet::core {
namespace {

struct FormName {
  ChatForm form;
  std::string_view name;
};
constexpr FormName kForms[] = {{ChatForm::kBitnet, "bitnet"}, {ChatForm::kLlama3, "llama3"},
                               {ChatForm::kChatml, "chatml"}, {ChatForm::kInstruct, "instruct"},
                               {ChatForm::kRaw, "raw"},       {ChatForm::kTemplate, "template"}};
constexpr std::string_view kChoices = "bitnet, llama3, chatml, instruct, raw";

constexpr std::string_view kInstructStops[] = {"\n\nQ:", "\n\nHuman:"};

// As the trim filter of templates.
std::string_view Trim(std::string_view text) {
  text.remove_prefix(jinja::LeadingBlank(text));
  text.remove_suffix(jinja::TrailingBlank(text));
  return text;
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

ChatForm DefaultChatForm(const Tokenizer& tokenizer) {
  return tokenizer.chat_template().empty() ? ChatForm::kRaw : ChatForm::kTemplate;
}

Status ApplyChat(const Tokenizer& tokenizer, ChatForm form, std::span<const ChatMessage> messages,
                 bool add_generation_prompt, std::vector<int32_t>& ids) {
  if (form == ChatForm::kTemplate)
    return ApplyTemplate(tokenizer, messages, {.add_generation_prompt = add_generation_prompt}, ids);
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
    case ChatForm::kTemplate: return Status(Code::kUnsupported, Cat("no chat form; choose one of ", kChoices));
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
