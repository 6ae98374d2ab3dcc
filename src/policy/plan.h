// From policies and a model to the changes that would be made: matching, conditions, factors (docs/policy.md,
// section 2). Reads norms, changes nothing; the loader applies the result to its own copy.
#ifndef BITNET_POLICY_PLAN_H_
#define BITNET_POLICY_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/model/corrections.h"
#include "policy/model_view.h"
#include "policy/policy.h"

namespace bitnet::policy {

enum class PlanStatus : uint32_t { kReady, kNotNeeded, kNoMatch, kInvalid };
std::string_view PlanStatusName(PlanStatus status);  // "READY", "NOT NEEDED", "NO MATCH", "INVALID"

struct TensorChange {
  std::string tensor;
  double rms_before = 0;
  float factor = 1;      // f32(target_rms / rms_before)
  double rms_after = 0;  // of gamma * factor in f32
};

// The least and the greatest RMS of some norms; both NaN without any.
struct Observed {
  double min, max;
};

struct PlannedCorrection {
  std::string policy_name;
  CorrectionType type = CorrectionType::kLayernormScale;
  std::string description;
  PlanStatus status = PlanStatus::kReady;  // never kNoMatch
  std::string reason;                      // why not kReady
  std::vector<uint32_t> layers;            // that were chosen
  // kLayernormScale
  double target_rms = 0, tolerance = 0;
  std::vector<Range> out_of_range;  // precondition
  Range in_range;                   // postcondition
  Observed before{}, after{};       // RMS of the chosen norms, and of those that change
  std::vector<TensorChange> changes;
  // kAttentionScale
  double scale_factor = 1;

  uint32_t layers_modified() const;
  float factor_min() const;
  float factor_max() const;
};

struct Plan {
  PlanStatus status = PlanStatus::kNoMatch;  // kReady when at least one correction is, kInvalid when one is
  std::string fingerprint;                   // type of the one that matched, "" without a match
  std::vector<PlannedCorrection> corrections;
  core::Corrections result;  // for the loader; empty unless status is kReady

  // ok, or what a load with this plan must fail with: kPolicyInvalid or kPolicyPostcondition.
  core::Status error;
};

// True when a fingerprint of the file needs the model's SHA-256.
bool NeedsSha256(const PolicyFile& file);
// Whether one fingerprint matches; an empty sha256 matches nothing.
bool Matches(const Fingerprint& fingerprint, const ModelIdentity& model);

Plan MakePlan(const PolicyFile& file, const core::Gguf& model, const ModelIdentity& identity);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_PLAN_H_
