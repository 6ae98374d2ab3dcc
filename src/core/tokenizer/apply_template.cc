// Conversations through a template in Jinja.
#include <algorithm>
#include <string>
#include <utility>

#include "core/base/json_reader.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/jinja/template.h"

namespace bitnet::core {
namespace {

using jinja::Budget;
using jinja::MakeText;
using jinja::Origin;
using jinja::Value;
using jinja::Variables;

// A role of one word: what a template may build a control token from.
Value Role(std::string_view role) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return MakeText(role, std::all_of(role.begin(), role.end(), in_word) ? Origin::kTemplate : Origin::kMessage);
}

Result<Value> MessageList(std::vector<Value> messages) {
  return jinja::MakeList(jinja::List::Kind::kList, std::move(messages));
}

Result<Value> Messages(std::span<const ChatMessage> messages, Budget& budget) {
  std::vector<Value> list;
  for (const ChatMessage& m : messages) {
    BN_ASSIGN_OR_RETURN(
        Value message,
        jinja::MakeDict({{MakeText("role", Origin::kTemplate), Role(m.role)},
                         {MakeText("content", Origin::kTemplate), MakeText(m.content, Origin::kMessage)}},
                        budget));
    list.push_back(std::move(message));
  }
  return MessageList(std::move(list));
}

Result<Value> MessagesOfJson(std::string_view text, Budget& budget) {
  BN_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(text));
  if (json.kind != JsonValue::Kind::kArray) return Status(Code::kInvalidArgument, "the messages are no JSON array");
  std::vector<Value> list;
  for (const JsonValue& message : json.array) {
    BN_ASSIGN_OR_RETURN(Value value, jinja::FromJson(message, budget));
    if (value.dict() != nullptr) {
      auto entries = value.dict()->entries;
      for (auto& [key, member] : entries) {
        if (key.text() != nullptr && key.text()->bytes() == "role" && member.text() != nullptr)
          member = Role(member.text()->bytes());
      }
      BN_ASSIGN_OR_RETURN(value, jinja::MakeDict(std::move(entries), budget));
    }
    list.push_back(std::move(value));
  }
  return MessageList(std::move(list));
}

// The variables of transformers' apply_chat_template. The caller's come first: the first of a name counts.
Result<Variables> MakeVariables(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                                const TemplateOptions& options, Budget& budget) {
  Variables variables;
  if (!options.variables_json.empty()) {
    BN_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(options.variables_json));
    if (json.kind != JsonValue::Kind::kObject)
      return Status(Code::kInvalidArgument, "the variables of the template are no JSON object");
    for (const JsonMember& member : json.object) {
      BN_ASSIGN_OR_RETURN(Value value, jinja::FromJson(member.value, budget));
      variables.emplace_back(member.key, std::move(value));
    }
  }
  BN_ASSIGN_OR_RETURN(Value list, options.messages_json.empty() ? Messages(messages, budget)
                                                                : MessagesOfJson(options.messages_json, budget));
  variables.emplace_back("messages", std::move(list));
  variables.emplace_back("add_generation_prompt", Value(options.add_generation_prompt));
  for (const char* absent : {"tools", "documents"}) variables.emplace_back(absent, Value(jinja::None{}));
  for (const auto& [name, id] : {std::pair{"bos_token", tokenizer.bos()}, {"eos_token", tokenizer.eos()}}) {
    if (id >= 0) variables.emplace_back(name, MakeText(tokenizer.Piece(id), Origin::kTemplate));
  }
  return variables;
}

// The stretches of one origin.
std::vector<EncodePiece> Pieces(const jinja::Text& text) {
  std::vector<EncodePiece> pieces;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = std::min(text.origins().find_first_not_of(text.origins()[begin], begin), text.size());
    pieces.push_back({text.bytes().substr(begin, end - begin), text.origin(begin) == Origin::kTemplate});
  }
  return pieces;
}

}  // namespace

Result<jinja::Text> RenderChat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                               const TemplateOptions& options) {
  const std::string_view source = options.chat_template.empty() ? tokenizer.chat_template() : options.chat_template;
  if (source.empty())
    return Status(Code::kUnsupported, "the model has no chat template of its own: choose a chat form by name");
  Budget budget;
  BN_ASSIGN_OR_RETURN(const Variables variables, MakeVariables(tokenizer, messages, options, budget));
  return jinja::Render(source, variables, options.now, budget);
}

Status ApplyTemplate(const Tokenizer& tokenizer, std::span<const ChatMessage> messages, const TemplateOptions& options,
                     std::vector<int32_t>& ids) {
  BN_ASSIGN_OR_RETURN(const jinja::Text text, RenderChat(tokenizer, messages, options));
  std::vector<int32_t> found;
  tokenizer.EncodePieces(Pieces(text), found);
  if (tokenizer.add_bos() && (found.empty() || found.front() != tokenizer.bos())) ids.push_back(tokenizer.bos());
  ids.insert(ids.end(), found.begin(), found.end());
  return {};
}

Status CheckChatTemplate(std::string_view chat_template) {
  const Status status = jinja::Check(chat_template);
  if (status.ok()) return status;
  return Status(status.code(), Cat("key 'tokenizer.chat_template': ", status.message()), "tokenizer.chat_template");
}

}  // namespace bitnet::core
