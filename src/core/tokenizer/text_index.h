// From bytes to the number of the text that they are: an open-addressing hash table that stores no text itself.
#ifndef BITNET_CORE_TOKENIZER_TEXT_INDEX_H_
#define BITNET_CORE_TOKENIZER_TEXT_INDEX_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace bitnet::core {

// A 64-bit mix of `bytes`: eight at a time, multiply and fold.
inline uint64_t HashText(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  uint64_t hash = bytes.size() * kMultiplier;
  const auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    mix(word);
  }
  if (i < bytes.size()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, bytes.size() - i);
    mix(word);
  }
  return hash;
}

// Holds numbers of texts; `text_of(number)` gives the text back to compare with.
class TextIndex {
 public:
  TextIndex() = default;
  // Room for `n` texts at a load of at most three quarters.
  explicit TextIndex(size_t n) : slots_(std::bit_ceil(n + n / 3 + 2)) {}

  // The number that `text` already has, or -1 after giving it `number`.
  template <typename TextOf>
  int32_t Insert(std::string_view text, int32_t number, TextOf&& text_of) {
    Slot& slot = slots_[Locate(text, text_of)];
    if (slot.number >= 0) return slot.number;
    slot = {Tag(text), number};
    return -1;
  }
  // -1: not here.
  template <typename TextOf>
  int32_t Find(std::string_view text, TextOf&& text_of) const {
    return slots_.empty() ? -1 : slots_[Locate(text, text_of)].number;
  }

 private:
  struct Slot {
    uint32_t tag = 0;  // bits of the hash that the place does not use
    int32_t number = -1;
  };

  static uint32_t Tag(std::string_view text) { return static_cast<uint32_t>(HashText(text) >> 32); }

  // Where `text` is, or the free slot where it belongs.
  template <typename TextOf>
  size_t Locate(std::string_view text, TextOf&& text_of) const {
    const uint64_t hash = HashText(text);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t i = hash & (slots_.size() - 1);
    while (slots_[i].number >= 0 && (slots_[i].tag != tag || text_of(slots_[i].number) != text)) {
      i = (i + 1) & (slots_.size() - 1);
    }
    return i;
  }

  std::vector<Slot> slots_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TEXT_INDEX_H_
