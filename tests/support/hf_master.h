// A Hugging Face folder of master weights that become exactly the codes and scales of a GGUF again.
#ifndef BITNET_TESTS_SUPPORT_HF_MASTER_H_
#define BITNET_TESTS_SUPPORT_HF_MASTER_H_

#include <string>
#include <vector>

#include "core/base/status.h"

namespace bitnet::test {

struct SafeTensorText {
  std::string name, dtype;
  std::vector<uint64_t> shape;
  std::string data;
};

// The bytes of a SafeTensors file.
std::string SafetensorsText(const std::vector<SafeTensorText>& tensors);

// Writes config.json, tokenizer.json, tokenizer_config.json and model.safetensors (BF16) into `folder`, which is there.
// `gguf`: a bitnet-b1.58 file with I2_S linears and F16 embedding; `tokenizer_json`: of the same vocabulary.
core::Status WriteHfMaster(const std::string& gguf, const std::string& tokenizer_json, const std::string& folder);

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_HF_MASTER_H_
