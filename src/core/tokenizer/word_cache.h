// Remembers the tokens of words that came before: text repeats its words, and merging costs far more than looking up.
#ifndef BITNET_CORE_TOKENIZER_WORD_CACHE_H_
#define BITNET_CORE_TOKENIZER_WORD_CACHE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/tokenizer/text_index.h"

namespace bitnet::core {

// One place a word, by hash; the later word wins. Off until Enable.
class WordCache {
 public:
  void Enable() { entries_.resize(kEntries); }

  // Appends the tokens of `word` to `ids`: remembered ones, else what `encode(word)` appends.
  template <typename F>
  void Encode(std::string_view word, std::vector<int32_t>& ids, F&& encode) {
    if (entries_.empty() || word.size() > kMaxBytes) return encode(word);
    const uint64_t hash = HashText(word);
    Entry& e = entries_[hash % kEntries];
    if (e.hash == hash && e.bytes == word.size() && std::memcmp(e.word, word.data(), word.size()) == 0) {
      ids.insert(ids.end(), e.ids, e.ids + e.n_ids);
      return;
    }
    const size_t before = ids.size();
    encode(word);
    const size_t n = ids.size() - before;
    if (n > kMaxIds) return;
    e.hash = hash;
    e.bytes = static_cast<uint8_t>(word.size());
    e.n_ids = static_cast<uint8_t>(n);
    std::memcpy(e.word, word.data(), word.size());
    std::copy_n(ids.data() + before, n, e.ids);
  }

 private:
  static constexpr size_t kEntries = 8192;  // 512 KiB
  static constexpr size_t kMaxBytes = 22;   // longer words seldom come twice
  static constexpr size_t kMaxIds = 8;
  struct Entry {  // a cache line
    uint64_t hash = 0;
    uint8_t bytes = 0;  // 0: free
    uint8_t n_ids = 0;
    char word[kMaxBytes];
    int32_t ids[kMaxIds];
  };
  static_assert(sizeof(Entry) == 64);

  std::vector<Entry> entries_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_WORD_CACHE_H_
