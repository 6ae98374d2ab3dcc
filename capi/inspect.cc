#include <bitnet/inspect.h>

#include <string>
#include <utility>

#include "capi/audit_handles.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/identity.h"
#include "capi/structs.h"
#include "capi/two_call.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace policy = bitnet::policy;

namespace {

static_assert(static_cast<uint32_t>(policy::TensorReport::Kind::kNorm) == BITNET_TENSOR_NORM);
static_assert(static_cast<uint32_t>(policy::TensorReport::Kind::kTernary) == BITNET_TENSOR_TERNARY);
static_assert(static_cast<uint32_t>(policy::TensorReport::Kind::kOther) == BITNET_TENSOR_OTHER);

bitnet_tensor_report_t ReportOf(const policy::TensorReport& r, const std::string& suspicions) {
  bitnet_tensor_report_t out = BITNET_TENSOR_REPORT_INIT;
  out.kind = static_cast<bitnet_tensor_kind_t>(r.kind);
  out.layer = r.layer ? static_cast<int32_t>(*r.layer) : -1;
  out.readable = r.rms.has_value();
  out.name = r.name.c_str();
  out.cls = r.cls.c_str();
  out.type = r.type.c_str();
  out.suspicions = suspicions.c_str();
  out.source = r.source.c_str();
  out.rms = r.rms.value_or(0);
  if (r.stats) {
    out.min = static_cast<double>(r.stats->min);
    out.max = static_cast<double>(r.stats->max);
    out.n_values = r.stats->n;
    out.n_nan = r.stats->n_nan;
    out.n_inf = r.stats->n_inf;
    out.n_zero = r.stats->n_zero;
  }
  if (r.expected) {
    out.expected_min = r.expected->min;
    out.expected_max = r.expected->max;
  }
  out.share_minus = r.share_minus;
  out.share_zero = r.share_zero;
  out.share_plus = r.share_plus;
  out.scale_min = static_cast<double>(r.scale_min);
  out.scale_max = static_cast<double>(r.scale_max);
  return out;
}

bitnet_status_t CheckSwitches(const bitnet_inspect_options_t& o) {
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_inspect_options_t is not 0");
  if (o.weights > 1) return InvalidArgument(core::Cat("weights is ", o.weights, ", expected 0 or 1"), "weights");
  if (o.no_gate > 1) return InvalidArgument(core::Cat("no_gate is ", o.no_gate, ", expected 0 or 1"), "no_gate");
  return CheckSha256(o.sha256);
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_inspect(const bitnet_file_t* file, const bitnet_inspect_options_t* options,
                               bitnet_inspection_t** out_inspection) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_inspection == nullptr) return InvalidArgument("out_inspection is NULL");
    *out_inspection = nullptr;
    if (file == nullptr) return InvalidArgument("file is NULL");
    bitnet_inspect_options_t o;
    BN_TRY(ReadOptions(options, &o));
    BN_TRY(CheckSwitches(o));
    const policy::ModelIdentity identity = IdentityOf(*file, o.sha256);
    policy::InspectOptions inspect;
    inspect.weights = o.weights != 0;
    inspect.gate = o.no_gate == 0;
    std::vector<policy::Ruleset> rulesets;
    if (o.rules != nullptr) {
      auto parsed = policy::ParseRulesets(o.rules);
      if (!parsed.ok()) return Fail(parsed.status());
      rulesets = *std::move(parsed);
      const auto rules = policy::SelectRules(rulesets, identity);
      if (!rules.ok()) return Fail(rules.status());
      inspect.rules = *rules;
    }
    auto out = std::make_unique<bitnet_inspection_t>();
    out->inspection = policy::Inspect(*file->gguf, identity, inspect);
    out->advice = policy::AdviceFor(out->inspection);
    out->n_layers = policy::CountLayers(*file->gguf);
    for (const policy::TensorReport& r : out->inspection.tensors) {
      std::string& joined = out->suspicions.emplace_back();
      for (const std::string& s : r.suspicions) joined += core::Cat(joined.empty() ? "" : "; ", s);
    }
    *out_inspection = out.release();
    return BITNET_OK;
  });
}

void bitnet_inspection_free(bitnet_inspection_t* inspection) noexcept { delete inspection; }

bitnet_status_t bitnet_inspection_info(const bitnet_inspection_t* inspection,
                                       bitnet_inspection_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (inspection == nullptr) return InvalidArgument("inspection is NULL");
    BN_TRY(CheckOut(out_info));
    const policy::Inspection& i = inspection->inspection;
    bitnet_inspection_info_t info = BITNET_INSPECTION_INFO_INIT;
    info.n_layers = inspection->n_layers;
    info.n_tensors = i.tensors.size();
    info.n_suspicious = i.n_suspicious();
    info.sha256 = i.model.sha256.c_str();
    info.name = i.model.name.c_str();
    info.architecture = i.model.architecture.c_str();
    info.quantization = i.model.quantization.c_str();
    info.rules = i.rules.c_str();
    info.cause = inspection->advice.cause.c_str();
    info.fix = inspection->advice.fix.c_str();
    info.temporary = inspection->advice.temporary.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_inspection_tensor(const bitnet_inspection_t* inspection, size_t index,
                                         bitnet_tensor_report_t* out_report) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (inspection == nullptr) return InvalidArgument("inspection is NULL");
    BN_TRY(CheckOut(out_report));
    const auto& tensors = inspection->inspection.tensors;
    if (index >= tensors.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no tensor number ", index, ", there are ", tensors.size()));
    }
    CopyOut(ReportOf(tensors[index], inspection->suspicions[index]), out_report);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_inspection_policy(const bitnet_inspection_t* inspection, char* buf, size_t capacity,
                                         size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (inspection == nullptr) return InvalidArgument("inspection is NULL");
    const auto text = policy::GeneratePolicy(inspection->inspection);
    if (!text.ok()) return Fail(text.status());
    return PutText(*text, buf, capacity, needed);
  });
}

bitnet_status_t bitnet_inspection_json(const bitnet_inspection_t* inspection, char* buf, size_t capacity,
                                       size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (inspection == nullptr) return InvalidArgument("inspection is NULL");
    return PutText(policy::InspectionJson(inspection->inspection), buf, capacity, needed);
  });
}

}  // extern "C"
