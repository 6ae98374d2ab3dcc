// A model on disk, opened: its files, and their headers parsed and checked. Detected by content, never by the name.
#ifndef BITNET_CORE_MODEL_CHECKPOINT_H_
#define BITNET_CORE_MODEL_CHECKPOINT_H_

#include <string>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/format/gguf.h"
#include "core/format/safetensors.h"
#include "core/model/hf_config.h"

namespace bitnet::core {

struct Checkpoint {
  enum class Container : uint32_t { kGguf, kSafetensors };
  Container container = Container::kGguf;
  std::vector<MappedFile> files;    // one, or the shards in the order of their names
  Gguf gguf;                        // kGguf
  std::vector<SafeTensor> tensors;  // kSafetensors: of all shards, by name
  HfConfig hf;                      // kSafetensors
  std::string folder;               // kSafetensors: where config.json and tokenizer.json stand
  std::string detected;             // what it was taken for and by which mark, for people
};

// `path` is a GGUF file, a SafeTensors file with its config.json beside it, or a folder with both. `copy` reads the
// files into memory from `allocator` instead of mapping them.
Result<Checkpoint> OpenCheckpoint(const std::string& path, bool copy, const Allocator& allocator);

// Checkpoint::detected of a GGUF file.
std::string DetectedGguf(const Gguf& gguf);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_CHECKPOINT_H_
