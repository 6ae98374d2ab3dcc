#include "core/tokenizer/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/json_reader.h"
#include "core/tokenizer/added_overlaps.h"
#include "core/tokenizer/json_components.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/score_merges.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {

namespace {

// The name for these patterns; of several the one that most models of the kind use.
const PreTokenizer* FindPre(std::vector<std::string> regexes, bool ignore_merges, bool adds_bos) {
  for (std::string& regex : regexes) regex = PatternInGguf(std::move(regex));
  const auto same = [&](const PreTokenizer& pre) { return std::ranges::equal(pre.patterns, regexes); };
  constexpr std::array<std::string_view, 5> kUsual = {"llama-bpe", "falcon3", "qwen2", "gpt-2", "default"};
  for (const std::string_view name : kUsual) {
    // The models without the switch that are split like Llama 3 are Falcon 3 and its kin, which add no BOS either.
    if (name == "falcon3" && (ignore_merges || adds_bos)) continue;
    if (name == "llama-bpe" && !ignore_merges && !adds_bos) continue;
    if (const PreTokenizer* pre = FindPreTokenizer(name); same(*pre)) return pre;
  }
  const auto other = std::ranges::find_if(PreTokenizers(), same);
  return other != PreTokenizers().end() ? &*other : nullptr;
}

// Types, and texts for ids that have none, `n_vocab` at least.
void FillTokens(const Tokenizer& tokenizer, uint32_t n_vocab, GgufVocabulary& out) {
  std::unordered_set<std::string_view> known;
  const size_t n = std::max<size_t>(out.tokens.size(), n_vocab);
  out.tokens.resize(n);
  for (const std::string& text : out.tokens) known.insert(text);
  for (size_t i = 0; i < n; ++i) {
    std::string& text = out.tokens[i];
    const bool has_text = !text.empty();
    out.types.push_back(static_cast<int32_t>(has_text ? tokenizer.type(static_cast<int32_t>(i)) : TokenType::kUnused));
    if (has_text) continue;
    text = Cat("[PAD", i, "]");
    while (known.contains(text)) text += '_';
  }
}

// What any kind of file says: ids of special tokens, what is put around a text, the template.
void FillIds(const Tokenizer& tokenizer, GgufVocabulary& out) {
  out.bos = tokenizer.bos();
  out.eos = tokenizer.eos();
  out.add_bos = tokenizer.add_bos();
  out.add_eos = tokenizer.add_eos();
  for (const char* name : {"<|eot_id|>", "<|im_end|>", "<end_of_turn>"}) {
    if (out.eot < 0) out.eot = tokenizer.FindControl(name);
  }
  if (out.eot == out.eos) out.eot = -1;
  out.stop_ids = tokenizer.stop_ids();
  out.chat_template = tokenizer.chat_template();
}

// A piece as a SentencePiece model spells it: U+2581 for spaces where text becomes it by merging.
std::string SpelledPiece(const Tokenizer& tokenizer, int32_t id) {
  const std::string_view piece = tokenizer.Piece(id);
  const TokenType type = tokenizer.type(id);
  if (type == TokenType::kByte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<uint8_t>(piece[0]);
    return Cat("<0x", kDigits[byte / 16], kDigits[byte % 16], ">");
  }
  if (tokenizer.parts().vocab.FindPlain(piece) != id) return std::string(piece);
  std::string out;
  for (const char c : piece) {
    if (c == ' ') {
      out += kSpaceSign;
    } else {
      out += c;
    }
  }
  return out;
}

// The token that tokenizer_config.json names as `key`: "" if it names none.
std::string ConfigText(const JsonValue& config, std::string_view key) {
  const JsonValue* value = config.Find(key);
  if (value != nullptr && value->kind == JsonValue::Kind::kObject) value = value->Find("content");
  return value != nullptr && value->kind == JsonValue::Kind::kString ? value->string : std::string();
}

class Builder {
 public:
  Builder(const JsonValue& file, const JsonValue& config, const Tokenizer& tokenizer)
      : file_(file), config_(config), tokenizer_(tokenizer) {}

  Result<GgufVocabulary> Build(uint32_t n_vocab) {
    out_.model = tokenizer_.model();
    ReadTexts(n_vocab);
    BN_RETURN_IF_ERROR(out_.model == "gpt2" ? ByteBpe() : Spm());
    FillIds(tokenizer_, out_);
    out_.unknown = ConfigToken("unk_token");
    out_.padding = ConfigToken("pad_token");
    NoteFlags();
    NoteOverlaps();
    return std::move(out_);
  }

 private:
  static Status Unsupported(std::string_view field, std::string_view problem) {
    return BadTokenizerJson(field, Cat(problem, ", which no key of a GGUF says"), Code::kUnsupported);
  }

  // The tokens as the file spells them. Tokenizer::FromJson has checked all of it.
  void ReadTexts(uint32_t n_vocab) {
    const auto put = [&](const JsonValue* id, const std::string& text) {
      const auto i = static_cast<size_t>(id->uinteger);
      if (i >= out_.tokens.size()) out_.tokens.resize(i + 1);
      out_.tokens[i] = text;
      index_[text] = static_cast<int32_t>(i);
    };
    for (const auto& [text, id] : file_.Find("model")->Find("vocab")->object) put(&id, text);
    if (const JsonValue* added = file_.Find("added_tokens")) {
      for (const JsonValue& entry : added->array) put(entry.Find("id"), entry.Find("content")->string);
    }
    FillTokens(tokenizer_, n_vocab, out_);
  }

  Status ByteBpe() {
    BN_ASSIGN_OR_RETURN(const auto normalizers, ReadJsonNormalizer(file_.Find("normalizer")));
    for (const NormalizerStep& step : normalizers) {
      if (step.kind != NormalizerStep::kNfc && step.kind != NormalizerStep::kNfkc)
        return Unsupported("normalizer", "a Prepend or Replace beside ByteLevel");
      out_.notes.emplace_back(
          "tokenizer.json normalizes text (NFC or NFKC) and a GGUF has no key for that: text in another form may "
          "become other tokens");
    }
    BN_ASSIGN_OR_RETURN(const JsonPreTokenizer pre, ReadJsonPreTokenizer(file_.Find("pre_tokenizer")));
    if (pre.prefix != SpacePrefix::kNever) return Unsupported("pre_tokenizer", "a ByteLevel with add_prefix_space");
    const JsonValue& model = *file_.Find("model");
    BN_ASSIGN_OR_RETURN(const bool ignore_merges, JsonFlag(model, "ignore_merges", false, "model"));
    const PreTokenizer* found = FindPre(pre.regexes, ignore_merges, tokenizer_.add_bos());
    if (found == nullptr) return Unsupported("pre_tokenizer", "a pattern, or an order of patterns");
    out_.pre = found->name;
    if (found->ignore_merges != ignore_merges) {
      out_.notes.push_back(Cat("the pre-tokenizer ", found->name, " of GGUF files takes words that are tokens ",
                               found->ignore_merges ? "whole" : "apart",
                               ", tokenizer.json the other way: rare words may become other tokens"));
    }
    for (const JsonValue& merge : model.Find("merges")->array) {
      out_.merges.push_back(merge.kind == JsonValue::Kind::kString
                                ? merge.string
                                : Cat(merge.array[0].string, " ", merge.array[1].string));
    }
    return {};
  }

  // A vocabulary whose pairs merge by the score of what they make: so Hugging Face turns scores into merges.
  Status Spm() {
    BN_ASSIGN_OR_RETURN(const auto normalizers, ReadJsonNormalizer(file_.Find("normalizer")));
    BN_ASSIGN_OR_RETURN(const JsonPreTokenizer pre, ReadJsonPreTokenizer(file_.Find("pre_tokenizer")));
    bool prefix = pre.prefix != SpacePrefix::kNever;
    for (const NormalizerStep& step : normalizers) {
      if (step.kind == NormalizerStep::kNfc || step.kind == NormalizerStep::kNfkc) {
        out_.notes.emplace_back(
            "tokenizer.json normalizes text (NFC or NFKC) and a GGUF has no key for that: text in another form may "
            "become other tokens");
      }
      prefix = prefix || step.kind == NormalizerStep::kPrepend;
    }
    if (pre.prefix != SpacePrefix::kNever) {
      out_.notes.push_back(Cat("the Metaspace of tokenizer.json puts no space before a text that begins with one",
                               pre.prefix == SpacePrefix::kFirst ? ", nor behind a special token" : "",
                               ", where readers of GGUF files do: such text becomes other tokens"));
    }
    out_.add_space_prefix = prefix;
    return Scores();
  }

  Status Scores() {
    const TokenizerParts& parts = tokenizer_.parts();
    const ScoreMerges merges = ScoresOfMerges(parts.vocab, std::get<Bpe>(parts.model_of_words));
    if (!merges.problem.empty()) return Unsupported("merges", merges.problem);
    // Tokens that nothing makes are never looked for by score.
    out_.scores.assign(out_.tokens.size(), 0.0f);
    float score = 0;
    for (const int32_t id : merges.order) out_.scores[static_cast<size_t>(id)] = --score;
    return {};
  }

  // -1: named nowhere, or no token.
  int32_t ConfigToken(std::string_view key) const {
    const auto found = index_.find(ConfigText(config_, key));
    return found == index_.end() ? -1 : found->second;
  }

  void NoteFlags() {
    const JsonValue* added = file_.Find("added_tokens");
    size_t n_stripping = 0, n_normalized = 0;
    for (const JsonValue& entry : added != nullptr ? added->array : std::vector<JsonValue>()) {
      const auto is_set = [&](const char* flag, bool fallback = false) {
        const JsonValue* value = entry.Find(flag);
        return value != nullptr && value->kind == JsonValue::Kind::kBool ? value->boolean : fallback;
      };
      n_stripping += is_set("lstrip") || is_set("rstrip") || is_set("single_word") ? 1 : 0;
      // Looked for where spaces have become U+2581, in the token as in the text.
      const std::string& text = entry.Find("content")->string;
      const bool has_space = text.find(' ') != std::string::npos || text.find(kSpaceSign) != std::string::npos;
      n_normalized += out_.model == "llama" && has_space && is_set("normalized", !is_set("special")) ? 1 : 0;
    }
    if (n_stripping != 0) {
      out_.notes.push_back(Cat(n_stripping,
                               " added tokens of tokenizer.json have lstrip, rstrip or single_word, and a GGUF has no "
                               "keys for those: the spaces around them stay"));
    }
    if (n_normalized != 0) {
      out_.notes.push_back(
          Cat(n_normalized,
              " added tokens of tokenizer.json with a space or U+2581 are found in normalized text, and "
              "by readers of GGUF files in the text as it is: they are found elsewhere"));
    }
  }

  void NoteOverlaps() {
    std::vector<SpecialText> special;
    for (size_t i = 0; i < out_.tokens.size(); ++i) {
      const auto type = static_cast<TokenType>(out_.types[i]);
      const bool control = IsControl(type);
      if (control || type == TokenType::kUserDefined)
        special.push_back({out_.tokens[i], static_cast<int32_t>(i), control});
    }
    for (std::string& line : SpecialTokensFoundDifferently(std::move(special))) out_.notes.push_back(std::move(line));
  }

  const JsonValue& file_;
  const JsonValue& config_;
  const Tokenizer& tokenizer_;
  std::unordered_map<std::string, int32_t> index_;  // of tokens
  GgufVocabulary out_;
};

}  // namespace

Result<GgufVocabulary> VocabularyForGguf(std::string_view tokenizer_json, std::string_view tokenizer_config_json,
                                         std::string_view chat_template, uint32_t n_vocab) {
  BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromJson(tokenizer_json, tokenizer_config_json, chat_template));
  BN_ASSIGN_OR_RETURN(const JsonValue file, ParseJson(tokenizer_json));
  JsonValue config;
  if (!tokenizer_config_json.empty()) {
    BN_ASSIGN_OR_RETURN(config, ParseJson(tokenizer_config_json));
  }
  return Builder(file, config, *tokenizer).Build(n_vocab);
}

Result<GgufVocabulary> VocabularyOfSentencePiece(std::string_view model, std::string_view tokenizer_config_json,
                                                 std::string_view chat_template, uint32_t n_vocab) {
  BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromSentencePiece(model, tokenizer_config_json, chat_template));
  JsonValue config;
  if (!tokenizer_config_json.empty()) {
    BN_ASSIGN_OR_RETURN(config, ParseJson(tokenizer_config_json));
  }
  const TokenizerParts& parts = tokenizer->parts();
  const std::string padding = ConfigText(config, "pad_token");
  GgufVocabulary out;
  out.model = "llama";
  // Readers look for the highest score alone, so that ranks say what the scores did.
  const auto& ranks = std::get<Spm>(parts.model_of_words).ranks();
  bool user_defined = false;
  for (int32_t id = 0; parts.vocab.Has(id); ++id) {
    const TokenType type = parts.vocab.type(id);
    out.tokens.push_back(SpelledPiece(*tokenizer, id));
    out.scores.push_back(-static_cast<float>(ranks[static_cast<size_t>(id)]));
    user_defined = user_defined || type == TokenType::kUserDefined;
    if (type == TokenType::kUnknown && out.unknown < 0) out.unknown = id;
    if (!padding.empty() && out.tokens.back() == padding) out.padding = id;
  }
  FillTokens(*tokenizer, n_vocab, out);
  out.scores.resize(out.tokens.size(), -static_cast<float>(ranks.size()));
  FillIds(*tokenizer, out);
  out.add_space_prefix = parts.strip_space;
  if (user_defined) {
    out.notes.emplace_back(
        "tokenizer.model has user-defined pieces, which SentencePiece looks for after its space was put before a text, "
        "and readers of GGUF files before: the text after one gets a space there, too");
  }
  return out;
}

void AddVocabulary(const GgufVocabulary& v, GgufWriter& out) {
  out.String("tokenizer.ggml.model", v.model);
  if (!v.pre.empty()) out.String("tokenizer.ggml.pre", v.pre);
  out.Strings("tokenizer.ggml.tokens", v.tokens);
  if (!v.scores.empty()) out.Floats("tokenizer.ggml.scores", v.scores);
  out.Ints("tokenizer.ggml.token_type", v.types);
  if (v.model == "gpt2") out.Strings("tokenizer.ggml.merges", v.merges);
  const std::pair<std::string_view, int32_t> ids[] = {
      {"bos", v.bos}, {"eos", v.eos}, {"eot", v.eot}, {"unknown", v.unknown}, {"padding", v.padding}};
  for (const auto& [name, id] : ids) {
    if (id >= 0) out.U32(Cat("tokenizer.ggml.", name, "_token_id"), static_cast<uint32_t>(id));
  }
  out.Bool("tokenizer.ggml.add_bos_token", v.add_bos);
  out.Bool("tokenizer.ggml.add_eos_token", v.add_eos);
  if (v.add_space_prefix) out.Bool("tokenizer.ggml.add_space_prefix", *v.add_space_prefix);
  if (!v.chat_template.empty()) out.String("tokenizer.chat_template", v.chat_template);
}

}  // namespace bitnet::core
