#include "capi/receipt_record.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "capi/identity.h"
#include "core/base/sha256.h"
#include "core/tokenizer/utf8.h"
#include "kernels/cpu/cpu_info.h"
#include "kernels/kernel_table.h"
#include "kernels/pack.h"
#include "receipts/writer.h"

namespace bitnet::capi {

namespace {

using core::Cat;
using core::Code;
using core::Matrix;
using core::Status;

// Set by the build (capi/CMakeLists.txt).
#ifndef BITNET_COMMIT
#define BITNET_COMMIT "unknown"
#endif

// Released kernel tables, in the library that verifies or not.
constexpr std::array<std::string_view, 7> kReleasedTables = {"portable", "AVX2",         "AVX3", "AVX3_VNNI",
                                                             "NEON",     "NEON_DOTPROD", "CUDA"};

constexpr std::array<std::string_view, 3> kWarnings = {
    "the model was run under a correction policy: a temporary workaround for a bad file",
    "regenerate the file from the original model and retire the policy", "not for deployment"};

// ---- Machine ----

// The start of a file of /proc, "" when there is none.
std::string ReadProc(const char* path) {
  std::string text(16384, '\0');
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? 0 : read(fd, text.data(), text.size());
  if (fd >= 0) close(fd);
  text.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return text;
}

bool IsWsl() {
  const std::string release = ReadProc("/proc/sys/kernel/osrelease");
  return release.find("microsoft") != std::string::npos || release.find("Microsoft") != std::string::npos;
}

std::string CpuName() {
  const std::string info = ReadProc("/proc/cpuinfo");
  for (const std::string_view key : {"model name", "CPU part"}) {  // x86; Arm, which gives a number only
    const size_t at = info.find(key);
    const size_t colon = at == std::string::npos ? at : info.find(": ", at);
    if (colon != std::string::npos) return info.substr(colon + 2, info.find('\n', colon) - colon - 2);
  }
  return "unknown";
}

constexpr std::string_view Architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "other";
#endif
}

constexpr std::string_view Compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

uint64_t PeakRssBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // kilobytes on Linux
}

receipts::Environment EnvironmentOf(const bitnet_receipt_options_t& options) {
  receipts::Environment e;
  e.os = "Linux";
  e.arch = Architecture();
  e.cpu = CpuName();
  e.wsl = IsWsl();
  e.ci = options.ci != 0;
  for (uint32_t i = 0; i < options.n_variables; ++i) {
    const std::string_view variable = options.variables[i];
    const size_t equals = variable.find('=');
    e.variables.emplace_back(variable.substr(0, equals),
                             equals == std::string_view::npos ? "" : variable.substr(equals + 1));
  }
  return e;
}

receipts::Backend BackendOf(const core::RunFacts& facts, const bitnet_receipt_options_t& options) {
  receipts::Backend b;
  b.device = facts.device;
  b.target = facts.target;
  b.threads = facts.threads;
  if (options.requested_target != nullptr) b.requested = options.requested_target;
  if (options.fallback_reason != nullptr) b.fallback_reason = options.fallback_reason;
  if (!facts.fallback_reason.empty()) b.fallback_reason = facts.fallback_reason;
  if (facts.requested_device != "cpu") b.requested_device = facts.requested_device;
  if (!facts.gpus.empty()) {
    b.gpus.emplace();
    for (const core::GpuFacts& g : facts.gpus) b.gpus->push_back({g.name, g.capability, g.driver, g.n_layers});
  }
  size_t n = 0;
  const kernels::KernelTable* const* tables = kernels::AvailableTables(&n);
  for (size_t i = 0; i < n; ++i) b.detected.emplace_back(tables[i]->name);
  return b;
}

// ---- Model ----

// Matrices that share one input row (src/core/graph/forward.cc).
void CountInput(std::initializer_list<const Matrix*> matrices, receipts::Shape& s) {
  bool ternary = false;
  size_t block = 0;  // of the last block-quantised form of the input
  for (const Matrix* m : matrices) {
    switch (m->kind) {
      case Matrix::Kind::kTernary: ++s.ternary, ternary = true; break;
      case Matrix::Kind::kTernaryBlocks: ++s.ternary_blocks, ternary = true; break;
      case Matrix::Kind::kDense: ++s.dense; break;
      case Matrix::Kind::kBlock: {
        ++s.block;
        const size_t elements = kernels::BlockElements(m->block_type);
        s.block_inputs += elements != block ? 1 : 0;
        block = elements;
        break;
      }
      case Matrix::Kind::kNone: break;
    }
    s.biases += m->bias != nullptr ? 1 : 0;
  }
  s.ternary_inputs += ternary ? 1 : 0;
}

receipts::Shape ShapeOf(const core::Model& model) {
  receipts::Shape s;
  s.n_layers = model.hparams().n_layers;
  s.n_vocab = model.hparams().n_vocab;
  for (const core::LayerWeights& l : model.weights().layers) {
    for (const float* norm : {l.attn_norm, l.attn_sub_norm, l.ffn_norm, l.ffn_sub_norm}) s.norms += norm ? 1 : 0;
    CountInput({&l.q, &l.k, &l.v}, s);
    CountInput({&l.attn_output}, s);
    CountInput({&l.gate, &l.up}, s);
    CountInput({&l.down}, s);
  }
  s.head = model.weights().head().kind == Matrix::Kind::kBlock ? "block" : "dense";
  return s;
}

// ---- Corrections ----

std::string RangesText(const std::vector<policy::Range>& ranges) {
  std::string text;
  for (const policy::Range& r : ranges) text += Cat(text.empty() ? "" : ", ", "[", r.min, ", ", r.max, "]");
  return text;
}

receipts::Applied AppliedOf(const policy::PlannedCorrection& c, const AppliedPolicy& policy) {
  receipts::Applied a;
  a.policy_name = c.policy_name;
  a.correction_type = policy::CorrectionTypeName(c.type);
  a.timestamp = policy.timestamp;
  a.parameters.layers = c.layers;
  if (c.type == policy::CorrectionType::kLayernormScale) {
    a.parameters.target_rms = c.target_rms;
    a.parameters.tolerance = c.tolerance;
    a.validation.precondition = {"rms_out_of_range", RangesText(c.out_of_range),
                                 Cat("[", c.before.min, ", ", c.before.max, "]"), "passed"};
    a.validation.postcondition = {"rms_in_range", RangesText({c.in_range}),
                                  Cat("[", c.after.min, ", ", c.after.max, "]"), "passed"};
  } else {
    a.parameters.scale_factor = c.scale_factor;
    a.validation.precondition = a.validation.postcondition = {"none", "", "", "passed"};
  }
  a.impact.layers_modified = c.layers_modified();
  for (const policy::TensorChange& t : c.changes) {
    a.impact.tensors.push_back({t.tensor, t.rms_before, static_cast<double>(t.factor), t.rms_after});
  }
  a.impact.factor_min = static_cast<double>(c.factor_min());
  a.impact.factor_max = static_cast<double>(c.factor_max());
  a.impact.overhead_ms = policy.overhead_ms;
  return a;
}

// ---- The run ----

receipts::Options OptionsOf(const core::Session& session, const core::RunFacts& facts) {
  const core::GenerateOptions& g = session.generate_options();
  receipts::Options o;
  o.sampler = {g.sampler.temperature, g.sampler.top_k,          g.sampler.top_p,
               g.sampler.min_p,       g.sampler.repeat_penalty, g.sampler.repeat_last_n};
  o.seed = g.sampler.seed;
  o.kv_type = session.options().kv_type == kernels::Dense::kF32 ? "f32" : "f16";
  o.head = facts.head;
  o.n_ctx = session.n_ctx();
  o.max_new_tokens = g.max_new_tokens;
  o.ignore_eos = g.ignore_eos;
  o.stop_ids = g.stop_ids;
  o.stop_strings = g.stop_strings;
  return o;
}

double PerSecond(uint64_t n, double ms) { return ms > 0 ? static_cast<double>(n) * 1000 / ms : 0; }

}  // namespace

// Over the pre-tokenizer's name and every token: its length as uint32, little-endian, and its bytes.
std::string ComputeTokenizerSha256(const core::Tokenizer& t) {
  std::string bytes;  // hashed at once: a hash of few bytes takes longer than the bytes
  const auto add = [&](std::string_view text) {
    const auto n = static_cast<uint32_t>(text.size());
    const char length[4] = {static_cast<char>(n), static_cast<char>(n >> 8), static_cast<char>(n >> 16),
                            static_cast<char>(n >> 24)};
    bytes.append(length, sizeof length).append(text);
  };
  add(t.pre());
  for (uint32_t id = 0; id < t.size(); ++id) add(t.Piece(static_cast<int32_t>(id)));
  return core::ToHex(core::Sha256Of(bytes.data(), bytes.size()));
}

const std::string& TokenizerSha256(const core::Tokenizer& tokenizer, const LoadAudit& audit) {
  LoadAudit::TokenizerDigest& digest = *audit.tokenizer_digest;
  std::call_once(digest.once, [&] { digest.sha256 = ComputeTokenizerSha256(tokenizer); });
  return digest.sha256;
}

core::Result<std::string> PromptText(const core::Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  BN_ASSIGN_OR_RETURN(const std::string bytes, tokenizer.Decode(tokens, /*skip_control=*/false));
  core::Utf8Stream stream;
  std::string text = stream.Push(bytes);
  return text + stream.Finish();
}

receipts::Model ModelRecordOf(const core::Model& model, const LoadAudit& audit, bool trust_host) {
  const bool known = trust_host && !audit.known_sha256.empty();
  receipts::Model m;
  m.path = model.path();
  m.fingerprint = "sha256:" + (known ? audit.known_sha256 : core::ToHex(model.FileSha256()));
  m.fingerprint_origin = known ? "cached" : "computed";
  m.size_bytes = model.size_bytes();
  m.architecture = model.hparams().architecture;
  m.name = model.name();
  m.quantization = model.quantization();
  m.n_params = model.n_params();
  m.ternary_sha256 = core::ToHex(model.TernarySha256());
  m.ternary_scales_sha256 = core::ToHex(model.TernaryScalesSha256());
  m.tokenizer_sha256 = TokenizerSha256(*model.tokenizer(), audit);
  m.shape = ShapeOf(model);
  m.load = {audit.i2s_arm_layout, audit.allow_suspicious_norms, audit.allow_dense_linears, audit.pre,
            audit.tokenizer_replaced};
  return m;
}

std::optional<receipts::Corrections> CorrectionsOf(const LoadAudit& audit) {
  if (!audit.applied) return std::nullopt;
  const AppliedPolicy& policy = *audit.applied;
  receipts::Corrections c;
  c.policy_file = policy.source->path;
  c.policy_version = policy.source->file.version;
  c.policy_sha256 = policy.source->sha256;
  c.warnings.assign(kWarnings.begin(), kWarnings.end());
  if (policy.plan.status == policy::PlanStatus::kNoMatch) {
    c.warnings.emplace_back("no policy matches this model: nothing was corrected");
  }
  for (const policy::PlannedCorrection& p : policy.plan.corrections) {
    if (p.status == policy::PlanStatus::kReady) {
      c.applied.push_back(AppliedOf(p, policy));
    } else {
      c.skipped.push_back({p.policy_name, std::string(policy::CorrectionTypeName(p.type)), p.reason});
    }
  }
  return c;
}

receipts::KernelRegistry AllKernels() {
  receipts::KernelRegistry registry;
  registry.tables.assign(kReleasedTables.begin(), kReleasedTables.end());
  size_t n = 0;
  const char* const* built = kernels::BuiltTableNames(&n);
  for (size_t i = 0; i < n; ++i) {
    if (std::find(registry.tables.begin(), registry.tables.end(), built[i]) == registry.tables.end()) {
      registry.tables.emplace_back(built[i]);
    }
  }
  for (size_t op = 0; op < kernels::kOpCount; ++op) {
    registry.operations.emplace_back(kernels::OpName(static_cast<kernels::Op>(op)));
  }
  return registry;
}

core::Result<receipts::Receipt> RecordOf(const bitnet_session_t& handle, const bitnet_receipt_options_t& options) {
  const core::Session& session = *handle.session;
  const core::RunFacts facts = session.Facts();
  const std::span<const int32_t> context = session.tokens(), draws = session.generated_tokens();
  if (session.generating()) return Status(Code::kBadState, "the generation is still running: draw to its end first");
  if (session.stop_reason() == core::StopReason::kNone) return Status(Code::kBadState, "no generation was made");
  const size_t n_prompt = facts.n_cached_tokens + facts.n_prompt_tokens;
  const size_t n_fed_back = draws.empty() ? 0 : draws.size() - 1;
  if (context.size() != n_prompt + n_fed_back ||
      !std::equal(draws.begin(), draws.begin() + static_cast<ptrdiff_t>(n_fed_back),
                  context.begin() + static_cast<ptrdiff_t>(n_prompt))) {
    return Status(Code::kBadState, "the context was changed after the generation: take the receipt before that");
  }

  receipts::Receipt r;
  r.timestamp = Timestamp();
  r.library = {BITNET_VERSION_STRING, BITNET_COMMIT, std::string(Compiler())};
  r.backend = BackendOf(facts, options);
  for (const core::KernelCalls& k : facts.generation_kernels) r.kernels.push_back({k.id, k.calls});
  r.compute_path = receipts::ComputePath(r.kernels);
  r.environment = EnvironmentOf(options);
  r.model = ModelRecordOf(session.model(), *handle.audit, /*trust_host=*/true);
  r.corrections = CorrectionsOf(*handle.audit);

  receipts::Inference& f = r.inference;
  const std::span<const int32_t> prompt = context.first(n_prompt);
  BN_ASSIGN_OR_RETURN(f.prompt, PromptText(*session.model().tokenizer(), prompt));
  f.prompt_sha256 = receipts::TextSha256(*f.prompt);
  f.prompt_tokens.emplace(prompt.begin(), prompt.end());
  f.n_prompt_tokens = static_cast<uint32_t>(n_prompt);
  f.cached_tokens = static_cast<uint32_t>(facts.n_cached_tokens);
  f.options = OptionsOf(session, facts);
  f.output = session.generated_text();
  f.output_sha256 = receipts::TextSha256(*f.output);
  f.output_tokens.emplace(draws.begin(), draws.end());
  f.stop_reason = core::StopReasonName(session.stop_reason());
  f.tokens_generated = static_cast<uint32_t>(draws.size());
  f.evaluated_tokens = static_cast<uint32_t>(facts.n_generation_evaluated);
  f.head_survivors = facts.head_survivors;
  f.prompt_ms = facts.prompt_ms;
  f.generate_ms = facts.generate_ms;
  f.prompt_tokens_per_sec = PerSecond(facts.n_prompt_tokens, facts.prompt_ms);
  f.tokens_per_sec = PerSecond(draws.size(), facts.generate_ms);
  f.time_to_first_token_ms = facts.time_to_first_token_ms;
  f.load_ms = handle.audit->load_ms;
  f.peak_rss_bytes = PeakRssBytes();
  if (facts.logits_sha256) r.logits_sha256 = core::ToHex(*facts.logits_sha256);
  r.logits_prefixes = facts.logits_prefixes;
  if (options.no_text != 0) {
    f.prompt.reset();
    f.prompt_tokens.reset();
    f.output.reset();
    f.output_tokens.reset();
  }
  return r;
}

}  // namespace bitnet::capi
