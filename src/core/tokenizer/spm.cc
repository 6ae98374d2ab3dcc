#include "core/tokenizer/spm.h"

#include <algorithm>
#include <numeric>

#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

// Merging by score, over the bytes of one word.
struct SpmScores {
  const Vocab& vocab;
  std::span<const uint32_t> ranks;
  std::string_view word;

  static Spm::Span Join(Spm::Span left, Spm::Span right, uint32_t) { return {left.begin, left.bytes + right.bytes}; }
  uint32_t Priority(Spm::Span left, Spm::Span right) const {
    const Spm::Span joined = Join(left, right, 0);
    const int32_t id = vocab.FindPlain(word.substr(joined.begin, joined.bytes));
    return id < 0 ? kNoMerge : ranks[static_cast<size_t>(id)];
  }
};

}  // namespace

Spm::Spm(std::span<const float> scores) : ranks_(scores.size()) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  for (size_t i = 1; i < order.size(); ++i) {
    ranks_[order[i]] = ranks_[order[i - 1]] + (scores[order[i]] < scores[order[i - 1]] ? 1 : 0);
  }
}

void Spm::EncodeWord(const Vocab& vocab, std::string_view word, MergeRow<Span>& row, std::vector<int32_t>& ids) const {
  row.Clear();
  for (size_t pos = 0; pos < word.size();) {
    const uint32_t bytes = DecodeWellFormed(word, pos).length;
    row.Append({static_cast<uint32_t>(pos), bytes});
    pos += bytes;
  }
  row.Merge(SpmScores{vocab, ranks_, word});
  row.ForEach([&](Span s) {
    const std::string_view piece = word.substr(s.begin, s.bytes);
    if (const int32_t id = vocab.FindPlain(piece); id >= 0) return ids.push_back(id);
    for (const char byte : piece) ids.push_back(vocab.byte_token(byte));
  });
}

}  // namespace bitnet::core
