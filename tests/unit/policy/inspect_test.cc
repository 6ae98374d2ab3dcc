#include "policy/inspect.h"

#include <cmath>
#include <limits>

#include "core/base/json_reader.h"
#include "core/base/sha256.h"
#include "policy/plan.h"
#include "support/bad_models.h"
#include "support/catch.h"

namespace bitnet::policy {
namespace {

using test::AnyNorm;
using test::BadModel;
using test::Named;
using test::OfClass;

BadModel Good() { return BadModel(BITNET_TINY_MODEL); }

struct Inspected {
  core::Gguf file;
  ModelIdentity identity;
  Inspection inspection;
};

Inspected Look(const BadModel& model, InspectOptions options = {}) {
  Inspected out;
  auto gguf = core::Gguf::Parse(model.bytes());
  REQUIRE(gguf.ok());
  out.file = *std::move(gguf);
  out.identity = IdentityOf(out.file, core::ToHex(core::Sha256Of(model.bytes().data(), model.bytes().size())));
  out.inspection = Inspect(out.file, out.identity, options);
  return out;
}

std::vector<std::string> Suspects(const Inspection& inspection) {
  std::vector<std::string> names;
  for (const TensorReport& r : inspection.tensors) {
    if (r.suspicious()) names.push_back(r.name);
  }
  return names;
}

const TensorReport& Find(const Inspection& inspection, std::string_view name) {
  for (const TensorReport& r : inspection.tensors) {
    if (r.name == name) return r;
  }
  FAIL("no report for " << name);
  return inspection.tensors[0];
}

TEST_CASE("The good model raises no suspicion", "[policy][inspect]") {
  const Inspected i = Look(Good(), {.weights = true});
  CHECK(Suspects(i.inspection).empty());
  CHECK(i.inspection.tensors.size() == i.file.tensors().size());
  CHECK(i.identity.architecture == "bitnet-b1.58");
  CHECK(i.identity.quantization == "I2_S");
  CHECK(i.identity.vocab_size == 1536);
  const TensorReport& norm = Find(i.inspection, "blk.0.attn_norm.weight");
  CHECK(norm.stats->rms == Approx(0.9394).margin(5e-5));
  CHECK(norm.stats->min == Approx(0.6953).margin(5e-5));
  CHECK(norm.stats->max == Approx(1.1953).margin(5e-5));
  CHECK(norm.stats->n == 256);
  const TensorReport& q = Find(i.inspection, "blk.0.attn_q.weight");
  CHECK(q.kind == TensorReport::Kind::kTernary);
  CHECK(q.share_minus + q.share_zero + q.share_plus == Approx(1));
  CHECK(*q.rms == Approx(q.scale_min * std::sqrt(q.share_minus + q.share_plus)));
}

// The published 2B-4T file has such norms: calling them corrupt is the mistake this tool exists to prevent.
TEST_CASE("Small attention norms like those of the official model are accepted", "[policy][inspect]") {
  for (const float factor : {0.0105f, 0.0125f, 0.02f}) {
    const Inspected i = Look(Good().ScaleNorms(OfClass("attn_norm"), factor));
    const TensorReport& r = Find(i.inspection, "blk.0.attn_norm.weight");
    CHECK(r.stats->rms > 0.009);
    CHECK(r.stats->rms < 0.021);
    CHECK(Suspects(i.inspection).empty());
  }
}

TEST_CASE("Exactly the damaged norms are suspicious, and the generated policy repairs them", "[policy][inspect]") {
  const std::vector<std::pair<const char*, BadModel>> models = {
      {"one layer scaled up", Good().ScaleNorms(Named("blk.3.attn_norm.weight"), 56)},
      {"one layer scaled down", Good().ScaleNorms(Named("blk.2.ffn_sub_norm.weight"), 0.03125f)},
      {"a class scaled", Good().ScaleNorms(OfClass("attn_norm"), 56)},
      {"all scaled", Good().ScaleNorms(AnyNorm, 4096)},
      {"the last norm scaled", Good().ScaleNorms(Named("output_norm.weight"), 1000)},
      {"all as Q8_0", Good().QuantiseNorms(AnyNorm, core::QuantType::kQ8_0)},
      {"a class as Q4_0", Good().QuantiseNorms(OfClass("ffn_norm"), core::QuantType::kQ4_0)},
      {"one as Q4_0", Good().QuantiseNorms(Named("blk.5.attn_sub_norm.weight"), core::QuantType::kQ4_0)},
      {"scaled and quantised", [] {
         BadModel m = Good().ScaleNorms(OfClass("attn_sub_norm"), 512);
         return m.QuantiseNorms(OfClass("attn_sub_norm"), core::QuantType::kQ8_0);
       }()}};
  for (const auto& [what, model] : models) {
    INFO(what);
    const Inspected i = Look(model);
    std::vector<std::string> damaged = model.damaged();
    damaged.erase(std::unique(damaged.begin(), damaged.end()), damaged.end());
    if (std::string_view(what) == "scaled and quantised") damaged.resize(damaged.size() / 2);  // both steps name them
    CHECK(Suspects(i.inspection) == damaged);
    CHECK_FALSE(AdviceFor(i.inspection).cause.empty());

    const auto yaml = GeneratePolicy(i.inspection);
    INFO(yaml.status().message());
    REQUIRE(yaml.ok());
    const auto file = ParsePolicy(*yaml);
    INFO(*yaml << file.status().message());
    REQUIRE(file.ok());
    const Plan plan = MakePlan(*file, i.file, i.identity);
    INFO(plan.error.message());
    CHECK(plan.status == PlanStatus::kReady);
    CHECK(plan.fingerprint == "gguf_sha256");
    CHECK(plan.result.norm_scales.size() == damaged.size());
  }
}

TEST_CASE("A generated policy takes out the factor that a norm was multiplied by, not an estimate of it",
          "[policy][inspect]") {
  for (const float damage : {64.0f, 56.0f, 50.596443f, 0.03125f, 1.0f / 77}) {
    INFO(damage);
    for (const BadModel& model : {Good().ScaleNorms(Named("blk.3.attn_norm.weight"), damage),
                                  Good().ScaleNorms(Named("blk.1.ffn_sub_norm.weight"), damage)}) {
      const Inspected i = Look(model);
      const auto yaml = GeneratePolicy(i.inspection);
      REQUIRE(yaml.ok());
      CHECK(yaml->find("that factor is taken out") != std::string::npos);
      const auto file = ParsePolicy(*yaml);
      REQUIRE(file.ok());
      const Plan plan = MakePlan(*file, i.file, i.identity);
      REQUIRE(plan.result.norm_scales.size() == 1);
      const double product = static_cast<double>(plan.result.norm_scales[0].factor) * static_cast<double>(damage);
      CHECK(std::fabs(product - 1) < 0x1p-23);
    }
  }
}

TEST_CASE("A NaN, an infinity and an all-zero norm are suspicious and beyond any policy", "[policy][inspect]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const BadModel& model : {Good().SetNormValue("blk.1.ffn_norm.weight", 7, nan),
                                Good().SetNormValue("blk.1.ffn_norm.weight", 0, HUGE_VALF),
                                Good().ScaleNorms(Named("blk.1.ffn_norm.weight"), 0)}) {
    const Inspected i = Look(model);
    CHECK(Suspects(i.inspection) == std::vector<std::string>{"blk.1.ffn_norm.weight"});
    CHECK(AdviceFor(i.inspection).temporary.empty());
    const auto yaml = GeneratePolicy(i.inspection);
    CHECK(yaml.status().code() == core::Code::kPolicyInvalid);
    CHECK(yaml.status().what() == "blk.1.ffn_norm.weight");
  }
}

TEST_CASE("Without a gate there are statistics and no suspicion", "[policy][inspect]") {
  const Inspected i = Look(Good().ScaleNorms(AnyNorm, 4096), {.gate = false});
  CHECK(Suspects(i.inspection).empty());
  CHECK(Find(i.inspection, "output_norm.weight").stats->rms > 4000);
  CHECK_FALSE(GeneratePolicy(i.inspection).ok());
}

TEST_CASE("A ruleset replaces the built-in rules and may bound the projections", "[policy][inspect]") {
  const auto sets = ParseRulesets(
      "version: 1\nrules:\n  bitnet-b1.58:\n    norms: [{pattern: \"attn_norm\", min: 0.9, max: 1.1}]\n"
      "    proj_rms_max: 0.000001\n");
  REQUIRE(sets.ok());
  const Inspected i = Look(Good(), {.rules = &(*sets)[0]});
  const std::vector<std::string> suspects = Suspects(i.inspection);
  // blk.1.attn_norm has an RMS of 0.881; all 42 projections are above one millionth.
  CHECK(std::count(suspects.begin(), suspects.end(), "blk.1.attn_norm.weight") == 1);
  CHECK(std::count(suspects.begin(), suspects.end(), "blk.0.attn_q.weight") == 1);
  CHECK(suspects.size() == 1 + 42);
}

TEST_CASE("Training with another attention scale leaves no trace in the norms", "[policy][inspect]") {
  CHECK(Suspects(Look(Good().TrainAttentionWith(2)).inspection).empty());
}

TEST_CASE("The JSON form has the facts and the model's digest", "[policy][inspect]") {
  const Inspected i = Look(Good().ScaleNorms(Named("blk.3.attn_norm.weight"), 56));
  const auto json = core::ParseJson(InspectionJson(i.inspection));
  REQUIRE(json.ok());
  CHECK(json->Find("model")->Find("sha256")->string == i.identity.sha256);
  CHECK(json->Find("n_suspicious")->uinteger == 1);
  CHECK(json->Find("tensors")->array.size() == 25);
}

}  // namespace
}  // namespace bitnet::policy
