// Small helpers to build messages: Cat("found ", 3, ", expected ", name).
#ifndef BITNET_CORE_BASE_TEXT_H_
#define BITNET_CORE_BASE_TEXT_H_

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace bitnet::core {

inline void AppendText(std::string& out, std::string_view s) { out.append(s); }
inline void AppendText(std::string& out, const char* s) { out.append(s); }
inline void AppendText(std::string& out, char c) { out.push_back(c); }
inline void AppendText(std::string& out, bool b) { out.append(b ? "true" : "false"); }
template <typename T>
requires(std::is_arithmetic_v<T> && !std::same_as<T, char> && !std::same_as<T, bool>) void AppendText(std::string& out,
                                                                                                      T value) {
  char buf[40];
  const auto end = std::to_chars(buf, buf + sizeof buf, value);  // shortest form that reads back the same
  out.append(buf, static_cast<size_t>(end.ptr - buf));
}

// All arguments as text, one after the other. Numbers in their shortest exact form.
template <typename... Args>
std::string Cat(const Args&... args) {
  std::string out;
  (AppendText(out, args), ...);
  return out;
}

// `bytes` from a file as printable ASCII in quotes: control characters, quotes and bytes above 126 as \xNN,
// cut after `max` bytes. What comes from outside never reaches a terminal raw.
std::string Quoted(std::string_view bytes, size_t max = 64);

// True when `text` is well-formed UTF-8: shortest forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);
// Bytes of the well-formed UTF-8 character at text[i], i < text.size(); 0 when it is ill-formed.
size_t Utf8Length(std::string_view text, size_t i);
// Appends the UTF-8 form of a code point, which is no surrogate and not above U+10FFFF.
void AppendUtf8(uint32_t code_point, std::string& out);

// A place in a text for people: both from 1, columns in characters.
struct TextPlace {
  uint32_t line = 1, column = 1;
};
// "line 3, column 7"
inline void AppendText(std::string& out, TextPlace place) {
  out += "line ";
  AppendText(out, place.line);
  out += ", column ";
  AppendText(out, place.column);
}

// "0x..." of 64 bits.
std::string Hex(uint64_t value);
// Lower-case hex digits of bytes.
std::string HexBytes(const void* data, size_t n);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_TEXT_H_
