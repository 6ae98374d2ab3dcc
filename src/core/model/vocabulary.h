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

// From a GGUF (with or without tensors) or the text of a tokenizer.json. `pre` and `warn` as for Tokenizer::FromGguf; a
// tokenizer.json has its own pattern, so a `pre` beside one is an error.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);
// The same from a file, or from the tokenizer.json of a folder; a tokenizer_config.json beside that is read too.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_VOCABULARY_H_
