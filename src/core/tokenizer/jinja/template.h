// Chat templates in Jinja: what transformers' apply_chat_template renders, bounded. docs/chat-templates.md says what is
// supported.
#ifndef BITNET_CORE_TOKENIZER_JINJA_TEMPLATE_H_
#define BITNET_CORE_TOKENIZER_JINJA_TEMPLATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/tokenizer/jinja/text.h"
#include "core/tokenizer/jinja/value.h"

namespace bitnet::core::jinja {

using Variables = std::vector<std::pair<std::string, Value>>;

// Whether the text is a template that this interpreter reads.
Status Check(std::string_view source);

// What the template writes. `now`: seconds since 1970 in the caller's calendar, for strftime_now; none: the template
// has no such function. Errors carry line and column: kBadFormat and kUnsupported for the template, kInvalidArgument
// where it fails on these variables or refuses them, kLimit for a bound of limits.h.
Result<Text> Render(std::string_view source, const Variables& variables, std::optional<int64_t> now, Budget& budget);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_TEMPLATE_H_
