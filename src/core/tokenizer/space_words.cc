#include "core/tokenizer/space_words.h"

#include <algorithm>

#include "core/tokenizer/merge.h"

namespace bitnet::core {
namespace {

bool HasSpaceInside(std::string_view piece) {
  for (size_t i = 1; i < piece.size(); ++i) {
    if (piece[i] == ' ' && piece[i - 1] != ' ') return true;
  }
  return false;
}

}  // namespace

void AppendSpaced(std::string_view text, std::string& out) {
  for (size_t at; (at = text.find(kSpaceSign)) != std::string_view::npos;) {
    out.append(text.substr(0, at)).push_back(' ');
    text.remove_prefix(at + kSpaceSign.size());
  }
  out.append(text);
}

SpaceWords::SpaceWords(const Vocab& vocab) : space_starts_word_(true) {
  for (int32_t id = 0; vocab.Has(id); ++id) {
    const bool plain = vocab.FindPlain(vocab.piece(id)) == id;
    if (plain && HasSpaceInside(vocab.piece(id))) space_starts_word_ = false;
  }
}

size_t SpaceWords::End(std::string_view text, size_t pos) const {
  size_t end = pos;
  if (space_starts_word_) {
    while (end < text.size() && text[end] == ' ') ++end;
    end = std::min(text.find(' ', end), text.size());
  } else {
    end = text.size();
  }
  if (end - pos <= kMaxMergeBytes) return end;
  end = pos + kMaxMergeBytes;
  while ((text[end] & 0xC0) == 0x80) --end;  // not inside a character
  return end;
}

}  // namespace bitnet::core
