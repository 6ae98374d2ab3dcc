#include "core/tokenizer/score_merges.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

// Bytes that are looked at over all splits of all tokens: a vocabulary of 256k tokens of 32 bytes takes 0.3 % of it,
// and it takes less than a second.
constexpr uint64_t kMaxSplitBytes = uint64_t{1} << 30;

// The pairs of tokens that spell tokens.
class Splits {
 public:
  explicit Splits(const Vocab& vocab) : vocab_(vocab) {}

  // False when the tokens are too long for all their splits to be looked at.
  bool Spend(int32_t id) {
    const uint64_t n = vocab_.piece(id).size();
    spent_ += std::min<uint64_t>(n, UINT32_MAX) * n;
    return spent_ <= kMaxSplitBytes;
  }

  // Those of `id`, at character boundaries; of two that can overlap the one that then stands on the left first, else
  // the one with the shorter left part.
  std::vector<Bpe::MergeOf> Of(int32_t id) const {
    const std::string_view text = vocab_.piece(id);
    std::vector<Bpe::MergeOf> out;
    std::vector<std::pair<size_t, size_t>> places;  // bytes of the left part, place in out
    for (size_t at = 1; at < text.size(); ++at) {
      if ((static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) continue;
      const int32_t left = vocab_.FindPlain(text.substr(0, at)), right = vocab_.FindPlain(text.substr(at));
      if (left < 0 || right < 0) continue;
      places.emplace_back(at, out.size());
      out.push_back({left, right, id});
    }
    for (const auto& [at, place] : places) {
      const size_t mirrored = text.size() - at;
      if (at >= mirrored) break;
      const auto other = std::lower_bound(places.begin(), places.end(), std::pair<size_t, size_t>(mirrored, 0));
      if (other == places.end() || other->first != mirrored) continue;
      if (MustPrecede(text, mirrored) && !MustPrecede(text, at)) std::swap(out[place], out[other->second]);
    }
    return out;
  }

  // Whether in the row text[:at], text[at:], text[at':] with at' = size - at, whose first two and last two both spell
  // `text`, the first two stand on the left: then the split at `at` comes before that at at'.
  static bool MustPrecede(std::string_view text, size_t at) {
    return text.substr(at) == text.substr(0, text.size() - at) && at != text.size() - at;
  }

 private:
  const Vocab& vocab_;
  uint64_t spent_ = 0;
};

bool IsPlain(const Vocab& vocab, int32_t id) {
  return !vocab.piece(id).empty() && vocab.FindPlain(vocab.piece(id)) == id;
}

// A character of the token that is no token; "" if all are.
std::string_view UnknownCharacter(const Vocab& vocab, std::string_view text) {
  for (size_t pos = 0; pos < text.size();) {
    const std::string_view c = text.substr(pos, DecodeUtf8(text, pos).length);
    if (vocab.FindPlain(c) < 0) return c;
    pos += c.size();
  }
  return {};
}

ScoreMerges Problem(std::string text) {
  ScoreMerges out;
  out.problem = std::move(text);
  return out;
}
ScoreMerges TooLong() { return Problem("tokens that are too long for all their parts to be looked at"); }

}  // namespace

ScoreMerges MergesOfScores(const Vocab& vocab, const Spm& spm) {
  ScoreMerges out;
  std::vector<std::pair<uint32_t, int32_t>> by_rank;
  for (int32_t id = 0; vocab.Has(id); ++id) {
    if (IsPlain(vocab, id)) by_rank.emplace_back(spm.ranks()[static_cast<size_t>(id)], id);
  }
  std::sort(by_rank.begin(), by_rank.end());
  Splits splits(vocab);
  uint32_t last_rank = 0;
  for (const auto& [rank, id] : by_rank) {
    const std::string_view text = vocab.piece(id);
    if (text.size() <= DecodeUtf8(text, 0).length) continue;  // one character: nothing makes it
    if (!splits.Spend(id)) return TooLong();
    if (const std::string_view c = UnknownCharacter(vocab, text); !c.empty())
      return Problem(Cat("the token ", Quoted(text), " with ", Quoted(c), ", which is no token itself"));
    const std::vector<Bpe::MergeOf> merges = splits.Of(id);
    if (merges.empty()) continue;
    if (!out.order.empty() && rank == last_rank) {
      return Problem(Cat("one score for the tokens ", Quoted(vocab.piece(out.order.back())), " and ", Quoted(text)));
    }
    last_rank = rank;
    out.order.push_back(id);
    out.merges.insert(out.merges.end(), merges.begin(), merges.end());
  }
  return out;
}

ScoreMerges ScoresOfMerges(const Vocab& vocab, const Bpe& bpe) {
  ScoreMerges out;
  out.merges = bpe.Merges();
  const auto bad = [&](int32_t id, std::string_view what) -> ScoreMerges {
    return Problem(Cat("an order of merges for ", Quoted(vocab.piece(id)), " that is no order of scores: ", what));
  };
  Splits splits(vocab);
  std::vector<bool> made(vocab.size());
  for (size_t i = 0; i < out.merges.size();) {
    const int32_t id = out.merges[i].result;
    if (!IsPlain(vocab, id)) {  // a user-defined token: cut out of the text before it comes to merging
      ++i;
      continue;
    }
    if (made[static_cast<size_t>(id)]) return bad(id, "its pairs are not together");
    made[static_cast<size_t>(id)] = true;
    if (!splits.Spend(id)) return TooLong();
    std::vector<Bpe::MergeOf> expected = splits.Of(id), found;
    for (; i < out.merges.size() && out.merges[i].result == id; ++i) found.push_back(out.merges[i]);
    const auto less = [](const Bpe::MergeOf& a, const Bpe::MergeOf& b) {
      return std::pair(a.left, a.right) < std::pair(b.left, b.right);
    };
    const auto same = [](const Bpe::MergeOf& a, const Bpe::MergeOf& b) {
      return a.left == b.left && a.right == b.right;
    };
    // Of two pairs of which one must come first, that one does.
    const std::string_view text = vocab.piece(id);
    for (size_t k = 0; k < found.size(); ++k) {
      const size_t at = vocab.piece(found[k].left).size();
      if (!Splits::MustPrecede(text, text.size() - at) || Splits::MustPrecede(text, at)) continue;
      for (size_t later = k + 1; later < found.size(); ++later) {
        if (vocab.piece(found[later].right).size() == at)
          return bad(id, "of pairs that overlap the one on the right comes first");
      }
    }
    std::sort(expected.begin(), expected.end(), less);
    std::sort(found.begin(), found.end(), less);
    if (!std::equal(expected.begin(), expected.end(), found.begin(), found.end(), same))
      return bad(id, "not all pairs that spell it are there");
    out.order.push_back(id);
  }
  for (int32_t id = 0; vocab.Has(id); ++id) {
    if (made[static_cast<size_t>(id)] || !IsPlain(vocab, id)) continue;
    if (!splits.Spend(id)) return TooLong();
    if (!splits.Of(id).empty()) return bad(id, "not all pairs that spell it are there");
  }
  return out;
}

}  // namespace bitnet::core
