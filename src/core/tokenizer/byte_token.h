// How vocabularies from SentencePiece spell the token of a byte: `<0x41>`.
#ifndef BITNET_CORE_TOKENIZER_BYTE_TOKEN_H_
#define BITNET_CORE_TOKENIZER_BYTE_TOKEN_H_

#include <string_view>

namespace bitnet::core {

// The byte, or -1 for any other text.
inline int ByteOfToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  int byte = 0;
  for (const char c : text.substr(3, 2)) {
    const bool is_digit = c >= '0' && c <= '9', is_upper = c >= 'A' && c <= 'F', is_lower = c >= 'a' && c <= 'f';
    if (!is_digit && !is_upper && !is_lower) return -1;
    byte = byte * 16 + (is_digit ? c - '0' : c - (is_upper ? 'A' : 'a') + 10);
  }
  return byte;
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_BYTE_TOKEN_H_
