// Reads the `tokenizer.*` keys of a GGUF (docs/formats.md, sections 4 and 5); every value is checked before it is used.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/format/limits.h"
#include "core/tokenizer/byte_alphabet.h"
#include "core/tokenizer/merge_list.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/spm_vocab.h"
#include "core/tokenizer/text_index.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {
namespace {

constexpr std::string_view kModel = "tokenizer.ggml.model";
constexpr std::string_view kPre = "tokenizer.ggml.pre";
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTokenType = "tokenizer.ggml.token_type";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kBos = "tokenizer.ggml.bos_token_id";
constexpr std::string_view kEos = "tokenizer.ggml.eos_token_id";
constexpr std::string_view kEot = "tokenizer.ggml.eot_token_id";
constexpr std::string_view kUnknownId = "tokenizer.ggml.unknown_token_id";
constexpr std::string_view kAddBos = "tokenizer.ggml.add_bos_token";
constexpr std::string_view kAddEos = "tokenizer.ggml.add_eos_token";
constexpr std::string_view kAddSpacePrefix = "tokenizer.ggml.add_space_prefix";
constexpr std::string_view kChatTemplate = "tokenizer.chat_template";

// Ids of a `llama` vocabulary that has no keys for them.
constexpr int32_t kSpmBos = 1, kSpmEos = 2;

class Reader {
 public:
  Reader(const Gguf& gguf, std::string_view pre, const std::function<void(std::string_view)>& warn)
      : gguf_(gguf), pre_(pre), warn_(warn) {}

  Result<TokenizerParts> Read() {
    BN_ASSIGN_OR_RETURN(const auto model, Required(kModel, gguf_.String(kModel)));
    if (model != "gpt2" && model != "llama") {
      return Status(Code::kUnsupported,
                    Cat("key ", Quoted(kModel), " is ", Quoted(model), ", expected 'gpt2' or 'llama'"),
                    std::string(kModel), OffsetOf(kModel));
    }
    parts_.model = model;
    BN_RETURN_IF_ERROR(ReadTokens());
    BN_RETURN_IF_ERROR(model == "gpt2" ? ReadByteBpe() : ReadSpm());
    parts_.special = SpecialTokens(parts_.vocab);
    BN_RETURN_IF_ERROR(ReadSpecialIds());
    BN_ASSIGN_OR_RETURN(const auto chat_template, gguf_.String(kChatTemplate));
    parts_.chat_template = chat_template.value_or("");
    return std::move(parts_);
  }

 private:
  uint64_t OffsetOf(std::string_view key) const {
    const GgufValue* value = gguf_.Find(key);
    return value != nullptr ? value->offset : Status::kNoOffset;
  }
  template <typename... Args>
  Status Bad(std::string_view key, const Args&... message) const {
    return Status(Code::kBadFormat, Cat("key ", Quoted(key), message...), std::string(key), OffsetOf(key));
  }
  template <typename T>
  Result<T> Required(std::string_view key, Result<std::optional<T>> value) const {
    if (!value.ok()) return value.status();
    if (!value->has_value()) return Bad(key, " is missing: the file has no complete tokenizer");
    return *std::move(*value);
  }

  auto RawText() const {
    return [this](int32_t id) { return tokens_[static_cast<size_t>(id)]; };
  }

  // tokens_, types_ and raw_index_: the token list as the file spells it.
  Status ReadTokens() {
    BN_ASSIGN_OR_RETURN(tokens_, Required(kTokens, gguf_.Strings(kTokens)));
    if (tokens_.empty()) return Bad(kTokens, " is empty, expected at least one token");
    if (tokens_.size() > kMaxTokens) {
      return Status(Code::kLimit,
                    Cat("key ", Quoted(kTokens), " has ", tokens_.size(), " tokens, expected at most ", kMaxTokens),
                    std::string(kTokens), OffsetOf(kTokens));
    }
    BN_RETURN_IF_ERROR(CheckVocabSize());
    BN_ASSIGN_OR_RETURN(const std::vector<int32_t> types, Required(kTokenType, gguf_.Ints(kTokenType)));
    if (types.size() != tokens_.size()) {
      return Bad(kTokenType, " has ", types.size(), " types for ", tokens_.size(), " tokens, expected one each");
    }
    types_.reserve(types.size());
    raw_index_ = TextIndex(tokens_.size());
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (types[i] < 1 || types[i] > 6) {
        return Bad(kTokenType, " gives token ", i, " the type ", types[i], ", expected 1 to 6");
      }
      types_.push_back(static_cast<TokenType>(types[i]));
      if (tokens_[i].empty() && types_[i] != TokenType::kUnused)
        return Bad(kTokens, " has an empty text for token ", i);
      const int32_t other = raw_index_.Insert(tokens_[i], static_cast<int32_t>(i), RawText());
      if (other >= 0) return Bad(kTokens, " has ", Quoted(tokens_[i]), " twice, as tokens ", other, " and ", i);
      total_bytes += tokens_[i].size();
    }
    if (total_bytes > UINT32_MAX) return Bad(kTokens, " has ", total_bytes, " bytes of text, expected less than 2^32");
    return {};
  }

  // <architecture>.vocab_size, where it is there, is the length of the token list.
  Status CheckVocabSize() const {
    const auto architecture = gguf_.String("general.architecture");
    if (!architecture.ok() || !architecture->has_value()) return {};  // the model's reader says what is wrong with it
    const std::string key = Cat(**architecture, ".vocab_size");
    BN_ASSIGN_OR_RETURN(const auto vocab_size, gguf_.Count(key));
    if (!vocab_size || *vocab_size == tokens_.size()) return {};
    return Bad(key, " is ", *vocab_size, ", but ", kTokens, " has ", tokens_.size(),
               " tokens: expected the same number");
  }

  Status ReadByteBpe() {
    const PreTokenizer* pre = nullptr;
    BN_RETURN_IF_ERROR(FindPre(pre));
    parts_.pre = pre->name;
    default_add_bos_ = pre->add_bos;

    parts_.vocab = Vocab(tokens_.size());
    std::string bytes;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const TokenType type = types_[i];
      if (IsControl(type) || type == TokenType::kUserDefined) {
        parts_.vocab.Add(tokens_[i], type, /*plain=*/false);
      } else if (FromByteAlphabet(tokens_[i], bytes)) {
        parts_.vocab.Add(bytes, type, /*plain=*/!bytes.empty());
      } else if (type == TokenType::kUnused) {
        parts_.vocab.Add(tokens_[i], type, /*plain=*/false);
      } else {
        return Bad(kTokens, " has token ", i, " = ", Quoted(tokens_[i]),
                   ", expected characters of the byte alphabet only");
      }
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const char text = static_cast<char>(byte);
      const int32_t id = parts_.vocab.FindPlain({&text, 1});
      if (id < 0) return Bad(kTokens, " has no token for the byte ", Hex(byte), ", expected one for each byte");
      parts_.vocab.SetByteToken(static_cast<uint8_t>(byte), id);
    }
    BN_ASSIGN_OR_RETURN(parts_.split, SplitSteps(*pre));
    return ReadMerges(pre->ignore_merges);
  }

  Status FindPre(const PreTokenizer*& pre) const {
    BN_ASSIGN_OR_RETURN(const auto named, gguf_.String(kPre));
    if (!pre_.empty()) {
      pre = FindPreTokenizer(pre_);
      if (pre != nullptr) return {};
      return Status(Code::kInvalidArgument,
                    Cat("unknown pre-tokenizer ", Quoted(pre_), ", expected one of ", PreTokenizerNames()),
                    std::string(kPre));
    }
    if (!named && warn_) {
      warn_(Cat("key ", Quoted(kPre),
                " is missing: text is split by the pattern 'default', which may not be the model's own"));
    }
    pre = FindPreTokenizer(named.value_or("default"));
    if (pre != nullptr) return {};
    return Status(Code::kUnsupported,
                  Cat("key ", Quoted(kPre), " is ", Quoted(*named), ", expected one of ", PreTokenizerNames(),
                      "; another can be chosen when loading"),
                  std::string(kPre), OffsetOf(kPre));
  }

  Status ReadMerges(bool ignore_merges) {
    BN_ASSIGN_OR_RETURN(const auto merges, Required(kMerges, gguf_.Strings(kMerges)));
    if (merges.size() > kMaxMerges) {
      return Status(Code::kLimit,
                    Cat("key ", Quoted(kMerges), " has ", merges.size(), " merges, expected at most ", kMaxMerges),
                    std::string(kMerges), OffsetOf(kMerges));
    }
    Bpe bpe(merges.size(), {.ignore_merges = ignore_merges});
    for (size_t i = 0; i < merges.size(); ++i) {
      std::string_view left, right;
      if (!SplitMerge(merges[i], left, right)) {
        return Bad(kMerges, " has merge ", i, " = ", Quoted(merges[i]), ", expected two parts with a space between");
      }
      const std::string problem = AddMerge(left, right, raw_index_, RawText(), types_, bpe);
      if (!problem.empty()) return Bad(kMerges, " has merge ", i, " = ", Quoted(merges[i]), " with ", problem);
    }
    parts_.model_of_words = std::move(bpe);
    return {};
  }

  Status ReadSpm() {
    if (!pre_.empty()) {
      return Status(Code::kInvalidArgument,
                    Cat("pre-tokenizer ", Quoted(pre_), " asked for, but a tokenizer of model 'llama' has none"));
    }
    BN_ASSIGN_OR_RETURN(const std::vector<float> scores, Required(kScores, gguf_.Floats(kScores)));
    if (scores.size() != tokens_.size()) {
      return Bad(kScores, " has ", scores.size(), " scores for ", tokens_.size(), " tokens, expected one each");
    }
    for (size_t i = 0; i < scores.size(); ++i) {
      if (!std::isfinite(scores[i])) {
        return Bad(kScores, " gives token ", i, " the score ", scores[i], ", expected a finite one");
      }
    }
    BN_ASSIGN_OR_RETURN(const auto space_prefix, gguf_.Bool(kAddSpacePrefix));
    const std::string problem = BuildSpm(tokens_, types_, scores, space_prefix.value_or(true), parts_);
    if (!problem.empty()) return Bad(kTokens, " has ", problem);
    default_add_bos_ = true;
    return {};
  }

  // -1 for an absent key.
  Result<int32_t> ReadId(std::string_view key) const {
    BN_ASSIGN_OR_RETURN(const auto id, gguf_.Count(key));
    if (!id) return -1;
    if (*id >= tokens_.size()) return Bad(key, " is ", *id, ", expected an id below ", tokens_.size());
    return static_cast<int32_t>(*id);
  }

  Status ReadSpecialIds() {
    BN_ASSIGN_OR_RETURN(parts_.bos, ReadId(kBos));
    BN_ASSIGN_OR_RETURN(parts_.eos, ReadId(kEos));
    BN_ASSIGN_OR_RETURN(parts_.eot, ReadId(kEot));
    BN_ASSIGN_OR_RETURN([[maybe_unused]] const int32_t unknown, ReadId(kUnknownId));
    if (parts_.model == "llama") {
      const auto is_control = [&](int32_t id) {
        return parts_.vocab.Has(id) && parts_.vocab.type(id) == TokenType::kControl;
      };
      if (parts_.bos < 0 && is_control(kSpmBos)) parts_.bos = kSpmBos;
      if (parts_.eos < 0 && is_control(kSpmEos)) parts_.eos = kSpmEos;
    }
    if (parts_.eos < 0) return Bad(kEos, " is missing: without an end token generation cannot stop");
    BN_ASSIGN_OR_RETURN(const auto add_bos, gguf_.Bool(kAddBos));
    BN_ASSIGN_OR_RETURN(const auto add_eos, gguf_.Bool(kAddEos));
    if (add_bos.value_or(false) && parts_.bos < 0)
      return Bad(kBos, " is missing, but ", kAddBos, " is true: expected an id");
    parts_.add_bos = add_bos.value_or(default_add_bos_ && parts_.bos >= 0);
    parts_.add_eos = add_eos.value_or(false);
    return {};
  }

  const Gguf& gguf_;
  std::string_view pre_;
  const std::function<void(std::string_view)>& warn_;
  std::vector<std::string_view> tokens_;
  std::vector<TokenType> types_;
  TextIndex raw_index_;  // of tokens_
  bool default_add_bos_ = false;
  TokenizerParts parts_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromGguf(const Gguf& gguf, std::string_view pre,
                                                             const std::function<void(std::string_view)>& warn) {
  BN_ASSIGN_OR_RETURN(TokenizerParts parts, Reader(gguf, pre, warn).Read());
  return std::make_shared<const Tokenizer>(std::move(parts));
}

}  // namespace bitnet::core
