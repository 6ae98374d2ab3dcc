// Inspection of a model file: statistics of its tensors, and which norms and projections are suspicious
// (docs/policy.md, section 1).
#ifndef BITNET_POLICY_INSPECT_H_
#define BITNET_POLICY_INSPECT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "policy/model_view.h"
#include "policy/ruleset.h"

namespace bitnet::policy {

// More than this from the median of the same class in all layers is an outlier (docs/policy.md, section 1).
inline constexpr double kOutlierFactor = 8;

struct TensorReport {
  enum class Kind : uint32_t { kNorm, kTernary, kOther };
  Kind kind = Kind::kOther;
  std::string name, type, cls;
  std::optional<uint32_t> layer;
  std::vector<uint64_t> shape;  // row-major
  // kNorm: all of it. kTernary, kOther: rms only, none where the type is not read here.
  std::optional<VectorStats> stats;
  std::optional<double> rms;
  std::optional<double> bf16_factor;  // kNorm: see bf16_grid.h
  // kTernary
  double share_minus = 0, share_zero = 0, share_plus = 0;
  float scale_min = 0, scale_max = 0;  // equal: one scale
  // What is accepted, where a rule says so, and why the tensor is suspicious; empty: it is not.
  std::optional<Range> expected;
  std::string source;
  std::vector<std::string> suspicions;

  bool suspicious() const { return !suspicions.empty(); }
};

struct Inspection {
  ModelIdentity model;
  std::string rules;                  // key of the ruleset, "" without a gate
  bool weights = false;               // ternary and other tensors were read too
  std::vector<TensorReport> tensors;  // file order

  size_t n_suspicious() const;
};

struct InspectOptions {
  bool weights = false;            // read all tensors, not the norms alone: seconds for large files
  bool gate = true;                // false: statistics only, nothing is suspicious
  const Ruleset* rules = nullptr;  // null: the built-in ones
};

Inspection Inspect(const core::Gguf& file, const ModelIdentity& identity, const InspectOptions& options);

// The likely cause of what was found, what to do about it, and what to do until then; all empty without a suspect.
struct Advice {
  std::string cause, fix, temporary;
};
Advice AdviceFor(const Inspection& inspection);

// A policy that repairs exactly the suspicious norms, with a comment on each choice; it passes validation unedited.
// kPolicyInvalid when there is nothing to repair, or a norm that no scale repairs.
core::Result<std::string> GeneratePolicy(const Inspection& inspection);

// The inspection as a JSON document.
std::string InspectionJson(const Inspection& inspection);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_INSPECT_H_
