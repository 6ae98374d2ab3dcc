// What a tokenizer_config.json says beside a tokenizer.json or tokenizer.model.
#ifndef BITNET_CORE_TOKENIZER_TOKENIZER_CONFIG_H_
#define BITNET_CORE_TOKENIZER_TOKENIZER_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/base/json_reader.h"
#include "core/base/status.h"

namespace bitnet::core {

struct TokenizerConfig {
  std::string bos, eos;  // texts of tokens; "": it names none
  std::optional<bool> add_bos, add_eos;
  std::string chat_template;  // a text, or of a list the one named "default"
};

// "" is a file that says nothing. `chat_template`: the text of a chat_template.jinja, which comes before the one that
// `text` holds; "": none.
Result<TokenizerConfig> ReadTokenizerConfig(std::string_view text, std::string_view chat_template);

// A JSON object from the text of the file `name`; an error names the file.
Result<JsonValue> ParseJsonObject(std::string_view text, std::string_view name);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TOKENIZER_CONFIG_H_
