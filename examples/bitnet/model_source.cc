#include "model_source.h"

#include <algorithm>
#include <bitnet/tiny.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "api_error.h"
#include "corrections.h"
#include "failure.h"
#include "file.h"
#include "interrupt.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ModelsIn(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code ignored;  // a folder that is not there holds no models
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".gguf" && entry.is_regular_file(ignored)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void LogLine(bitnet_log_level_t level, const char* message, void*) {
  if (level == BITNET_LOG_ERROR || level == BITNET_LOG_WARNING) Note("bitnet: warning: " + Printable(message));
}

// SafeTensors hold no tokenizer: its file lies beside them.
bool IsSafetensors(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;  // opening a pipe would wait for its writer
  char head[9] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  return head[8] == '{' && head[7] == 0 && std::string_view(head, 4) != "GGUF";
}

Tokenizer LoadTokenizerFile(const std::string& path, const ModelFlags& flags) {
  NoteInput(path);
  TokenizerOptions options;
  if (!flags.pre.empty()) options.pre = flags.pre.c_str();
  options.log = LogLine;
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  return Get(Tokenizer::load(IsSafetensors(path) ? folder.string() : path, options), Doing::kLoadingModel,
             "cannot load the tokenizer of " + Quoted(path, 4096));
}

}  // namespace

int32_t OnProgress(uint64_t done, uint64_t total, void* bar) {
  static_cast<ProgressBar*>(bar)->Update(done, total);
  return Interrupted() ? 1 : 0;
}

fs::path CacheFolder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return fs::path(cache) / "bitnet";
  }
  // A home that is not there is not made: accounts of services have none.
  const char* home = std::getenv("HOME");
  std::error_code ignored;
  return home != nullptr && fs::is_directory(home, ignored) ? fs::path(home) / ".cache" / "bitnet" : fs::path();
}

std::string ModelSource::DisplayName() const { return embedded() ? "the built-in model" : Quoted(path, 4096); }

namespace {

ModelSource ChooseModel(const ModelFlags& flags) {
  if (!flags.positional_model.empty()) {
    if (!flags.model.empty() && !flags.model_from_environment) {
      throw Failure(ExitCode::kUsage, "two models: --model " + Quoted(flags.model, 4096) + " and " +
                                          Quoted(flags.positional_model, 4096) + "; give one");
    }
    return {flags.positional_model, "flag", "given on the command line"};
  }
  if (!flags.model.empty()) {
    if (flags.model_from_environment) return {flags.model, "environment", "BITNET_GGUF names it"};
    return {flags.model, "flag", "given on the command line"};
  }
  if (flags.discover) {
    for (const fs::path& folder : {fs::path("models"), CacheFolder()}) {
      if (folder.empty()) continue;
      const std::vector<std::string> found = ModelsIn(folder);
      if (found.size() > 1) {
        throw Failure(ExitCode::kModelNotLoadable, "--discover found " + std::to_string(found.size()) + " models in " +
                                                       Quoted(folder.string(), 4096) + ", among them " +
                                                       Quoted(found[0], 4096) + "; choose one with --model");
      }
      if (found.size() == 1) {
        return {found[0], "discovered", "the one model that --discover found in " + Quoted(folder.string(), 4096)};
      }
    }
  }
  return {"", "embedded",
          flags.discover ? "nothing was given, and --discover found none" : "no --model and no BITNET_GGUF"};
}

}  // namespace

ModelSource FindModel(const ModelFlags& flags) {
  const ModelSource source = ChooseModel(flags);
  if (!source.embedded()) NoteInput(source.path);
  return source;
}

Engine MakeEngine(const ModelFlags& flags) {
  EngineOptions options;
  options.threads = flags.threads;
  if (!flags.target.empty()) options.target = flags.target.c_str();
  options.device = flags.device.c_str();
  options.gpu_memory_limit = flags.gpu_memory_limit << 20;
  options.log = LogLine;
  const SignalBlock pool_threads_take_no_signals;
  return Get(Engine::create(options));
}

ModelOptions ToOptions(const ModelFlags& flags) {
  ModelOptions options;
  options.mode = flags.load_mode == "copy"  ? BITNET_LOAD_COPY
                 : flags.load_mode == "map" ? BITNET_LOAD_MAP
                                            : BITNET_LOAD_AUTO;
  options.i2s_arm_layout = flags.i2s_arm_layout;
  options.allow_suspicious_norms = flags.allow_suspicious_norms;
  options.allow_dense_linears = flags.allow_dense_linears;
  if (!flags.pre.empty()) options.pre = flags.pre.c_str();
  options.strict = flags.corrections.strict;
  return options;
}

LoadedModel LoadModel(const ModelFlags& flags, bool verify, const char* sha256, bool hash) {
  const std::optional<Policy> policy = PermittedPolicy(flags.corrections);
  const ModelSource source = FindModel(flags);
  std::optional<Tokenizer> tokenizer;
  if (!flags.tokenizer.empty()) tokenizer = LoadTokenizerFile(flags.tokenizer, flags);
  Engine engine = MakeEngine(flags);
  ProgressBar bar("loading");
  ModelOptions options = ToOptions(flags);
  options.verify = verify;
  options.sha256 = sha256;
  options.hash = hash;
  if (policy) {
    options.policy = policy->capi();
    options.allow_corrections = 1;
  }
  if (tokenizer) options.tokenizer = tokenizer->capi();
  options.progress = OnProgress;
  options.progress_user_data = &bar;
  const double start = Now();
  Model model =
      Get(source.embedded() ? Model::load(engine, tiny_model(), options) : Model::load(engine, source.path, options),
          Doing::kLoadingModel, "cannot load " + source.DisplayName());
  const double load_ms = (Now() - start) * 1e3;
  return {source, std::move(tokenizer), std::move(engine), std::move(model), load_ms};
}

Tokenizer LoadTokenizer(const ModelFlags& flags) {
  if (!flags.tokenizer.empty()) return LoadTokenizerFile(flags.tokenizer, flags);
  const ModelSource source = FindModel(flags);
  if (!source.embedded()) return LoadTokenizerFile(source.path, flags);
  TokenizerOptions options;
  if (!flags.pre.empty()) options.pre = flags.pre.c_str();
  options.log = LogLine;
  return Get(Tokenizer::load(tiny_model(), options), Doing::kLoadingModel, "cannot load the built-in tokenizer");
}

void WriteModel(Json& json, const LoadedModel& loaded) {
  const bitnet_model_info_t info = loaded.model.info();
  json.BeginObject()
      .Field("path", loaded.source.embedded() ? "embedded" : loaded.source.path)
      .Field("architecture", info.architecture)
      .Field("name", info.name)
      .Field("quantization", info.quantization)
      .Field("size_bytes", info.size_bytes)
      .Field("source", loaded.source.kind)
      .Field("source_reason", loaded.source.why)
      .EndObject();
}

}  // namespace bitnet::tool
