#include "policy/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Code;
using core::Quoted;
using core::Status;

std::string IntervalText(const Range& r) { return Cat("[", r.min, ", ", r.max, "]"); }

Observed Observe(const std::vector<double>& rms) {
  Observed o{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  for (const double x : rms) {
    if (std::isnan(x)) continue;
    o.min = std::isnan(o.min) ? x : std::min(o.min, x);
    o.max = std::isnan(o.max) ? x : std::max(o.max, x);
  }
  return o;
}

// The plan of one policy: norms as the corrections so far would leave them. Each policy starts from the file's, so that
// two that change the same norm are seen to do so.
class Planner {
 public:
  Planner(std::vector<Norm> norms, uint32_t n_layers) : norms_(std::move(norms)), n_layers_(n_layers) {}

  PlannedCorrection Add(const Policy& policy, const Correction& c, core::Corrections& result) {
    PlannedCorrection p;
    p.policy_name = policy.name;
    p.type = c.type;
    p.description = c.description;
    p.scale_factor = c.scale_factor;
    p.target_rms = c.target_rms;
    p.tolerance = c.tolerance;
    p.out_of_range = c.out_of_range;
    p.in_range = c.in_range;
    if (ChooseLayers(c, p)) {
      if (c.type == CorrectionType::kAttentionScale) {
        for (const uint32_t layer : p.layers) {
          result.attention_scales.emplace_back(layer, static_cast<float>(c.scale_factor));
        }
      } else {
        PlanNorms(c, p, result);
      }
    }
    return p;
  }

  const Status& error() const { return error_; }

 private:
  void Invalid(PlannedCorrection& p, const Correction& c, Code code, std::string reason, std::string what) {
    p.status = PlanStatus::kInvalid;
    p.reason = std::move(reason);
    if (!error_.ok()) return;
    error_ = Status(
        code,
        Cat("policy ", Quoted(p.policy_name), ", line ", c.place.line, ", column ", c.place.column, ": ", p.reason),
        std::move(what));
  }

  bool ChooseLayers(const Correction& c, PlannedCorrection& p) {
    if (!c.layers) {
      for (uint32_t l = 0; l < n_layers_; ++l) p.layers.push_back(l);
      return true;
    }
    p.layers = *c.layers;
    for (const uint32_t l : p.layers) {
      if (l < n_layers_) continue;
      Invalid(p, c, Code::kPolicyInvalid, Cat("layer ", l, ": the model has ", n_layers_, " layers"), "layers");
      return false;
    }
    return true;
  }

  bool IsChosen(const Correction& c, const Norm& norm) const {
    const auto contains = [](const auto& list, const auto& x) {
      return std::find(list.begin(), list.end(), x) != list.end();
    };
    if (!c.tensors.empty() && !contains(c.tensors, norm.cls)) return false;
    if (!c.layers) return true;  // all: the norms outside the layers too
    return norm.layer && contains(*c.layers, *norm.layer);
  }

  void PlanNorms(const Correction& c, PlannedCorrection& p, core::Corrections& result) {
    std::vector<double> before, after;
    std::set<std::string_view> classes;
    size_t n_meet = 0;
    for (Norm& norm : norms_) {
      if (!IsChosen(c, norm)) continue;
      classes.insert(norm.cls);
      before.push_back(norm.stats.rms);
      // A norm that is quantised or not finite needs a repair whatever its RMS is.
      const bool outside = std::none_of(c.out_of_range.begin(), c.out_of_range.end(),
                                        [&](const Range& r) { return r.Contains(norm.stats.rms); });
      if (!outside && !norm.damaged()) continue;
      ++n_meet;
      if (!Scale(c, norm, p)) return;
      after.push_back(norm.stats.rms);
    }
    for (const std::string& cls : c.tensors) {
      if (classes.contains(cls)) continue;
      return Invalid(p, c, Code::kPolicyInvalid,
                     Cat("tensors: the chosen layers have no norm ", Quoted(cls), c.layers ? "" : " in this model"),
                     cls);
    }
    p.before = Observe(before);
    p.after = Observe(after);
    if (n_meet == 0) {
      p.status = PlanStatus::kNotNeeded;
      p.reason = before.empty() ? "the chosen layers have no norms"
                                : Cat("precondition does not hold: rms ", p.before.min, " to ", p.before.max);
      return;
    }
    for (const TensorChange& t : p.changes) {
      result.norm_scales.push_back({t.tensor, t.factor, c.in_range.min, c.in_range.max});
    }
  }

  // Scales one norm as the loader would, and checks what the loader would check.
  bool Scale(const Correction& c, Norm& norm, PlannedCorrection& p) {
    const std::string name(norm.tensor->name);
    const VectorStats before = norm.stats;
    const auto fail = [&](Code code, std::string reason) {
      Invalid(p, c, code, Cat("tensor ", Quoted(name), " ", reason), name);
      return false;
    };
    if (!norm.readable)
      return fail(Code::kPolicyInvalid, "is stored in a type that is not read here: convert the model");
    if (before.n_nan + before.n_inf > 0) {
      return fail(Code::kPolicyInvalid, Cat("holds ", before.n_nan, " nan and ", before.n_inf,
                                            " infinite values: no scale repairs that, convert the model"));
    }
    if (before.rms == 0) return fail(Code::kPolicyInvalid, "is all zero: no scale repairs that, convert the model");
    const double exact = c.target_rms / before.rms;
    const auto factor = static_cast<float>(exact);
    if (!std::isfinite(factor) || factor == 0) {
      return fail(Code::kPolicyInvalid, Cat("needs the factor ", exact, ", beyond binary32"));
    }
    if (c.clamp && !c.clamp->Contains(exact)) {
      return fail(Code::kPolicyInvalid, Cat("needs the factor ", exact, ", outside clamp ", IntervalText(*c.clamp)));
    }
    for (float& x : norm.values) x *= factor;
    norm.stats = StatsOf(norm.values);
    if (!c.in_range.Contains(norm.stats.rms)) {
      return fail(Code::kPolicyPostcondition, Cat("would have an rms of ", norm.stats.rms, ", expected ",
                                                  IntervalText(c.in_range), "; nothing is applied"));
    }
    p.changes.push_back({name, before.rms, factor, norm.stats.rms});
    return true;
  }

  std::vector<Norm> norms_;
  uint32_t n_layers_;
  Status error_;
};

// What a policy changes: names of norms, and "attention of layer N".
std::set<std::string> TouchedBy(const std::string& policy, const std::vector<PlannedCorrection>& corrections) {
  std::set<std::string> touched;
  for (const PlannedCorrection& p : corrections) {
    if (p.policy_name != policy) continue;
    for (const TensorChange& t : p.changes) touched.insert(t.tensor);
    if (p.type == CorrectionType::kAttentionScale) {
      for (const uint32_t l : p.layers) touched.insert(Cat("attention of layer ", l));
    }
  }
  return touched;
}

Status CheckNoConflict(const std::vector<const Policy*>& matched, const std::vector<PlannedCorrection>& corrections) {
  for (size_t i = 0; i < matched.size(); ++i) {
    const std::set<std::string> a = TouchedBy(matched[i]->name, corrections);
    for (size_t j = i + 1; j < matched.size(); ++j) {
      for (const std::string& name : TouchedBy(matched[j]->name, corrections)) {
        if (!a.contains(name)) continue;
        return Status(Code::kPolicyInvalid,
                      Cat("policies ", Quoted(matched[i]->name), " and ", Quoted(matched[j]->name),
                          " match this model and both change ", Quoted(name), ": remove one of them"),
                      name);
      }
    }
  }
  return {};
}

}  // namespace

std::string_view PlanStatusName(PlanStatus status) {
  switch (status) {
    case PlanStatus::kReady: return "READY";
    case PlanStatus::kNotNeeded: return "NOT NEEDED";
    case PlanStatus::kNoMatch: return "NO MATCH";
    case PlanStatus::kInvalid: return "INVALID";
  }
  return "";
}

uint32_t PlannedCorrection::layers_modified() const {
  if (type == CorrectionType::kAttentionScale) return static_cast<uint32_t>(layers.size());
  std::set<uint32_t> modified;
  for (const TensorChange& t : changes) {
    if (const auto layer = TakeApart(t.tensor).layer) modified.insert(*layer);
  }
  return static_cast<uint32_t>(modified.size());
}

float PlannedCorrection::factor_min() const {
  if (type == CorrectionType::kAttentionScale) return static_cast<float>(scale_factor);
  float least = changes.empty() ? 1.0f : changes[0].factor;
  for (const TensorChange& t : changes) least = std::min(least, t.factor);
  return least;
}

float PlannedCorrection::factor_max() const {
  if (type == CorrectionType::kAttentionScale) return static_cast<float>(scale_factor);
  float greatest = changes.empty() ? 1.0f : changes[0].factor;
  for (const TensorChange& t : changes) greatest = std::max(greatest, t.factor);
  return greatest;
}

bool NeedsSha256(const PolicyFile& file) {
  const auto needs = [](const Fingerprint& f) {
    return f.type == Fingerprint::Type::kSha256 ||
           std::any_of(f.criteria.begin(), f.criteria.end(),
                       [](const Fingerprint& c) { return c.type == Fingerprint::Type::kSha256; });
  };
  return std::any_of(file.policies.begin(), file.policies.end(), [&](const Policy& p) { return needs(p.fingerprint); });
}

bool Matches(const Fingerprint& f, const ModelIdentity& model) {
  switch (f.type) {
    case Fingerprint::Type::kSha256: return !f.sha256.empty() && model.sha256.starts_with(f.sha256);
    case Fingerprint::Type::kMetadata:
      return (!f.model_name || *f.model_name == model.name) &&
             (!f.quantization || *f.quantization == model.quantization) &&
             (!f.architecture || *f.architecture == model.architecture) &&
             (!f.vocab_size || *f.vocab_size == model.vocab_size);
    case Fingerprint::Type::kCombined:
      return std::all_of(f.criteria.begin(), f.criteria.end(), [&](const Fingerprint& c) { return Matches(c, model); });
  }
  return false;
}

Plan MakePlan(const PolicyFile& file, const core::Gguf& model, const ModelIdentity& identity) {
  Plan plan;
  std::vector<const Policy*> matched;
  for (const Policy& policy : file.policies) {
    if (Matches(policy.fingerprint, identity)) matched.push_back(&policy);
  }
  if (matched.empty()) return plan;
  plan.fingerprint = FingerprintTypeName(matched[0]->fingerprint.type);
  const std::vector<Norm> norms = ReadNorms(model);
  const uint32_t n_layers = CountLayers(model);
  for (const Policy* policy : matched) {
    Planner planner(norms, n_layers);
    for (const Correction& c : policy->corrections) {
      plan.corrections.push_back(planner.Add(*policy, c, plan.result));
    }
    if (plan.error.ok()) plan.error = planner.error();
  }
  if (plan.error.ok()) plan.error = CheckNoConflict(matched, plan.corrections);
  if (!plan.error.ok()) {
    plan.status = PlanStatus::kInvalid;
    plan.result = {};
  } else {
    plan.status = plan.result.empty() ? PlanStatus::kNotNeeded : PlanStatus::kReady;
  }
  return plan;
}

}  // namespace bitnet::policy
