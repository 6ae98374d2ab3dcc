// Advice on an inspection, and the policy that carries it out for the time being.
#include <algorithm>
#include <cmath>
#include <map>

#include "policy/inspect.h"

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Code;
using core::Quoted;
using core::Result;
using core::Status;

constexpr double kTolerance = 0.01;  // of the target: far above rounding, far below any damage

bool IsSuspiciousNorm(const TensorReport& r) { return r.kind == TensorReport::Kind::kNorm && r.suspicious(); }

// A scale cannot bring back what is not there.
bool IsBeyondRepair(const TensorReport& r) {
  return !r.stats || r.stats->n_nan + r.stats->n_inf > 0 || r.stats->n_zero == r.stats->n;
}

bool IsInside(const TensorReport& r, double rms) { return !r.expected || r.expected->Contains(rms); }

struct Target {
  double rms;
  std::string why;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The norms that are not suspicious all hold BF16 numbers: so did those that are.
bool TrainedInBf16(const std::vector<TensorReport>& all) {
  bool any = false;
  for (const TensorReport& r : all) {
    if (r.kind != TensorReport::Kind::kNorm || r.suspicious()) continue;
    any = true;
    if (r.bf16_factor != 1) return false;
  }
  return any;
}

// Takes out the very factor that the values were multiplied by, where they still tell it (bf16_grid.h). They leave a
// power of two open; the one that brings the rms nearest to `target` is taken.
Target Refine(const TensorReport& r, Target target, const std::vector<TensorReport>& all) {
  if (!r.bf16_factor || !TrainedInBf16(all)) return target;
  const double factor = *r.bf16_factor * std::exp2(std::round(std::log2(*r.rms / target.rms / *r.bf16_factor)));
  return {*r.rms / factor, Cat("the healthy norms hold bf16 numbers, this one bf16 numbers times ", factor,
                               ": that factor is taken out. Its power of two is the one that comes nearest to ",
                               target.rms, ", the ", target.why)};
}

Target EstimateTarget(const TensorReport& r, const std::vector<TensorReport>& all) {
  std::vector<double> healthy, sick;  // RMS in the layers of the same class
  for (const TensorReport& other : all) {
    if (other.kind != TensorReport::Kind::kNorm || other.cls != r.cls || !other.layer || IsBeyondRepair(other))
      continue;
    (other.suspicious() && !IsInside(other, *other.rms) ? sick : healthy).push_back(*other.rms);
  }
  const double rms = *r.rms;
  const bool outlier =
      !healthy.empty() && (rms > kOutlierFactor * Median(healthy) || rms * kOutlierFactor < Median(healthy));
  if (IsInside(r, rms) && !outlier) {
    return {rms,
            "its rms is plausible, so its values are used as they are (factor 1); the precision that the "
            "quantisation took does not come back"};
  }
  if (!healthy.empty()) return {Median(healthy), Cat("median rms of ", r.cls, " in the other layers")};
  // All layers are out: they keep their proportions, and the median goes where the rule expects it.
  double middle = 1;
  if (!IsInside(r, middle)) middle = std::sqrt(std::max(r.expected->min, 1e-6) * r.expected->max);
  if (!r.layer || sick.empty()) return {middle, "the initial value of norm weights, nothing else is known"};
  return {rms * (middle / Median(sick)),
          Cat("all layers are out of range: one factor for all of them, which brings the median to ", middle)};
}

Target ChooseTarget(const TensorReport& r, const std::vector<TensorReport>& all) {
  const Target estimate = EstimateTarget(r, all);
  return estimate.rms == *r.rms ? estimate : Refine(r, estimate, all);
}

void AppendCorrection(const TensorReport& r, const Target& target, std::string& out) {
  std::string reasons;
  for (const std::string& s : r.suspicions) reasons += Cat(reasons.empty() ? "" : "; ", s);
  const double low = target.rms * (1 - kTolerance), high = target.rms * (1 + kTolerance);
  out += Cat("      # ", r.name, ": rms ", *r.rms, "; ", reasons, ".\n");
  out += Cat("      # Target: ", target.why, ".\n");
  out += "      - type: layernorm_scale\n        parameters:\n";
  out += Cat("          target_rms: ", target.rms, "\n          tolerance: ", target.rms * kTolerance, "\n");
  out += r.layer ? Cat("          layers: [", *r.layer, "]\n") : std::string("          layers: all\n");
  out += Cat("          tensors: [", r.cls, "]\n");
  out += Cat("        preconditions: [{rms_out_of_range: [", low, ", ", high, "]}]\n");
  out += Cat("        postconditions: [{rms_in_range: [", low, ", ", high, "]}]\n");
}

}  // namespace

Advice AdviceFor(const Inspection& inspection) {
  size_t n_norms = 0, n_quantised = 0, n_beyond = 0, n_other = 0;
  for (const TensorReport& r : inspection.tensors) {
    if (!r.suspicious()) continue;
    n_other += r.kind != TensorReport::Kind::kNorm ? 1 : 0;
    if (r.kind != TensorReport::Kind::kNorm) continue;
    ++n_norms;
    n_quantised += r.suspicions[0].starts_with("stored in the quantised type") ? 1 : 0;
    n_beyond += IsBeyondRepair(r) ? 1 : 0;
  }
  Advice advice;
  if (n_norms + n_other == 0) return advice;
  if (n_beyond > 0) {
    advice.cause = "values were lost when the file was converted, or the download is damaged";
  } else if (n_norms == 0) {
    advice.cause = "the weights have an unusual scale, or the ruleset is for another model";
  } else if (n_quantised == n_norms) {
    advice.cause = "the converter quantised the norms together with the weights";
  } else {
    advice.cause = "the converter scaled these norms, or the file is damaged";
  }
  advice.fix = "convert the original model again (bitnet convert), or fetch a good file";
  if (n_beyond == 0 && n_norms > 0) {
    advice.temporary =
        "write a policy with --generate-policy, check it with bitnet validate-policy, and run with --correction-policy "
        "and --allow-corrections";
  }
  return advice;
}

Result<std::string> GeneratePolicy(const Inspection& inspection) {
  std::string corrections;
  size_t n = 0;
  for (const TensorReport& r : inspection.tensors) {
    if (!IsSuspiciousNorm(r)) continue;
    if (IsBeyondRepair(r)) {
      return Status(Code::kPolicyInvalid,
                    Cat("tensor ", Quoted(r.name), ": ", r.suspicions[0],
                        "; no policy repairs that: convert the model "
                        "again"),
                    r.name);
    }
    AppendCorrection(r, ChooseTarget(r, inspection.tensors), corrections);
    ++n;
  }
  if (n == 0) return Status(Code::kPolicyInvalid, "no suspicious norm that a policy could repair");
  if (inspection.model.sha256.size() != 64) {
    return Status(Code::kInvalidArgument, "a policy needs the sha-256 of the file", "sha256");
  }
  const std::string model = inspection.model.name.empty() ? "the model" : inspection.model.name;
  return Cat("# Written by the inspection of a model file. A temporary workaround: the fix is a regenerated file.\n",
             "# One correction for each suspicious norm (", n, "); nothing else is touched.\n",
             "version: 1\npolicies:\n", "  - name: ", Quoted(Cat("repair of ", model), 200), "\n",
             "    fingerprint:\n      # This very file and no other.\n      type: gguf_sha256\n      value: \"",
             inspection.model.sha256, "\"\n    corrections:\n", corrections);
}

}  // namespace bitnet::policy
