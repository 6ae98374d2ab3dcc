// Text for people: well-formed, without control characters that a terminal would obey, numbers with their unit.
#ifndef BITNET_EXAMPLES_BITNET_TEXT_H_
#define BITNET_EXAMPLES_BITNET_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet::tool {

// `text` as UTF-8: every maximal ill-formed part becomes one U+FFFD.
std::string WellFormed(std::string_view text);
// For one line on a terminal: as WellFormed, and control and direction-changing characters as \xNN or \u{NNNN}.
std::string Printable(std::string_view text);
// The same, but line feeds and tabs stay: text of several lines.
std::string PrintableLines(std::string_view text);
// In double quotes, cut with "..." after `max_bytes`.
std::string Quoted(std::string_view text, size_t max_bytes = 80);

// As Printable, but of a text beyond `max_bytes` its beginning and its length.
std::string Shortened(std::string_view text, size_t max_bytes = 160);

std::string Fixed(double value, int decimals);
std::string Bytes(uint64_t bytes);                  // "4.2 MB": decimal units, as disks and bandwidth count
std::string Grouped(uint64_t value);                // "5,123,456"
std::string Counted(uint64_t n, const char* noun);  // "1 token", "1,234 tokens"
std::string Hex(std::string_view bytes);
// The bytes that pairs of hex digits spell; false when `digits` is not that.
bool FromHex(std::string_view digits, std::string& bytes);

// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...);

// Columns of equal width, two blanks between them; numbers (`right`, one flag a column) to the right.
std::string Columns(std::span<const std::vector<std::string>> rows, std::string_view right);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_TEXT_H_
