// Reads a Hugging Face tokenizer.json (docs/formats.md, section 4) and the tokenizer_config.json beside it.
#include <algorithm>
#include <utility>

#include "core/base/json_reader.h"
#include "core/format/limits.h"
#include "core/tokenizer/byte_alphabet.h"
#include "core/tokenizer/byte_token.h"
#include "core/tokenizer/json_components.h"
#include "core/tokenizer/merge_list.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_config.h"

namespace bitnet::core {
namespace {

constexpr std::string_view kJsonFile = "tokenizer.json";
constexpr std::string_view kModelField = "model";
constexpr std::string_view kVocab = "vocab";
constexpr std::string_view kMergesField = "merges";
constexpr std::string_view kAddedTokens = "added_tokens";

// A token as the file has it; an id that the file leaves out has no text.
struct FileToken {
  std::string_view text;
  TokenType type = TokenType::kUnused;
  bool in_model = false;  // in the model's own vocabulary
};

bool IsCharacter(std::string_view text) { return !text.empty() && DecodeUtf8(text, 0).length == text.size(); }

class TokenizerJsonReader {
 public:
  TokenizerJsonReader(const JsonValue& file, const TokenizerConfig& config) : file_(file), config_(config) {}

  Result<TokenizerParts> Read() {
    const JsonValue* model = file_.Find(kModelField);
    if (model == nullptr || model->kind != JsonValue::Kind::kObject) return BadTokenizerJson(kModelField, "no object");
    BN_RETURN_IF_ERROR(CheckModel(*model));
    BN_ASSIGN_OR_RETURN(parts_.normalizers, ReadJsonNormalizer(file_.Find("normalizer")));
    BN_ASSIGN_OR_RETURN(JsonPreTokenizer pre, ReadJsonPreTokenizer(file_.Find("pre_tokenizer")));
    BN_ASSIGN_OR_RETURN(const JsonPostProcessor post, ReadJsonPostProcessor(file_.Find("post_processor")));
    BN_ASSIGN_OR_RETURN(parts_.strip_space, ReadJsonDecoder(file_.Find("decoder")));
    BN_RETURN_IF_ERROR(ReadTokens(*model));
    BN_RETURN_IF_ERROR(ReadAddedTokens());
    const auto replaces_spaces = [](const NormalizerStep& s) {
      return s.kind == NormalizerStep::kReplace && s.pattern == " " && s.content == kSpaceSign;
    };
    parts_.space_sign =
        pre.space_sign || std::any_of(parts_.normalizers.begin(), parts_.normalizers.end(), replaces_spaces);
    if (pre.byte_level == parts_.space_sign) {
      return BadTokenizerJson("pre_tokenizer", "neither ByteLevel nor U+2581 for spaces, or both: expected one of them",
                              Code::kUnsupported);
    }
    parts_.split = std::move(pre.split);
    parts_.prefix = pre.prefix;
    BN_RETURN_IF_ERROR(BuildVocab(pre.byte_level));
    BN_RETURN_IF_ERROR(ReadMerges(*model, pre.byte_level));
    parts_.model = pre.byte_level ? "gpt2" : "llama";
    BN_RETURN_IF_ERROR(ReadSpecialIds(post));
    parts_.chat_template = config_.chat_template;
    return std::move(parts_);
  }

 private:
  auto FileText() const {
    return [this](int32_t id) { return tokens_[static_cast<size_t>(id)].text; };
  }

  static Status CheckModel(const JsonValue& model) {
    BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(model, "type", "BPE", kModelField));
    if (type != "BPE") {
      return BadTokenizerJson(kModelField, Cat("the type ", Quoted(type), ", expected 'BPE'"), Code::kUnsupported);
    }
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      BN_ASSIGN_OR_RETURN(const std::string_view text, JsonText(model, affix, "", kModelField));
      if (!text.empty())
        return BadTokenizerJson(kModelField, Cat("a ", Quoted(affix), ", expected none"), Code::kUnsupported);
    }
    const JsonValue* dropout = model.Find("dropout");
    if (dropout != nullptr && dropout->kind != JsonValue::Kind::kNull && dropout->number != 0) {
      return BadTokenizerJson(kModelField, "a 'dropout', which makes ids random: expected none", Code::kUnsupported);
    }
    return {};
  }

  // Notes that token `id` is spelled `text`.
  Status AddToken(const JsonValue& id, std::string_view text, TokenType type, std::string_view field) {
    if (id.kind != JsonValue::Kind::kUint || id.uinteger >= kMaxTokens) {
      return BadTokenizerJson(field, Cat("no usable id for ", Quoted(text), ", expected a number below ", kMaxTokens));
    }
    const auto i = static_cast<size_t>(id.uinteger);
    if (i >= tokens_.size()) tokens_.resize(i + 1);
    if (tokens_[i].text.data() != nullptr && tokens_[i].text != text) {
      return BadTokenizerJson(
          field, Cat("the id ", i, " for ", Quoted(text), ", which ", Quoted(tokens_[i].text), " has already"));
    }
    tokens_[i] = {text, type, tokens_[i].in_model || field == kVocab};
    return {};
  }

  Status ReadTokens(const JsonValue& model) {
    const JsonValue* vocab = model.Find(kVocab);
    if (vocab == nullptr || vocab->kind != JsonValue::Kind::kObject || vocab->object.empty()) {
      return BadTokenizerJson(kVocab, "no tokens, expected an object of ids by text");
    }
    BN_ASSIGN_OR_RETURN(const std::string_view unknown, JsonText(model, "unk_token", "", kModelField));
    for (const auto& [text, id] : vocab->object) {
      const bool is_unknown = !unknown.empty() && text == unknown;
      BN_RETURN_IF_ERROR(AddToken(id, text, is_unknown ? TokenType::kUnknown : TokenType::kNormal, kVocab));
    }
    return {};
  }

  Status ReadAddedTokens() {
    const JsonValue* list = file_.Find(kAddedTokens);
    std::vector<AddedToken> raw, normalized;
    if (list != nullptr && list->kind != JsonValue::Kind::kNull) {
      if (list->kind != JsonValue::Kind::kArray) return BadTokenizerJson(kAddedTokens, "no list");
      for (const JsonValue& entry : list->array) {
        AddedToken token;
        const JsonValue* id = entry.Find("id");
        BN_ASSIGN_OR_RETURN(const std::string_view text, JsonText(entry, "content", "", kAddedTokens));
        BN_ASSIGN_OR_RETURN(token.special, JsonFlag(entry, "special", false, kAddedTokens));
        BN_ASSIGN_OR_RETURN(token.single_word, JsonFlag(entry, "single_word", false, kAddedTokens));
        BN_ASSIGN_OR_RETURN(token.lstrip, JsonFlag(entry, "lstrip", false, kAddedTokens));
        BN_ASSIGN_OR_RETURN(token.rstrip, JsonFlag(entry, "rstrip", false, kAddedTokens));
        BN_ASSIGN_OR_RETURN(const bool after, JsonFlag(entry, "normalized", !token.special, kAddedTokens));
        if (id == nullptr || text.empty()) return BadTokenizerJson(kAddedTokens, "an entry without 'id' or 'content'");
        BN_RETURN_IF_ERROR(
            AddToken(*id, text, token.special ? TokenType::kControl : TokenType::kUserDefined, kAddedTokens));
        token.id = static_cast<int32_t>(id->uinteger);
        token.text = after ? Normalize(parts_.normalizers, text, /*at_start=*/true) : std::string(text);
        (after ? normalized : raw).push_back(std::move(token));
      }
    }
    parts_.added.emplace(std::move(raw));
    parts_.added_after = AddedTokens(std::move(normalized));
    return {};
  }

  Status BuildVocab(bool byte_level) {
    parts_.vocab = Vocab(tokens_.size());
    index_ = TextIndex(tokens_.size());
    std::string piece;
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      auto& [text, type, in_model] = tokens_[i];
      const auto id = static_cast<int32_t>(i);
      total_bytes += text.size();
      if (total_bytes > UINT32_MAX) return BadTokenizerJson(kVocab, "4 GiB of text or more", Code::kLimit);
      const bool is_added = IsControl(type) || type == TokenType::kUserDefined;
      if (type == TokenType::kUserDefined && in_model && !byte_level && IsCharacter(text) && text != kSpaceSign) {
        // Where it is not found as an added token (because of its flags, or the normalizer) a character is a token as
        // any other.
        parts_.vocab.Add(text, type, /*plain=*/text != " ");
      } else if (text.data() == nullptr || is_added) {
        parts_.vocab.Add(text, type, /*plain=*/false);
      } else if (byte_level) {
        if (text.empty() || !FromByteAlphabet(text, piece)) {
          return BadTokenizerJson(kVocab,
                                  Cat("the token ", Quoted(text), ", expected characters of the byte alphabet"));
        }
        parts_.vocab.Add(piece, type, /*plain=*/true);
        if (piece.size() == 1) parts_.vocab.SetByteToken(static_cast<uint8_t>(piece[0]), id);
      } else if (const int byte = ByteOfToken(text); byte >= 0) {
        type = TokenType::kByte;
        const char c = static_cast<char>(byte);
        parts_.vocab.Add({&c, 1}, type, /*plain=*/false);
        parts_.vocab.SetByteToken(static_cast<uint8_t>(byte), id);
      } else {
        piece.clear();
        AppendSpaced(text, piece);
        parts_.vocab.Add(piece, type, /*plain=*/!piece.empty() && text.find(' ') == std::string_view::npos);
      }
      if (text.data() != nullptr && index_.Insert(text, id, FileText()) >= 0) {
        return BadTokenizerJson(kAddedTokens, Cat(Quoted(text), " under two ids"));
      }
      types_.push_back(type);
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (parts_.vocab.byte_token(static_cast<char>(byte)) < 0) {
        return BadTokenizerJson(kVocab, Cat("no token for the byte ", Hex(byte), ", expected one for each byte"));
      }
    }
    if (!byte_level) parts_.words = SpaceWords(parts_.vocab);
    parts_.special = SpecialTokens(parts_.vocab);
    return {};
  }

  Status ReadMerges(const JsonValue& model, bool byte_level) {
    const JsonValue* merges = model.Find(kMergesField);
    if (merges == nullptr || merges->kind != JsonValue::Kind::kArray) return BadTokenizerJson(kMergesField, "no list");
    if (merges->array.size() > kMaxMerges) {
      return BadTokenizerJson(kMergesField, Cat(merges->array.size(), " merges, expected at most ", kMaxMerges),
                              Code::kLimit);
    }
    BN_ASSIGN_OR_RETURN(const bool ignore_merges, JsonFlag(model, "ignore_merges", false, kModelField));
    BN_ASSIGN_OR_RETURN(const bool byte_fallback, JsonFlag(model, "byte_fallback", false, kModelField));
    if (!byte_level && !byte_fallback) {
      return BadTokenizerJson(kModelField, "no byte_fallback: characters without a token would be lost",
                              Code::kUnsupported);
    }
    Bpe bpe(merges->array.size(), {.characters = !byte_level, .ignore_merges = ignore_merges});
    for (size_t i = 0; i < merges->array.size(); ++i) {
      const JsonValue& merge = merges->array[i];
      std::string_view left, right;
      if (merge.kind == JsonValue::Kind::kString) {
        if (!SplitMerge(merge.string, left, right)) {
          return BadTokenizerJson(kMergesField, Cat("merge ", i, " = ", Quoted(merge.string), ", expected two parts"));
        }
      } else if (merge.array.size() == 2) {
        left = merge.array[0].string;
        right = merge.array[1].string;
      }
      const std::string problem = AddMerge(left, right, index_, FileText(), types_, bpe);
      if (!problem.empty()) return BadTokenizerJson(kMergesField, Cat("merge ", i, " with ", problem));
    }
    parts_.model_of_words = std::move(bpe);
    return {};
  }

  // The id of a token that tokenizer_config.json names as `key`; -1: it names none.
  Result<int32_t> ConfigToken(const std::string& text, std::string_view key) const {
    const int32_t id = text.empty() ? -1 : index_.Find(text, FileText());
    if (id >= 0 || text.empty()) return id;
    return Status(Code::kBadFormat, Cat("tokenizer_config.json: ", key, " is ", Quoted(text), ", which is no token"),
                  std::string(key));
  }

  Status ReadSpecialIds(const JsonPostProcessor& post) {
    BN_ASSIGN_OR_RETURN(parts_.bos, ConfigToken(config_.bos, "bos_token"));
    BN_ASSIGN_OR_RETURN(parts_.eos, ConfigToken(config_.eos, "eos_token"));
    for (const int64_t id : {post.before, post.after}) {
      if (id >= 0 && !parts_.vocab.Has(id))
        return BadTokenizerJson("post_processor", Cat("the id ", id, ", which is no token"));
    }
    if (post.before >= 0) parts_.bos = static_cast<int32_t>(post.before);
    if (post.after >= 0) parts_.eos = static_cast<int32_t>(post.after);
    parts_.add_bos = post.before >= 0;
    parts_.add_eos = post.after >= 0;
    return {};
  }

  const JsonValue& file_;
  const TokenizerConfig& config_;
  std::vector<FileToken> tokens_;  // by id
  std::vector<TokenType> types_;
  TextIndex index_;  // of tokens_
  TokenizerParts parts_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromJson(std::string_view tokenizer_json,
                                                             std::string_view tokenizer_config_json,
                                                             std::string_view chat_template) {
  BN_ASSIGN_OR_RETURN(const JsonValue file, ParseJsonObject(tokenizer_json, kJsonFile));
  BN_ASSIGN_OR_RETURN(const TokenizerConfig config, ReadTokenizerConfig(tokenizer_config_json, chat_template));
  BN_ASSIGN_OR_RETURN(TokenizerParts parts, TokenizerJsonReader(file, config).Read());
  return std::make_shared<const Tokenizer>(std::move(parts));
}

}  // namespace bitnet::core
