// Any bytes as a correction policy: an error with its place, or policies that can be planned for a model.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "policy/plan.h"
#include "policy/policy.h"
#include "policy/report.h"
#include "support/gguf_builder.h"

using bitnet::core::Code;
using bitnet::core::Gguf;
using bitnet::policy::Fingerprint;
using bitnet::policy::ModelIdentity;
using bitnet::policy::PlannedCorrection;
using bitnet::policy::PlanStatus;
using bitnet::test::BytesOf;
using bitnet::test::GgufBuilder;

namespace {

// Three layers of norms, one of which is too large, one too small, one not finite.
std::string ModelBytes() {
  GgufBuilder b;
  b.String("general.architecture", "bitnet-b1.58").String("general.name", "small");
  b.Strings("tokenizer.ggml.tokens", {"a", "b", "c", "d"});
  const float factors[] = {1.0f, 64.0f, 0.001f};
  for (int layer = 0; layer < 3; ++layer) {
    for (const char* cls : {"attn_norm", "ffn_norm", "attn_sub_norm"}) {
      std::vector<float> gamma(32, factors[layer]);
      if (layer == 2 && cls[0] == 'f') gamma[3] = NAN;
      b.Add({"blk." + std::to_string(layer) + "." + cls + ".weight", {32}, 0, BytesOf(gamma)});
    }
  }
  b.Add({"output_norm.weight", {32}, 0, BytesOf(std::vector<float>(32, 1.0f))});
  return b.Build();
}

void Require(bool condition) {
  if (!condition) std::abort();
}

// What a plan promises, whatever the policy says.
void CheckCorrection(const PlannedCorrection& c) {
  if (c.status != PlanStatus::kReady) Require(!c.reason.empty());
  for (const auto& change : c.changes) {
    if (c.status != PlanStatus::kReady) continue;
    Require(std::isfinite(change.factor) && change.factor > 0);
    Require(change.rms_after >= c.in_range.min && change.rms_after <= c.in_range.max);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string bytes = ModelBytes();
  static const Gguf model = *Gguf::Parse(std::as_bytes(std::span(bytes)));
  static const ModelIdentity identity = bitnet::policy::IdentityOf(model, std::string(64, 'a'));

  const auto file = bitnet::policy::ParsePolicy({reinterpret_cast<const char*>(data), size});
  if (!file.ok()) {
    const std::string_view message = file.status().message();
    Require(file.status().code() == Code::kPolicyInvalid);
    Require(message.starts_with("line ") && message.find(", column ") != std::string_view::npos);
    Require(message.find('\n') == std::string_view::npos);
    return 0;
  }
  Require(!file->policies.empty());
  const auto plan = bitnet::policy::MakePlan(*file, model, identity);
  Require((plan.status == PlanStatus::kReady || plan.status == PlanStatus::kInvalid) || plan.result.empty());
  Require((plan.status == PlanStatus::kInvalid) == !plan.error.ok());
  for (const PlannedCorrection& c : plan.corrections) CheckCorrection(c);
  bitnet::policy::ValidationJson(*file, &identity, &plan);

  // The same for a policy that is made to match, so that planning is reached from any fingerprint.
  auto forced = *file;
  Fingerprint any;
  any.type = Fingerprint::Type::kMetadata;
  any.architecture = identity.architecture;
  for (auto& policy : forced.policies) policy.fingerprint = any;
  const auto forced_plan = bitnet::policy::MakePlan(forced, model, identity);
  Require(forced_plan.status != PlanStatus::kNoMatch);
  for (const PlannedCorrection& c : forced_plan.corrections) CheckCorrection(c);
  return 0;
}
