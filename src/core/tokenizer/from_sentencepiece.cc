// Reads a SentencePiece tokenizer.model (a ModelProto of sentencepiece_model.proto, whose field numbers these are): BPE
// with byte fallback and no normalization, as Llama 2 has it.
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "core/format/limits.h"
#include "core/tokenizer/proto_reader.h"
#include "core/tokenizer/spm_vocab.h"
#include "core/tokenizer/text_index.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_config.h"

namespace bitnet::core {
namespace {

constexpr std::string_view kModelFile = "tokenizer.model";

Status Bad(std::string_view field, std::string_view problem, Code code = Code::kBadFormat) {
  return Status(code, Cat(kModelFile, ": ", field, " ", problem), std::string(field));
}

class SentencePieceReader {
 public:
  SentencePieceReader(std::string_view file, const TokenizerConfig& config) : file_(file), config_(config) {}

  Result<TokenizerParts> Read() {
    if (file_.size() > kMaxStringBytes) {
      return Bad("file", Cat("has ", file_.size(), " bytes, expected at most ", kMaxStringBytes), Code::kLimit);
    }
    BN_RETURN_IF_ERROR(ReadFields());
    if (pieces_.empty()) return Bad("pieces", "are missing: this is no SentencePiece model");
    BN_RETURN_IF_ERROR(CheckKind());
    parts_.normalizers.push_back({NormalizerStep::kReplace, std::string(kSpaceSign), " "});
    const std::string problem = BuildSpm(texts_, types_, scores_, add_dummy_prefix_, parts_);
    if (!problem.empty()) return Bad("pieces", Cat("have ", problem));
    FindSpecialTokens();
    BN_RETURN_IF_ERROR(ReadSpecialIds());
    parts_.model = "llama";
    parts_.chat_template = config_.chat_template;
    return std::move(parts_);
  }

 private:
  auto PieceText() const {
    return [this](int32_t id) { return pieces_[static_cast<size_t>(id)]; };
  }

  Status ReadFields() {
    ProtoReader reader(file_);
    for (ProtoField field; reader.Next(field);) {
      if (field.kind != ProtoField::kBytes) continue;
      if (field.number == 1) BN_RETURN_IF_ERROR(ReadPiece(field.bytes));
      if (field.number == 2) BN_RETURN_IF_ERROR(ReadTrainerSpec(field.bytes));
      if (field.number == 3) BN_RETURN_IF_ERROR(ReadNormalizerSpec(field.bytes));
      if (field.number == 5) BN_RETURN_IF_ERROR(ReadDenormalizerSpec(field.bytes));
    }
    if (!reader.ok()) return Bad("file", "is cut or no SentencePiece model");
    index_ = TextIndex(pieces_.size());
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const int32_t other = index_.Insert(pieces_[i], static_cast<int32_t>(i), PieceText());
      if (other >= 0) return Bad("pieces", Cat("have ", Quoted(pieces_[i]), " twice, as ", other, " and ", i));
    }
    return {};
  }

  Status ReadPiece(std::string_view message) {
    std::string_view piece;
    float score = 0;
    uint64_t type = static_cast<uint64_t>(TokenType::kNormal);
    ProtoReader reader(message);
    for (ProtoField field; reader.Next(field);) {
      if (field.number == 1 && field.kind == ProtoField::kBytes) piece = field.bytes;
      if (field.number == 2 && field.kind == ProtoField::kFixed32) score = field.AsFloat();
      if (field.number == 3 && field.kind == ProtoField::kVarint) type = field.value;
    }
    const size_t i = pieces_.size();
    if (i >= kMaxTokens) return Bad("pieces", Cat("are more than ", kMaxTokens), Code::kLimit);
    if (!reader.ok() || piece.empty() || !IsUtf8(piece)) {
      return Bad("pieces", Cat("have ", Quoted(piece), " at ", i, ", expected UTF-8 text that is not empty"));
    }
    if (type < 1 || type > 6) return Bad("pieces", Cat("have the type ", type, " at ", i, ", expected 1 to 6"));
    if (type == static_cast<uint64_t>(TokenType::kUnused)) {
      return Bad("pieces", Cat("have ", Quoted(piece), " of the type UNUSED, expected none"), Code::kUnsupported);
    }
    if (!std::isfinite(score))
      return Bad("pieces", Cat("have the score ", score, " at ", i, ", expected a finite one"));
    pieces_.push_back(piece);
    scores_.push_back(score);
    types_.push_back(static_cast<TokenType>(type));
    texts_.push_back(piece);
    if (types_.back() == TokenType::kUserDefined && piece.find(kSpaceSign) != std::string_view::npos) {
      AppendSpaced(piece, spaced_.emplace_back());  // found in the text as it is, with its spaces
      texts_.back() = spaced_.back();
    }
    return {};
  }

  Status ReadTrainerSpec(std::string_view message) {
    ProtoReader reader(message);
    for (ProtoField field; reader.Next(field);) {
      if (field.kind == ProtoField::kBytes && field.number == 46) bos_ = field.bytes;
      if (field.kind == ProtoField::kBytes && field.number == 47) eos_ = field.bytes;
      if (field.kind != ProtoField::kVarint) continue;
      if (field.number == 3) model_type_ = field.value;
      if (field.number == 24) space_is_suffix_ = field.value != 0;
      if (field.number == 35) byte_fallback_ = field.value != 0;
    }
    return reader.ok() ? Status() : Bad("trainer_spec", "is cut");
  }

  Status ReadNormalizerSpec(std::string_view message) {
    ProtoReader reader(message);
    for (ProtoField field; reader.Next(field);) {
      if (field.kind == ProtoField::kBytes && field.number == 1) rule_ = field.bytes;
      if (field.kind == ProtoField::kBytes && field.number == 2) has_charsmap_ = !field.bytes.empty();
      if (field.kind != ProtoField::kVarint) continue;
      if (field.number == 3) add_dummy_prefix_ = field.value != 0;
      if (field.number == 4) removes_spaces_ = field.value != 0;
      if (field.number == 5) escapes_spaces_ = field.value != 0;
    }
    return reader.ok() ? Status() : Bad("normalizer_spec", "is cut");
  }

  static Status ReadDenormalizerSpec(std::string_view message) {
    ProtoReader reader(message);
    for (ProtoField field; reader.Next(field);) {
      if (field.kind == ProtoField::kBytes && field.number == 2 && !field.bytes.empty()) {
        return Bad("denormalizer_spec", "changes what is decoded, expected none", Code::kUnsupported);
      }
    }
    return reader.ok() ? Status() : Bad("denormalizer_spec", "is cut");
  }

  // Of all that a model may ask for, what this reader does exactly.
  Status CheckKind() const {
    constexpr std::string_view kTypes[] = {"", "unigram", "BPE", "word", "char"};
    constexpr uint64_t kBpe = 2;
    if (model_type_ != kBpe) {
      const std::string name =
          model_type_ < std::size(kTypes) ? std::string(kTypes[model_type_]) : Cat("the unknown type ", model_type_);
      return Bad("model_type", Cat("is ", name, ", expected BPE"), Code::kUnsupported);
    }
    if (!byte_fallback_) {
      return Bad("byte_fallback", "is false, expected true: characters without a piece would be lost",
                 Code::kUnsupported);
    }
    if (space_is_suffix_) return Bad("treat_whitespace_as_suffix", "is true, expected false", Code::kUnsupported);
    if (has_charsmap_) {
      return Bad("precompiled_charsmap",
                 Cat("normalizes by the rule ", Quoted(rule_), ", expected the rule 'identity', which has no map"),
                 Code::kUnsupported);
    }
    if (removes_spaces_) return Bad("remove_extra_whitespaces", "is true, expected false", Code::kUnsupported);
    if (!escapes_spaces_) return Bad("escape_whitespaces", "is false, expected true", Code::kUnsupported);
    return {};
  }

  // SentencePiece puts its space before a text, then looks for user-defined pieces in it, whose spaces are U+2581: a
  // piece with a space of its own is never found. Nor are control tokens, which cut the text before it comes there.
  void FindSpecialTokens() {
    std::vector<AddedToken> control, user_defined;
    for (int32_t id = 0; parts_.vocab.Has(id); ++id) {
      AddedToken token;
      token.text = parts_.vocab.piece(id);
      token.id = id;
      token.special = IsControl(parts_.vocab.type(id));
      if (token.special) {
        control.push_back(std::move(token));
      } else if (parts_.vocab.type(id) == TokenType::kUserDefined &&
                 pieces_[static_cast<size_t>(id)].find(' ') == std::string_view::npos) {
        user_defined.push_back(std::move(token));
      }
    }
    parts_.special = SpecialTokens(parts_.vocab);
    parts_.added.emplace(std::move(control));
    parts_.added_after = AddedTokens(std::move(user_defined));
  }

  // What tokenizer_config.json names, else the control pieces of the names that the model gives them; -1: none.
  Result<int32_t> SpecialId(const std::string& configured, std::string_view piece) const {
    if (configured.empty()) return parts_.special.FindControl(parts_.vocab, piece);
    const int32_t id = index_.Find(configured, PieceText());
    if (id < 0) return Bad("tokenizer_config.json", Cat("names ", Quoted(configured), ", which is no token"));
    return id;
  }

  Status ReadSpecialIds() {
    BN_ASSIGN_OR_RETURN(parts_.bos, SpecialId(config_.bos, bos_));
    BN_ASSIGN_OR_RETURN(parts_.eos, SpecialId(config_.eos, eos_));
    parts_.add_bos = config_.add_bos.value_or(true) && parts_.bos >= 0;
    parts_.add_eos = config_.add_eos.value_or(false) && parts_.eos >= 0;
    return {};
  }

  std::string_view file_;
  const TokenizerConfig& config_;
  std::vector<std::string_view> pieces_;  // as in the file
  std::vector<std::string_view> texts_;   // as text is compared with them
  std::deque<std::string> spaced_;        // those of texts_ that are not in the file
  std::vector<TokenType> types_;
  std::vector<float> scores_;
  TextIndex index_;  // of pieces_
  // The defaults of sentencepiece_model.proto.
  uint64_t model_type_ = 1;  // unigram
  std::string_view bos_ = "<s>", eos_ = "</s>";
  bool byte_fallback_ = false, space_is_suffix_ = false;
  std::string_view rule_;
  bool has_charsmap_ = false, add_dummy_prefix_ = true, removes_spaces_ = true, escapes_spaces_ = true;
  TokenizerParts parts_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromSentencePiece(std::string_view model,
                                                                      std::string_view tokenizer_config_json,
                                                                      std::string_view chat_template) {
  BN_ASSIGN_OR_RETURN(const TokenizerConfig config, ReadTokenizerConfig(tokenizer_config_json, chat_template));
  BN_ASSIGN_OR_RETURN(TokenizerParts parts, SentencePieceReader(model, config).Read());
  return std::make_shared<const Tokenizer>(std::move(parts));
}

}  // namespace bitnet::core
