// A receipt that holds together, for tests to damage.
#ifndef BITNET_TESTS_UNIT_RECEIPTS_SAMPLE_H_
#define BITNET_TESTS_UNIT_RECEIPTS_SAMPLE_H_

#include "core/base/text.h"
#include "receipts/kernel_counts.h"
#include "receipts/record.h"
#include "receipts/verify.h"
#include "receipts/writer.h"

namespace bitnet::receipts {

inline KernelRegistry SampleRegistry() {
  return {{"AVX2", "CUDA", "NEON", "portable"},
          {"embed", "rms_norm", "quantise_row", "ternary_gemv", "ternary_gemm", "ternary_blocks", "dense",
           "quantise_blocks", "block_product", "rope", "cache_store", "attention", "gate", "add", "select_top",
           "head_shortcut"}};
}

// Kernel counts as the graph would have made them, all ternary rows by ternary_gemv.
inline void FillKernels(Receipt& r) {
  r.kernels.clear();
  for (const ExpectedRows& e : ExpectedKernelRows(r.model.shape, r.inference)) {
    if (e.rows > 0) r.kernels.push_back({core::Cat(r.backend.target, ".", e.operations[0]), e.rows});
  }
  r.compute_path = ComputePath(r.kernels);
}

inline Receipt SampleReceipt() {
  const std::string hex(64, 'a');
  Receipt r;
  r.timestamp = "2026-02-28T23:59:59Z";
  r.library = {"0.1.0", "0123456", "gcc 12.2"};
  r.backend = {"cpu", "AVX2", 2, "AVX2", {"AVX2", "portable"}, std::nullopt, std::nullopt, std::nullopt};
  r.environment = {"Linux", "x86_64", "a cpu", false, false, {{"BITNET_SEED", "7"}}};
  r.model.path = "tiny.gguf";
  r.model.fingerprint = "sha256:" + hex;
  r.model.fingerprint_origin = "computed";
  r.model.size_bytes = 123456;
  r.model.architecture = "bitnet-b1.58";
  r.model.name = "tiny";
  r.model.quantization = "I2_S";
  r.model.n_params = 654321;
  r.model.ternary_sha256 = hex;
  r.model.ternary_scales_sha256 = hex;
  r.model.tokenizer_sha256 = hex;
  r.model.shape = {4, 512, 16, 28, 0, 16, 0, 0, 0, 0, "dense"};
  Inference& f = r.inference;
  f.prompt = "hello";
  f.prompt_sha256 = TextSha256(*f.prompt);
  f.prompt_tokens = {1, 2, 3, 4, 5};
  f.n_prompt_tokens = 5;
  f.options.sampler.temperature = 0.8f;
  f.options.seed = 18446744073709551615u;
  f.options.kv_type = "f16";
  f.options.head = "full";
  f.options.n_ctx = 256;
  f.options.max_new_tokens = 3;
  f.options.stop_ids = {7};
  f.options.stop_strings = {"\n\n"};
  f.output = " world";
  f.output_sha256 = TextSha256(*f.output);
  f.output_tokens = {6, 8, 9};
  f.tokens_generated = 3;
  f.evaluated_tokens = 7;
  f.stop_reason = "length";
  f.prompt_ms = 10;
  f.prompt_tokens_per_sec = 500;
  f.generate_ms = 6;
  f.tokens_per_sec = 500;
  f.time_to_first_token_ms = 12;
  f.load_ms = 3;
  f.peak_rss_bytes = 1 << 20;
  r.logits_sha256 = hex;
  r.logits_prefixes = {1, 2, 0xAAAAAAAA};
  FillKernels(r);
  return r;
}

inline Receipt SampleCorrectedReceipt() {
  Receipt r = SampleReceipt();
  Applied a;
  a.policy_name = "fix";
  a.correction_type = "layernorm_scale";
  a.timestamp = r.timestamp;
  a.parameters.target_rms = 1.0;
  a.parameters.tolerance = 0.1;
  a.parameters.layers = {0};
  a.validation.precondition = {"rms_out_of_range", "[0.5, 2]", "[56, 56]", "passed"};
  a.validation.postcondition = {"rms_in_range", "[0.9, 1.1]", "[1, 1]", "passed"};
  const double factor = static_cast<float>(1.0 / 56.0);
  a.impact = {1, {{"blk.0.attn_norm.weight", 56.0, factor, 56.0 * factor}}, factor, factor, 0.1};
  r.corrections.emplace();
  r.corrections->policy_file = "p.yaml";
  r.corrections->policy_version = 1;
  r.corrections->policy_sha256 = std::string(64, 'b');
  r.corrections->applied = {a};
  r.corrections->skipped = {{"other", "attention_scale", "not needed"}};
  r.corrections->warnings = {"temporary workaround"};
  return r;
}

inline VerifyOptions SampleOptions() {
  VerifyOptions options;
  options.registry = SampleRegistry();
  options.allow_corrections = true;
  return options;
}

}  // namespace bitnet::receipts

#endif  // BITNET_TESTS_UNIT_RECEIPTS_SAMPLE_H_
