// A tokenizer without a model, from whatever holds one: told apart by content.
#ifndef BITNET_CORE_MODEL_VOCABULARY_H_
#define BITNET_CORE_MODEL_VOCABULARY_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/mapped_file.h"
#include "core/base/status.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

// From the bytes of a GGUF (with or without tensors), a tokenizer.json or a SentencePiece tokenizer.model. `pre` and
// `warn` as for Tokenizer::FromBytes.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);
// The same from a file, or from the tokenizer.json or else the tokenizer.model of a folder; a tokenizer_config.json and
// a chat_template.jinja beside either are read too.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);

// What stands beside a tokenizer.json or tokenizer.model; empty: not there.
struct TokenizerSideFiles {
  MappedFile config, chat_template;

  std::string_view ConfigText() const;
  std::string_view TemplateText() const;
};
// A file of a tokenizer: `path` itself, or the tokenizer.json or else the tokenizer.model of the folder that it is.
// What stands beside a GGUF is not looked at. An error names the file of a folder.
struct TokenizerFile {
  MappedFile bytes;
  TokenizerSideFiles beside;
};
Result<TokenizerFile> MapTokenizer(const std::string& path);

// tokenizer_config.json and chat_template.jinja of `folder`. kLimit for a template that is too long to be run,
// kBadFormat for one that is no UTF-8; an error names the file.
Result<TokenizerSideFiles> MapTokenizerSideFiles(const std::string& folder);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_VOCABULARY_H_
