// bitnet inspect: what the norms and weights of a model file look like, and which are suspicious.
#include <algorithm>
#include <bitnet/inspect.hpp>
#include <bitnet/tiny.hpp>
#include <map>
#include <memory>
#include <optional>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "interrupt.h"
#include "model_source.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct InspectFlags {
  ModelFlags model;
  SessionFlags session;
  bool ln_stats = false;
  std::string gate = "auto";
  std::string rules;
  std::string output;
  std::string policy;
  bool json = false;
};

constexpr uint64_t kMaxRulesBytes = (uint64_t{1} << 20) + 1;  // one more than the library takes, which says so

std::string Number(double value) { return Format("%.4g", value); }

std::string Suspicion(const bitnet_tensor_report_t& t) {
  return std::string("[SUSPICIOUS - ") + Printable(t.suspicions) + "]";
}

// One line a layer, a column for the RMS of each class of norms; what is suspicious follows on the line.
std::string LayerTable(const std::vector<bitnet_tensor_report_t>& tensors) {
  std::vector<std::string> classes;
  std::map<int32_t, std::map<std::string, const bitnet_tensor_report_t*>> layers;
  for (const bitnet_tensor_report_t& t : tensors) {
    if (t.kind != BITNET_TENSOR_NORM) continue;
    layers[t.layer < 0 ? std::numeric_limits<int32_t>::max() : t.layer][t.cls] = &t;
    if (t.layer >= 0 && std::find(classes.begin(), classes.end(), t.cls) == classes.end()) classes.emplace_back(t.cls);
  }
  std::vector<std::vector<std::string>> rows = {{"layer"}};
  rows[0].insert(rows[0].end(), classes.begin(), classes.end());
  std::vector<std::string> remarks = {""};
  std::string whole_model;
  for (const auto& [layer, norms] : layers) {
    std::string remark;
    for (const auto& [cls, t] : norms) {
      if (*t->suspicions != '\0') remark += "  " + cls + " " + Suspicion(*t);
    }
    if (layer == std::numeric_limits<int32_t>::max()) {
      for (const auto& [cls, t] : norms) {
        whole_model += cls + "  " + (t->readable ? Number(t->rms) : "?") +
                       (*t->suspicions != '\0' ? "  " + Suspicion(*t) : "") + "\n";
      }
      continue;
    }
    std::vector<std::string>& row = rows.emplace_back(1, std::to_string(layer));
    for (const std::string& cls : classes) {
      const auto found = norms.find(cls);
      row.push_back(found == norms.end() ? "" : found->second->readable ? Number(found->second->rms) : "?");
    }
    remarks.push_back(remark);
  }
  std::string table = Columns(rows, std::string(rows[0].size(), 'r'));
  std::string out;
  for (size_t i = 0, at = 0; at < table.size(); ++i) {
    const size_t end = std::min(table.find('\n', at), table.size());
    out += table.substr(at, end - at) + (i < remarks.size() ? remarks[i] : "") + "\n";
    at = end + 1;
  }
  return "RMS of the norms\n" + out + whole_model;
}

// One line a norm, with everything that was measured.
std::string NormTable(const std::vector<bitnet_tensor_report_t>& tensors) {
  std::vector<std::vector<std::string>> rows = {{"norm", "type", "rms", "min", "max", "nan", "inf", "zero", ""}};
  for (const bitnet_tensor_report_t& t : tensors) {
    if (t.kind != BITNET_TENSOR_NORM) continue;
    rows.push_back({Printable(t.name), t.type, t.readable ? Number(t.rms) : "?", Number(t.min), Number(t.max),
                    std::to_string(t.n_nan), std::to_string(t.n_inf), std::to_string(t.n_zero),
                    *t.suspicions != '\0' ? Suspicion(t) : ""});
  }
  return Columns(rows, "llrrrrrrl");
}

std::string WeightTable(const std::vector<bitnet_tensor_report_t>& tensors) {
  std::vector<std::vector<std::string>> rows = {{"weights", "type", "-1", "0", "+1", "scale", "rms", ""}};
  for (const bitnet_tensor_report_t& t : tensors) {
    if (t.kind == BITNET_TENSOR_NORM) continue;
    const bool ternary = t.kind == BITNET_TENSOR_TERNARY;
    const auto share = [&](double x) { return ternary ? Fixed(100 * x, 1) + "%" : ""; };
    std::string scale = ternary ? Number(t.scale_min) : "";
    if (ternary && t.scale_min != t.scale_max) scale += ".." + Number(t.scale_max);
    rows.push_back({Printable(t.name), t.type, share(t.share_minus), share(t.share_zero), share(t.share_plus), scale,
                    t.readable ? Number(t.rms) : "?", *t.suspicions != '\0' ? Suspicion(t) : ""});
  }
  return rows.size() == 1 ? "" : Columns(rows, "llrrrrrl");
}

std::string Summary(const bitnet_inspection_info_t& info) {
  std::string out = "model         " + Quoted(info.name) + ", " + Printable(info.architecture) + ", " +
                    Printable(info.quantization) + ", sha256 " + info.sha256 + "\n";
  if (*info.rules == '\0') return out + "gate          none: statistics only\n";
  out += "rules         " + Printable(info.rules) + "\n";
  if (info.n_suspicious == 0) return out + "result        nothing is suspicious\n";
  out += "result        suspicious: " + std::to_string(info.n_suspicious) + " of " + std::to_string(info.n_tensors) +
         " tensors\n";
  out += std::string("likely cause  ") + info.cause + "\nfix           " + info.fix + "\n";
  if (*info.temporary != '\0') out += std::string("until then    ") + info.temporary + "\n";
  return out;
}

ExitCode Inspect(const InspectFlags& flags) {
  if (flags.gate == "policy" && flags.rules.empty()) {
    throw Failure(ExitCode::kUsage, "--gate policy needs a ruleset: give --rules");
  }
  if (flags.gate == "none" && !(flags.policy.empty() && flags.rules.empty())) {
    throw Failure(ExitCode::kUsage, std::string(flags.policy.empty() ? "--rules" : "--generate-policy") +
                                        " needs a gate: leave out --gate none");
  }
  const ModelSource source = FindModel(flags.model);
  if (!flags.rules.empty()) NoteInput(flags.rules);
  std::optional<AtomicFile> output, policy_output;  // before the work: what cannot be written is known at once
  if (!flags.output.empty()) output.emplace(flags.output);
  if (!flags.policy.empty()) policy_output.emplace(flags.policy);
  std::optional<EndOnInterrupt> while_it_reads(std::in_place);
  const File file = Get(source.embedded() ? File::open(tiny_model()) : File::open(source.path), Doing::kLoadingModel,
                        "cannot read " + source.DisplayName());
  InspectOptions options;
  options.weights = !flags.ln_stats;
  options.no_gate = flags.gate == "none";
  std::string rules;
  if (!flags.rules.empty()) {
    rules = ReadStartOfFile(flags.rules, kMaxRulesBytes);
    // The library takes a text that ends with a NUL: it would not see what follows one.
    if (const size_t nul = rules.find('\0'); nul != std::string::npos) {
      const auto line = std::count(rules.begin(), rules.begin() + static_cast<ptrdiff_t>(nul), '\n') + 1;
      const std::string before = rules.substr(0, nul);
      const size_t start = before.rfind('\n') + 1;  // 0 on the first line
      const auto column = std::count_if(before.begin() + static_cast<ptrdiff_t>(start), before.end(),
                                        [](char c) { return (c & 0xc0) != 0x80; }) +
                          1;  // in characters, as the library counts
      throw Failure(ExitCode::kPolicyInvalid, Quoted(flags.rules, 4096) + ": line " + std::to_string(line) +
                                                  ", column " + std::to_string(column) + ": control character 0x0");
    }
    options.rules = rules.c_str();
  }
  const Inspection inspection = Get(Inspection::of(file, options), Doing::kWorking,
                                    flags.rules.empty() ? source.DisplayName() : Quoted(flags.rules, 4096));
  while_it_reads.reset();
  const bitnet_inspection_info_t info = inspection.info();
  // Before the report, whose reader may go; where no policy repairs what was found, the failure comes after it.
  std::optional<Result<std::string>> policy;
  if (!flags.policy.empty() && info.n_suspicious > 0) policy = inspection.policy();
  if (policy && *policy) {
    policy_output->Write(policy->value());
    policy_output->Commit();
  }
  std::string text;
  if (flags.json) {
    text = Get(inspection.json());
  } else {
    const std::vector<bitnet_tensor_report_t> tensors = inspection.tensors();
    const std::string weights = flags.ln_stats ? "" : WeightTable(tensors);
    text = (flags.ln_stats ? NormTable(tensors) : LayerTable(tensors)) + "\n" +
           (weights.empty() ? "" : weights + "\n") + Summary(info);
  }
  if (output) {
    output->Write(text);
    output->Commit();
  } else {
    Print(text);
  }
  if (!flags.policy.empty() && info.n_suspicious == 0) {
    Note("bitnet: nothing is suspicious: no policy is written");
  } else if (policy) {
    Get(std::move(*policy), Doing::kWorking, "cannot generate a policy");
    Note("bitnet: policy written to " + Quoted(flags.policy, 4096) +
         "; check it with: bitnet validate-policy --policy " + Quoted(flags.policy, 4096) + " --model " +
         source.DisplayName());
  }
  return info.n_suspicious == 0 ? ExitCode::kSuccess : ExitCode::kSuspiciousModel;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<InspectFlags>();
  const std::string group = "Inspection";
  AddFlag(app, "--ln-stats", flags->ln_stats, "the norms alone, one line each; weights are not read")->group(group);
  AddChoice(app, "--gate", flags->gate, {"none", "auto", "policy"},
            "what judges: nothing, the rules for the architecture, or --rules (default: auto)")
      ->group(group);
  AddText(app, "--rules", flags->rules, "FILE", "a ruleset in place of the built-in rules")->group(group);
  AddText(app, "--generate-policy", flags->policy, "FILE", "write a correction policy that repairs what was found")
      ->group(group);
  AddText(app, "-o,--output", flags->output, "FILE", "write the report to this file, whole or not at all")
      ->group("Output");
  AddOutputFlags(app, &flags->json);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Inspect(*flags); };
}

}  // namespace

const Command kInspectCommand = {"inspect", "look for suspicious norms in a model file",
                                 "bitnet inspect model.gguf\n"
                                 "bitnet inspect --ln-stats --generate-policy fix.yaml model.gguf\n"
                                 "bitnet inspect --json --rules rules.yaml model.gguf",
                                 SetUp};

}  // namespace bitnet::tool
