#include "corrections.h"

#include <cstdlib>

#include "api_error.h"
#include "failure.h"
#include "file.h"
#include "options.h"
#include "text.h"

namespace bitnet::tool {
namespace {

constexpr uint64_t kMaxPolicyBytes = (uint64_t{1} << 20) + 1;  // one more than the library takes, which says so

// A permission is given by 1 alone: what is misspelt permits nothing.
bool IsPermission(const char* value) {
  const std::string text(value == nullptr ? "" : value);
  if (text.empty() || text == "0") return false;
  if (text == "1") return true;
  throw Failure(ExitCode::kUsage,
                std::string(kPermissionVariable) + ": found " + Quoted(text, 64) + ", expected 1 or 0");
}

}  // namespace

void AddCorrectionFlags(CLI::App& app, CorrectionFlags& o) {
  const std::string group = "Corrections of a known-bad model";
  // Once all options are read: help is given whatever the variable says.
  app.callback([&o] { o.allow = o.allow || IsPermission(std::getenv(kPermissionVariable)); });
  AddText(app, "--correction-policy", o.policy, "FILE",
          "apply this policy to the loaded copy; needs the permission too")
      ->envname(kPolicyVariable)
      ->group(group);
  AddFlag(app, "--allow-corrections", o.allow,
          std::string("the permission to apply a policy (or ") + kPermissionVariable + "=1)")
      ->group(group);
  AddFlag(app, "--allow-corrections-in-ci", o.allow_in_ci, "the second permission, needed where CI is set")
      ->group(group);
  AddFlag(app, "--strict", o.strict, "refuse every correction and every suspicious norm")->group(group);
}

// What says that it is on unless it says that it is not: for refusals.
bool IsOn(const char* value) {
  if (value == nullptr) return false;
  const std::string text(value);
  return !text.empty() && text != "0" && text != "false";
}

bool InContinuousIntegration() { return IsOn(std::getenv("CI")); }

Policy ReadPolicy(const std::string& path) {
  NoteInput(path);
  return Get(Policy::parse(ReadStartOfFile(path, kMaxPolicyBytes), path), Doing::kWorking, Quoted(path, 4096));
}

std::optional<Policy> PermittedPolicy(const CorrectionFlags& flags) {
  const auto refuse = [](const std::string& message) { throw Failure(ExitCode::kCorrectionsRefused, message); };
  if (flags.strict && (!flags.policy.empty() || flags.allow))
    refuse("--strict refuses every correction: leave out the policy");
  if (!flags.policy.empty() && !flags.allow) {
    refuse("corrections refused: the policy " + Quoted(flags.policy, 4096) +
           " needs the permission too: --allow-corrections, or " + kPermissionVariable + "=1");
  }
  if (flags.policy.empty() && flags.allow) {
    refuse(std::string("corrections refused: they are allowed, but there is no policy: give --correction-policy, or "
                       "leave out --allow-corrections and ") +
           kPermissionVariable);
  }
  if (flags.policy.empty()) return std::nullopt;
  if (InContinuousIntegration() && !flags.allow_in_ci) {
    refuse("corrections refused: CI is set; fix the model file, or give --allow-corrections-in-ci");
  }
  return ReadPolicy(flags.policy);
}

}  // namespace bitnet::tool
