// The key-values of a converted file.
#ifndef BITNET_CORE_CONVERT_METADATA_H_
#define BITNET_CORE_CONVERT_METADATA_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/format/gguf_writer.h"
#include "core/model/checkpoint.h"

namespace bitnet::core {

struct MetadataSpec {
  QuantType linear = QuantType::kI2_S;         // decides general.file_type
  std::optional<std::string> name;             // general.name
  std::string pre;                             // tokenizer.ggml.pre; "": the source's
  std::string tokenizer;                       // a file, or a folder, in place of the source's own tokenizer; "": none
  uint32_t n_vocab = 0;                        // rows of the embedding
  std::function<void(std::string_view)> warn;  // one lower-case line each
};

// Of a GGUF: all keys as they stand, but for those that the conversion changes. Of a Hugging Face folder: what readers
// of GGUF files need, from config.json, tokenizer.json (or else tokenizer.model) and tokenizer_config.json;
// general.name from `spec` or from _name_or_path of config.json, so that the bytes do not depend on where the folder
// lies.
Status AddMetadata(const Checkpoint& source, const MetadataSpec& spec, GgufWriter& out);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_METADATA_H_
