#include "core/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "core/tokenizer/tokenizer_parts.h"
#include "core/tokenizer/word_cache.h"

namespace bitnet::core {
namespace {

// Below this many bytes a text does not repeat enough words to pay for a cache.
constexpr size_t kMinCachedText = 4096;

std::vector<TextPart> Cut(const TokenizerParts& parts, std::string_view text, bool parse_special) {
  return parts.added ? parts.added->Cut(text, parse_special)
                     : parts.special.CutLongestFirst(parts.vocab, text, parse_special);
}

// One call of Encode: the parts of the tokenizer, the scratch, and where the ids go.
class TextEncoder {
 public:
  TextEncoder(const TokenizerParts& parts, bool parse_special, std::vector<int32_t>& ids)
      : parts_(parts), parse_special_(parse_special), ids_(ids) {}
  void EnableCache() { cache_.Enable(); }

  // `at_start`: nothing stands before `text` in the input.
  void Encode(std::string_view text, bool at_start = true) {
    const std::vector<TextPart> cut = Cut(parts_, text, parse_special_);
    for (const TextPart& part : cut) {
      if (part.id >= 0) {
        ids_.push_back(part.id);
      } else {
        EncodeText(part.text, at_start && &part == &cut.front());
      }
    }
  }

 private:
  // Text without the special tokens that were cut out, `at_start` of the input. Ill-formed bytes in it become byte
  // tokens, and what lies between them is encoded as if it were one text.
  void EncodeText(std::string_view text, bool at_start) {
    for (bool goes_on = false; !text.empty(); goes_on = true) {
      const size_t good = WellFormedPrefix(text);
      if (good > 0) EncodeWellFormed(text.substr(0, good), at_start, goes_on);
      text.remove_prefix(good);
      if (text.empty()) return;
      const size_t bad = DecodeUtf8(text, 0).length;
      for (const char byte : text.substr(0, bad)) ids_.push_back(parts_.vocab.byte_token(byte));
      text.remove_prefix(bad);
    }
  }

  void EncodeWellFormed(std::string_view text, bool at_start, bool goes_on) {
    if (parts_.normalizers.empty() && parts_.added_after.empty()) return EncodeNormalized(text, at_start, goes_on);
    const std::string normalized = Normalize(parts_.normalizers, text, /*at_start=*/!goes_on);
    const std::vector<TextPart> cut = parts_.added_after.Cut(normalized, parse_special_);
    for (const TextPart& part : cut) {
      if (part.id >= 0) {
        ids_.push_back(part.id);
      } else {
        const bool first = &part == &cut.front();
        EncodeNormalized(part.text, at_start && first, goes_on && first);
      }
    }
  }

  void EncodeNormalized(std::string_view text, bool at_start, bool goes_on) {
    std::string spaced;
    if (parts_.space_sign) {
      AppendSpaced(text, spaced);
      text = spaced;
    }
    if (!goes_on && !text.starts_with(' ') &&
        (parts_.prefix == SpacePrefix::kAlways || (parts_.prefix == SpacePrefix::kFirst && at_start))) {
      spaced = Cat(' ', text);
      text = spaced;
    }
    ForEachWord(parts_.split, text, [this](std::string_view piece) {
      for (size_t pos = 0; pos < piece.size();) {
        const size_t end = parts_.words.End(piece, pos);
        EncodeWord(piece.substr(pos, end - pos));
        pos = end;
      }
    });
  }

  void EncodeWord(std::string_view word) {
    cache_.Encode(word, ids_, [this](std::string_view w) {
      if (const auto* bpe = std::get_if<Bpe>(&parts_.model_of_words))
        return bpe->EncodeWord(parts_.vocab, w, bpe_row_, ids_);
      if (const auto* spm = std::get_if<Spm>(&parts_.model_of_words)) spm->EncodeWord(parts_.vocab, w, spm_row_, ids_);
    });
  }

  const TokenizerParts& parts_;
  bool parse_special_;
  std::vector<int32_t>& ids_;
  WordCache cache_;
  MergeRow<int32_t> bpe_row_;
  MergeRow<Spm::Span> spm_row_;
};

// Control tokens that end an answer in the vocabularies that have them.
constexpr std::string_view kStopTokens[] = {"<|eot_id|>",    "<|end_of_text|>", "<|im_end|>",
                                            "<|endoftext|>", "<end_of_turn>",   "</s>"};

std::vector<int32_t> StopIds(const TokenizerParts& parts) {
  std::vector<int32_t> ids = {parts.eos, parts.eot};
  for (const std::string_view text : kStopTokens) ids.push_back(parts.special.FindControl(parts.vocab, text));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.front() < 0) ids.erase(ids.begin());
  return ids;
}

}  // namespace

TokenizerFileKind TokenizerFileKindOf(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return TokenizerFileKind::kJson;
  return text.starts_with('\x0A') ? TokenizerFileKind::kSentencePiece : TokenizerFileKind::kGguf;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromBytes(std::span<const std::byte> file,
                                                              std::string_view tokenizer_config_json,
                                                              std::string_view pre,
                                                              const std::function<void(std::string_view)>& warn,
                                                              std::string_view chat_template) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const TokenizerFileKind kind = TokenizerFileKindOf(file);
  if (kind == TokenizerFileKind::kGguf) {
    BN_ASSIGN_OR_RETURN(const Gguf gguf, Gguf::Parse(file));
    return FromGguf(gguf, pre, warn);
  }
  const bool is_json = kind == TokenizerFileKind::kJson;
  if (!pre.empty()) {
    return Status(Code::kInvalidArgument,
                  Cat("pre is given beside a ",
                      is_json ? "tokenizer.json, which has its own pattern" : "tokenizer.model, which has none",
                      "; leave it out"),
                  "pre");
  }
  return is_json ? FromJson(text, tokenizer_config_json, chat_template)
                 : FromSentencePiece(text, tokenizer_config_json, chat_template);
}

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<TokenizerParts>(std::move(parts))), stop_ids_(StopIds(*parts_)) {}
Tokenizer::~Tokenizer() = default;

void Tokenizer::Encode(std::string_view text, const EncodeOptions& options, std::vector<int32_t>& ids) const {
  if (options.add_special && parts_->add_bos) ids.push_back(parts_->bos);
  TextEncoder encoder(*parts_, options.parse_special, ids);
  if (text.size() >= kMinCachedText) encoder.EnableCache();
  encoder.Encode(text);
  if (options.add_special && parts_->add_eos) ids.push_back(parts_->eos);
}

void Tokenizer::EncodePieces(std::span<const EncodePiece> pieces, std::vector<int32_t>& ids) const {
  TextEncoder encoder(*parts_, /*parse_special=*/false, ids);
  std::string text;  // since the last control token
  bool at_start = true;
  const auto flush = [&] {
    if (!text.empty()) encoder.Encode(text, std::exchange(at_start, false));
    text.clear();
  };
  for (const EncodePiece& piece : pieces) {
    if (!piece.parse_special) {
      text.append(piece.text);
      continue;
    }
    for (const TextPart& part : Cut(*parts_, piece.text, /*parse_special=*/true)) {
      if (part.id < 0 || !IsControl(type(part.id))) {  // user-defined tokens are found again in what lies between
        text.append(part.text);
        continue;
      }
      flush();
      at_start = false;
      ids.push_back(part.id);
    }
  }
  flush();
}

std::string_view Tokenizer::Piece(int32_t id) const {
  return parts_->vocab.Has(id) ? parts_->vocab.piece(id) : std::string_view();
}

Result<std::string> Tokenizer::Decode(std::span<const int32_t> ids, bool skip_control) const {
  std::string out;
  for (const int32_t id : ids) {
    if (!parts_->vocab.Has(id)) {
      return Status(Code::kInvalidArgument, Cat("token id ", id, " is outside the vocabulary of ", size(), " tokens"));
    }
    if (!skip_control || !IsControl(type(id))) out.append(parts_->vocab.piece(id));
  }
  if (parts_->strip_space && out.starts_with(' ')) out.erase(0, 1);
  return out;
}

uint32_t Tokenizer::size() const { return parts_->vocab.size(); }
TokenType Tokenizer::type(int32_t id) const { return parts_->vocab.type(id); }
int32_t Tokenizer::bos() const { return parts_->bos; }
int32_t Tokenizer::eos() const { return parts_->eos; }
int32_t Tokenizer::eot() const { return parts_->eot; }
bool Tokenizer::add_bos() const { return parts_->add_bos; }
bool Tokenizer::add_eos() const { return parts_->add_eos; }
std::string_view Tokenizer::model() const { return parts_->model; }
std::string_view Tokenizer::pre() const { return parts_->pre; }
std::string_view Tokenizer::chat_template() const { return parts_->chat_template; }
const std::vector<int32_t>& Tokenizer::stop_ids() const { return stop_ids_; }
int32_t Tokenizer::FindControl(std::string_view text) const { return parts_->special.FindControl(parts_->vocab, text); }

}  // namespace bitnet::core
