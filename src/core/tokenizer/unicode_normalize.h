// Unicode 14.0.0 normalization (UAX 15).
#ifndef BITNET_CORE_TOKENIZER_UNICODE_NORMALIZE_H_
#define BITNET_CORE_TOKENIZER_UNICODE_NORMALIZE_H_

#include <string>
#include <string_view>

namespace bitnet::core {

enum class UnicodeForm { kNfc, kNfkc };

// `text`, well-formed UTF-8, in the form. O(n log n).
std::string NormalizeUnicode(std::string_view text, UnicodeForm form);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_UNICODE_NORMALIZE_H_
