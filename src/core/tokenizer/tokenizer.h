// Text to token ids and back. Immutable after loading; every method may be called from any thread.
#ifndef BITNET_CORE_TOKENIZER_TOKENIZER_H_
#define BITNET_CORE_TOKENIZER_TOKENIZER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/gguf.h"

namespace bitnet::core {

enum class TokenType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct EncodeOptions {
  bool add_special = true;     // BOS and EOS where the vocabulary's metadata says so
  bool parse_special = false;  // spellings of control tokens in the text become those tokens
};

class Tokenizer {
 public:
  // From the `tokenizer.*` keys of a GGUF. `pre` overrides tokenizer.ggml.pre ("" = the file's); `warn` may be empty.
  static Result<std::shared_ptr<const Tokenizer>> FromGguf(const Gguf& gguf, std::string_view pre,
                                                           const std::function<void(std::string_view)>& warn);
  virtual ~Tokenizer() = default;

  // Appends the ids of `text` (any bytes; never fails on content) to `ids`.
  virtual void Encode(std::string_view text, const EncodeOptions& options, std::vector<int32_t>& ids) const = 0;
  // The exact bytes of a token, control tokens in their spelling; "" for an id outside the vocabulary.
  std::string_view Piece(int32_t id) const;
  // Concatenated pieces. Ids outside the vocabulary are an error.
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_control) const;

  uint32_t size() const;
  TokenType type(int32_t id) const;  // id < size()
  int32_t bos() const { return bos_; }  // -1: none
  int32_t eos() const { return eos_; }
  int32_t eot() const { return eot_; }
  bool add_bos() const { return add_bos_; }
  bool add_eos() const { return add_eos_; }
  std::string_view model() const { return model_; }  // "gpt2" or "llama"
  std::string_view pre() const { return pre_; }      // "llama-bpe", ...; "" for SPM
  std::string_view chat_template() const { return chat_template_; }  // tokenizer.chat_template or ""
  // Ids that end a generation: eos and eot keys, and control tokens named as in docs/tool.md. Sorted.
  const std::vector<int32_t>& stop_ids() const { return stop_ids_; }
  // The control token spelled `text`, or -1.
  int32_t FindControl(std::string_view text) const;

 protected:
  struct Vocab;  // tokens, types, lookup (vocab.h)
  std::shared_ptr<const Vocab> vocab_;
  std::string model_, pre_, chat_template_;
  int32_t bos_ = -1, eos_ = -1, eot_ = -1;
  bool add_bos_ = false, add_eos_ = false;
  std::vector<int32_t> stop_ids_;
};

// Turns a stream of token bytes into whole UTF-8 characters: holds back an unfinished character.
class Utf8Stream {
 public:
  // Appends `bytes`, returns what can be shown now. Ill-formed bytes become U+FFFD each maximal subpart.
  std::string Push(std::string_view bytes);
  std::string Finish();  // the rest; an unfinished character becomes U+FFFD

 private:
  std::string pending_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TOKENIZER_H_
