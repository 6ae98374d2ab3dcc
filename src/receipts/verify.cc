#include "receipts/verify.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "receipts/checks.h"
#include "receipts/kernel_counts.h"
#include "receipts/writer.h"

namespace bitnet::receipts {

namespace {

using core::Cat;
using core::Quoted;

bool Contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void CheckDocument(const ReadResult& read, Checks& c) {
  const Receipt& r = read.receipt;
  c.Expect(r.receipt_version == kReceiptVersion, "receipt_version", "found ", Quoted(r.receipt_version), ", expected '",
           kReceiptVersion, "'");
  c.Expect(r.numerics == kNumerics, "numerics", "found ", Quoted(r.numerics), ", expected '", kNumerics, "'");
  c.Expect(r.receipt_sha256 == read.computed_sha256, "receipt_sha256", "found ", Quoted(r.receipt_sha256),
           ", the document hashes to ", read.computed_sha256, ": a field was changed");
  c.Expect(IsTimestamp(r.timestamp), "timestamp", "found ", Quoted(r.timestamp), ", expected RFC 3339 in UTC");
  for (const auto& [name, value] : r.environment.variables) {
    c.Expect(!name.empty(), "environment.variables", "a variable without a name, of value ", Quoted(value));
  }
  c.Expect(r.deterministic, "deterministic", "found false: this library makes deterministic runs only");
}

// The part of an id after the table's name; "" when the id is not of that table.
std::string_view OperationOf(std::string_view id, std::string_view table) {
  if (!id.starts_with(table) || id.size() <= table.size() || id[table.size()] != '.') return {};
  return id.substr(table.size() + 1);
}

// The same for the tables that the receipt's devices have.
std::string_view OperationOf(std::string_view id, const Backend& b) {
  const std::string_view operation = OperationOf(id, b.target);
  return operation.empty() && b.device == "hybrid" ? OperationOf(id, kGpuTable) : operation;
}

// Whoever claims a GPU carries its name and kernels that ran on it; whoever does not, carries none.
void CheckDevice(const Receipt& r, Checks& c) {
  const Backend& b = r.backend;
  const bool gpu = b.device == "cuda" || b.device == "hybrid";
  c.Expect(gpu || b.device == "cpu", "backend.device", "found ", Quoted(b.device),
           ", expected 'cpu', 'cuda' or 'hybrid'");
  c.Expect(gpu == b.gpus.has_value(), "backend.gpus", "present exactly where device is not 'cpu'");
  c.Expect((b.device == "cuda") == (b.target == kGpuTable), "backend.target", "found ", Quoted(b.target), " on ",
           Quoted(b.device));
  bool ran = false;
  for (const Kernel& k : r.kernels) ran |= !OperationOf(k.id, kGpuTable).empty();
  c.Expect(gpu == ran, "backend.device", "found ", Quoted(b.device), ", but ", ran ? "" : "no ",
           "kernels of a GPU ran");
  uint64_t layers = 0;
  for (size_t i = 0; b.gpus && i < b.gpus->size(); ++i) {
    const Gpu& g = (*b.gpus)[i];
    c.Expect(!g.name.empty() && !g.capability.empty() && !g.driver.empty(), Cat("backend.gpus[", i, "]"),
             "a GPU without a name, compute capability or driver");
    layers += g.n_layers;
  }
  c.Expect(!gpu || (layers > 0 && layers <= r.model.shape.n_layers), "backend.gpus", "found ", layers,
           " layers on GPUs, the model has ", r.model.shape.n_layers);
  c.Expect(b.device != "cuda" || layers == r.model.shape.n_layers, "backend.gpus", "found ", layers,
           " layers on GPUs alone, the model has ", r.model.shape.n_layers);
  const std::string requested = b.requested_device.value_or("cpu");
  c.Expect(requested == "cpu" || requested == "auto" || requested == "cuda" || requested == "hybrid",
           "backend.requested_device", "found ", Quoted(requested), ", expected 'auto', 'cuda' or 'hybrid'");
  c.Expect(requested != "cpu" || !gpu, "backend.requested_device", "the CPU was asked for, a GPU computed");
  c.Expect(requested == "cpu" || gpu || (requested == "auto" && b.fallback_reason.has_value()),
           "backend.requested_device", Quoted(requested),
           " was asked for, the CPU computed: only 'auto' does that, with a fallback_reason");
}

void CheckBackend(const Receipt& r, const VerifyOptions& options, Checks& c) {
  const Backend& b = r.backend;
  CheckDevice(r, c);
  c.Expect(!b.fallback_reason.has_value() || !b.requested.empty() || b.requested_device.has_value(),
           "backend.fallback_reason", "a reason, and nothing was asked for that did not run");
  c.Expect(b.threads >= 1, "backend.threads", "found 0, expected at least 1");
  c.Expect(Contains(options.registry.tables, b.target), "backend.target", "unknown kernel table ", Quoted(b.target));
  c.Expect(b.device == "cuda" || Contains(b.detected, b.target), "backend.target", Quoted(b.target),
           " is not among the tables that the machine could run");
  c.Expect(b.device == "cuda" || b.requested.empty() || b.requested == b.target || b.fallback_reason.has_value(),
           "backend.requested", Quoted(b.requested), " was asked for, ", Quoted(b.target),
           " ran, and no fallback_reason says why");
  c.Expect(options.require_target.empty() || options.require_target == b.target, "backend.target", "found ",
           Quoted(b.target), ", required ", Quoted(options.require_target));
}

void CheckKernels(const Receipt& r, const VerifyOptions& options, Checks& c) {
  constexpr size_t kMaxId = 128;
  c.Expect(!r.kernels.empty(), "kernels", "no kernel ran");
  bool ternary = false;
  for (size_t i = 0; i < r.kernels.size(); ++i) {
    const Kernel& k = r.kernels[i];
    const std::string field = Cat("kernels[", i, "]");
    const bool printable = std::all_of(k.id.begin(), k.id.end(), [](char ch) { return ch > 0x20 && ch < 0x7f; });
    c.Expect(!k.id.empty() && k.id.size() <= kMaxId && printable, Cat(field, ".id"), "found ", Quoted(k.id),
             ", expected 1 to ", kMaxId, " printable characters");
    c.Expect(k.calls > 0, Cat(field, ".calls"), "found 0, expected rows of a kernel that ran");
    const std::string_view operation = OperationOf(k.id, r.backend);
    c.Expect(!operation.empty(), Cat(field, ".id"), Quoted(k.id), " is not of the table ", Quoted(r.backend.target));
    c.Expect(operation.empty() || Contains(options.registry.operations, operation), Cat(field, ".id"),
             "unknown kernel ", Quoted(k.id));
    c.Expect(std::none_of(r.kernels.begin(), r.kernels.begin() + static_cast<ptrdiff_t>(i),
                          [&](const Kernel& other) { return other.id == k.id; }),
             Cat(field, ".id"), Quoted(k.id), " occurs twice");
    ternary |= operation.starts_with("ternary_");
  }
  c.Expect(ternary || r.model.shape.ternary + r.model.shape.ternary_blocks == 0, "kernels",
           "a ternary model ran no ternary kernel");
  c.Expect(r.compute_path == "real" || r.compute_path == "reference", "compute_path", "found ", Quoted(r.compute_path),
           ", expected 'real' or 'reference'");
  const std::string path = ComputePath(r.kernels);
  c.Expect(r.compute_path == path, "compute_path", "found ", Quoted(r.compute_path), ", the kernels say '", path, "'");
}

// Linears that are not ternary load only where they were allowed.
void CheckLinears(const Model& m, Checks& c) {
  const uint64_t others = uint64_t{m.shape.dense} + m.shape.block;
  c.Expect(others == 0 || m.load.allow_dense_linears, "model.load.allow_dense_linears", "found false beside ", others,
           " linears that are not ternary");
}

void CheckKernelCounts(const Receipt& r, Checks& c) {
  for (const ExpectedRows& expected : ExpectedKernelRows(r.model.shape, r.inference)) {
    uint64_t rows = 0;
    std::string names;
    for (const std::string_view operation : expected.operations) {
      names += Cat(names.empty() ? "" : " + ", operation);
      for (const Kernel& k : r.kernels) {
        if (OperationOf(k.id, r.backend) == operation) rows += k.calls;
      }
    }
    c.Expect(rows == expected.rows, "kernels", names, ": found ", rows, " rows, model and tokens need ", expected.rows);
  }
}

// The head shortcut: whether it ran, and that each draw by it computed at least the candidates, at most the vocabulary.
void CheckHead(const Receipt& r, Checks& c) {
  constexpr uint64_t kCandidates = 256;  // docs/numerics.md
  uint64_t draws = 0;
  for (const Kernel& k : r.kernels) draws += OperationOf(k.id, r.backend) == "head_shortcut" ? k.calls : 0;
  const Inference& f = r.inference;
  c.Expect((f.options.head == "shortcut") == (draws > 0), "inference.options.head", "found ", Quoted(f.options.head),
           ", the kernels say that ", draws, " draws used the shortcut");
  draws = std::min<uint64_t>(draws, f.tokens_generated);  // more are rejected already, and must not wrap
  const uint64_t n_vocab = r.model.shape.n_vocab;
  c.Expect(f.head_survivors >= draws * std::min(kCandidates, n_vocab) && f.head_survivors <= draws * n_vocab,
           "inference.head_survivors", "found ", f.head_survivors, " rows for ", draws, " draws by the shortcut");
}

void CheckModel(const Model& m, const std::optional<Model>& at_hand, Checks& c) {
  c.Expect(m.fingerprint.starts_with("sha256:") && IsHex64(std::string_view(m.fingerprint).substr(7)),
           "model.fingerprint", "found ", Quoted(m.fingerprint, 80), ", expected 'sha256:' and 64 hex digits");
  c.Expect(m.fingerprint_origin == "computed" || m.fingerprint_origin == "cached", "model.fingerprint_origin", "found ",
           Quoted(m.fingerprint_origin), ", expected 'computed' or 'cached'");
  c.Expect(IsHex64(m.ternary_sha256), "model.ternary_sha256", "expected 64 hex digits");
  c.Expect(IsHex64(m.ternary_scales_sha256), "model.ternary_scales_sha256", "expected 64 hex digits");
  c.Expect(IsHex64(m.tokenizer_sha256), "model.tokenizer_sha256", "expected 64 hex digits");
  c.Expect(m.shape.head == "dense" || m.shape.head == "block", "model.shape.head", "found ", Quoted(m.shape.head),
           ", expected 'dense' or 'block'");
  if (!at_hand) return;
  const auto equal = [&](const auto& found, const auto& expected, std::string_view field) {
    c.Expect(found == expected, Cat("model.", field), "found '", found, "', the model at hand has '", expected, "'");
  };
  equal(m.fingerprint, at_hand->fingerprint, "fingerprint");
  equal(m.size_bytes, at_hand->size_bytes, "size_bytes");
  equal(m.architecture, at_hand->architecture, "architecture");
  equal(m.name, at_hand->name, "name");
  equal(m.quantization, at_hand->quantization, "quantization");
  equal(m.n_params, at_hand->n_params, "n_params");
  // The two layouts of one file give other codes each, and each rule of splitting another tokenizer; a replay loads the
  // file as the receipt says.
  if (m.load.i2s_arm_layout == at_hand->load.i2s_arm_layout) {
    equal(m.ternary_sha256, at_hand->ternary_sha256, "ternary_sha256");
    equal(m.ternary_scales_sha256, at_hand->ternary_scales_sha256, "ternary_scales_sha256");
  }
  if (m.load.pre == at_hand->load.pre) equal(m.tokenizer_sha256, at_hand->tokenizer_sha256, "tokenizer_sha256");
  const Shape &s = m.shape, &t = at_hand->shape;
  equal(s.n_layers, t.n_layers, "shape.n_layers");
  equal(s.n_vocab, t.n_vocab, "shape.n_vocab");
  equal(s.norms, t.norms, "shape.norms");
  equal(s.ternary, t.ternary, "shape.ternary");
  equal(s.ternary_blocks, t.ternary_blocks, "shape.ternary_blocks");
  equal(s.ternary_inputs, t.ternary_inputs, "shape.ternary_inputs");
  equal(s.dense, t.dense, "shape.dense");
  equal(s.block, t.block, "shape.block");
  equal(s.block_inputs, t.block_inputs, "shape.block_inputs");
  equal(s.biases, t.biases, "shape.biases");
  equal(s.head, t.head, "shape.head");
}

void CheckApplied(const Applied& a, const std::string& field, Checks& c) {
  const Parameters& p = a.parameters;
  const bool norm = a.correction_type == "layernorm_scale";
  c.Expect(norm || a.correction_type == "attention_scale", Cat(field, ".correction_type"), "unknown type ",
           Quoted(a.correction_type));
  // As in a policy.
  c.Expect(!p.target_rms || *p.target_rms > 0, Cat(field, ".parameters.target_rms"), "expected more than 0");
  c.Expect(!p.tolerance || *p.tolerance > 0, Cat(field, ".parameters.tolerance"), "expected more than 0");
  c.Expect(!p.scale_factor || *p.scale_factor > 0, Cat(field, ".parameters.scale_factor"), "expected more than 0");
  c.Expect(norm ? p.target_rms && p.tolerance : p.scale_factor.has_value(), Cat(field, ".parameters"),
           "the parameters of ", Quoted(a.correction_type), " are missing");
  c.Expect(a.validation.precondition.status == "passed" && a.validation.postcondition.status == "passed",
           Cat(field, ".validation"), "a correction whose conditions did not pass is never applied");
  c.Expect(IsTimestamp(a.timestamp), Cat(field, ".timestamp"), "expected RFC 3339 in UTC");
  c.Expect(!norm || !a.impact.tensors.empty(), Cat(field, ".impact.tensors"), "no tensor was changed");
  for (size_t i = 0; i < a.impact.tensors.size() && norm && p.target_rms; ++i) {
    const TensorChange& t = a.impact.tensors[i];
    const auto factor = static_cast<float>(*p.target_rms / t.rms_before);
    c.Expect(static_cast<double>(factor) == t.factor, Cat(field, ".impact.tensors[", i, "].factor"), "found ", t.factor,
             ", target ", *p.target_rms, " over ", t.rms_before, " is ", factor);
    c.Expect(a.impact.factor_min <= t.factor && t.factor <= a.impact.factor_max, Cat(field, ".impact"), "factor ",
             t.factor, " of ", Quoted(t.tensor), " is outside factor_min and factor_max");
    // Rounding each of the products to binary32 moves the RMS by less than one part in 2^23.
    c.Expect(std::abs(t.rms_after - t.rms_before * t.factor) <= 1e-6 * std::abs(t.rms_after),
             Cat(field, ".impact.tensors[", i, "].rms_after"), "found ", t.rms_after, ", ", t.rms_before, " times ",
             t.factor, " is ", t.rms_before * t.factor);
  }
}

void CheckCorrections(const Receipt& r, const VerifyOptions& options, Checks& c) {
  if (!r.corrections) return;
  c.Expect(options.allow_corrections || r.corrections->applied.empty(), "corrections",
           "the model was corrected at run time: regenerate the file, or accept this with --allow-corrections");
  c.Expect(IsHex64(r.corrections->policy_sha256), "corrections.policy_sha256", "expected 64 hex digits");
  c.Expect(!r.corrections->warnings.empty(), "corrections.warnings", "the standing warnings were left out");
  for (size_t i = 0; i < r.corrections->applied.size(); ++i) {
    CheckApplied(r.corrections->applied[i], Cat("corrections.applied[", i, "]"), c);
  }
}

}  // namespace

core::Result<VerifyReport> VerifyReceipt(std::string_view text, const VerifyOptions& options) {
  core::Result<ReadResult> read = ReadReceipt(text);
  if (!read.ok() && read.status().code() == core::Code::kNoMemory) return read.status();  // says nothing of the text
  if (!read.ok()) return VerifyReport{{}, {{"", std::string(read.status().message())}}};
  Checks checks(std::move(read->problems));
  // What was left out has a default that would only confuse: the schema's problems come alone.
  if (checks.problems().empty()) {
    const Receipt& r = read->receipt;
    CheckDocument(*read, checks);
    CheckBackend(r, options, checks);
    CheckModel(r.model, options.model, checks);
    CheckInference(r, checks);
    const uint32_t n_ctx = r.inference.options.n_ctx;
    checks.Expect(options.max_ctx == 0 || n_ctx <= options.max_ctx, "inference.options.n_ctx", "found ", n_ctx,
                  ", the model at hand was made for at most ", options.max_ctx);
    CheckKernels(r, options, checks);
    CheckLinears(r.model, checks);
    CheckKernelCounts(r, checks);
    CheckHead(r, checks);
    CheckCorrections(r, options, checks);
  }
  return VerifyReport{std::move(read->receipt), checks.Take()};
}

}  // namespace bitnet::receipts
