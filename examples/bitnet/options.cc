#include "options.h"

#include <bitnet/tokenizer.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <memory>

#include "failure.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

// What an option's callback knows: where it belongs.
struct Given {
  const CLI::App& app;
  CLI::Option* option = nullptr;

  bool FromEnvironment() const {
    const std::vector<CLI::Option*>& on_command_line = app.parse_order();
    return std::find(on_command_line.begin(), on_command_line.end(), option) == on_command_line.end();
  }
  [[noreturn]] void Reject(std::string_view found, const std::string& expected) const {
    throw Failure(ExitCode::kUsage, (FromEnvironment() ? option->get_envname() : option->get_name()) + ": found " +
                                        Quoted(found) + ", expected " + expected);
  }
};

// All of `text` as one decimal number.
template <typename T>
bool ReadNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// An option that takes one value; `accept(given, text)` is told the last one given.
template <typename Accept>
CLI::Option* AddValue(CLI::App& app, const std::string& names, const std::string& type, const std::string& description,
                      Accept accept) {
  auto given = std::make_shared<Given>(Given{app});
  given->option = app.add_option(
      names,
      [given, accept](const CLI::results_t& results) {
        accept(*given, results.back());
        return true;
      },
      description);
  return given->option->type_name(type)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::string Describe(const Range& range) {
  const auto shortest = [](double number) {
    char digits[32];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  const std::string from = (range.min_excluded ? "above " : "from ") + shortest(range.min);
  if (range.max == std::numeric_limits<float>::max()) {
    return range.min_excluded ? "a number " + from : "a number of at least " + shortest(range.min);
  }
  return "a number " + from + (range.min_excluded ? ", at most " : " to ") + shortest(range.max);
}

template <std::floating_point T>
CLI::Option* AddFloating(CLI::App& app, const std::string& names, T& value, Range range,
                         const std::string& description) {
  return AddValue(app, names, "X", description, [&value, range](const Given& given, const std::string& text) {
    T number;
    if (!ReadNumber(text, number) || !std::isfinite(number) || number < range.min || number > range.max ||
        (range.min_excluded && number == range.min)) {
      given.Reject(text, Describe(range));
    }
    value = number;
  });
}

template <std::unsigned_integral T>
CLI::Option* AddUnsigned(CLI::App& app, const std::string& names, T& value, T min, T max,
                         const std::string& description) {
  return AddValue(app, names, "N", description, [&value, min, max](const Given& given, const std::string& text) {
    T number;
    if (!ReadNumber(text, number) || number < min || number > max) {
      given.Reject(text, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    value = number;
  });
}

}  // namespace

CLI::Option* AddCount(CLI::App& app, const std::string& names, uint64_t& value, uint64_t min, uint64_t max,
                      const std::string& description) {
  return AddUnsigned(app, names, value, min, max, description);
}

CLI::Option* AddCount(CLI::App& app, const std::string& names, uint32_t& value, uint32_t min, uint32_t max,
                      const std::string& description) {
  return AddUnsigned(app, names, value, min, max, description);
}

CLI::Option* AddNumber(CLI::App& app, const std::string& names, float& value, Range range,
                       const std::string& description) {
  return AddFloating(app, names, value, range, description);
}

CLI::Option* AddNumber(CLI::App& app, const std::string& names, double& value, Range range,
                       const std::string& description) {
  return AddFloating(app, names, value, range, description);
}

CLI::Option* AddText(CLI::App& app, const std::string& names, std::string& value, const std::string& type,
                     const std::string& description) {
  // An empty name is a variable that a script forgot to set, never a wish. An empty environment variable is none.
  const bool may_be_empty = type == "TEXT";
  return AddValue(app, names, type, description, [&value, may_be_empty](const Given& given, const std::string& text) {
    if (text.empty() && !may_be_empty && !given.FromEnvironment()) given.Reject(text, "a name");
    value = text;
  });
}

CLI::Option* AddOptionalText(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                             const std::string& type, const std::string& description) {
  return AddValue(app, names, type, description, [&value](const Given&, const std::string& text) { value = text; });
}

CLI::Option* AddChoice(CLI::App& app, const std::string& names, std::string& value,
                       const std::vector<std::string>& known, const std::string& description) {
  std::string type, expected;
  for (const std::string& choice : known) {
    type += (type.empty() ? "" : "|") + choice;
    expected += (expected.empty() ? "" : &choice == &known.back() ? " or " : ", ") + choice;
  }
  return AddValue(app, names, type, description,
                  [&value, known, expected](const Given& given, const std::string& text) {
                    for (const std::string& choice : known) {
                      if (text == choice) {
                        value = text;
                        return;
                      }
                    }
                    given.Reject(text, expected);
                  });
}

CLI::Option* AddFlag(CLI::App& app, const std::string& names, bool& value, const std::string& description) {
  return app
      .add_flag_callback(
          names, [&value] { value = true; }, description)
      ->disable_flag_override();
}

CLI::Option* AddList(CLI::App& app, const std::string& names, std::vector<int32_t>& values, int32_t min, int32_t max,
                     const std::string& description) {
  return AddValue(app, names, "N,N,...", description, [&values, min, max](const Given& given, const std::string& text) {
    values.clear();
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      int32_t number;
      if (!ReadNumber(std::string_view(text).substr(begin, end - begin), number) || number < min || number > max) {
        given.Reject(text, "whole numbers from " + std::to_string(min) + " to " + std::to_string(max) +
                               " with commas between them, as in 1,2,3");
      }
      values.push_back(number);
      begin = end + 1;
    }
  });
}

void AddTemplateFlags(CLI::App& app, TemplateFlags& o, const std::string& group) {
  std::vector<std::string> names;
  for (size_t i = 0; const char* name = bitnet_chat_form(i); ++i) names.emplace_back(name);
  AddChoice(app, "--template", o.form, names,
            "chat form to use (default: template, the model's own, where it has one); raw: none")
      ->group(group);
  AddText(app, "--chat-template", o.file, "FILE", "run the Jinja template in this file in place of the model's own")
      ->group(group);
  AddText(app, "--chat-time", o.time, "TIME",
          "the time that a template may ask for: now, 2024-07-26 or 2024-07-26T09:05:03 (default: none)")
      ->group(group);
}

void AddSourceFlags(CLI::App& app, ModelFlags& o, ModelArgument argument) {
  if (argument == ModelArgument::kPositional) {
    AddText(app, "MODEL", o.positional_model, "", "the same as --model");
  }
  const std::string model = "Model";
  AddValue(app, "-m,--model", "PATH",
           "the model: a GGUF or SafeTensors file, or a folder (default: the model that is built in)",
           [&o](const Given& given, const std::string& text) {
             if (text.empty() && !given.FromEnvironment()) given.Reject(text, "a name");
             o.model = text;
             o.model_from_environment = given.FromEnvironment();
           })
      ->envname("BITNET_GGUF")
      ->group(model);
  AddFlag(app, "--discover", o.discover,
          "without --model and BITNET_GGUF: take the one GGUF file in ./models or the user's cache folder")
      ->group(model);
  AddText(app, "--tokenizer", o.tokenizer, "PATH",
          "take the tokenizer of this file instead of the model's own; sizes must agree")
      ->envname("BITNET_TOKENIZER")
      ->group(model);
  AddText(app, "--pre", o.pre, "NAME", "split text as this tokenizer.ggml.pre says, whatever the file says")
      ->group(model);
}

void AddLoadFlags(CLI::App& app, ModelFlags& o) {
  const std::string model = "Model", machine = "Machine";
  AddChoice(app, "--load-mode", o.load_mode, {"auto", "map", "copy"},
            "auto: map the file, and copy what every token reads into memory where that is faster and memory is to "
            "spare; map: copy nothing; copy: read the whole file once, it may change afterwards")
      ->group(model);
  AddFlag(app, "--i2s-arm-layout", o.i2s_arm_layout, "read I2_S tensors in the layout of old files written on Arm")
      ->group(model);
  AddFlag(app, "--allow-suspicious-norms", o.allow_suspicious_norms, "load a model whose norms are quantised")
      ->group(model);
  AddFlag(app, "--allow-dense-linears", o.allow_dense_linears,
          "load linears that are not ternary, and compute them as the dense or block matrices that they are")
      ->group(model);
  AddText(app, "--target", o.target, "NAME",
          "kernels for this instruction set (default: the best that this CPU runs; see bitnet doctor)")
      ->envname("BITNET_FORCE_TARGET")
      ->group(machine);
  AddChoice(
      app, "--device", o.device, {"auto", "cpu", "cuda", "hybrid"},
      "where to compute (default: cpu): on NVIDIA GPUs, split over them and the CPU, or auto: a GPU if one is here")
      ->envname("BITNET_DEVICE")
      ->group(machine);
  AddCount(app, "--gpu-memory-limit", o.gpu_memory_limit, 0, std::numeric_limits<uint64_t>::max() >> 20,
           "megabytes (2^20 bytes) of each GPU to use at most; 0: what is free")
      ->envname("BITNET_GPU_MEMORY_LIMIT")
      ->group(machine);
}

void AddThreads(CLI::App& app, ModelFlags& o) {
  AddCount(app, "-t,--threads", o.threads, 1, kMaxThreads,
           "threads that compute (default: the physical cores that this process may use)")
      ->envname("BITNET_CPU_THREADS")
      ->group("Machine");
}

void AddUnusedFlags(CLI::App& app, ModelFlags& model, SessionFlags& session) {
  const auto absent = [&app](const char* name) { return app.get_option_no_throw(name) == nullptr; };
  const std::string hidden;
  if (absent("--model")) AddText(app, "-m,--model", model.model, "PATH", "")->group(hidden);
  if (absent("--threads")) AddCount(app, "-t,--threads", model.threads, 1, kMaxThreads, "")->group(hidden);
  if (absent("--ctx")) AddCount(app, "-c,--ctx", session.ctx, 1, 1u << 24, "")->group(hidden);
  if (absent("--kv")) AddChoice(app, "--kv", session.kv, {"f16", "f32"}, "")->group(hidden);
}

void AddSessionFlags(CLI::App& app, SessionFlags& o) {
  const std::string group = "Session";
  AddCount(app, "-c,--ctx", o.ctx, 1, 1u << 24,
           "tokens that the context holds (default: what the model was trained for, at most 4096)")
      ->group(group);
  AddChoice(app, "--kv", o.kv, {"f16", "f32"}, "type of the key-value cache (default: f16)")->group(group);
  AddChoice(app, "--head", o.head, {"auto", "full", "shortcut"},
            "how the output head is computed: same results, other speed (default: auto)")
      ->group(group);
  AddCount(app, "--chunk", o.chunk, 1, 1u << 24,
           "tokens that are evaluated together at most: same results, other speed")
      ->group(group);
}

void AddSamplingFlags(CLI::App& app, SamplingFlags& o) {
  const std::string group = "Sampling";
  AddCount(app, "-n,--max-new-tokens", o.max_new_tokens, 0, 1u << 24, "tokens to generate at most (default: 128)")
      ->group(group);
  AddNumber(app, "--temp", o.temp, {.min = 0}, "temperature; 0: always the most likely token (default: 0)")
      ->group(group);
  AddCount(app, "--top-k", o.top_k, 0, 1u << 24, "draw among the K most likely tokens; 0: all candidates (default: 0)")
      ->group(group);
  AddNumber(app, "--top-p", o.top_p, {.min = 0, .max = 1, .min_excluded = true},
            "draw among the fewest tokens that have this probability together (default: 1)")
      ->group(group);
  AddNumber(app, "--min-p", o.min_p, {.min = 0, .max = 1},
            "drop tokens less likely than this share of the most likely one (default: 0)")
      ->group(group);
  AddNumber(app, "--repeat-penalty", o.repeat_penalty, {.min = 0, .min_excluded = true},
            "divide the logits of tokens that occurred; 1: off (default: 1)")
      ->group(group);
  AddCount(app, "--repeat-last-n", o.repeat_last_n, 0, 1u << 24,
           "how many tokens back the penalty looks; 0: none (default: 64)")
      ->group(group);
  AddCount(app, "--seed", o.seed, 0, std::numeric_limits<uint64_t>::max(),
           "the same seed draws the same tokens on every machine (default: 0)")
      ->envname("BITNET_SEED")
      ->group(group);
  app.add_option(
         "--stop",
         [&o](const CLI::results_t& results) {
           for (const std::string& text : results) {
             if (text.empty()) throw Failure(ExitCode::kUsage, "--stop: found \"\", expected a text to stop at");
           }
           o.stop = results;
           return true;
         },
         "end where this text would come; may be given several times")
      ->type_name("TEXT")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
  AddFlag(app, "--ignore-eos", o.ignore_eos, "do not stop at the model's end-of-text tokens")->group(group);
}

void AddOutputFlags(CLI::App& app, bool* json) {
  const std::string group = "Output";
  if (json != nullptr) AddFlag(app, "--json", *json, "one JSON document on standard output")->group(group);
  app.add_flag_callback(
         "-q,--quiet", [] { SetQuiet(true); }, "nothing on standard error but errors")
      ->disable_flag_override()
      ->group(group);
}

}  // namespace bitnet::tool
