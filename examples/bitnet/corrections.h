// Correction policies at the command line: the switches, and the brake in continuous integration (docs/policy.md).
#ifndef BITNET_EXAMPLES_BITNET_CORRECTIONS_H_
#define BITNET_EXAMPLES_BITNET_CORRECTIONS_H_

#include <CLI/App.hpp>
#include <bitnet/policy.hpp>
#include <optional>
#include <string>

namespace bitnet::tool {

inline constexpr const char* kPolicyVariable = "BITNET_CORRECTION_POLICY";
inline constexpr const char* kPermissionVariable = "BITNET_ALLOW_RUNTIME_CORRECTIONS";

struct CorrectionFlags {
  std::string policy;
  bool allow = false;
  bool allow_in_ci = false;
  bool strict = false;
};
void AddCorrectionFlags(CLI::App& app, CorrectionFlags& o);

// True where a variable that a program may set to 0 or false is on.
bool IsOn(const char* value);
bool InContinuousIntegration();

Policy ReadPolicy(const std::string& path);
// The policy that a load may apply, or none. Failure when a switch is missing or something forbids corrections; the
// switches themselves are checked again by the library.
std::optional<Policy> PermittedPolicy(const CorrectionFlags& flags);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_CORRECTIONS_H_
