// The escapes of string literals.
#ifndef BITNET_CORE_TOKENIZER_JINJA_STRING_LITERAL_H_
#define BITNET_CORE_TOKENIZER_JINJA_STRING_LITERAL_H_

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace bitnet::core::jinja {

// What stands between the quotes, with the escapes of Python resolved.
Result<std::string> UnescapeString(std::string_view literal);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_STRING_LITERAL_H_
