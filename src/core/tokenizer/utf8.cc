#include "core/tokenizer/utf8.h"

#include <cstring>
#include <utility>

namespace bitnet::core {
namespace {
constexpr uint32_t kReplacement = 0xFFFD;
}  // namespace

Utf8Char DecodeUtf8(std::string_view text, size_t pos) {
  const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(text[pos + i])}; };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xC2 || first > 0xF4) return {kReplacement, 1, false};
  const uint32_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
  uint32_t low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  uint32_t code_point = first & (0x7F >> length);
  for (uint32_t i = 1; i < length; ++i) {
    if (pos + i == text.size()) return {kReplacement, i, false, true};
    if (byte(i) < low || byte(i) > high) return {kReplacement, i, false};
    code_point = code_point << 6 | (byte(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, length, true};
}

size_t WellFormedPrefix(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size()) {
    uint64_t word = 0;
    while (pos + sizeof word <= text.size()) {  // eight ASCII bytes at a time
      std::memcpy(&word, text.data() + pos, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
      pos += sizeof word;
    }
    if (pos == text.size()) break;
    const Utf8Char c = DecodeUtf8(text, pos);
    if (!c.ok) break;
    pos += c.length;
  }
  return pos;
}

std::string Utf8Stream::Push(std::string_view bytes) {
  pending_.append(bytes);
  std::string out;
  size_t pos = 0;
  while (pos < pending_.size()) {
    const size_t good = WellFormedPrefix(std::string_view(pending_).substr(pos));
    out.append(pending_, pos, good);
    pos += good;
    if (pos == pending_.size()) break;
    const Utf8Char c = DecodeUtf8(pending_, pos);
    if (c.cut) break;
    AppendUtf8(kReplacement, out);
    pos += c.length;
  }
  pending_.erase(0, pos);
  return out;
}

std::string Utf8Stream::Finish() {
  std::string out;
  if (!pending_.empty()) AppendUtf8(kReplacement, out);
  pending_.clear();
  return out;
}

}  // namespace bitnet::core
