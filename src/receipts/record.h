// A receipt as plain values: what one run read, did and gave. Filled by the composition root (capi), serialised here.
// Every member is one field of receipt.schema.json; fields.h names them. Times are milliseconds, rates per second.
#ifndef BITNET_RECEIPTS_RECORD_H_
#define BITNET_RECEIPTS_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitnet::receipts {

inline constexpr char kReceiptVersion[] = "1.0";
inline constexpr char kNumerics[] = "bitnet-numerics/1";
// The table whose use makes compute_path "reference".
inline constexpr char kReferenceTable[] = "portable";
// The table of NVIDIA GPUs.
inline constexpr char kGpuTable[] = "CUDA";

struct Library {
  std::string version, commit, compiler;
};

// A GPU that took part.
struct Gpu {
  std::string name, capability, driver;
  uint32_t n_layers = 0;  // that it computed
};

struct Backend {
  std::string device;  // where layers were computed: "cpu", "cuda" or "hybrid"
  std::string target;  // kernel table that ran; of the CPU under "hybrid"
  uint32_t threads = 0;
  std::string requested;                        // "" = the best one
  std::vector<std::string> detected;            // tables that this machine can run, best first
  std::optional<std::string> fallback_reason;   // why `target` or `device` is not what was requested
  std::optional<std::string> requested_device;  // "auto", "cuda" or "hybrid"; absent: "cpu"
  std::optional<std::vector<Gpu>> gpus;         // present exactly where `device` is not "cpu"
};

struct Kernel {
  std::string id;      // TABLE.OPERATION
  uint64_t calls = 0;  // rows that it produced
};

struct Environment {
  std::string os, arch, cpu;
  bool wsl = false;
  bool ci = false;
  std::vector<std::pair<std::string, std::string>> variables;  // those that the host read
};

// What fixes the kernel counts of a model (kernel_counts.h), so that they can be checked without the model at hand.
// Numbers are totals over all layers; an input is a row that one or more matrices share.
struct Shape {
  uint32_t n_layers = 0;
  uint32_t n_vocab = 0;
  uint32_t norms = 0;
  uint32_t ternary = 0;         // matrices with one scale a tensor or row
  uint32_t ternary_blocks = 0;  // ternary matrices whose block scales differ
  uint32_t ternary_inputs = 0;
  uint32_t dense = 0;
  uint32_t block = 0;  // block-quantised matrices
  uint32_t block_inputs = 0;
  uint32_t biases = 0;
  std::string head;  // "dense" or "block": the kind of the output matrix
};

// Load options that change what the file means.
struct LoadOptions {
  bool i2s_arm_layout = false;
  bool allow_suspicious_norms = false;
  bool allow_dense_linears = false;
  std::string pre;  // "" = the file's
  bool tokenizer_replaced = false;
};

struct Model {
  std::string path;
  std::string fingerprint;         // "sha256:" and 64 hex digits
  std::string fingerprint_origin;  // "computed" or "cached"
  uint64_t size_bytes = 0;
  std::string architecture, name, quantization;
  uint64_t n_params = 0;
  std::string ternary_sha256;         // of all codes: equal in every form of a model
  std::string ternary_scales_sha256;  // of their scales
  std::string tokenizer_sha256;
  Shape shape;
  LoadOptions load;
};

struct Check {
  std::string check;     // "rms_out_of_range"
  std::string expected;  // "[0.5, 2]"
  std::string actual;    // "[56.3, 56.9]"
  std::string status;    // "passed"
};

// The numbers that a reader needs to redo the arithmetic of one tensor: factor = f32(target / rms_before).
struct TensorChange {
  std::string tensor;
  double rms_before = 0;
  double factor = 0;
  double rms_after = 0;
};

struct Impact {
  uint32_t layers_modified = 0;
  std::vector<TensorChange> tensors;
  double factor_min = 0, factor_max = 0;
  double overhead_ms = 0;
};

struct Validation {
  Check precondition, postcondition;
};

// Those of the correction's type; the other type's are absent.
struct Parameters {
  std::optional<double> target_rms, tolerance;  // layernorm_scale
  std::optional<double> scale_factor;           // attention_scale
  std::vector<uint32_t> layers;                 // all that were chosen
};

struct Applied {
  std::string policy_name, correction_type, timestamp;
  Parameters parameters;
  Validation validation;
  Impact impact;
};

struct Skipped {
  std::string policy_name, correction_type, reason;
};

struct Corrections {
  std::string policy_file;
  uint32_t policy_version = 0;
  std::string policy_sha256;
  std::vector<Applied> applied;
  std::vector<Skipped> skipped;
  std::vector<std::string> warnings;
};

struct Sampler {
  float temperature = 0;
  uint32_t top_k = 0;
  float top_p = 1;
  float min_p = 0;
  float repeat_penalty = 1;
  uint32_t repeat_last_n = 64;
};

struct Options {
  Sampler sampler;
  uint64_t seed = 0;
  std::string kv_type;  // "f16" or "f32"
  std::string head;     // "full" or "shortcut": what the draws used
  uint32_t n_ctx = 0;
  uint32_t max_new_tokens = 0;
  bool ignore_eos = false;
  std::vector<int32_t> stop_ids;
  std::vector<std::string> stop_strings;
};

struct Inference {
  // Text and ids are left out together when the user's text is private: ids are text to anybody with the tokenizer.
  std::optional<std::string> prompt;  // what the tokenizer makes of prompt_tokens, control tokens included
  std::string prompt_sha256;          // of that text
  std::optional<std::vector<int32_t>> prompt_tokens;  // all of the context before the first draw
  uint32_t n_prompt_tokens = 0;
  uint32_t cached_tokens = 0;  // of those, evaluated before this generation began
  Options options;
  std::optional<std::string> output;  // without stop id and stop text, ill-formed bytes as U+FFFD
  std::string output_sha256;
  std::optional<std::vector<int32_t>> output_tokens;  // every draw, the stop id's included
  std::string stop_reason;
  uint32_t tokens_generated = 0;
  uint32_t evaluated_tokens = 0;  // rows that went through the graph in this generation
  uint64_t head_survivors = 0;    // rows that the head shortcut computed exactly
  double prompt_ms = 0, generate_ms = 0;
  double prompt_tokens_per_sec = 0, tokens_per_sec = 0;
  double time_to_first_token_ms = 0, load_ms = 0;
  uint64_t peak_rss_bytes = 0;
};

struct Receipt {
  std::string receipt_version = kReceiptVersion;
  std::string timestamp;  // RFC 3339, UTC
  Library library;
  std::string numerics = kNumerics;
  std::string compute_path;  // ComputePath(kernels)
  Backend backend;
  std::vector<Kernel> kernels;
  bool deterministic = true;
  Environment environment;
  Model model;
  std::optional<Corrections> corrections;  // only when a policy was given
  Inference inference;
  std::optional<std::string> logits_sha256;  // none without a draw
  // For each draw the first 32 bits of the digest up to it: tells at which step a replay first differs.
  std::vector<uint32_t> logits_prefixes;
  std::string receipt_sha256;
};

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_RECORD_H_
