// Any text as a tokenizer.json: an error, or a tokenizer that encodes any bytes. An input is the file, then, after a
// line "---", the text to encode. So that inputs stay short, `"@bytes":0` in the file stands for the 256 tokens of
// the byte alphabet, and `"@0x":0` for <0x00> to <0xFF>, with the ids from 0 to 255.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "core/tokenizer/byte_alphabet.h"
#include "core/tokenizer/tokenizer.h"
#include "tokenizer_checks.h"

namespace core = bitnet::core;

namespace {

// `"text":id,` for each byte, less the last comma.
std::string Members(bool byte_alphabet) {
  std::string out;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    std::string text;
    if (byte_alphabet) {
      const uint32_t code_point = core::IsVisibleByte(byte) ? byte : next++;
      if (code_point == '"' || code_point == '\\') text.push_back('\\');
      core::AppendUtf8(code_point, text);
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      text = core::Cat("<0x", kDigits[byte >> 4], kDigits[byte & 15], ">");
    }
    out += core::Cat(out.empty() ? "\"" : ",\"", text, "\":", byte);
  }
  return out;
}

void Expand(std::string_view name, const std::string& members, std::string& file) {
  const size_t at = file.find(name);
  if (at != std::string::npos) file.replace(at, name.size(), members);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string alphabet = Members(true), codes = Members(false);
  constexpr std::string_view kSeparator = "\n---\n";
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find(kSeparator), input.size());
  std::string file(input.substr(0, end));
  Expand("\"@bytes\":0", alphabet, file);
  Expand("\"@0x\":0", codes, file);
  const auto tokenizer = core::Tokenizer::FromJson(file, "");
  if (!tokenizer.ok()) {
    if (tokenizer.status().message().empty()) std::abort();  // every error says what is wrong
    return 0;
  }
  bitnet::fuzz::CheckEncodes(**tokenizer, "Hello W\xC3\xB6rld 123\n  \xFF\xE2\x96\x81 <s>");
  if (end < size) bitnet::fuzz::CheckEncodes(**tokenizer, input.substr(end + kSeparator.size()));
  return 0;
}
