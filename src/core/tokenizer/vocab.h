// The tokens of a vocabulary: their bytes, their types, and which of them plain text may become.
#ifndef BITNET_CORE_TOKENIZER_VOCAB_H_
#define BITNET_CORE_TOKENIZER_VOCAB_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/text_index.h"

namespace bitnet::core {

// Values of tokenizer.ggml.token_type.
enum class TokenType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// Control and unknown tokens: text becomes one of them only when special tokens are parsed, and decoding may skip them.
inline bool IsControl(TokenType type) { return type == TokenType::kControl || type == TokenType::kUnknown; }

class Vocab {
 public:
  // For `n` tokens, whose texts fit 32-bit offsets together.
  explicit Vocab(size_t n = 0);

  // Appends a token. `piece`: the exact bytes that it decodes to. `plain`: merging text may yield it.
  void Add(std::string_view piece, TokenType type, bool plain);
  void SetByteToken(uint8_t byte, int32_t id) { byte_tokens_[byte] = id; }

  uint32_t size() const { return static_cast<uint32_t>(types_.size()); }
  bool Has(int64_t id) const { return id >= 0 && id < static_cast<int64_t>(types_.size()); }
  TokenType type(int32_t id) const { return types_[static_cast<size_t>(id)]; }
  std::string_view piece(int32_t id) const {
    const auto i = static_cast<size_t>(id);
    return std::string_view(arena_).substr(ends_[i], ends_[i + 1] - ends_[i]);
  }
  // The token that text of these bytes may become by merging, or -1.
  int32_t FindPlain(std::string_view bytes) const {
    if (bytes.size() > max_plain_bytes_) return -1;
    return plain_.Find(bytes, [this](int32_t id) { return piece(id); });
  }
  // The token of one byte, or -1.
  int32_t byte_token(char byte) const { return byte_tokens_[static_cast<uint8_t>(byte)]; }

 private:
  std::string arena_;           // all pieces, one after the other
  std::vector<uint32_t> ends_;  // piece i is [ends_[i], ends_[i + 1])
  std::vector<TokenType> types_;
  TextIndex plain_;
  size_t max_plain_bytes_ = 0;
  std::array<int32_t, 256> byte_tokens_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_VOCAB_H_
