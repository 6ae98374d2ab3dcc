#include "core/tokenizer/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "core/base/json_reader.h"
#include "core/tokenizer/json_components.h"
#include "core/tokenizer/merge_list.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/tokenizer.h"

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

class Builder {
 public:
  Builder(const JsonValue& file, const JsonValue& config, const Tokenizer& tokenizer)
      : file_(file), config_(config), tokenizer_(tokenizer) {}

  Result<GgufVocabulary> Build(uint32_t n_vocab) {
    out_.model = tokenizer_.model();
    ReadTexts(n_vocab);
    BN_RETURN_IF_ERROR(out_.model == "gpt2" ? ByteBpe() : Spm());
    out_.bos = tokenizer_.bos();
    out_.eos = tokenizer_.eos();
    out_.add_bos = tokenizer_.add_bos();
    out_.add_eos = tokenizer_.add_eos();
    for (const char* name : {"<|eot_id|>", "<|im_end|>", "<end_of_turn>"}) {
      if (out_.eot < 0) out_.eot = tokenizer_.FindControl(name);
    }
    if (out_.eot == out_.eos) out_.eot = -1;
    out_.unknown = ConfigToken("unk_token");
    out_.padding = ConfigToken("pad_token");
    out_.stop_ids = tokenizer_.stop_ids();
    out_.chat_template = tokenizer_.chat_template();
    NoteFlags();
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
    const size_t n = std::max<size_t>(out_.tokens.size(), n_vocab);
    out_.tokens.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const bool known = !out_.tokens[i].empty();
      out_.types.push_back(static_cast<int32_t>(known ? tokenizer_.type(static_cast<int32_t>(i)) : TokenType::kUnused));
      if (known) continue;
      std::string& text = out_.tokens[i] = Cat("[PAD", i, "]");
      while (!index_.emplace(text, static_cast<int32_t>(i)).second) text += '_';
    }
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

  // A vocabulary whose pairs merge by the score of what they make. Merges by rank are the same thing when each token is
  // made by neighbouring ranks, and by every pair of tokens that spells it: so Hugging Face turns scores into merges.
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
    out_.add_space_prefix = prefix;
    return Scores();
  }

  Status Scores() {
    const auto bad = [](std::string_view text) {
      return Unsupported("merges", Cat("an order of merges for ", Quoted(text), " that is no order of scores"));
    };
    // Tokens that nothing makes are never looked for by score.
    out_.scores.assign(out_.tokens.size(), 0.0f);
    std::vector<uint32_t> n_made(out_.tokens.size());
    int32_t before = -1;
    float score = 0;
    for (const JsonValue& merge : file_.Find("model")->Find("merges")->array) {
      std::string text;
      if (merge.kind == JsonValue::Kind::kString) {
        std::string_view left, right;
        SplitMerge(merge.string, left, right);
        text = Cat(left, right);
      } else {
        text = merge.array[0].string + merge.array[1].string;
      }
      const int32_t id = index_.at(text);
      const auto i = static_cast<size_t>(id);
      if (id != before && n_made[i] != 0) return bad(text);
      if (id != before) score -= 1;
      out_.scores[i] = score;
      ++n_made[i];
      before = id;
    }
    for (size_t i = 0; i < out_.tokens.size(); ++i) {
      if (static_cast<TokenType>(out_.types[i]) != TokenType::kNormal) continue;
      if (n_made[i] != Pairs(out_.tokens[i])) return bad(out_.tokens[i]);
    }
    return {};
  }

  // In how many ways two tokens that text may become spell `text`.
  uint32_t Pairs(const std::string& text) const {
    const auto is_plain = [&](const std::string& part) {
      const auto found = index_.find(part);
      return found != index_.end() &&
             static_cast<TokenType>(out_.types[static_cast<size_t>(found->second)]) == TokenType::kNormal;
    };
    uint32_t n = 0;
    for (size_t at = 1; at < text.size(); ++at) {
      if (is_plain(text.substr(0, at)) && is_plain(text.substr(at))) ++n;
    }
    return n;
  }

  // -1: named nowhere, or no token.
  int32_t ConfigToken(std::string_view key) const {
    const JsonValue* value = config_.Find(key);
    if (value != nullptr && value->kind == JsonValue::Kind::kObject) value = value->Find("content");
    if (value == nullptr || value->kind != JsonValue::Kind::kString) return -1;
    const auto found = index_.find(value->string);
    return found == index_.end() ? -1 : found->second;
  }

  void NoteFlags() {
    const JsonValue* added = file_.Find("added_tokens");
    size_t n = 0;
    for (const JsonValue& entry : added != nullptr ? added->array : std::vector<JsonValue>()) {
      const auto is_set = [&](const char* flag) {
        const JsonValue* value = entry.Find(flag);
        return value != nullptr && value->boolean;
      };
      n += is_set("lstrip") || is_set("rstrip") || is_set("single_word") ? 1 : 0;
    }
    if (n == 0) return;
    out_.notes.push_back(Cat(n,
                             " added tokens of tokenizer.json have lstrip, rstrip or single_word, and a GGUF has no "
                             "keys for those: the spaces around them stay"));
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
