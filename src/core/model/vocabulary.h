// A tokenizer without a model, from whatever holds one: told apart by content.
#ifndef BITNET_CORE_MODEL_VOCABULARY_H_
#define BITNET_CORE_MODEL_VOCABULARY_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

// From the bytes of a GGUF (with or without tensors), a tokenizer.json or a SentencePiece tokenizer.model. `pre` and
// `warn` as for Tokenizer::FromBytes.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);
// The same from a file, or from the tokenizer.json or else the tokenizer.model of a folder; a tokenizer_config.json
// beside either is read too.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_VOCABULARY_H_
