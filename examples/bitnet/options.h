// Options that several commands share, and the strict reading of their values.
#ifndef BITNET_EXAMPLES_BITNET_OPTIONS_H_
#define BITNET_EXAMPLES_BITNET_OPTIONS_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corrections.h"

namespace bitnet::tool {

// Values are read to the last character; anything else, or out of range, is wrong usage that names the option, what
// was found and what was expected. The last of several wins, a flag wins over its environment variable.
CLI::Option* AddCount(CLI::App& app, const std::string& names, uint64_t& value, uint64_t min, uint64_t max,
                      const std::string& description);
CLI::Option* AddCount(CLI::App& app, const std::string& names, uint32_t& value, uint32_t min, uint32_t max,
                      const std::string& description);
struct Range {
  double min;
  double max = std::numeric_limits<float>::max();
  bool min_excluded = false;
};
CLI::Option* AddNumber(CLI::App& app, const std::string& names, float& value, Range range,
                       const std::string& description);
CLI::Option* AddNumber(CLI::App& app, const std::string& names, double& value, Range range,
                       const std::string& description);
CLI::Option* AddText(CLI::App& app, const std::string& names, std::string& value, const std::string& type,
                     const std::string& description);
CLI::Option* AddChoice(CLI::App& app, const std::string& names, std::string& value,
                       const std::vector<std::string>& choices, const std::string& description);
CLI::Option* AddFlag(CLI::App& app, const std::string& names, bool& value, const std::string& description);
// "1,2,3": numbers from `min` to `max`, one at least.
CLI::Option* AddList(CLI::App& app, const std::string& names, std::vector<int32_t>& values, int32_t min, int32_t max,
                     const std::string& description);

// A text, which may be empty: nullopt where it is not given.
CLI::Option* AddOptionalText(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                             const std::string& type, const std::string& description);

// Threads that an engine takes at most.
inline constexpr uint32_t kMaxThreads = 1024;

// Where the model comes from and what computes it.
struct ModelFlags {
  std::string model;                    // --model
  std::string positional_model;         // MODEL
  bool model_from_environment = false;  // `model` is the value of BITNET_GGUF
  bool discover = false;
  std::string tokenizer;
  std::string pre;
  std::string load_mode = "auto";
  bool i2s_arm_layout = false;
  bool allow_suspicious_norms = false;
  bool allow_dense_linears = false;
  std::string target;
  std::string device = "cpu";
  uint64_t gpu_memory_limit = 0;  // MB
  uint32_t threads = 0;
  CorrectionFlags corrections;
};
struct SessionFlags {
  uint32_t ctx = 0;
  std::string kv = "f16";
  std::string head = "auto";
  uint32_t chunk = 0;
};
// How a conversation is written.
struct TemplateFlags {
  std::string form;  // "": what the model has
  std::string file;  // a template in Jinja, in place of the model's own
  std::string time;  // what the template is told

  bool given() const { return !form.empty() || !file.empty() || !time.empty(); }
};
struct SamplingFlags {
  uint32_t max_new_tokens = 128;
  float temp = 0, top_p = 1, min_p = 0, repeat_penalty = 1;
  uint32_t top_k = 0, repeat_last_n = 64;
  uint64_t seed = 0;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

enum class ModelArgument { kPositional, kFlagOnly };
// Which model and tokenizer.
void AddSourceFlags(CLI::App& app, ModelFlags& o, ModelArgument argument);
// How it is loaded and what computes it.
void AddLoadFlags(CLI::App& app, ModelFlags& o);
void AddThreads(CLI::App& app, ModelFlags& o);
void AddSessionFlags(CLI::App& app, SessionFlags& o);
void AddSamplingFlags(CLI::App& app, SamplingFlags& o);
// --template, --chat-template, --chat-time.
void AddTemplateFlags(CLI::App& app, TemplateFlags& o, const std::string& group);
// What every command accepts and this one has no use for, so that scripts can give them to all; not in the help.
void AddUnusedFlags(CLI::App& app, ModelFlags& model, SessionFlags& session);
// --json (when `json` is not null) and --quiet.
void AddOutputFlags(CLI::App& app, bool* json);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_OPTIONS_H_
