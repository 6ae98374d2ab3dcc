#include "policy/report.h"

#include "core/base/json_writer.h"
#include "policy/inspect.h"

namespace bitnet::policy {

namespace {

using core::JsonWriter;

void WriteModel(const ModelIdentity& m, JsonWriter& w) {
  w.Key("model").BeginObject();
  w.Key("sha256").String(m.sha256).Key("name").String(m.name).Key("architecture").String(m.architecture);
  w.Key("quantization").String(m.quantization).Key("vocab_size").Uint(m.vocab_size).EndObject();
}

void WriteRange(std::string_view key, const Range& r, JsonWriter& w) {
  w.Key(key).BeginArray().Double(r.min).Double(r.max).EndArray();
}

void WriteCorrection(const PlannedCorrection& c, JsonWriter& w) {
  w.BeginObject().Key("policy").String(c.policy_name).Key("type").String(CorrectionTypeName(c.type));
  w.Key("status").String(PlanStatusName(c.status));
  if (!c.reason.empty()) w.Key("reason").String(c.reason);
  if (c.type == CorrectionType::kLayernormScale) {
    w.Key("target_rms").Double(c.target_rms).Key("tolerance").Double(c.tolerance);
    w.Key("precondition").BeginObject().Key("rms_out_of_range").BeginArray();
    for (const Range& r : c.out_of_range) w.BeginArray().Double(r.min).Double(r.max).EndArray();
    w.EndArray();
    WriteRange("actual", {c.before.min, c.before.max}, w);
    w.EndObject().Key("postcondition").BeginObject();
    WriteRange("rms_in_range", c.in_range, w);
    WriteRange("predicted", {c.after.min, c.after.max}, w);
    w.EndObject();
  } else {
    w.Key("scale_factor").Double(c.scale_factor);
  }
  w.Key("layers_modified").Uint(c.layers_modified());
  w.Key("factor_min").Double(c.factor_min()).Key("factor_max").Double(c.factor_max());
  w.Key("tensors").BeginArray();
  for (const TensorChange& t : c.changes) {
    w.BeginObject().Key("tensor").String(t.tensor).Key("rms_before").Double(t.rms_before);
    w.Key("factor").Double(t.factor).Key("rms_after").Double(t.rms_after).EndObject();
  }
  w.EndArray().EndObject();
}

void WriteStats(const VectorStats& s, JsonWriter& w) {
  w.Key("min").Double(s.min).Key("max").Double(s.max).Key("n").Uint(s.n);
  w.Key("n_nan").Uint(s.n_nan).Key("n_inf").Uint(s.n_inf).Key("n_zero").Uint(s.n_zero);
}

void WriteTensor(const TensorReport& r, JsonWriter& w) {
  static constexpr std::string_view kKinds[] = {"norm", "ternary", "other"};
  w.BeginObject().Key("name").String(r.name).Key("kind").String(kKinds[static_cast<size_t>(r.kind)]);
  w.Key("type").String(r.type).Key("shape").BeginArray();
  for (const uint64_t n : r.shape) w.Uint(n);
  w.EndArray();
  if (r.rms) w.Key("rms").Double(*r.rms);
  if (r.stats) WriteStats(*r.stats, w);
  if (r.kind == TensorReport::Kind::kTernary) {
    w.Key("shares").BeginArray().Double(r.share_minus).Double(r.share_zero).Double(r.share_plus).EndArray();
    w.Key("scale_min").Double(r.scale_min).Key("scale_max").Double(r.scale_max);
  }
  if (r.expected) {
    WriteRange("expected", *r.expected, w);
    w.Key("source").String(r.source);
  }
  w.Key("suspicions").BeginArray();
  for (const std::string& s : r.suspicions) w.String(s);
  w.EndArray().EndObject();
}

}  // namespace

std::string ValidationJson(const PolicyFile& file, const ModelIdentity* model, const Plan* plan) {
  JsonWriter w(/*pretty=*/true);
  w.BeginObject().Key("version").Uint(file.version).Key("policies").BeginArray();
  for (const Policy& p : file.policies) {
    w.BeginObject().Key("name").String(p.name).Key("fingerprint").String(FingerprintTypeName(p.fingerprint.type));
    w.Key("n_corrections").Uint(p.corrections.size());
    if (model != nullptr) w.Key("matches").Bool(Matches(p.fingerprint, *model));
    w.EndObject();
  }
  w.EndArray();
  if (model != nullptr && plan != nullptr) {
    WriteModel(*model, w);
    w.Key("status").String(PlanStatusName(plan->status));
    if (!plan->error.ok()) w.Key("error").String(plan->error.message());
    w.Key("corrections").BeginArray();
    for (const PlannedCorrection& c : plan->corrections) WriteCorrection(c, w);
    w.EndArray();
  }
  return w.EndObject().Take() + "\n";
}

std::string InspectionJson(const Inspection& inspection) {
  JsonWriter w(/*pretty=*/true);
  w.BeginObject();
  WriteModel(inspection.model, w);
  w.Key("rules").String(inspection.rules).Key("n_suspicious").Uint(inspection.n_suspicious());
  const Advice advice = AdviceFor(inspection);
  w.Key("cause").String(advice.cause).Key("fix").String(advice.fix).Key("temporary").String(advice.temporary);
  w.Key("tensors").BeginArray();
  for (const TensorReport& r : inspection.tensors) WriteTensor(r, w);
  return w.EndArray().EndObject().Take() + "\n";
}

}  // namespace bitnet::policy
