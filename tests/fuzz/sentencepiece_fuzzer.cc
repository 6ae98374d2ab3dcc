// Any bytes as a SentencePiece tokenizer.model: an error, or a tokenizer that encodes any bytes. An input that starts
// with '@' has the 256 byte pieces put before what follows, so that it stays short.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tokenizer_checks.h"

namespace core = bitnet::core;

namespace {

// The pieces <0x00> to <0xFF> of type BYTE.
std::string BytePieces() {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    out += "\x0A\x0F\x0A\x06<0x";  // field 1, 15 bytes: field 1, 6 bytes ...
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
    out += {'>', '\x15', 0, 0, 0, 0, '\x18', 6};  // ... score 0, type 6
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string byte_pieces = BytePieces();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string model = input.starts_with('@') ? byte_pieces + std::string(input.substr(1)) : std::string(input);
  const auto tokenizer = core::Tokenizer::FromSentencePiece(model, "");
  if (!tokenizer.ok()) {
    if (tokenizer.status().message().empty()) std::abort();  // every error says what is wrong
    return 0;
  }
  bitnet::fuzz::CheckEncodes(**tokenizer, "Hello W\xC3\xB6rld 123\n  \xFF\xE2\x96\x81 <s>");
  bitnet::fuzz::CheckEncodes(**tokenizer, input);
  return 0;
}
