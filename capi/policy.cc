#include <bitnet/policy.h>

#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "capi/audit_handles.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/identity.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/base/sha256.h"
#include "policy/report.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace policy = bitnet::policy;

namespace bitnet::capi {

bitnet_status_t CheckSha256(const char* sha256) {
  if (sha256 == nullptr) return BITNET_OK;
  const std::string_view text(sha256);
  if (text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos) return BITNET_OK;
  return InvalidArgument(core::Cat("sha256 is ", core::Quoted(text, 80), ", expected 64 lower-case hex digits"),
                         "sha256");
}

policy::ModelIdentity IdentityOf(const bitnet_file_t& file, const char* sha256) {
  if (sha256 != nullptr) return policy::IdentityOf(*file.gguf, sha256);
  const core::Digest digest =
      file.model != nullptr ? file.model->FileSha256() : core::Sha256Of(file.bytes.data(), file.bytes.size());
  return policy::IdentityOf(*file.gguf, core::ToHex(digest));
}

std::string Timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return std::string(text, n);
}

}  // namespace bitnet::capi

namespace {

static_assert(static_cast<uint32_t>(policy::PlanStatus::kReady) == BITNET_POLICY_READY);
static_assert(static_cast<uint32_t>(policy::PlanStatus::kNotNeeded) == BITNET_POLICY_NOT_NEEDED);
static_assert(static_cast<uint32_t>(policy::PlanStatus::kNoMatch) == BITNET_POLICY_NO_MATCH);
static_assert(static_cast<uint32_t>(policy::PlanStatus::kInvalid) == BITNET_POLICY_INVALID);

}  // namespace

extern "C" {

bitnet_status_t bitnet_policy_parse(const char* text, size_t n_bytes, const char* path,
                                    bitnet_policy_t** out_policy) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_policy == nullptr) return InvalidArgument("out_policy is NULL");
    *out_policy = nullptr;
    if (text == nullptr) return InvalidArgument("text is NULL");
    auto source = std::make_shared<PolicySource>();
    auto file = policy::ParsePolicy({text, n_bytes});
    if (!file.ok()) return Fail(file.status());
    source->file = *std::move(file);
    source->path = path != nullptr ? path : "";
    source->sha256 = core::ToHex(core::Sha256Of(text, n_bytes));
    *out_policy = new bitnet_policy_t{std::move(source)};
    return BITNET_OK;
  });
}

void bitnet_policy_free(bitnet_policy_t* policy) noexcept { delete policy; }

bitnet_status_t bitnet_policy_info(const bitnet_policy_t* policy, bitnet_policy_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (policy == nullptr) return InvalidArgument("policy is NULL");
    BN_TRY(CheckOut(out_info));
    bitnet_policy_info_t info = BITNET_POLICY_INFO_INIT;
    info.version = policy->source->file.version;
    info.n_policies = policy->source->file.policies.size();
    info.path = policy->source->path.c_str();
    info.sha256 = policy->source->sha256.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

const char* bitnet_policy_verdict_name(bitnet_policy_verdict_t verdict) noexcept {
  const std::string_view name = policy::PlanStatusName(static_cast<policy::PlanStatus>(verdict));
  return name.empty() ? "" : name.data();  // literals
}

bitnet_status_t bitnet_policy_validate(const bitnet_policy_t* policy, const bitnet_file_t* file, const char* sha256,
                                       bitnet_validation_t** out_validation) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_validation == nullptr) return InvalidArgument("out_validation is NULL");
    *out_validation = nullptr;
    if (policy == nullptr) return InvalidArgument("policy is NULL");
    BN_TRY(CheckSha256(sha256));
    auto validation = std::make_unique<bitnet_validation_t>();
    validation->source = policy->source;
    if (file == nullptr) {
      validation->plan.status = policy::PlanStatus::kReady;
    } else {
      validation->model = IdentityOf(*file, sha256);
      validation->plan = policy::MakePlan(policy->source->file, *file->gguf, *validation->model);
      validation->message = validation->plan.error.message();
    }
    *out_validation = validation.release();
    return BITNET_OK;
  });
}

void bitnet_validation_free(bitnet_validation_t* validation) noexcept { delete validation; }

bitnet_status_t bitnet_validation_info(const bitnet_validation_t* validation,
                                       bitnet_validation_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (validation == nullptr) return InvalidArgument("validation is NULL");
    BN_TRY(CheckOut(out_info));
    bitnet_validation_info_t info = BITNET_VALIDATION_INFO_INIT;
    info.verdict = static_cast<bitnet_policy_verdict_t>(validation->plan.status);
    info.n_corrections = validation->plan.corrections.size();
    info.fingerprint = validation->plan.fingerprint.c_str();
    info.sha256 = validation->model ? validation->model->sha256.c_str() : "";
    info.message = validation->message.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_validation_correction(const bitnet_validation_t* validation, size_t index,
                                             bitnet_correction_t* out_correction) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (validation == nullptr) return InvalidArgument("validation is NULL");
    BN_TRY(CheckOut(out_correction));
    const auto& list = validation->plan.corrections;
    if (index >= list.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no correction number ", index, ", there are ", list.size()));
    }
    const policy::PlannedCorrection& c = list[index];
    bitnet_correction_t out = BITNET_CORRECTION_INIT;
    out.verdict = static_cast<bitnet_policy_verdict_t>(c.status);
    out.policy = c.policy_name.c_str();
    out.type = policy::CorrectionTypeName(c.type).data();  // literals
    out.reason = c.reason.c_str();
    out.n_tensors = c.changes.size();
    out.n_layers = c.layers_modified();
    out.factor_min = static_cast<double>(c.factor_min());
    out.factor_max = static_cast<double>(c.factor_max());
    out.target_rms = c.target_rms;
    out.before_min = c.before.min;
    out.before_max = c.before.max;
    out.after_min = c.after.min;
    out.after_max = c.after.max;
    out.allowed_min = c.in_range.min;
    out.allowed_max = c.in_range.max;
    CopyOut(out, out_correction);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_validation_json(const bitnet_validation_t* validation, char* buf, size_t capacity,
                                       size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (validation == nullptr) return InvalidArgument("validation is NULL");
    const bool with_model = validation->model.has_value();
    return PutText(policy::ValidationJson(validation->source->file, with_model ? &*validation->model : nullptr,
                                          with_model ? &validation->plan : nullptr),
                   buf, capacity, needed);
  });
}

}  // extern "C"
