// Byte-pair encoding: a word begins as the tokens of its bytes or characters, neighbours merge by rank.
#ifndef BITNET_CORE_TOKENIZER_BPE_H_
#define BITNET_CORE_TOKENIZER_BPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/tokenizer/merge.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

struct BpeOptions {
  bool characters = false;     // words begin as characters; one that is no token as its bytes. Else as bytes.
  bool ignore_merges = false;  // a word that is itself a token is taken whole
};

class Bpe {
 public:
  // For up to `n_merges` merges.
  explicit Bpe(size_t n_merges = 0, BpeOptions options = {});

  // Tokens `left` and `right` give `result`; the rank is the order of the calls. A pair that is there already keeps
  // its rank, and uses up one.
  void AddMerge(int32_t left, int32_t right, int32_t result);

  struct MergeOf {
    int32_t left, right, result;
  };
  std::vector<MergeOf> Merges() const;  // by rank
  const BpeOptions& options() const { return options_; }

  // Appends the tokens of `word`, of at most kMaxMergeBytes, to `ids`. `row` is scratch.
  void EncodeWord(const Vocab& vocab, std::string_view word, MergeRow<int32_t>& row, std::vector<int32_t>& ids) const;

  // For MergeRow.
  uint32_t Priority(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t i = Place(key);; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].rank == kNoMerge || slots_[i].key == key) return slots_[i].rank;
    }
  }
  int32_t Join(int32_t, int32_t, uint32_t rank) const { return results_[rank]; }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t rank = kNoMerge;  // kNoMerge: free
  };
  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t Place(uint64_t key) const {
    const uint64_t hash = key * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
    return (hash ^ hash >> 32) & (slots_.size() - 1);
  }

  std::vector<Slot> slots_;       // open addressing, at most three quarters full
  std::vector<int32_t> results_;  // by rank
  BpeOptions options_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_BPE_H_
