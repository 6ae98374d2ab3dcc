#include "core/tokenizer/json_vocabulary.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/base/json_reader.h"
#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "core/tokenizer/added_overlaps.h"
#include "core/tokenizer/byte_token.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/rules.h"
#include "core/tokenizer/score_merges.h"
#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {

namespace {

Status Inexpressible(std::string_view what) {
  return Status(Code::kUnsupported, Cat("no tokenizer.json can say what this tokenizer does: ", what));
}

class Writer {
 public:
  Writer(const Gguf& gguf, const Tokenizer& tokenizer)
      : gguf_(gguf), tokenizer_(tokenizer), parts_(tokenizer.parts()) {}

  Result<JsonVocabulary> Write() {
    BN_ASSIGN_OR_RETURN(const auto tokens, gguf_.Strings("tokenizer.ggml.tokens"));
    if (!tokens) return Inexpressible("it has no list of tokens");
    tokens_ = *tokens;
    BN_RETURN_IF_ERROR(CheckTokens());
    BN_RETURN_IF_ERROR(CheckAddedTokens());
    JsonVocabulary out;
    BN_ASSIGN_OR_RETURN(out.tokenizer_json, TokenizerText());
    out.tokenizer_config_json = ConfigText();
    BN_RETURN_IF_ERROR(ReadAgain(out));
    out.notes = std::move(notes_);
    return out;
  }

 private:
  bool IsByteLevel() const { return parts_.model == "gpt2"; }
  std::string_view RawText(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  bool IsAdded(int32_t id) const {
    const TokenType type = parts_.vocab.type(id);
    return !RawText(id).empty() && (IsControl(type) || type == TokenType::kUserDefined);
  }

  Status CheckTokens() const {
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) {
      const std::string_view text = RawText(id);
      const auto is = [&](std::string_view what) {
        return Inexpressible(Cat("token ", id, " = ", Quoted(text), " is ", what));
      };
      const TokenType type = parts_.vocab.type(id);
      if (text.empty()) return Inexpressible(Cat("token ", id, " has no text"));
      if (IsAdded(id)) continue;
      const bool plain = parts_.vocab.FindPlain(parts_.vocab.piece(id)) == id;
      if (IsByteLevel() ? !plain : !plain && type != TokenType::kByte) return is("one that no text becomes");
      if (!IsByteLevel() && type != TokenType::kByte && ByteOfToken(text) >= 0) return is("spelled as a byte");
    }
    return {};
  }

  Status CheckAddedTokens() {
    std::vector<SpecialText> added;
    size_t n_bytes = 0;
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) {
      if (!IsAdded(id)) continue;
      added.push_back({RawText(id), id, IsControl(parts_.vocab.type(id))});
      n_bytes += RawText(id).size();
    }
    if (n_bytes > kMaxComparedBytes)
      return Inexpressible(Cat("its special tokens have ", n_bytes, " bytes, too many to be compared with each other"));
    notes_ = SpecialTokensFoundDifferently(std::move(added));
    return {};
  }

  Result<std::string> TokenizerText() {
    json_.BeginObject().Key("version").String("1.0").Key("truncation").Null().Key("padding").Null();
    json_.Key("added_tokens").BeginArray();
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) {
      if (!IsAdded(id)) continue;
      json_.BeginObject().Key("id").Int(id).Key("content").String(RawText(id));
      for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) json_.Key(flag).Bool(false);
      json_.Key("special").Bool(IsControl(parts_.vocab.type(id))).EndObject();
    }
    json_.EndArray();
    WriteNormalizer();
    BN_RETURN_IF_ERROR(WritePreTokenizer());
    WritePostProcessor();
    WriteDecoder();
    BN_RETURN_IF_ERROR(WriteModel());
    json_.EndObject();
    return json_.Take() + "\n";
  }

  void WriteReplace(std::string_view from, std::string_view to) {
    json_.BeginObject().Key("type").String("Replace").Key("pattern").BeginObject().Key("String").String(from);
    json_.EndObject().Key("content").String(to).EndObject();
  }

  void WriteNormalizer() {
    json_.Key("normalizer");
    if (IsByteLevel()) {
      json_.Null();
      return;
    }
    json_.BeginObject().Key("type").String("Sequence").Key("normalizers").BeginArray();
    for (const NormalizerStep& step : parts_.normalizers) {  // the space before every text
      if (step.kind == NormalizerStep::kPrepend)
        json_.BeginObject().Key("type").String("Prepend").Key("prepend").String(kSpaceSign).EndObject();
    }
    WriteReplace(" ", kSpaceSign);
    json_.EndArray().EndObject();
  }

  Status WritePreTokenizer() {
    json_.Key("pre_tokenizer");
    if (!IsByteLevel()) {
      json_.Null();
      return {};
    }
    const PreTokenizer* pre = FindPreTokenizer(parts_.pre);
    if (pre == nullptr) return Inexpressible(Cat("its pre-tokenizer ", Quoted(parts_.pre), " has no patterns"));
    json_.BeginObject().Key("type").String("Sequence").Key("pretokenizers").BeginArray();
    for (const std::string_view regex : pre->patterns) {
      json_.BeginObject().Key("type").String("Split").Key("pattern").BeginObject().Key("Regex").String(regex);
      json_.EndObject().Key("behavior").String("Isolated").Key("invert").Bool(false).EndObject();
    }
    json_.BeginObject().Key("type").String("ByteLevel").Key("add_prefix_space").Bool(false);
    json_.Key("trim_offsets").Bool(true).Key("use_regex").Bool(false).EndObject().EndArray().EndObject();
    return {};
  }

  void WriteSpecialToken(int32_t id) {
    json_.BeginObject().Key("SpecialToken").BeginObject().Key("id").String(RawText(id));
    json_.Key("type_id").Uint(0).EndObject().EndObject();
  }

  void WriteSequence(const char* name, uint64_t type_id) {
    if (parts_.add_bos) WriteSpecialToken(parts_.bos);
    json_.BeginObject().Key("Sequence").BeginObject().Key("id").String(name);
    json_.Key("type_id").Uint(type_id).EndObject().EndObject();
    if (parts_.add_eos) WriteSpecialToken(parts_.eos);
  }

  void WritePostProcessor() {
    json_.Key("post_processor");
    if (!parts_.add_bos && !parts_.add_eos) {
      json_.Null();
      return;
    }
    json_.BeginObject().Key("type").String("TemplateProcessing").Key("single").BeginArray();
    WriteSequence("A", 0);
    json_.EndArray().Key("pair").BeginArray();
    WriteSequence("A", 0);
    WriteSequence("B", 1);
    json_.EndArray().Key("special_tokens").BeginObject();
    std::vector<int32_t> around;
    if (parts_.add_bos) around.push_back(parts_.bos);
    if (parts_.add_eos && !(parts_.add_bos && parts_.eos == parts_.bos)) around.push_back(parts_.eos);
    for (const int32_t id : around) {
      json_.Key(RawText(id)).BeginObject().Key("id").String(RawText(id)).Key("ids").BeginArray().Int(id).EndArray();
      json_.Key("tokens").BeginArray().String(RawText(id)).EndArray().EndObject();
    }
    json_.EndObject().EndObject();
  }

  void WriteDecoder() {
    json_.Key("decoder");
    if (IsByteLevel()) {
      json_.BeginObject().Key("type").String("ByteLevel").Key("add_prefix_space").Bool(true);
      json_.Key("trim_offsets").Bool(true).Key("use_regex").Bool(true).EndObject();
      return;
    }
    json_.BeginObject().Key("type").String("Sequence").Key("decoders").BeginArray();
    WriteReplace(kSpaceSign, " ");
    for (const char* type : {"ByteFallback", "Fuse"}) json_.BeginObject().Key("type").String(type).EndObject();
    if (parts_.strip_space) {
      json_.BeginObject().Key("type").String("Strip").Key("content").String(" ");
      json_.Key("start").Uint(1).Key("stop").Uint(0).EndObject();
    }
    json_.EndArray().EndObject();
  }

  Status WriteModel() {
    json_.Key("model").BeginObject().Key("type").String("BPE").Key("dropout").Null().Key("unk_token");
    std::optional<int32_t> unknown;
    for (int32_t id = 0; parts_.vocab.Has(id) && !unknown; ++id) {
      if (parts_.vocab.type(id) == TokenType::kUnknown) unknown = id;
    }
    if (unknown && !IsByteLevel()) {
      json_.String(RawText(*unknown));
    } else {
      json_.Null();
    }
    const auto* bpe = std::get_if<Bpe>(&parts_.model_of_words);
    json_.Key("continuing_subword_prefix").Null().Key("end_of_word_suffix").Null();
    json_.Key("fuse_unk").Bool(!IsByteLevel()).Key("byte_fallback").Bool(!IsByteLevel());
    json_.Key("ignore_merges").Bool(bpe != nullptr && bpe->options().ignore_merges);
    json_.Key("vocab").BeginObject();
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) json_.Key(RawText(id)).Int(id);
    json_.EndObject().Key("merges").BeginArray();
    if (bpe != nullptr) {
      BN_RETURN_IF_ERROR(WriteMerges(bpe->Merges()));
    } else {
      const ScoreMerges merges = MergesOfScores(parts_.vocab, std::get<Spm>(parts_.model_of_words));
      if (!merges.problem.empty()) return Inexpressible(Cat("it merges by score, and has ", merges.problem));
      BN_RETURN_IF_ERROR(WriteMerges(merges.merges));
      // Others spell such a space as its three bytes, the tokenizer of the file as the byte of a space.
      if (parts_.vocab.FindPlain(" ") < 0) return Inexpressible("it has no token for its space, U+2581");
    }
    json_.EndArray().EndObject();
    return {};
  }

  // Merges of a long token are as long as its square: what would not be read again is not written.
  Status WriteMerges(const std::vector<Bpe::MergeOf>& merges) {
    uint64_t n_bytes = 0;
    for (const Bpe::MergeOf& m : merges) n_bytes += RawText(m.left).size() + RawText(m.right).size() + 8;
    if (n_bytes > JsonLimits().max_bytes) return Inexpressible(Cat("its merges take ", n_bytes, " bytes"));
    for (const Bpe::MergeOf& m : merges) {
      json_.BeginArray().String(RawText(m.left)).String(RawText(m.right)).EndArray();
    }
    return {};
  }

  std::string ConfigText() {
    JsonWriter json(/*pretty=*/true);
    json.BeginObject().Key("tokenizer_class").String("PreTrainedTokenizerFast");
    json.Key("clean_up_tokenization_spaces").Bool(false);
    for (const auto& [key, id] : {std::pair("bos_token", parts_.bos), {"eos_token", parts_.eos}}) {
      if (id >= 0) json.Key(key).String(RawText(id));
    }
    for (const char* name : {"unknown", "padding"}) {
      const auto id = gguf_.Count(Cat("tokenizer.ggml.", name, "_token_id"));
      if (!id.ok() || !id->has_value() || **id >= tokens_.size()) continue;
      json.Key(std::string_view(name) == "unknown" ? "unk_token" : "pad_token").String(tokens_[**id]);
    }
    json.Key("add_bos_token").Bool(parts_.add_bos).Key("add_eos_token").Bool(parts_.add_eos);
    if (!parts_.chat_template.empty()) json.Key("chat_template").String(parts_.chat_template);
    json.EndObject();
    return json.Take() + "\n";
  }

  // The two files must make the same ids.
  Status ReadAgain(const JsonVocabulary& out) {
    const auto read = Tokenizer::FromJson(out.tokenizer_json, out.tokenizer_config_json);
    if (!read.ok()) return Inexpressible(Cat("read again it is refused: ", read.status().message()));
    const Tokenizer& again = **read;
    if (again.chat_template() != tokenizer_.chat_template()) return Inexpressible("its chat template is another there");
    const auto a = RulesOf(tokenizer_), b = RulesOf(again);
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] == b[i]) continue;
      if (a[i].first != "tokenizer.stop_ids")
        return Inexpressible(Cat(a[i].first, " is ", a[i].second, ", and there it would be ", b[i].second));
      notes_.push_back(Cat("tokens that end an answer by the keys of the GGUF (", a[i].second,
                           ") are found in tokenizer.json by their names alone (", b[i].second,
                           "): give the others as stop texts"));
    }
    if (!notes_.empty()) return {};  // the text below may be one that they speak of
    std::string forward, backward;
    const auto append = [&](int32_t id, std::string& text) {
      text += parts_.vocab.piece(id);
      if (IsAdded(id)) text += '\n';  // so that they do not overlap
    };
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) append(id, forward);
    for (auto id = static_cast<int32_t>(parts_.vocab.size()); id-- > 0;) append(id, backward);
    for (const std::string* text : {&forward, &backward}) {
      for (const bool parse_special : {false, true}) {
        std::vector<int32_t> x, y;
        tokenizer_.Encode(*text, {true, parse_special}, x);
        again.Encode(*text, {true, parse_special}, y);
        if (x != y) return Inexpressible("a text of all its tokens becomes other ids there");
      }
    }
    return {};
  }

  const Gguf& gguf_;
  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  std::vector<std::string_view> tokens_;  // as the file spells them
  JsonWriter json_;
  std::vector<std::string> notes_;
};

}  // namespace

Result<JsonVocabulary> VocabularyForJson(const Gguf& gguf, const Tokenizer& tokenizer) {
  return Writer(gguf, tokenizer).Write();
}

}  // namespace bitnet::core
