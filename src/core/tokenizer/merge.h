// Merging of neighbours, best pair first: the core that byte-level BPE and SentencePiece BPE share.
#ifndef BITNET_CORE_TOKENIZER_MERGE_H_
#define BITNET_CORE_TOKENIZER_MERGE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace bitnet::core {

inline constexpr uint32_t kNoMerge = UINT32_MAX;  // the priority of a pair that does not merge
// Symbols are numbered with 32 bits; a longer run is merged in pieces of this many bytes.
inline constexpr size_t kMaxMergeBytes = size_t{1} << 26;

// A row of symbols and the buffers that merging needs, kept from word to word.
// Item: what a symbol is. Rule has
//   uint32_t Priority(const Item& left, const Item& right): lower merges first, kNoMerge never
//   Item Join(const Item& left, const Item& right, uint32_t priority)
template <typename Item>
class MergeRow {
 public:
  void Clear() { symbols_.clear(); }
  void Append(const Item& item) {
    symbols_.push_back({item, Index(symbols_.size()) - 1, Index(symbols_.size()) + 1, kNoMerge});
  }

  // Merges the pair of the lowest priority, the leftmost of several, until none is left. O(n log n).
  template <typename Rule>
  void Merge(const Rule& rule) {
    if (symbols_.size() < 2) return;
    queue_.clear();
    for (uint32_t i = 0; i + 1 < symbols_.size(); ++i) Offer(rule, i);
    std::make_heap(queue_.begin(), queue_.end(), std::greater<>());
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
      const uint64_t best = queue_.back();
      queue_.pop_back();
      const auto left = static_cast<uint32_t>(best);
      const auto priority = static_cast<uint32_t>(best >> 32);
      // An entry whose pair is gone: either symbol has merged with another since.
      if (symbols_[left].priority != priority) continue;
      const uint32_t right = symbols_[left].next;
      symbols_[left].item = rule.Join(symbols_[left].item, symbols_[right].item, priority);
      symbols_[left].next = symbols_[right].next;
      symbols_[right].priority = kNoMerge;
      if (symbols_[left].next < symbols_.size()) symbols_[symbols_[left].next].prev = left;
      for (const uint32_t pair : {symbols_[left].prev, left}) {
        if (pair >= symbols_.size()) continue;  // no symbol before the first
        const size_t before = queue_.size();
        Offer(rule, pair);
        if (queue_.size() != before) std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
      }
    }
  }

  // Calls fn(item) for what is left, in order.
  template <typename F>
  void ForEach(F&& fn) const {
    for (uint32_t i = 0; i < symbols_.size(); i = symbols_[i].next) fn(symbols_[i].item);
  }

 private:
  struct Symbol {
    Item item;
    uint32_t prev, next;  // places in symbols_; before the first and after the last: none
    uint32_t priority;    // of this symbol and the next
  };
  static uint32_t Index(size_t i) { return static_cast<uint32_t>(i); }

  // Notes the priority of the pair that begins at `left`, and queues it if it merges.
  template <typename Rule>
  void Offer(const Rule& rule, uint32_t left) {
    Symbol& s = symbols_[left];
    s.priority = s.next < symbols_.size() ? rule.Priority(s.item, symbols_[s.next].item) : kNoMerge;
    if (s.priority != kNoMerge) queue_.push_back(uint64_t{s.priority} << 32 | left);
  }

  std::vector<Symbol> symbols_;
  std::vector<uint64_t> queue_;  // a heap of priority << 32 | left symbol
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_MERGE_H_
