// The fields of a receipt, named once: the writer, the reader and the schema's test walk this list.
//
// An archive has Required(key, value) and Optional(key, std::optional). R is Receipt or const Receipt, and so on.
// 64-bit integers travel as decimal strings: RFC 8785 knows binary64 only.
#ifndef BITNET_RECEIPTS_FIELDS_H_
#define BITNET_RECEIPTS_FIELDS_H_

#include <concepts>
#include <type_traits>

#include "receipts/record.h"

namespace bitnet::receipts {

template <typename R, typename T>
concept Is = std::same_as<std::remove_const_t<R>, T>;

template <typename Archive, Is<Library> R>
void Fields(Archive& a, R& r) {
  a.Required("version", r.version);
  a.Required("commit", r.commit);
  a.Required("compiler", r.compiler);
}

template <typename Archive, Is<Gpu> R>
void Fields(Archive& a, R& r) {
  a.Required("name", r.name);
  a.Required("capability", r.capability);
  a.Required("driver", r.driver);
  a.Required("n_layers", r.n_layers);
}

template <typename Archive, Is<Backend> R>
void Fields(Archive& a, R& r) {
  a.Required("device", r.device);
  a.Required("target", r.target);
  a.Required("threads", r.threads);
  a.Required("requested", r.requested);
  a.Required("detected", r.detected);
  a.Optional("fallback_reason", r.fallback_reason);
  a.Optional("requested_device", r.requested_device);
  a.Optional("gpus", r.gpus);
}

template <typename Archive, Is<Kernel> R>
void Fields(Archive& a, R& r) {
  a.Required("id", r.id);
  a.Required("calls", r.calls);
}

template <typename Archive, Is<Environment> R>
void Fields(Archive& a, R& r) {
  a.Required("os", r.os);
  a.Required("arch", r.arch);
  a.Required("cpu", r.cpu);
  a.Required("wsl", r.wsl);
  a.Required("ci", r.ci);
  a.Required("variables", r.variables);
}

template <typename Archive, Is<Shape> R>
void Fields(Archive& a, R& r) {
  a.Required("n_layers", r.n_layers);
  a.Required("n_vocab", r.n_vocab);
  a.Required("norms", r.norms);
  a.Required("ternary", r.ternary);
  a.Required("ternary_blocks", r.ternary_blocks);
  a.Required("ternary_inputs", r.ternary_inputs);
  a.Required("dense", r.dense);
  a.Required("block", r.block);
  a.Required("block_inputs", r.block_inputs);
  a.Required("biases", r.biases);
  a.Required("head", r.head);
}

template <typename Archive, Is<LoadOptions> R>
void Fields(Archive& a, R& r) {
  a.Required("i2s_arm_layout", r.i2s_arm_layout);
  a.Required("allow_suspicious_norms", r.allow_suspicious_norms);
  a.Required("allow_dense_linears", r.allow_dense_linears);
  a.Required("pre", r.pre);
  a.Required("tokenizer_replaced", r.tokenizer_replaced);
}

template <typename Archive, Is<Model> R>
void Fields(Archive& a, R& r) {
  a.Required("path", r.path);
  a.Required("fingerprint", r.fingerprint);
  a.Required("fingerprint_origin", r.fingerprint_origin);
  a.Required("size_bytes", r.size_bytes);
  a.Required("architecture", r.architecture);
  a.Required("name", r.name);
  a.Required("quantization", r.quantization);
  a.Required("n_params", r.n_params);
  a.Required("ternary_sha256", r.ternary_sha256);
  a.Required("ternary_scales_sha256", r.ternary_scales_sha256);
  a.Required("tokenizer_sha256", r.tokenizer_sha256);
  a.Required("shape", r.shape);
  a.Required("load", r.load);
}

template <typename Archive, Is<Check> R>
void Fields(Archive& a, R& r) {
  a.Required("check", r.check);
  a.Required("expected", r.expected);
  a.Required("actual", r.actual);
  a.Required("status", r.status);
}

template <typename Archive, Is<Validation> R>
void Fields(Archive& a, R& r) {
  a.Required("precondition", r.precondition);
  a.Required("postcondition", r.postcondition);
}

template <typename Archive, Is<TensorChange> R>
void Fields(Archive& a, R& r) {
  a.Required("tensor", r.tensor);
  a.Required("rms_before", r.rms_before);
  a.Required("factor", r.factor);
  a.Required("rms_after", r.rms_after);
}

template <typename Archive, Is<Impact> R>
void Fields(Archive& a, R& r) {
  a.Required("layers_modified", r.layers_modified);
  a.Required("tensors", r.tensors);
  a.Required("factor_min", r.factor_min);
  a.Required("factor_max", r.factor_max);
  a.Required("overhead_ms", r.overhead_ms);
}

template <typename Archive, Is<Parameters> R>
void Fields(Archive& a, R& r) {
  a.Optional("target_rms", r.target_rms);
  a.Optional("tolerance", r.tolerance);
  a.Optional("scale_factor", r.scale_factor);
  a.Required("layers", r.layers);
}

template <typename Archive, Is<Applied> R>
void Fields(Archive& a, R& r) {
  a.Required("policy_name", r.policy_name);
  a.Required("correction_type", r.correction_type);
  a.Required("timestamp", r.timestamp);
  a.Required("parameters", r.parameters);
  a.Required("validation", r.validation);
  a.Required("impact", r.impact);
}

template <typename Archive, Is<Skipped> R>
void Fields(Archive& a, R& r) {
  a.Required("policy_name", r.policy_name);
  a.Required("correction_type", r.correction_type);
  a.Required("reason", r.reason);
}

template <typename Archive, Is<Corrections> R>
void Fields(Archive& a, R& r) {
  a.Required("policy_file", r.policy_file);
  a.Required("policy_version", r.policy_version);
  a.Required("policy_sha256", r.policy_sha256);
  a.Required("applied", r.applied);
  a.Required("skipped", r.skipped);
  a.Required("warnings", r.warnings);
}

template <typename Archive, Is<Sampler> R>
void Fields(Archive& a, R& r) {
  a.Required("temperature", r.temperature);
  a.Required("top_k", r.top_k);
  a.Required("top_p", r.top_p);
  a.Required("min_p", r.min_p);
  a.Required("repeat_penalty", r.repeat_penalty);
  a.Required("repeat_last_n", r.repeat_last_n);
}

template <typename Archive, Is<Options> R>
void Fields(Archive& a, R& r) {
  a.Required("sampler", r.sampler);
  a.Required("seed", r.seed);
  a.Required("kv_type", r.kv_type);
  a.Required("head", r.head);
  a.Required("n_ctx", r.n_ctx);
  a.Required("max_new_tokens", r.max_new_tokens);
  a.Required("ignore_eos", r.ignore_eos);
  a.Required("stop_ids", r.stop_ids);
  a.Required("stop_strings", r.stop_strings);
}

template <typename Archive, Is<Inference> R>
void Fields(Archive& a, R& r) {
  a.Optional("prompt", r.prompt);
  a.Required("prompt_sha256", r.prompt_sha256);
  a.Optional("prompt_tokens", r.prompt_tokens);
  a.Required("n_prompt_tokens", r.n_prompt_tokens);
  a.Required("cached_tokens", r.cached_tokens);
  a.Required("options", r.options);
  a.Optional("output", r.output);
  a.Required("output_sha256", r.output_sha256);
  a.Optional("output_tokens", r.output_tokens);
  a.Required("stop_reason", r.stop_reason);
  a.Required("tokens_generated", r.tokens_generated);
  a.Required("evaluated_tokens", r.evaluated_tokens);
  a.Required("head_survivors", r.head_survivors);
  a.Required("prompt_ms", r.prompt_ms);
  a.Required("generate_ms", r.generate_ms);
  a.Required("prompt_tokens_per_sec", r.prompt_tokens_per_sec);
  a.Required("tokens_per_sec", r.tokens_per_sec);
  a.Required("time_to_first_token_ms", r.time_to_first_token_ms);
  a.Required("load_ms", r.load_ms);
  a.Required("peak_rss_bytes", r.peak_rss_bytes);
}

template <typename Archive, Is<Receipt> R>
void Fields(Archive& a, R& r) {
  a.Required("receipt_version", r.receipt_version);
  a.Required("timestamp", r.timestamp);
  a.Required("library", r.library);
  a.Required("numerics", r.numerics);
  a.Required("compute_path", r.compute_path);
  a.Required("backend", r.backend);
  a.Required("kernels", r.kernels);
  a.Required("deterministic", r.deterministic);
  a.Required("environment", r.environment);
  a.Required("model", r.model);
  a.Optional("corrections", r.corrections);
  a.Required("inference", r.inference);
  a.Optional("logits_sha256", r.logits_sha256);
  a.Required("logits_prefixes", r.logits_prefixes);
  a.Required("receipt_sha256", r.receipt_sha256);
}

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_FIELDS_H_
