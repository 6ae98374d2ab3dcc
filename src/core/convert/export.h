// Any checkpoint that loads, to a Hugging Face folder of packed ternary weights: the way back from a GGUF.
#ifndef BITNET_CORE_CONVERT_EXPORT_H_
#define BITNET_CORE_CONVERT_EXPORT_H_

#include <string>

#include "core/convert/convert.h"

namespace bitnet::core {

// Of `spec`, i2s_arm_layout, pre, progress and warn count. `target` is a folder that is not there yet, or is empty; it
// appears whole. It holds config.json, model.safetensors (U8 codes, weight_scale F32, the embedding in its own dense
// type or, from blocks, as F32, norms F32) and, where the source is such a folder itself, its tokenizer.json and
// tokenizer_config.json; from a GGUF both are made of its keys (tokenizer/json_vocabulary.h), unless no tokenizer.json
// can say the same, which `warn` says. kUnsupported for what the form cannot hold: scales that differ within a matrix,
// rope_freqs that no config.json names.
Result<ConvertReport> ExportSafetensors(const std::string& source, const std::string& target, const ConvertSpec& spec,
                                        ThreadPool& pool);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_EXPORT_H_
