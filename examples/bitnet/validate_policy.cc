// bitnet validate-policy: what a correction policy would do, without doing it. And bitnet guard, its brake for CI.
#include <bitnet/policy.hpp>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api_error.h"
#include "command.h"
#include "corrections.h"
#include "failure.h"
#include "interrupt.h"
#include "json.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct ValidateFlags {
  ModelFlags unused;
  SessionFlags session;
  std::string policy;
  std::string model;
  bool dry_run = false;
  bool json = false;
};

std::string Range(double min, double max) {
  return std::isnan(min) ? "none" : Format("%.4g", min) + " to " + Format("%.4g", max);
}

std::string Describe(const bitnet_correction_t& c) {
  std::string out = "  " + Printable(c.policy) + ": " + c.type + "  " + bitnet_policy_verdict_name(c.verdict) + "\n";
  if (c.verdict == BITNET_POLICY_INVALID) return out + "    " + Printable(c.reason) + "\n";
  if (std::string(c.type) == "attention_scale") {
    return out + "    factor " + Format("%.9g", c.factor_min) + " on the attention of " + Counted(c.n_layers, "layer") +
           "\n";
  }
  out += "    before   rms " + Range(c.before_min, c.before_max) + "\n";
  if (c.verdict != BITNET_POLICY_READY) return out + "    " + Printable(c.reason) + "\n";
  out += "    change   " + Counted(c.n_tensors, "norm") + ", factor " + Range(c.factor_min, c.factor_max) + "\n";
  return out + "    after    rms " + Range(c.after_min, c.after_max) + ", allowed " +
         Range(c.allowed_min, c.allowed_max) + "\n";
}

std::string Report(const Policy& policy, const Validation& validation, const ValidateFlags& flags) {
  const bitnet_policy_info_t info = policy.info();
  const bitnet_validation_info_t v = validation.info();
  std::string out = "policy       " + Quoted(flags.policy, 4096) + ", " + std::to_string(info.n_policies) +
                    (info.n_policies == 1 ? " policy\n" : " policies\n");
  if (flags.model.empty()) return out + "status       the file is a valid policy; --model checks it against a model\n";
  out += "model        " + Quoted(flags.model, 4096) + ", sha256 " + v.sha256 + "\n";
  out += std::string("fingerprint  ") +
         (*v.fingerprint != '\0' ? std::string(v.fingerprint) + " matches" : "no match") + "\n";
  for (const bitnet_correction_t& c : validation.corrections()) out += Describe(c);
  if (*v.message != '\0') out += "error        " + Printable(v.message) + "\n";
  return out + "status       " + bitnet_policy_verdict_name(v.verdict) + "\n";
}

ExitCode Validate(const ValidateFlags& flags) {
  if (flags.policy.empty()) throw Failure(ExitCode::kUsage, "no policy: give --policy FILE");
  const Policy policy = ReadPolicy(flags.policy);
  const EndOnInterrupt while_it_reads;
  std::optional<File> file;
  if (!flags.model.empty()) {
    file = Get(File::open(flags.model), Doing::kLoadingModel, "cannot read " + Quoted(flags.model, 4096));
  }
  const Validation validation = Get(file ? policy.validate(*file) : policy.validate());
  Print(flags.json ? Get(validation.json()) : Report(policy, validation, flags));
  switch (validation.info().verdict) {
    case BITNET_POLICY_NO_MATCH: return ExitCode::kPolicyNoMatch;
    case BITNET_POLICY_INVALID: return ExitCode::kPolicyInvalid;
    default: return ExitCode::kSuccess;
  }
}

std::function<ExitCode()> SetUpValidate(CLI::App& app) {
  auto flags = std::make_shared<ValidateFlags>();
  AddText(app, "--policy", flags->policy, "FILE", "the correction policy");
  AddText(app, "-m,--model", flags->model, "PATH", "the model that it is for (default: check the policy alone)");
  AddFlag(app, "--dry-run", flags->dry_run, "accepted: nothing is ever applied here");
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->unused, flags->session);
  return [flags] { return Validate(*flags); };
}

struct GuardFlags {
  ModelFlags model;
  SessionFlags session;
  bool json = false;
};

ExitCode Guard(bool json) {
  std::vector<std::string> found;
  for (const char* name : {kPolicyVariable, kPermissionVariable}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') found.emplace_back(name);
  }
  if (json) {
    Print(Json()
              .BeginObject()
              .Field("corrections_possible", !found.empty())
              .Field("variables", found)
              .EndObject()
              .Line());
  }
  if (!found.empty()) {
    throw Failure(ExitCode::kCorrectionsRefused,
                  found[0] + (found.size() > 1 ? " and " + found[1] + " are set" : " is set") +
                      ": no correction may be switched on here; unset " + (found.size() > 1 ? "both" : "it"));
  }
  if (!json) Print("no correction variable is set\n");
  return ExitCode::kSuccess;
}

std::function<ExitCode()> SetUpGuard(CLI::App& app) {
  auto flags = std::make_shared<GuardFlags>();
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Guard(flags->json); };
}

}  // namespace

const Command kValidatePolicyCommand = {"validate-policy", "show what a correction policy would do to a model",
                                        "bitnet validate-policy --policy fix.yaml\n"
                                        "bitnet validate-policy --policy fix.yaml --model model.gguf",
                                        SetUpValidate};

const Command kGuardCommand = {"guard", "fail when a correction variable is set, for use in continuous integration",
                               "bitnet guard && bitnet run --strict --prompt \"Hello\"", SetUpGuard};

}  // namespace bitnet::tool
