// Metadata values as text, for people and for the C ABI.
#ifndef BITNET_CORE_FORMAT_GGUF_TEXT_H_
#define BITNET_CORE_FORMAT_GGUF_TEXT_H_

#include <string>

#include "core/format/gguf.h"

namespace bitnet::core {

// A number in its shortest exact form, true or false, a string as its bytes, an array as JSON. `value` comes from
// Gguf::Parse.
std::string GgufValueText(const GgufValue& value);

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_GGUF_TEXT_H_
