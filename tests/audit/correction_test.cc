// Corrections from the file to the receipt, through the public interface.
#include <cmath>

#include "audit/support.h"
#include "core/base/json_reader.h"

namespace bitnet::test {
namespace {

BadModel Good() { return BadModel(BITNET_TINY_MODEL); }

Policy GeneratedFor(const std::string& path) {
  const File file = Must(File::open(path));
  return Must(Policy::parse(Must(Must(Inspection::of(file)).policy()), "generated.yaml"));
}

TEST_CASE("A policy and the permission belong together, strict refuses both", "[corrections]") {
  const Engine engine = MakeEngine();
  const std::string path = Write(Good().ScaleNorms(OfClass("attn_norm"), 64), "scaled.gguf");
  const Policy policy = GeneratedFor(path);
  const auto load = [&](const bitnet_policy_t* p, uint32_t allow, uint32_t strict) {
    ModelOptions options;
    options.policy = p;
    options.allow_corrections = allow;
    options.strict = strict;
    const auto model = Model::load(engine, path, options);
    return model ? BITNET_OK : model.error().status();
  };
  CHECK(load(nullptr, 0, 0) == BITNET_OK);  // raw, on the user's own account
  CHECK(load(policy.capi(), 0, 0) == BITNET_E_POLICY_REFUSED);
  CHECK(load(nullptr, 1, 0) == BITNET_E_POLICY_REFUSED);
  CHECK(load(policy.capi(), 1, 1) == BITNET_E_POLICY_REFUSED);
  CHECK(load(nullptr, 0, 1) == BITNET_E_POLICY_REFUSED);  // its norms are suspicious
  CHECK(load(policy.capi(), 1, 0) == BITNET_OK);
  ModelOptions strict;
  strict.strict = 1;
  CHECK(Model::load(engine, BITNET_TINY_MODEL, strict).has_value());
}

TEST_CASE("A corrected run is on the record, rejected without permission, and replays from its receipt alone",
          "[corrections]") {
  const Engine engine = MakeEngine();
  const std::string path = Write(Good().ScaleNorms(Named("blk.3.attn_sub_norm.weight"), 64), "one.gguf");
  const Policy policy = GeneratedFor(path);
  ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;
  const Model corrected = Must(Model::load(engine, path, options));
  CHECK(corrected.info().corrected == 1);
  const std::string text = ReceiptOf(corrected);
  const Verification refused = Must(Verification::verify(text));
  CHECK_FALSE(refused.accepted());
  CHECK(refused.problems()[0].field == std::string("corrections"));
  VerifyOptions allow;
  allow.allow_corrections = 1;
  const Verification allowed = Must(Verification::verify(text, allow));
  INFO(ProblemsOf(allowed) << text);
  CHECK(allowed.accepted());

  const auto json = core::ParseJson(text);
  const core::JsonValue& applied = json->Find("corrections")->Find("applied")->array.at(0);
  const core::JsonValue& change = applied.Find("impact")->Find("tensors")->array.at(0);
  CHECK(change.Find("tensor")->string == "blk.3.attn_sub_norm.weight");
  const double target = applied.Find("parameters")->Find("target_rms")->number;
  CHECK(change.Find("factor")->number ==
        static_cast<double>(static_cast<float>(target / change.Find("rms_before")->number)));
  CHECK(json->Find("corrections")->Find("warnings")->array.size() >= 3);

  const Model raw = Must(Model::load(engine, path));
  for (const Model* model : {&corrected, &raw}) {
    const Verification replay = Must(Verification::replay(text, *model));
    INFO(ProblemsOf(replay));
    CHECK(replay.accepted());
  }
}

TEST_CASE("A correction that misses its postcondition leaves no model, one that is not needed is on the record",
          "[corrections]") {
  const Engine engine = MakeEngine();
  const auto options_for = [](const Policy& policy) {
    ModelOptions options;
    options.policy = policy.capi();
    options.allow_corrections = 1;
    return options;
  };
  const auto policy_with = [](const std::string& conditions) {
    return Must(
        Policy::parse("version: 1\npolicies:\n- name: p\n  fingerprint: {type: metadata, architecture: bitnet-b1.58}\n"
                      "  corrections:\n  - type: layernorm_scale\n"
                      "    parameters: {target_rms: 1, layers: [3], tensors: [attn_sub_norm]}\n" +
                      conditions));
  };
  const std::string path = Write(Good().ScaleNorms(Named("blk.3.attn_sub_norm.weight"), 64), "post.gguf");
  const Policy misses = policy_with("    postconditions: [{rms_in_range: [0.99999999999, 1.00000000001]}]\n");
  bitnet_model_t* model = reinterpret_cast<bitnet_model_t*>(1);
  const ModelOptions options = options_for(misses);
  CHECK(bitnet_model_load(engine.capi(), path.c_str(), &options, &model) == BITNET_E_POLICY_POSTCONDITION);
  CHECK(model == nullptr);
  const std::string message = bitnet_last_error_message();
  INFO(message);
  for (const char* part : {"blk.3.attn_sub_norm.weight", "0.99999999999", "1.00000000001"}) {
    CHECK(message.find(part) != std::string::npos);
  }

  const Policy not_needed = policy_with("    preconditions: [{rms_out_of_range: [0.5, 100]}]\n");
  const Model raw = Must(Model::load(engine, path, options_for(not_needed)));
  CHECK(raw.info().corrected == 0);
  const auto json = core::ParseJson(ReceiptOf(raw));
  CHECK(json->Find("corrections")->Find("applied")->array.empty());
  const core::JsonValue& skipped = json->Find("corrections")->Find("skipped")->array.at(0);
  CHECK(skipped.Find("reason")->string.find("precondition does not hold: rms 62.87") == 0);
}

TEST_CASE("A run on the raw model and one on the corrected differ, and the receipts say why", "[corrections]") {
  const Engine engine = MakeEngine();
  const std::string path = Write(Good().ScaleNorms(OfClass("attn_sub_norm"), 4096), "raw.gguf");
  const Policy policy = GeneratedFor(path);
  ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;
  const std::string raw = ReceiptOf(Must(Model::load(engine, path)));
  const std::string corrected = ReceiptOf(Must(Model::load(engine, path, options)));
  const bitnet_comparison_t c = Must(compare_runs(raw, corrected));
  CHECK(c.token_agreement < 0.5);
  CHECK(c.n_correction_differences == 2);
  CHECK(c.n_model_differences == 0);
}

// Training multiplied the scores by 2, a power of two, and the query projection holds the inverse: with the factor the
// logits are the good model's, bit for bit.
TEST_CASE("attention_scale multiplies the softmax scale, and a replay reproduces it", "[corrections]") {
  const Engine engine = MakeEngine();
  const std::string path = Write(Good().TrainAttentionWith(2), "attention.gguf");
  const Policy policy = Must(Policy::parse(
      "version: 1\npolicies:\n- name: scores\n  fingerprint: {type: metadata, architecture: bitnet-b1.58}\n"
      "  corrections: [{type: attention_scale, parameters: {scale_factor: 2, apply_to: all_layers}}]\n"));
  ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;
  const Model corrected = Must(Model::load(engine, path, options));
  const std::string text = ReceiptOf(corrected);
  const std::string good = ReceiptOf(Must(Model::load(engine, BITNET_TINY_MODEL)));
  const std::string bad = ReceiptOf(Must(Model::load(engine, path)));
  const auto digest = [](const std::string& receipt) {
    return core::ParseJson(receipt)->Find("logits_sha256")->string;
  };
  CHECK(digest(text) == digest(good));
  CHECK(digest(bad) != digest(good));
  VerifyOptions allow;
  allow.allow_corrections = 1;
  const Verification v = Must(Verification::verify(text, allow));
  INFO(ProblemsOf(v));
  CHECK(v.accepted());
  CHECK(Must(Verification::replay(text, Must(Model::load(engine, path)))).accepted());
}

TEST_CASE("A policy that does not match changes nothing and is recorded", "[corrections]") {
  const Engine engine = MakeEngine();
  const Policy policy = Must(
      Policy::parse("version: 1\npolicies:\n- name: other\n  fingerprint: {type: metadata, architecture: llama}\n"
                    "  corrections: [{type: attention_scale, parameters: {scale_factor: 2, apply_to: all_layers}}]\n"));
  ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL, options));
  CHECK(model.info().corrected == 0);
  const std::string text = ReceiptOf(model);
  const auto json = core::ParseJson(text);
  CHECK(json->Find("corrections")->Find("applied")->array.empty());
  CHECK(json->Find("corrections")->Find("warnings")->array.back().string.find("no policy matches") == 0);
  CHECK(Must(Verification::verify(text)).accepted());
}

TEST_CASE("Validation says ready, not needed, no match or invalid", "[corrections]") {
  const auto verdict = [](const std::string& path, const char* corrections, const char* architecture) {
    const File file = Must(File::open(path));
    const Policy policy =
        Must(Policy::parse(std::string("version: 1\npolicies:\n- name: p\n  fingerprint: {type: metadata, "
                                       "architecture: ") +
                           architecture + "}\n  corrections: [" + corrections + "]\n"));
    const Validation v = Must(policy.validate(file));
    CHECK(core::ParseJson(Must(v.json())).ok());
    return v.info().verdict;
  };
  const char* fix =
      "{type: layernorm_scale, parameters: {target_rms: 1, layers: all, tensors: [attn_norm]}, "
      "preconditions: [{rms_out_of_range: [0.5, 2]}]}";
  const std::string bad = Write(Good().ScaleNorms(OfClass("attn_norm"), 64), "validate.gguf");
  CHECK(verdict(bad, fix, "bitnet-b1.58") == BITNET_POLICY_READY);
  CHECK(verdict(BITNET_TINY_MODEL, fix, "bitnet-b1.58") == BITNET_POLICY_NOT_NEEDED);
  CHECK(verdict(bad, fix, "llama") == BITNET_POLICY_NO_MATCH);
  CHECK(verdict(bad, "{type: layernorm_scale, parameters: {target_rms: 1, layers: [99]}}", "bitnet-b1.58") ==
        BITNET_POLICY_INVALID);
}

// A power of two that a converter multiplied by is taken out exactly (src/policy/bf16_grid.h): the repaired model draws
// what the good one draws, however long. Other factors come out but for a rounding, and draws part at a near tie.
TEST_CASE("Under its generated policy a model scaled by a power of two is the good one", "[corrections]") {
  const Engine engine = MakeEngine();
  Run run;
  run.prompt = "Once upon a time";
  run.n = 240;
  const std::string good = ReceiptOf(Must(Model::load(engine, BITNET_TINY_MODEL)), run);
  const auto agreement = [&](const BadModel& bad, const std::string& name) {
    const std::string path = Write(bad, name);
    const Policy policy = GeneratedFor(path);
    ModelOptions options;
    options.policy = policy.capi();
    options.allow_corrections = 1;
    const std::string corrected = ReceiptOf(Must(Model::load(engine, path, options)), run);
    return Must(compare_runs(corrected, good)).token_agreement;
  };
  for (const float factor : {64.0f, 1.0f / 32}) {
    INFO(factor);
    CHECK(agreement(Good().ScaleNorms(Named("blk.3.attn_sub_norm.weight"), factor), "long.gguf") == 1);
    CHECK(agreement(Good().ScaleNorms(Named("blk.0.attn_norm.weight"), factor), "long.gguf") == 1);
  }
}

TEST_CASE("A model whose norms are quantised loads under a policy that repairs all of them, and only then",
          "[corrections]") {
  const Engine engine = MakeEngine();
  const std::string path = Write(Good().QuantiseNorms(AnyNorm, core::QuantType::kQ8_0), "quantised.gguf");
  CHECK(Model::load(engine, path).error().status() == BITNET_E_BAD_FORMAT);
  const Policy policy = GeneratedFor(path);
  ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;
  const std::string text = ReceiptOf(Must(Model::load(engine, path, options)));
  VerifyOptions allow;
  allow.allow_corrections = 1;
  const Verification v = Must(Verification::verify(text, allow));
  INFO(ProblemsOf(v));
  CHECK(v.accepted());
}

}  // namespace
}  // namespace bitnet::test
