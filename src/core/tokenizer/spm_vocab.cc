#include "core/tokenizer/spm_vocab.h"

#include "core/base/text.h"
#include "core/tokenizer/byte_token.h"

namespace bitnet::core {

std::string BuildSpm(std::span<const std::string_view> pieces, std::span<const TokenType> types,
                     std::span<const float> scores, bool space_prefix, TokenizerParts& parts) {
  parts.vocab = Vocab(pieces.size());
  std::string spaced;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view piece = pieces[i];
    const TokenType type = types[i];
    if (type == TokenType::kByte) {
      const int byte = ByteOfToken(piece);
      if (byte < 0) return Cat("byte token ", i, " = ", Quoted(piece), ", expected '<0x00>' to '<0xFF>'");
      const char text = static_cast<char>(byte);
      parts.vocab.Add({&text, 1}, type, /*plain=*/false);
      parts.vocab.SetByteToken(static_cast<uint8_t>(byte), static_cast<int32_t>(i));
    } else if (IsControl(type) || type == TokenType::kUserDefined) {
      parts.vocab.Add(piece, type, /*plain=*/false);
    } else {
      // No text spells a piece that has a space: spaces of text are U+2581 in the file.
      const bool has_space = piece.find(' ') != std::string_view::npos;
      spaced.clear();
      AppendSpaced(piece, spaced);
      parts.vocab.Add(spaced, type, /*plain=*/!has_space && !spaced.empty());
    }
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (parts.vocab.byte_token(static_cast<char>(byte)) < 0) {
      return Cat("no byte token for ", Hex(byte), ", expected one for each byte");
    }
  }
  parts.space_sign = true;
  parts.strip_space = space_prefix;
  if (space_prefix) parts.normalizers.push_back({NormalizerStep::kPrepend, {}, " "});
  parts.words = SpaceWords(parts.vocab);
  parts.model_of_words = Spm(scores);
  return {};
}

}  // namespace bitnet::core
