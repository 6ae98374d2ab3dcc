// Text to token ids and back. Immutable after loading; every method may be called from any thread.
#ifndef BITNET_CORE_TOKENIZER_TOKENIZER_H_
#define BITNET_CORE_TOKENIZER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/gguf.h"
#include "core/tokenizer/utf8.h"
#include "core/tokenizer/vocab.h"

namespace bitnet::core {

struct TokenizerParts;

struct EncodeOptions {
  bool add_special = true;     // BOS and EOS where the vocabulary's metadata says so
  bool parse_special = false;  // spellings of control tokens in the text become those tokens
};

// What the bytes of a file look like by how they begin: any GGUF begins with its magic, JSON with a brace after white
// space at most, a SentencePiece model with the tag of its first piece.
enum class TokenizerFileKind : uint8_t { kGguf, kJson, kSentencePiece };
TokenizerFileKind TokenizerFileKindOf(std::span<const std::byte> file);

// A stretch of a longer text.
struct EncodePiece {
  std::string_view text;
  bool parse_special = false;  // control tokens are looked for in it
};

class Tokenizer {
 public:
  // From the `tokenizer.*` keys of a GGUF. `pre` overrides tokenizer.ggml.pre ("" = the file's); `warn` may be empty.
  static Result<std::shared_ptr<const Tokenizer>> FromGguf(const Gguf& gguf, std::string_view pre,
                                                           const std::function<void(std::string_view)>& warn);
  // From the text of a Hugging Face tokenizer.json and of the tokenizer_config.json beside it ("" = none), which names
  // BOS, EOS and the chat template; that of a chat_template.jinja ("" = none) comes before it. BPE models alone; what
  // is not known in them is refused by name.
  static Result<std::shared_ptr<const Tokenizer>> FromJson(std::string_view tokenizer_json,
                                                           std::string_view tokenizer_config_json,
                                                           std::string_view chat_template = {});
  // From the bytes of a SentencePiece tokenizer.model, BPE with byte fallback. BOS is added unless the configuration
  // says otherwise, EOS only if it says so.
  static Result<std::shared_ptr<const Tokenizer>> FromSentencePiece(std::string_view model,
                                                                    std::string_view tokenizer_config_json,
                                                                    std::string_view chat_template = {});
  // From the bytes of any of the three, told apart by their content. `pre` is for a GGUF alone: beside another it is an
  // error.
  static Result<std::shared_ptr<const Tokenizer>> FromBytes(std::span<const std::byte> file,
                                                            std::string_view tokenizer_config_json,
                                                            std::string_view pre,
                                                            const std::function<void(std::string_view)>& warn,
                                                            std::string_view chat_template = {});
  explicit Tokenizer(TokenizerParts parts);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Appends the ids of `text` (any bytes; never fails on content) to `ids`. Each byte of an ill-formed UTF-8 sequence
  // becomes its byte token. Without `parse_special` no text becomes a control token, not by merging either.
  void Encode(std::string_view text, const EncodeOptions& options, std::vector<int32_t>& ids) const;
  // The same for pieces that follow each other and are one text: only a control token that lies in one piece, which
  // says so, is found; what lies between two of them is encoded as one text. Adds no BOS and no EOS.
  void EncodePieces(std::span<const EncodePiece> pieces, std::vector<int32_t>& ids) const;
  // The exact bytes of a token, control tokens in their spelling; "" for an id outside the vocabulary.
  std::string_view Piece(int32_t id) const;
  // Concatenated pieces, less the one space that encoding puts before a text (SPM). Ids outside the vocabulary are
  // an error.
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_control) const;

  uint32_t size() const;
  TokenType type(int32_t id) const;  // 0 <= id < size()
  int32_t bos() const;               // -1: none
  int32_t eos() const;
  int32_t eot() const;
  bool add_bos() const;
  bool add_eos() const;
  std::string_view model() const;          // "gpt2" (byte-level BPE) or "llama" (BPE with U+2581 for spaces)
  std::string_view pre() const;            // the name in use: "llama-bpe", ...; "" for "llama" and for tokenizer.json
  std::string_view chat_template() const;  // tokenizer.chat_template or ""
  // Ids that end a generation: eos and eot keys, and control tokens named as in docs/tool.md. Sorted.
  const std::vector<int32_t>& stop_ids() const;
  const TokenizerParts& parts() const { return *parts_; }  // for rules.h
  // The control token spelled `text`, or -1.
  int32_t FindControl(std::string_view text) const;

 private:
  std::unique_ptr<const TokenizerParts> parts_;
  std::vector<int32_t> stop_ids_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_TOKENIZER_H_
