// Which model, why that one, and how it comes into memory.
#ifndef BITNET_EXAMPLES_BITNET_MODEL_SOURCE_H_
#define BITNET_EXAMPLES_BITNET_MODEL_SOURCE_H_

#include <bitnet/engine.hpp>
#include <bitnet/model.hpp>
#include <bitnet/tokenizer.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "json.h"
#include "options.h"

namespace bitnet::tool {

struct ModelSource {
  std::string path;  // "" for the embedded model
  std::string kind;  // "flag", "environment", "discovered", "embedded"
  std::string why;   // a sentence for people

  bool embedded() const { return path.empty(); }
  std::string DisplayName() const;  // for messages: quoted path, or what it is
};

// A bitnet_progress_fn that moves a ProgressBar; Ctrl-C cancels.
int32_t OnProgress(uint64_t done, uint64_t total, void* bar);

// Where downloads and digests of this user lie; "" without a home.
std::filesystem::path CacheFolder();

// In this order: the flag, BITNET_GGUF, the one model that --discover finds, the embedded one.
ModelSource FindModel(const ModelFlags& flags);

// A model with all that it needs.
struct LoadedModel {
  ModelSource source;
  std::optional<Tokenizer> tokenizer_of_its_own;  // --tokenizer
  Engine engine;
  Model model;
  double load_ms = 0;
};

// The flags as the library takes them: views into `flags`, without tokenizer and progress.
ModelOptions ToOptions(const ModelFlags& flags);
Engine MakeEngine(const ModelFlags& flags);
// `sha256`: the file's, where it is known. `hash`: compute it while the model loads, as it will be needed.
LoadedModel LoadModel(const ModelFlags& flags, bool verify = false, const char* sha256 = nullptr, bool hash = false);
// Loads the tokenizer alone: that of --tokenizer, else the model's.
Tokenizer LoadTokenizer(const ModelFlags& flags);

// The "model" object of documents.
void WriteModel(Json& json, const LoadedModel& loaded);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_MODEL_SOURCE_H_
