// UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, shortest forms only.
#ifndef BITNET_CORE_TOKENIZER_UTF8_H_
#define BITNET_CORE_TOKENIZER_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/text.h"  // AppendUtf8

namespace bitnet::core {

struct Utf8Char {
  uint32_t code_point = 0;  // U+FFFD when ill-formed
  uint32_t length = 0;  // bytes; of an ill-formed sequence its maximal subpart (Unicode 14, section 3.9), at least 1
  bool ok = false;
  bool cut = false;  // ill-formed, but more bytes after the end of the text could complete it
};

// The character that starts at `pos` < text.size().
Utf8Char DecodeUtf8(std::string_view text, size_t pos);
// The same for text that is known to be well-formed.
inline Utf8Char DecodeWellFormed(std::string_view text, size_t pos) {
  const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(text[pos + i])}; };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2, true};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3, true};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4, true};
}

// How many bytes at the start of `text` are whole well-formed characters.
size_t WellFormedPrefix(std::string_view text);

// Turns a stream of token bytes into whole UTF-8 characters: holds back an unfinished character.
class Utf8Stream {
 public:
  // Appends `bytes`, returns what can be shown now. Ill-formed bytes become U+FFFD each maximal subpart.
  std::string Push(std::string_view bytes);
  std::string Finish();  // the rest; an unfinished character becomes U+FFFD

 private:
  std::string pending_;  // at most 3 bytes between calls
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_UTF8_H_
