#include "core/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "core/tokenizer/tokenizer_parts.h"
#include "core/tokenizer/word_cache.h"

namespace bitnet::core {
namespace {

// Below this many bytes a text does not repeat enough words to pay for a cache.
constexpr size_t kMinCachedText = 4096;

// One call of Encode: the parts of the tokenizer, the scratch, and where the ids go.
class TextEncoder {
 public:
  TextEncoder(const TokenizerParts& parts, std::vector<int32_t>& ids) : parts_(parts), ids_(ids) {}
  void EnableCache() { cache_.Enable(); }

  // Text without special tokens. `after_token`: at the start of the input or after a special token.
  void Encode(std::string_view text, bool after_token) {
    if (const auto* bpe = std::get_if<ByteBpe>(&parts_.encoder)) {
      ForEachWellFormed(text, [&](std::string_view part) { EncodeBpe(*bpe, part); });
    } else if (const auto* spm = std::get_if<Spm>(&parts_.encoder)) {
      std::string spaced(spm->space_prefix() && after_token ? 1 : 0, ' ');
      AppendSpaced(text, spaced);
      ForEachWellFormed(spaced, [&](std::string_view part) { EncodeSpm(*spm, part); });
    }
  }

 private:
  // Calls fn for the well-formed stretches of `text`; what lies between becomes byte tokens.
  template <typename F>
  void ForEachWellFormed(std::string_view text, F&& fn) {
    while (!text.empty()) {
      const size_t good = WellFormedPrefix(text);
      if (good > 0) fn(text.substr(0, good));
      text.remove_prefix(good);
      if (text.empty()) return;
      const size_t bad = DecodeUtf8(text, 0).length;
      for (const char byte : text.substr(0, bad)) ids_.push_back(parts_.vocab.byte_token(byte));
      text.remove_prefix(bad);
    }
  }

  void EncodeBpe(const ByteBpe& encoder, std::string_view text) {
    ForEachWord(encoder.split, text, [&](std::string_view word) {
      cache_.Encode(word, ids_, [&](std::string_view w) { encoder.bpe.EncodeWord(parts_.vocab, w, bpe_row_, ids_); });
    });
  }

  void EncodeSpm(const Spm& spm, std::string_view text) {
    for (size_t pos = 0; pos < text.size();) {
      const size_t end = spm.WordEnd(text, pos);
      cache_.Encode(text.substr(pos, end - pos), ids_,
                    [&](std::string_view w) { spm.EncodeWord(parts_.vocab, w, spm_row_, ids_); });
      pos = end;
    }
  }

  const TokenizerParts& parts_;
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

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<TokenizerParts>(std::move(parts))), stop_ids_(StopIds(*parts_)) {}
Tokenizer::~Tokenizer() = default;

void Tokenizer::Encode(std::string_view text, const EncodeOptions& options, std::vector<int32_t>& ids) const {
  if (options.add_special && parts_->add_bos) ids.push_back(parts_->bos);
  TextEncoder encoder(*parts_, ids);
  if (text.size() >= kMinCachedText) encoder.EnableCache();
  bool after_token = true;
  for (const TextPart& part : parts_->special.CutLongestFirst(parts_->vocab, text, options.parse_special)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      encoder.Encode(part.text, after_token);
    }
    after_token = part.id >= 0;
  }
  if (options.add_special && parts_->add_eos) ids.push_back(parts_->eos);
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
  const auto* spm = std::get_if<Spm>(&parts_->encoder);
  if (spm != nullptr && spm->space_prefix() && out.starts_with(' ')) out.erase(0, 1);
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
