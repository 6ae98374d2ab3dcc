#include "core/tokenizer/bpe.h"

#include <algorithm>
#include <bit>

#include "core/tokenizer/utf8.h"

namespace bitnet::core {

Bpe::Bpe(size_t n_merges, BpeOptions options) : slots_(std::bit_ceil(n_merges + n_merges / 3 + 2)), options_(options) {
  results_.reserve(n_merges);
}

void Bpe::AddMerge(int32_t left, int32_t right, int32_t result) {
  const uint64_t key = Key(left, right);
  size_t i = Place(key);
  while (slots_[i].rank != kNoMerge && slots_[i].key != key) i = (i + 1) & (slots_.size() - 1);
  if (slots_[i].rank == kNoMerge) slots_[i] = {key, static_cast<uint32_t>(results_.size())};
  results_.push_back(result);
}

std::vector<Bpe::MergeOf> Bpe::Merges() const {
  std::vector<Slot> used;
  for (const Slot& slot : slots_) {
    if (slot.rank != kNoMerge) used.push_back(slot);
  }
  std::sort(used.begin(), used.end(), [](const Slot& a, const Slot& b) { return a.rank < b.rank; });
  std::vector<MergeOf> out;
  out.reserve(used.size());
  for (const Slot& slot : used) {
    out.push_back({static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key), results_[slot.rank]});
  }
  return out;
}

void Bpe::EncodeWord(const Vocab& vocab, std::string_view word, MergeRow<int32_t>& row,
                     std::vector<int32_t>& ids) const {
  if (options_.ignore_merges) {
    if (const int32_t id = vocab.FindPlain(word); id >= 0) return ids.push_back(id);
  }
  row.Clear();
  for (size_t pos = 0; pos < word.size();) {
    const std::string_view symbol = word.substr(pos, options_.characters ? DecodeWellFormed(word, pos).length : 1);
    pos += symbol.size();
    const int32_t id = options_.characters ? vocab.FindPlain(symbol) : -1;
    if (id >= 0) {
      row.Append(id);
    } else {
      for (const char byte : symbol) row.Append(vocab.byte_token(byte));
    }
  }
  row.Merge(*this);
  row.ForEach([&ids](int32_t id) { ids.push_back(id); });
}

}  // namespace bitnet::core
