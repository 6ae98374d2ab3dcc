// The alphabet in which byte-level BPE vocabularies spell bytes: one visible character for each.
#ifndef BITNET_CORE_TOKENIZER_BYTE_ALPHABET_H_
#define BITNET_CORE_TOKENIZER_BYTE_ALPHABET_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/tokenizer/utf8.h"

namespace bitnet::core {

// Bytes that are visible Latin-1 characters stand for themselves; the others are U+0100, U+0101, ... in order.
constexpr bool IsVisibleByte(uint32_t byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD); }

// The byte for each code point below U+0144, -1 where it stands for none.
inline constexpr auto kByteOfCodePoint = [] {
  std::array<int16_t, 0x144> byte_of{};
  for (auto& b : byte_of) b = -1;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    byte_of[IsVisibleByte(byte) ? byte : next++] = static_cast<int16_t>(byte);
  }
  return byte_of;
}();

// The bytes that `text`, well-formed UTF-8, spells: false if it has a character outside the alphabet.
inline bool FromByteAlphabet(std::string_view text, std::string& bytes) {
  bytes.clear();
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = DecodeWellFormed(text, pos);
    if (c.code_point >= kByteOfCodePoint.size() || kByteOfCodePoint[c.code_point] < 0) return false;
    bytes.push_back(static_cast<char>(kByteOfCodePoint[c.code_point]));
    pos += c.length;
  }
  return true;
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_BYTE_ALPHABET_H_
