// bitnet convert: a good GGUF from an original checkpoint, or from another GGUF (bitnet quantize); bitnet export: back.
#include <bitnet/convert.hpp>
#include <bitnet/file.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "interrupt.h"
#include "json.h"
#include "model_source.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

namespace fs = std::filesystem;

struct ConvertFlags {
  ModelFlags model;  // threads, --tokenizer, --pre and --i2s-arm-layout alone
  SessionFlags unused;
  std::string source, target;
  std::string type = "i2_s";
  std::string embed = "f16";
  std::optional<std::string> name;
  bool force = false;
  bool json = false;
};

const std::vector<std::string> kTypes = {"i2_s", "tq1_0", "tq2_0"};        // by bitnet_ternary_type
const std::vector<std::string> kEmbeds = {"f16", "bf16", "q8_0", "q6_k"};  // by bitnet_table_type

uint32_t IndexOf(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<uint32_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

// The source itself, or a file of its folder by the kind of its name. The library looks again, also at links.
bool IsOfSource(const fs::path& source, const fs::path& target) {
  std::error_code none;
  if (fs::equivalent(source, target, none) && fs::is_regular_file(target, none)) return true;
  const fs::path real = fs::canonical(target, none), kind = real.extension();
  return (kind == ".safetensors" || kind == ".json" || kind == ".model" || kind == ".jinja") &&
         fs::equivalent(source, real.parent_path(), none);
}

void CheckPlaces(const ConvertFlags& flags) {
  if (flags.source.empty() || flags.target.empty()) {
    throw Failure(ExitCode::kUsage, "give what to convert and the file to write: SRC DST.gguf");
  }
  CheckOutputName(flags.target);
  std::error_code none;
  if (!fs::exists(flags.target, none)) return;
  if (IsOfSource(flags.source, flags.target)) {
    throw Failure(ExitCode::kUsage, Quoted(flags.target, 4096) + " is a file of the source; choose another name");
  }
  if (!fs::is_regular_file(flags.target, none)) {
    throw Failure(ExitCode::kUsage, Quoted(flags.target, 4096) + " exists and is no regular file; choose another name");
  }
  if (!flags.force) {
    throw Failure(ExitCode::kRequestNotMet, Quoted(flags.target, 4096) + " exists already; --force replaces it");
  }
}

std::string Report(const ConvertFlags& flags, const bitnet_convert_report_t& r, double seconds) {
  if (flags.json) {
    return Json()
        .BeginObject()
        .Field("source", flags.source)
        .Field("target", flags.target)
        .Field("type", flags.type)
        .Field("embed", flags.embed)
        .Field("tensors", r.n_tensors)
        .Field("size_bytes", r.file_bytes)
        .Field("codes_compared", r.n_codes)
        .Field("exact_scales", r.exact_scales != 0)
        .Field("ternary_sha256", r.ternary_sha256)
        .Field("ternary_scales_sha256", r.ternary_scales_sha256)
        .Field("seconds", seconds)
        .EndObject()
        .Line();
  }
  return "written                " + Quoted(flags.target, 4096) + ", " + std::to_string(r.file_bytes) + " bytes, " +
         std::to_string(r.n_tensors) + " tensors\n" + "codes                  " + std::to_string(r.n_codes) +
         ", all read back and equal to the source's\n" + "scales                 " +
         (r.exact_scales != 0 ? "exactly the source's" : "rounded to f16, which is what " + flags.type + " holds") +
         "\nternary_sha256         " + r.ternary_sha256 + "\nternary_scales_sha256  " + r.ternary_scales_sha256 + "\n";
}

// The report, or a failure: of the source, unless the library says that the output is at fault.
bitnet_convert_report_t Done(Result<bitnet_convert_report_t>&& result, const std::string& context) {
  const bool output = !result && result.error().what() == "output";
  return Get(std::move(result), output ? Doing::kWorking : Doing::kLoadingModel, output ? "" : context);
}

ExitCode Convert(const ConvertFlags& flags, bool gguf_only) {
  CheckPlaces(flags);
  if (gguf_only) {
    Get(File::open(flags.source), Doing::kLoadingModel,
        "cannot read " + Quoted(flags.source, 4096) + " as a GGUF file (bitnet convert takes other forms too)");
  }
  const Engine engine = MakeEngine(flags.model);
  ConvertOptions options;
  options.ternary = IndexOf(kTypes, flags.type);
  options.table = IndexOf(kEmbeds, flags.embed);
  options.overwrite = flags.force;
  options.i2s_arm_layout = flags.model.i2s_arm_layout;
  if (flags.name) options.name = flags.name->c_str();
  if (!flags.model.pre.empty()) options.pre = flags.model.pre.c_str();
  if (!flags.model.tokenizer.empty()) options.tokenizer = flags.model.tokenizer.c_str();
  const double start = Now();
  bitnet_convert_report_t report;
  {
    const CleanUpOnInterrupt removes_what_is_half_written;
    ProgressBar bar("converting");
    options.progress = OnProgress;
    options.progress_user_data = &bar;
    report = Done(convert(engine, flags.source, flags.target, options), "cannot convert " + Quoted(flags.source, 4096));
  }
  Print(Report(flags, report, Now() - start));
  return ExitCode::kSuccess;
}

struct ExportFlags {
  ModelFlags model;  // threads and --i2s-arm-layout alone
  SessionFlags unused;
  std::string source, target, form;
  bool json = false;
};

ExitCode Export(const ExportFlags& flags) {
  if (flags.source.empty() || flags.target.empty()) {
    throw Failure(ExitCode::kUsage, "give what to export and the folder to write: SRC DST");
  }
  CheckOutputName(flags.target);
  if (flags.form.empty()) throw Failure(ExitCode::kUsage, "give the form: --safetensors packed");
  const Engine engine = MakeEngine(flags.model);
  ExportOptions options;
  options.i2s_arm_layout = flags.model.i2s_arm_layout;
  bitnet_convert_report_t r;
  {
    const CleanUpOnInterrupt removes_what_is_half_written;
    ProgressBar bar("exporting");
    options.progress = OnProgress;
    options.progress_user_data = &bar;
    r = Done(export_safetensors(engine, flags.source, flags.target, options),
             "cannot export " + Quoted(flags.source, 4096));
  }
  if (flags.json) {
    Print(Json()
              .BeginObject()
              .Field("source", flags.source)
              .Field("target", flags.target)
              .Field("safetensors", flags.form)
              .Field("tensors", r.n_tensors)
              .Field("size_bytes", r.file_bytes)
              .Field("codes_compared", r.n_codes)
              .Field("ternary_sha256", r.ternary_sha256)
              .Field("ternary_scales_sha256", r.ternary_scales_sha256)
              .EndObject()
              .Line());
  } else {
    Print("written                " + Quoted(flags.target, 4096) + ", model.safetensors of " +
          std::to_string(r.file_bytes) + " bytes, " + std::to_string(r.n_tensors) + " tensors\n" +
          "codes                  " + std::to_string(r.n_codes) + ", all read back and equal to the source's\n" +
          "ternary_sha256         " + r.ternary_sha256 + "\nternary_scales_sha256  " + r.ternary_scales_sha256 + "\n");
  }
  return ExitCode::kSuccess;
}

std::function<ExitCode()> SetUpExport(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  const std::string group = "Conversion";
  AddText(app, "SRC", flags->source, "", "a GGUF file, a SafeTensors file, or the folder of a Hugging Face model");
  AddText(app, "DST", flags->target, "", "the folder to write: not there yet, or empty");
  AddChoice(app, "--safetensors", flags->form, {"packed"}, "SafeTensors with four codes in a byte")->group(group);
  AddFlag(app, "--i2s-arm-layout", flags->model.i2s_arm_layout,
          "read I2_S tensors of the source in the layout of old files written on Arm")
      ->group(group);
  AddThreads(app, flags->model);
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->model, flags->unused);
  return [flags] { return Export(*flags); };
}

std::function<ExitCode()> SetUp(CLI::App& app, bool gguf_only) {
  auto flags = std::make_shared<ConvertFlags>();
  const std::string group = "Conversion";
  AddText(app, "SRC", flags->source, "",
          gguf_only ? "a GGUF file" : "the folder of a Hugging Face model, a SafeTensors file, or a GGUF file");
  AddText(app, "DST", flags->target, "", "the GGUF file to write");
  AddChoice(app, "--type", flags->type, kTypes, "type of the ternary weights (default: i2_s)")->group(group);
  AddChoice(app, "--embed", flags->embed, kEmbeds, "type of the embedding and the head (default: f16)")->group(group);
  AddOptionalText(app, "--name", flags->name, "TEXT", "general.name of the new file (default: the source's)")
      ->group(group);
  AddText(app, "--tokenizer", flags->model.tokenizer, "PATH",
          "take the tokenizer of this file or folder instead of the source's own; sizes must agree")
      ->group(group);
  AddText(app, "--pre", flags->model.pre, "NAME", "tokenizer.ggml.pre of the new file (default: the source's)")
      ->group(group);
  AddFlag(app, "--force", flags->force, "replace a file that is there already")->group(group);
  AddFlag(app, "--i2s-arm-layout", flags->model.i2s_arm_layout,
          "read I2_S tensors of the source in the layout of old files written on Arm")
      ->group(group);
  AddThreads(app, flags->model);
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->model, flags->unused);
  return [flags, gguf_only] { return Convert(*flags, gguf_only); };
}

std::function<ExitCode()> SetUpConvert(CLI::App& app) { return SetUp(app, false); }
std::function<ExitCode()> SetUpQuantize(CLI::App& app) { return SetUp(app, true); }

}  // namespace

const Command kConvertCommand = {"convert", "make a GGUF file of a model in any form",
                                 "bitnet convert bitnet-b1.58-2B-4T-bf16/ model.gguf\n"
                                 "bitnet convert model.safetensors small.gguf --type tq1_0 --embed q6_k",
                                 SetUpConvert};

const Command kQuantizeCommand = {"quantize", "make a GGUF file of other types from a GGUF file",
                                  "bitnet quantize model.gguf small.gguf --type tq1_0 --embed q6_k", SetUpQuantize};

const Command kExportCommand = {"export", "make a Hugging Face folder of packed weights of a model in any form",
                                "bitnet export --safetensors packed model.gguf folder/", SetUpExport};

}  // namespace bitnet::tool
