#include "core/tokenizer/vocab.h"

#include <algorithm>

namespace bitnet::core {

Vocab::Vocab(size_t n) : plain_(n) {
  ends_.reserve(n + 1);
  ends_.push_back(0);
  types_.reserve(n);
  byte_tokens_.fill(-1);
}

void Vocab::Add(std::string_view piece, TokenType type, bool plain) {
  const auto id = static_cast<int32_t>(types_.size());
  arena_.append(piece);
  ends_.push_back(static_cast<uint32_t>(arena_.size()));
  types_.push_back(type);
  if (!plain) return;
  plain_.Insert(piece, id, [this](int32_t i) { return this->piece(i); });
  max_plain_bytes_ = std::max(max_plain_bytes_, piece.size());
}

}  // namespace bitnet::core
