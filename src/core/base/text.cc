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
