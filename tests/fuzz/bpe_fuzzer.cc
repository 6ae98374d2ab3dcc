// Merging against the plainest way to do it: both kinds of BPE must give the same ids for any merges and any word.
// An input is a count of merges, two bytes for each (which tokens merge; for scores, the second one too), then the
// word.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tokenizer/bpe.h"
#include "core/tokenizer/spm.h"

using bitnet::core::Bpe;
using bitnet::core::MergeRow;
using bitnet::core::Spm;
using bitnet::core::TokenType;
using bitnet::core::Vocab;

namespace {

using Ids = std::vector<int32_t>;
struct Merge {
  int32_t left, right, result;
};

// The first merge of the list that some neighbours have, at its leftmost place, until none has.
Ids NaiveBpe(const std::vector<Merge>& merges, Ids ids) {
  for (;;) {
    size_t best = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      for (size_t m = 0; m < best; ++m) {
        if (merges[m].left == ids[i] && merges[m].right == ids[i + 1]) best = m, at = i;
      }
    }
    if (best == merges.size()) return ids;
    ids[at] = merges[best].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

// Neighbours whose joined text is the token of the highest score, at their leftmost place, until none is a token.
Ids NaiveSpm(const Vocab& vocab, const std::vector<float>& scores, std::string_view word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  for (;;) {
    int32_t best = -1;
    size_t at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const int32_t id = vocab.FindPlain(parts[i] + parts[i + 1]);
      if (id < 0 || (best >= 0 && scores[static_cast<size_t>(id)] <= scores[static_cast<size_t>(best)])) continue;
      best = id;
      at = i;
    }
    if (best < 0) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  Ids ids;
  for (const std::string& part : parts) ids.push_back(vocab.FindPlain(part));
  return ids;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t n_merges = data[0] % 64;
  const bool few_letters = data[1] % 2 == 0;  // words that merge a lot
  data += 2;
  size -= 2;
  if (size < 2 * n_merges) return 0;

  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  std::vector<Merge> merges;
  std::vector<float> scores(256);
  for (size_t m = 0; m < n_merges; ++m) {
    // Letters and the tokens made before, for the most part.
    const auto pick = [&](uint8_t byte) {
      const size_t made = texts.size() - 256;
      return static_cast<int32_t>(byte < 128 || made == 0 ? (few_letters ? 'a' + byte % 4 : byte) : 256 + byte % made);
    };
    const int32_t left = pick(data[2 * m]), right = pick(data[2 * m + 1]);
    const std::string text = texts[static_cast<size_t>(left)] + texts[static_cast<size_t>(right)];
    if (text.size() > 64) continue;
    size_t result = 0;
    while (result < texts.size() && texts[result] != text) ++result;
    if (result == texts.size()) {
      texts.push_back(text);
      scores.push_back(static_cast<float>(data[2 * m + 1] % 8));  // several alike
    }
    merges.push_back({left, right, static_cast<int32_t>(result)});
  }
  std::string word(reinterpret_cast<const char*>(data) + 2 * n_merges, std::min<size_t>(size - 2 * n_merges, 256));
  for (char& c : word) {
    if (few_letters) c = static_cast<char>('a' + static_cast<uint8_t>(c) % 4);
  }

  Vocab vocab(texts.size());
  for (const std::string& text : texts) vocab.Add(text, TokenType::kNormal, /*plain=*/true);
  for (int byte = 0; byte < 256; ++byte) vocab.SetByteToken(static_cast<uint8_t>(byte), byte);
  Bpe bpe(merges.size());
  for (const Merge& m : merges) bpe.AddMerge(m.left, m.right, m.result);
  Ids ids, bytes;
  MergeRow<int32_t> row;
  bpe.EncodeWord(vocab, word, row, ids);
  for (const char c : word) bytes.push_back(static_cast<uint8_t>(c));
  if (ids != NaiveBpe(merges, bytes)) std::abort();

  if (!few_letters) return 0;  // SentencePiece reads characters: one byte each
  ids.clear();
  MergeRow<Spm::Span> spans;
  Spm(scores).EncodeWord(vocab, word, spans, ids);
  if (ids != NaiveSpm(vocab, scores, word)) std::abort();
  return 0;
}
