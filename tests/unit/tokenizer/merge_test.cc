// Merging against the plain statement of it: look for the best pair, merge it, begin again.
#include <map>
#include <optional>
#include <random>

#include "core/tokenizer/bpe.h"
#include "core/tokenizer/space_words.h"
#include "core/tokenizer/spm.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

using Ids = std::vector<int32_t>;

Vocab Bytes() {
  Vocab vocab(512);
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    vocab.Add({&text, 1}, TokenType::kNormal, /*plain=*/true);
    vocab.SetByteToken(static_cast<uint8_t>(byte), byte);
  }
  return vocab;
}

struct Merge {
  int32_t left, right, result;
};

Ids Naive(const std::vector<Merge>& merges, Ids ids) {
  for (;;) {
    std::optional<std::pair<size_t, size_t>> best;  // rank, place
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      for (size_t rank = 0; rank < merges.size(); ++rank) {
        if (merges[rank].left != ids[i] || merges[rank].right != ids[i + 1]) continue;
        if (!best || std::pair(rank, i) < *best) best = {rank, i};
        break;
      }
    }
    if (!best) return ids;
    ids[best->second] = merges[best->first].result;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best->second) + 1);
  }
}

std::string RandomText(std::mt19937& random, std::string_view alphabet, size_t max_bytes) {
  std::string text;
  for (size_t n = random() % max_bytes; n > 0; --n) text.push_back(alphabet[random() % alphabet.size()]);
  return text;
}

TEST_CASE("byte-level merging finds what a search for the lowest rank finds") {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    // Merges in any order: a pair may have a lower rank than the merges that make its parts.
    Vocab vocab = Bytes();
    std::vector<Merge> merges;
    Ids known = {'a', 'b', 'c'};
    std::map<std::string, int32_t> ids;
    while (merges.size() < 30) {
      const int32_t left = known[random() % known.size()], right = known[random() % known.size()];
      const std::string text = std::string(vocab.piece(left)) + std::string(vocab.piece(right));
      if (text.size() > 12) continue;
      const auto [it, added] = ids.emplace(text, static_cast<int32_t>(vocab.size()));
      if (added) vocab.Add(text, TokenType::kNormal, true);
      if (added) known.push_back(it->second);
      merges.push_back({left, right, it->second});
    }
    std::shuffle(merges.begin(), merges.end(), random);
    Bpe bpe(merges.size());
    for (const Merge& m : merges) bpe.AddMerge(m.left, m.right, m.result);
    MergeRow<int32_t> row;
    for (int i = 0; i < 50; ++i) {
      const std::string text = RandomText(random, "aaabbc", 60);
      Ids found;
      bpe.EncodeWord(vocab, text, row, found);
      CAPTURE(round, text);
      CHECK(found == Naive(merges, Ids(text.begin(), text.end())));
    }
  }
}

TEST_CASE("a pair that is listed twice keeps its first rank") {
  Vocab vocab = Bytes();
  vocab.Add("ab", TokenType::kNormal, true);  // 256
  vocab.Add("bc", TokenType::kNormal, true);  // 257
  Bpe bpe(3);
  bpe.AddMerge('a', 'b', 256);
  bpe.AddMerge('b', 'c', 257);
  bpe.AddMerge('a', 'b', 256);
  MergeRow<int32_t> row;
  Ids ids;
  bpe.EncodeWord(vocab, "abcbc", row, ids);
  CHECK(ids == Ids{256, 'c', 257});
}

TEST_CASE("a whole word that is a token is taken at once only where merges are ignored") {
  Vocab vocab = Bytes();
  vocab.Add("abc", TokenType::kNormal, true);
  MergeRow<int32_t> row;
  Ids whole, merged;
  Bpe(0, {.ignore_merges = true}).EncodeWord(vocab, "abc", row, whole);
  Bpe(0).EncodeWord(vocab, "abc", row, merged);
  CHECK(whole == Ids{256});
  CHECK(merged == Ids{'a', 'b', 'c'});
}

std::vector<std::string> NaiveSpm(const std::map<std::string, float>& scores, std::vector<std::string> parts) {
  for (;;) {
    size_t best = parts.size();
    float best_score = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto it = scores.find(parts[i] + parts[i + 1]);
      if (it == scores.end() || (best < parts.size() && it->second <= best_score)) continue;
      best = i;
      best_score = it->second;
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST_CASE("merging by score finds what a search for the highest score finds, leftmost on ties") {
  std::mt19937 random(11);
  for (const bool spaces_inside : {false, true}) {
    for (int round = 0; round < 40; ++round) {
      std::map<std::string, float> scores;
      while (scores.size() < 40) {
        const std::string text = RandomText(random, spaces_inside ? "aab " : "aab", 6);
        if (text.size() < 2) continue;
        scores[(random() % 3 == 0 ? " " : "") + text] = -static_cast<float>(random() % 8);  // many ties
      }
      Vocab vocab(512);
      std::vector<float> by_id;
      for (int byte = 0; byte < 256; ++byte) {
        const char text = static_cast<char>(byte);
        vocab.Add({&text, 1}, TokenType::kByte, /*plain=*/false);
        vocab.SetByteToken(static_cast<uint8_t>(byte), byte);
        by_id.push_back(0);
      }
      for (const auto& [text, score] : scores) {
        vocab.Add(text, TokenType::kNormal, true);
        by_id.push_back(score);
      }
      const Spm spm(by_id);
      const SpaceWords words(vocab);
      MergeRow<Spm::Span> row;
      for (int i = 0; i < 50; ++i) {
        const std::string text = RandomText(random, "aaab  c", 60);
        Ids ids;
        for (size_t pos = 0; pos < text.size();) {
          const size_t end = words.End(text, pos);
          REQUIRE(end > pos);
          spm.EncodeWord(vocab, std::string_view(text).substr(pos, end - pos), row, ids);
          pos = end;
        }
        std::vector<std::string> found, parts;
        for (const int32_t id : ids) found.emplace_back(vocab.piece(id));
        for (const char c : text) parts.emplace_back(1, c);
        CAPTURE(round, text);
        CHECK(found == NaiveSpm(scores, parts));
      }
    }
  }
}

}  // namespace
}  // namespace bitnet::core
