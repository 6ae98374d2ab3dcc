#include "core/tokenizer/tokenizer_config.h"

namespace bitnet::core {
namespace {

constexpr std::string_view kConfigFile = "tokenizer_config.json";

// A token as text or as {"content": text}; "" where it is absent or null.
std::string TokenText(const JsonValue& config, std::string_view key) {
  const JsonValue* value = config.Find(key);
  if (value != nullptr && value->kind == JsonValue::Kind::kObject) value = value->Find("content");
  return value != nullptr ? value->string : std::string();
}

std::optional<bool> Flag(const JsonValue& config, std::string_view key) {
  const JsonValue* value = config.Find(key);
  if (value == nullptr || value->kind != JsonValue::Kind::kBool) return std::nullopt;
  return value->boolean;
}

}  // namespace

Result<TokenizerConfig> ReadTokenizerConfig(std::string_view text, std::string_view chat_template) {
  TokenizerConfig out;
  out.chat_template = chat_template;
  if (text.empty()) return out;
  BN_ASSIGN_OR_RETURN(const JsonValue config, ParseJsonObject(text, kConfigFile));
  out.bos = TokenText(config, "bos_token");
  out.eos = TokenText(config, "eos_token");
  out.add_bos = Flag(config, "add_bos_token");
  out.add_eos = Flag(config, "add_eos_token");
  if (const JsonValue* value = config.Find("chat_template"); value != nullptr && chat_template.empty()) {
    out.chat_template = value->string;
    for (const JsonValue& entry : value->array) {
      const JsonValue* name = entry.Find("name");
      const JsonValue* named = entry.Find("template");
      if (name != nullptr && name->string == "default" && named != nullptr) out.chat_template = named->string;
    }
  }
  return out;
}

Result<JsonValue> ParseJsonObject(std::string_view text, std::string_view name) {
  Result<JsonValue> json = ParseJson(text);
  if (!json.ok()) {
    const Status& status = json.status();
    return Status(status.code(), Cat(name, ": ", status.message()), std::string(name), status.offset());
  }
  if (json->kind == JsonValue::Kind::kObject) return json;
  return Status(Code::kBadFormat, Cat(name, ": expected an object"), std::string(name));
}

}  // namespace bitnet::core
