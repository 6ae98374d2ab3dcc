// The tokens of a template, white space control done, as Jinja cuts them with trim_blocks and lstrip_blocks.
#ifndef BITNET_CORE_TOKENIZER_JINJA_LEXER_H_
#define BITNET_CORE_TOKENIZER_JINJA_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace bitnet::core::jinja {

struct Location {
  uint32_t line = 1;
  uint32_t column = 1;  // in characters
};

// "chat template, line 3, column 7: ..."; a status that has a location already stays as it is.
Status At(Location location, const Status& status);
Status ErrorAt(Location location, Code code, std::string_view message);

struct Token {
  enum class Kind : uint8_t {
    kData,  // outside of delimiters
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,  // escapes are resolved
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  Location location;
};

// All tokens, kEnd the last.
Result<std::vector<Token>> Lex(std::string_view source);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_LEXER_H_
