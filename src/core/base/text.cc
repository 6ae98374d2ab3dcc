#include "core/base/text.h"

namespace bitnet::core {

namespace {
constexpr char kDigits[] = "0123456789abcdef";
}

std::string Quoted(std::string_view bytes, size_t max) {
  std::string out = "'";
  for (size_t i = 0; i < bytes.size() && i < max; ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
      out.push_back(static_cast<char>(c));
    } else {
      out.append("\\x");
      out.push_back(kDigits[c >> 4]);
      out.push_back(kDigits[c & 15]);
    }
  }
  if (bytes.size() > max) out.append("...");
  out.push_back('\'');
  return out;
}

bool IsUtf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  while (p != end) {
    const unsigned char c = *p++;
    if (c < 0x80) continue;
    // How many bytes follow, and the range of the first of them (Unicode 14, table 3-7).
    int more = c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
    if (more == 0 || end - p < more) return false;
    const unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (*p < low || *p > high) return false;
    for (++p; --more > 0; ++p) {
      if ((*p & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

std::string Hex(uint64_t value) {
  char buf[20];
  const auto end = std::to_chars(buf, buf + sizeof buf, value, 16);
  return "0x" + std::string(buf, end.ptr);
}

std::string HexBytes(const void* data, size_t n) {
  std::string out;
  out.reserve(2 * n);
  for (size_t i = 0; i < n; ++i) {
    const auto c = static_cast<const unsigned char*>(data)[i];
    out.push_back(kDigits[c >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

}  // namespace bitnet::core
