#include "policy/plan.h"

#include <cmath>

#include "core/base/json_reader.h"
#include "core/base/sha256.h"
#include "core/model/model.h"
#include "policy/report.h"
#include "support/bad_models.h"
#include "support/catch.h"

namespace bitnet::policy {
namespace {

using core::Cat;
using core::Code;
using test::BadModel;
using test::Named;
using test::OfClass;

constexpr std::string_view kHead = "version: 1\npolicies:\n";

std::string PolicyText(std::string_view name, std::string_view corrections,
                       std::string_view fingerprint = "{type: metadata, architecture: bitnet-b1.58}") {
  return Cat("- name: ", name, "\n  fingerprint: ", fingerprint, "\n  corrections: [", corrections, "]\n");
}

std::string Norms(std::string_view parameters, std::string_view rest = "") {
  return Cat("{type: layernorm_scale, parameters: {", parameters, "}", rest, "}");
}

BadModel Plain() { return BadModel(BITNET_TINY_MODEL); }

Plan PlanFor(const BadModel& model, std::string_view yaml) {
  const auto file = ParsePolicy(yaml);
  INFO(yaml << file.status().message());
  REQUIRE(file.ok());
  const auto gguf = core::Gguf::Parse(model.bytes());
  REQUIRE(gguf.ok());
  return MakePlan(*file, *gguf,
                  IdentityOf(*gguf, core::ToHex(core::Sha256Of(model.bytes().data(), model.bytes().size()))));
}

core::Result<std::shared_ptr<const core::Model>> Load(const BadModel& model, const core::Corrections& corrections) {
  auto pool = core::ThreadPool::Create(1);
  REQUIRE(pool.ok());
  core::LoadSpec spec;
  spec.corrections = corrections;
  spec.mode = core::LoadMode::kCopy;
  return core::Model::LoadMemory(model.bytes(), spec, **pool, core::DefaultAllocator());
}

TEST_CASE("A factor is the target over the RMS, rounded once, and undoes the damage", "[policy][plan]") {
  const BadModel bad = Plain().ScaleNorms(Named("blk.3.attn_norm.weight"), 64);
  const Plan plan =
      PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 0.93, layers: [3], tensors: [attn_norm]"))));
  REQUIRE(plan.status == PlanStatus::kReady);
  REQUIRE(plan.corrections[0].changes.size() == 1);
  const TensorChange& t = plan.corrections[0].changes[0];
  CHECK(t.tensor == "blk.3.attn_norm.weight");
  CHECK(t.factor == static_cast<float>(0.93 / t.rms_before));
  CHECK(t.rms_after == Approx(0.93).epsilon(1e-6));
  CHECK(plan.corrections[0].layers_modified() == 1);
  const auto model = Load(bad, plan.result);
  INFO(model.status().message());
  REQUIRE(model.ok());
  CHECK((*model)->corrected());
  const float* gamma = (*model)->weights().layers[3].attn_norm;
  CHECK(core::RootMeanSquare({gamma, 256}) == t.rms_after);
}

TEST_CASE("A precondition that does not hold is recorded and nothing is changed", "[policy][plan]") {
  const Plan plan =
      PlanFor(Plain(), Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: all",
                                                        ", preconditions: [{rms_out_of_range: [0.5, 2]}]"))));
  CHECK(plan.status == PlanStatus::kNotNeeded);
  CHECK(plan.corrections[0].status == PlanStatus::kNotNeeded);
  CHECK(plan.corrections[0].reason.starts_with("precondition does not hold: rms 0.85"));
  CHECK(plan.result.empty());
  CHECK(plan.error.ok());
}

TEST_CASE("Only the norms that fail the precondition are changed", "[policy][plan]") {
  const BadModel bad = Plain().ScaleNorms(OfClass("ffn_norm"), 100);
  const std::string rest = ", preconditions: [{rms_out_of_range: [0.5, 2]}]";
  const Plan all = PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: all", rest))));
  REQUIRE(all.status == PlanStatus::kReady);
  CHECK(all.result.norm_scales.size() == 6);
  const Plan two = PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: [1, 4]", rest))));
  REQUIRE(two.result.norm_scales.size() == 2);
  CHECK(two.result.norm_scales[1].tensor == "blk.4.ffn_norm.weight");
}

TEST_CASE("Corrections of a policy are planned in order, each on what the last left", "[policy][plan]") {
  const Plan plan =
      PlanFor(Plain(), Cat(kHead, PolicyText("p", Cat(Norms("target_rms: 4, layers: [0], tensors: [attn_norm]"), ", ",
                                                      Norms("target_rms: 2, layers: [0], tensors: [attn_norm]")))));
  REQUIRE(plan.status == PlanStatus::kReady);
  REQUIRE(plan.result.norm_scales.size() == 2);
  CHECK(plan.corrections[1].changes[0].rms_before == plan.corrections[0].changes[0].rms_after);
  CHECK(plan.result.norm_scales[1].factor == Approx(0.5f));
  const auto model = Load(Plain(), plan.result);
  REQUIRE(model.ok());
  CHECK(core::RootMeanSquare({(*model)->weights().layers[0].attn_norm, 256}) ==
        plan.corrections[1].changes[0].rms_after);
}

TEST_CASE("A factor outside the clamp is an error, never clipped", "[policy][plan]") {
  const BadModel bad = Plain().ScaleNorms(Named("blk.3.attn_norm.weight"), 64);
  const Plan plan = PlanFor(
      bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: [3], tensors: [attn_norm], clamp: [0.1, 10]"))));
  CHECK(plan.status == PlanStatus::kInvalid);
  CHECK(plan.error.code() == Code::kPolicyInvalid);
  CHECK(plan.error.what() == "blk.3.attn_norm.weight");
  CHECK(plan.result.empty());
}

TEST_CASE("A postcondition that fails at load leaves no model, and names tensor, actual and expected",
          "[policy][plan]") {
  const BadModel bad = Plain().ScaleNorms(Named("blk.3.attn_norm.weight"), 64);
  Plan plan = PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 0.93, layers: [3], tensors: [attn_norm]"))));
  plan.result.norm_scales[0].factor *= 2;
  const auto model = Load(bad, plan.result);
  CHECK(model.status().code() == Code::kPolicyPostcondition);
  CHECK(model.status().what() == "blk.3.attn_norm.weight");
  const std::string message(model.status().message());
  INFO(message);
  CHECK(message.find("1.8") != std::string::npos);
  CHECK(message.find("1.03") != std::string::npos);
}

TEST_CASE("Layers and tensors that the model does not have are errors", "[policy][plan]") {
  const auto error = [](std::string_view parameters) {
    return PlanFor(Plain(), Cat(kHead, PolicyText("p", Norms(parameters)))).error;
  };
  CHECK(error("target_rms: 1, layers: [6]").what() == "layers");
  CHECK(error("target_rms: 5, layers: all, tensors: [attn_q]").what() == "attn_q");
  CHECK(error("target_rms: 5, layers: [0], tensors: [output_norm]").what() == "output_norm");
  CHECK(error("target_rms: 5, layers: all, tensors: [output_norm]").ok());
}

TEST_CASE("A norm that is not finite or all zero cannot be repaired", "[policy][plan]") {
  for (const BadModel& bad :
       {Plain().SetNormValue("blk.1.ffn_norm.weight", 7, NAN), Plain().ScaleNorms(Named("blk.1.ffn_norm.weight"), 0)}) {
    const Plan plan =
        PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: [1], tensors: [ffn_norm]"))));
    CHECK(plan.error.code() == Code::kPolicyInvalid);
    CHECK(plan.error.what() == "blk.1.ffn_norm.weight");
  }
}

TEST_CASE("A quantised norm needs its repair whatever its RMS is, and only then loads", "[policy][plan]") {
  for (const core::QuantType type : {core::QuantType::kQ8_0, core::QuantType::kQ4_0}) {
    const BadModel bad = Plain().QuantiseNorms(OfClass("attn_norm"), type);
    CHECK(Load(bad, {}).status().code() == Code::kBadFormat);
    const Plan part = PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: [0]"))));
    CHECK(part.status == PlanStatus::kReady);
    CHECK_FALSE(Load(bad, part.result).ok());  // five of the six are left
    const Plan plan =
        PlanFor(bad, Cat(kHead, PolicyText("p", Norms("target_rms: 1, layers: all, tensors: [attn_norm]"))));
    REQUIRE(plan.result.norm_scales.size() == 6);
    const auto model = Load(bad, plan.result);
    INFO(model.status().message());
    CHECK(model.ok());
  }
}

TEST_CASE("attention_scale reaches the layers that it names", "[policy][plan]") {
  const Plan plan = PlanFor(
      Plain(),
      Cat(kHead, PolicyText("p", "{type: attention_scale, parameters: {scale_factor: 1.5, apply_to: [1, 2]}}")));
  REQUIRE(plan.status == PlanStatus::kReady);
  const auto model = Load(Plain(), plan.result);
  REQUIRE(model.ok());
  CHECK((*model)->weights().layers[0].attention_scale == 1.0f);
  CHECK((*model)->weights().layers[1].attention_scale == 1.5f);
  CHECK((*model)->corrected());
}

TEST_CASE("Fingerprints match by digest, prefix, metadata and all of them together", "[policy][plan]") {
  const BadModel good = Plain();
  const std::string sha256 = core::ToHex(core::Sha256Of(good.bytes().data(), good.bytes().size()));
  const auto matches = [&](std::string_view fingerprint) {
    const std::string correction = "{type: attention_scale, parameters: {scale_factor: 2, apply_to: all_layers}}";
    return PlanFor(good, Cat(kHead, PolicyText("p", correction, fingerprint))).status != PlanStatus::kNoMatch;
  };
  const std::string full = Cat("{type: gguf_sha256, value: \"", sha256, "\"}");
  CHECK(matches(full));
  CHECK(matches(Cat("{type: gguf_sha256, value: \"", sha256.substr(0, 12), "...\"}")));
  CHECK_FALSE(matches("{type: gguf_sha256, value: \"000000000000\"}"));
  CHECK(matches("{type: metadata, architecture: bitnet-b1.58, quantization: I2_S, vocab_size: 1536}"));
  CHECK_FALSE(matches("{type: metadata, architecture: bitnet-b1.58, quantization: I2_S, vocab_size: 1535}"));
  CHECK_FALSE(matches("{type: metadata, model_name: another}"));
  CHECK(matches(Cat("{type: combined, criteria: [", full, ", {type: metadata, quantization: I2_S}]}")));
  CHECK_FALSE(matches(Cat("{type: combined, criteria: [", full, ", {type: metadata, quantization: F16}]}")));
}

TEST_CASE("No policy for this model is no error and no change", "[policy][plan]") {
  const Plan plan = PlanFor(Plain(), Cat(kHead, PolicyText("p", Norms("target_rms: 9, layers: all"),
                                                           "{type: metadata, architecture: llama}")));
  CHECK(plan.status == PlanStatus::kNoMatch);
  CHECK(plan.error.ok());
  CHECK(plan.result.empty());
}

TEST_CASE("Policies that change the same thing fight, others stand together", "[policy][plan]") {
  const auto both = [](std::string_view a, std::string_view b) {
    return PlanFor(Plain(), Cat(kHead, PolicyText("one", a), PolicyText("two", b)));
  };
  const std::string attention = "{type: attention_scale, parameters: {scale_factor: 2, apply_to: [0, 1]}}";
  const std::string other = "{type: attention_scale, parameters: {scale_factor: 2, apply_to: [2]}}";
  const std::string ffn = Norms("target_rms: 3, layers: all, tensors: [ffn_norm]");
  const Plan same = both(ffn, ffn);  // the second would find nothing left to do, and must still be seen
  CHECK(same.status == PlanStatus::kInvalid);
  CHECK(same.error.what() == "blk.0.ffn_norm.weight");
  CHECK(same.result.empty());
  CHECK(both(attention, attention).error.what() == "attention of layer 0");
  const Plan apart = both(ffn, attention);
  CHECK(apart.status == PlanStatus::kReady);
  CHECK(apart.result.norm_scales.size() == 6);
  CHECK(apart.result.attention_scales.size() == 2);
  CHECK(both(attention, other).status == PlanStatus::kReady);
}

TEST_CASE("The validation document has status, ranges and every change", "[policy][plan]") {
  const std::string yaml = Cat(kHead, PolicyText("p", Norms("target_rms: 3, layers: all, tensors: [ffn_norm]")));
  const auto file = ParsePolicy(yaml);
  const Plan plan = PlanFor(Plain(), yaml);
  ModelIdentity identity;
  identity.architecture = "bitnet-b1.58";
  const auto json = core::ParseJson(ValidationJson(*file, &identity, &plan));
  REQUIRE(json.ok());
  CHECK(json->Find("status")->string == "READY");
  CHECK(json->Find("policies")->array[0].Find("matches")->boolean);
  CHECK(json->Find("corrections")->array[0].Find("tensors")->array.size() == 6);
  CHECK(core::ParseJson(ValidationJson(*file, nullptr, nullptr)).ok());
}

}  // namespace
}  // namespace bitnet::policy
