#include "capi/load_audit.h"

#include <chrono>
#include <cstring>

#include "capi/identity.h"
#include "core/base/sha256.h"

namespace bitnet::capi {

namespace {

using core::Cat;
using core::Code;
using core::Quoted;
using core::Status;

Status Refused(std::string message, std::string what) {
  return Status(Code::kPolicyRefused, std::move(message), std::move(what));
}

// Policies and rules speak of the tensors of GGUF files.
bool IsGguf(std::span<const std::byte> bytes) {
  constexpr std::string_view kMagic = "GGUF";
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Status CheckNoSuspects(const core::Gguf& file) {
  const policy::Inspection inspection = policy::Inspect(file, policy::IdentityOf(file, ""), {});
  for (const policy::TensorReport& r : inspection.tensors) {
    if (!r.suspicious()) continue;
    return Refused(Cat("strict mode: tensor ", Quoted(r.name), " is suspicious: ", r.suspicions[0],
                       "; inspect the file, or load it without strict"),
                   r.name);
  }
  return {};
}

}  // namespace

Status CheckPermission(const bitnet_model_options_t& o) {
  if (o.strict != 0 && o.policy != nullptr) {
    return Refused("strict mode refuses every correction policy: regenerate the file, or load without strict",
                   "strict");
  }
  if (o.strict != 0 && o.allow_suspicious_norms != 0) {
    return Refused("strict mode refuses suspicious norms: it cannot allow them", "strict");
  }
  if (o.policy != nullptr && o.allow_corrections == 0) {
    return Refused(
        "a correction policy was given without the permission to correct: allow corrections too, or load "
        "without the policy",
        "allow_corrections");
  }
  if (o.policy == nullptr && o.allow_corrections != 0) {
    return Refused("corrections are allowed, but no correction policy was given: name one, or do not allow them",
                   "policy");
  }
  return {};
}

Status NeedsGguf() {
  return Status(Code::kUnsupported,
                "correction policies and strict mode are for GGUF files, and this is another form of a model: load it "
                "without them",
                "policy");
}

bool NeedsPreparation(const bitnet_model_options_t& o) { return o.policy != nullptr || o.strict != 0; }

Status PrepareLoad(const bitnet_model_options_t& o, std::span<const std::byte> bytes, core::LoadSpec* spec,
                   LoadAudit* audit) {
  if (!IsGguf(bytes)) return NeedsGguf();
  BN_ASSIGN_OR_RETURN(const core::Gguf file, core::Gguf::Parse(bytes));
  if (o.strict != 0) BN_RETURN_IF_ERROR(CheckNoSuspects(file));
  if (o.policy == nullptr) return {};
  AppliedPolicy& applied = audit->applied.emplace();
  applied.source = o.policy->source;
  std::string sha256 = audit->known_sha256;
  if (sha256.empty() && policy::NeedsSha256(applied.source->file)) {
    sha256 = core::ToHex(core::Sha256Of(bytes.data(), bytes.size()));
  }
  const auto start = std::chrono::steady_clock::now();
  applied.plan = policy::MakePlan(applied.source->file, file, policy::IdentityOf(file, std::move(sha256)));
  applied.timestamp = Timestamp();
  applied.overhead_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  BN_RETURN_IF_ERROR(applied.plan.error);
  spec->corrections = applied.plan.result;
  switch (applied.plan.status) {
    case policy::PlanStatus::kNoMatch:
      spec->warn("no correction policy matches this model: nothing is corrected");
      break;
    case policy::PlanStatus::kNotNeeded:
      spec->warn("the correction policy matches, but the model does not need it: nothing is corrected");
      break;
    case policy::PlanStatus::kReady:
      spec->warn(Cat("the model is corrected while it is loaded (norms: ", applied.plan.result.norm_scales.size(),
                     ", attention layers: ", applied.plan.result.attention_scales.size(),
                     "): a temporary workaround, regenerate the file"));
      break;
    case policy::PlanStatus::kInvalid: break;
  }
  return {};
}

}  // namespace bitnet::capi
