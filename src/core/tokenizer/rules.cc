#include "core/tokenizer/rules.h"

#include <algorithm>
#include <string_view>
#include <variant>

#include "core/base/sha256.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/score_merges.h"
#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {
namespace {

// A digest of numbers and texts of which none can be taken for another.
class Hash {
 public:
  void Number(uint64_t n) { sha_.Update(&n, sizeof n); }
  void Text(std::string_view text) {
    Number(text.size());
    sha_.Update(text.data(), text.size());
  }
  std::string Finish() const { return Cat("sha256 ", ToHex(sha_.Finish())); }

 private:
  Sha256 sha_;
};

std::string Tokens(const Vocab& vocab) {
  Hash hash;
  for (int32_t id = 0; vocab.Has(id); ++id) hash.Text(vocab.piece(id));
  return Cat(vocab.size(), ", ", hash.Finish());
}

std::string Types(const Vocab& vocab) {
  Hash hash;
  for (int32_t id = 0; vocab.Has(id); ++id) {
    // The unknown token of a GGUF is an added control token in a tokenizer.json, and one that is marked as unused, but
    // that text may become, is a token as any other there; encoding treats them alike.
    TokenType type = vocab.type(id);
    if (IsControl(type)) type = TokenType::kControl;
    if (type == TokenType::kUnused && vocab.FindPlain(vocab.piece(id)) == id) type = TokenType::kNormal;
    hash.Number(static_cast<uint64_t>(type));
  }
  return hash.Finish();
}

std::string ByScore(const std::vector<int32_t>& order) {
  Hash hash;
  for (const int32_t id : order) hash.Number(static_cast<uint64_t>(id));
  return Cat("by score, ", order.size(), ", ", hash.Finish());
}

// Merges by rank that are merges by score are said as those, so that a tokenizer.json and the GGUF of one model agree.
std::string Merges(const TokenizerParts& parts) {
  Hash hash;
  const auto* bpe = std::get_if<Bpe>(&parts.model_of_words);
  if (bpe != nullptr && bpe->options().characters) {
    const ScoreMerges by_score = ScoresOfMerges(parts.vocab, *bpe);
    if (by_score.problem.empty()) return ByScore(by_score.order);
  }
  if (bpe != nullptr) {
    const auto merges = bpe->Merges();
    for (const Bpe::MergeOf& m : merges) {
      for (const int32_t id : {m.left, m.right, m.result}) hash.Number(static_cast<uint64_t>(id));
    }
    return Cat("by rank, of ", bpe->options().characters ? "characters, " : "bytes, ", merges.size(), ", ",
               hash.Finish());
  }
  const Spm& spm = std::get<Spm>(parts.model_of_words);
  const ScoreMerges by_rank = MergesOfScores(parts.vocab, spm);
  if (by_rank.problem.empty()) return ByScore(by_rank.order);
  // Only the order of the scores counts, and only of tokens that text may become.
  std::vector<std::pair<uint32_t, int32_t>> order;
  for (int32_t id = 0; parts.vocab.Has(id); ++id) {
    const bool plain = parts.vocab.FindPlain(parts.vocab.piece(id)) == id;
    if (plain) order.emplace_back(spm.ranks()[static_cast<size_t>(id)], id);
  }
  std::sort(order.begin(), order.end());
  for (size_t i = 0, rank = 0; i < order.size(); ++i) {
    if (i > 0 && order[i].first != order[i - 1].first) ++rank;
    hash.Number(rank);
    hash.Number(static_cast<uint64_t>(order[i].second));
  }
  return Cat("by score alone, ", order.size(), ", ", hash.Finish());
}

std::string AddedTokensOf(const TokenizerParts& parts) {
  struct Entry {
    AddedToken token;
    bool normalized = false;  // found in the text after the normalizer
  };
  std::vector<Entry> entries;
  if (parts.added) {
    for (const AddedToken& token : parts.added->tokens()) entries.push_back({token});
  } else {
    for (int32_t id = 0; parts.vocab.Has(id); ++id) {
      const TokenType type = parts.vocab.type(id);
      if (parts.vocab.piece(id).empty() || (!IsControl(type) && type != TokenType::kUserDefined)) continue;
      Entry& entry = entries.emplace_back();
      entry.token.text = parts.vocab.piece(id);
      entry.token.id = id;
      entry.token.special = IsControl(type);
    }
  }
  for (const AddedToken& token : parts.added_after.tokens()) entries.push_back({token, !parts.normalizers.empty()});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.token.id < b.token.id; });
  Hash hash;
  for (const auto& [token, normalized] : entries) {
    hash.Number(static_cast<uint64_t>(token.id));
    hash.Text(token.text);
    for (const bool flag : {token.special, token.single_word, token.lstrip, token.rstrip, normalized}) {
      hash.Number(flag ? 1 : 0);
    }
  }
  return Cat(entries.size(), ", ", hash.Finish());
}

std::string Normalizer(const TokenizerParts& parts) {
  const auto is_space = [](std::string_view text) { return text == " " || text == kSpaceSign; };
  // U+2581 and a space are the same thing later on, so that one for the other changes nothing.
  const bool spaces_are_one =
      parts.space_sign && parts.added_after.empty() &&
      std::all_of(parts.normalizers.begin(), parts.normalizers.end(), [&](const auto& step) {
        return step.kind != NormalizerStep::kReplace || (is_space(step.pattern) && is_space(step.content));
      });
  std::string out;
  for (const NormalizerStep& step : parts.normalizers) {
    const std::string content = spaces_are_one && is_space(step.content) ? " " : step.content;
    std::string text;
    switch (step.kind) {
      case NormalizerStep::kNfc: text = "NFC"; break;
      case NormalizerStep::kNfkc: text = "NFKC"; break;
      case NormalizerStep::kPrepend: text = Cat("prepend ", Quoted(content)); break;
      case NormalizerStep::kReplace:
        if (!spaces_are_one) text = Cat("replace ", Quoted(step.pattern), " by ", Quoted(content));
        break;
    }
    if (!text.empty()) out += Cat(out.empty() ? "" : ", ", text);
  }
  return out.empty() ? "none" : out;
}

std::string_view PrefixName(SpacePrefix prefix) {
  switch (prefix) {
    case SpacePrefix::kNever: return "never";
    case SpacePrefix::kFirst: return "first";
    case SpacePrefix::kAlways: break;
  }
  return "always";
}

std::string Split(const TokenizerParts& parts) {
  if (parts.split.empty()) return "none";
  std::string out;
  for (const SplitStep& step : parts.split) {
    out += out.empty() ? "" : " then ";
    if (step.pattern() != nullptr) {
      out += PatternInGguf(std::string(step.pattern()->regex()));
    } else {
      const Scanner scanner = step.scanner();
      out += scanner == SplitBeforeSpaces  ? "before spaces"
             : scanner == SplitSpacesAtEnd ? "spaces at the end"
                                           : "thousands";
    }
  }
  Hash hash;
  hash.Text(out);
  return out.size() <= 160 ? out : Cat(parts.split.size(), ", ", hash.Finish());
}

std::string IdList(const std::vector<int32_t>& ids) {
  std::string out;
  for (const int32_t id : ids) out += Cat(out.empty() ? "" : ", ", id);
  return out.empty() ? "none" : out;
}

std::string_view YesNo(bool value) { return value ? "true" : "false"; }

}  // namespace

std::vector<std::pair<std::string, std::string>> RulesOf(const Tokenizer& tokenizer) {
  const TokenizerParts& parts = tokenizer.parts();
  const auto* bpe = std::get_if<Bpe>(&parts.model_of_words);
  return {{"tokenizer.model", parts.model},
          {"tokenizer.tokens", Tokens(parts.vocab)},
          {"tokenizer.token_types", Types(parts.vocab)},
          {std::string(kMergesRule), Merges(parts)},
          {"tokenizer.ignore_merges", std::string(YesNo(bpe != nullptr && bpe->options().ignore_merges))},
          {"tokenizer.added_tokens", AddedTokensOf(parts)},
          {"tokenizer.normalizer", Normalizer(parts)},
          {"tokenizer.split", Split(parts)},
          {"tokenizer.space_prefix", std::string(PrefixName(parts.prefix))},
          {"tokenizer.strip_space", std::string(YesNo(parts.strip_space))},
          {"tokenizer.bos", Cat(parts.bos)},
          {"tokenizer.eos", Cat(parts.eos)},
          {"tokenizer.stop_ids", IdList(tokenizer.stop_ids())},
          {"tokenizer.add_bos", std::string(YesNo(parts.add_bos))},
          {"tokenizer.add_eos", std::string(YesNo(parts.add_eos))}};
}

}  // namespace bitnet::core
