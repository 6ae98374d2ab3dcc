#include "receipts/verify.h"

#include <cmath>
#include <functional>
#include <set>

#include "core/base/json_writer.h"
#include "support/catch.h"
#include "unit/receipts/sample.h"

namespace bitnet::receipts {
namespace {

using core::JsonMember;
using core::JsonValue;

VerifyReport Verify(const Receipt& receipt, const VerifyOptions& options = SampleOptions()) {
  const auto text = WriteReceipt(receipt);
  REQUIRE(text.ok());
  auto report = VerifyReceipt(*text, options);
  REQUIRE(report.ok());
  return *std::move(report);
}

std::string All(const VerifyReport& report) {
  std::string out;
  for (const Problem& p : report.problems) out += p.field + ": " + p.message + "\n";
  return out;
}

bool Names(const VerifyReport& report, std::string_view field) {
  for (const Problem& p : report.problems) {
    if (p.field == field) return true;
  }
  return false;
}

TEST_CASE("A receipt that holds together is accepted", "[receipts][verify]") {
  CHECK(All(Verify(SampleReceipt())).empty());
  CHECK(All(Verify(SampleCorrectedReceipt())).empty());
}

TEST_CASE("Each rule rejects the receipt that breaks it, naming the field", "[receipts][verify]") {
  const struct {
    const char* field;
    std::function<void(Receipt&)> damage;
  } rows[] = {
      {"receipt_version", [](Receipt& r) { r.receipt_version = "2.0"; }},
      {"numerics", [](Receipt& r) { r.numerics = "bitnet-numerics/2"; }},
      {"environment.variables",
       [](Receipt& r) {
         r.environment.variables = {{"", "x"}};
       }},
      {"timestamp", [](Receipt& r) { r.timestamp = "2026-02-29T00:00:00Z"; }},
      {"timestamp", [](Receipt& r) { r.timestamp = "2026-02-28T00:00:00+01:00"; }},
      {"deterministic", [](Receipt& r) { r.deterministic = false; }},
      {"compute_path", [](Receipt& r) { r.compute_path = "simulated"; }},
      {"compute_path", [](Receipt& r) { r.compute_path = "reference"; }},
      {"compute_path",
       [](Receipt& r) {
         r.backend.target = "portable";
         FillKernels(r);
         r.compute_path = "real";
       }},
      {"backend.device", [](Receipt& r) { r.backend.device = "abacus"; }},
      {"backend.threads", [](Receipt& r) { r.backend.threads = 0; }},
      {"backend.target", [](Receipt& r) { r.backend.target = "AVX9"; }},
      {"backend.target", [](Receipt& r) { r.backend.detected = {"portable"}; }},
      {"backend.requested", [](Receipt& r) { r.backend.requested = "NEON"; }},
      {"kernels", [](Receipt& r) { r.kernels.clear(); }},
      {"kernels", [](Receipt& r) { r.kernels.pop_back(); }},
      {"kernels[0].id", [](Receipt& r) { r.kernels[0].id = ""; }},
      {"kernels[0].id", [](Receipt& r) { r.kernels[0].id = "AVX2." + std::string(200, 'x'); }},
      {"kernels[0].id", [](Receipt& r) { r.kernels[0].id = "AVX2.emb\x01"; }},
      {"kernels[0].id", [](Receipt& r) { r.kernels[0].id = "AVX2.mock"; }},
      {"kernels[0].id", [](Receipt& r) { r.kernels[0].id = "NEON.embed"; }},
      {"kernels[1].id", [](Receipt& r) { r.kernels[1].id = r.kernels[0].id; }},
      {"kernels[2].calls", [](Receipt& r) { r.kernels[2].calls = 0; }},
      {"kernels", [](Receipt& r) { r.kernels[2].calls += 1; }},
      {"kernels",
       [](Receipt& r) {
         r.kernels.push_back({"AVX2.block_product", 1});
       }},
      {"kernels", [](Receipt& r) { std::erase_if(r.kernels, [](auto& k) { return k.id == "AVX2.ternary_gemv"; }); }},
      {"model.fingerprint", [](Receipt& r) { r.model.fingerprint = "sha256:12"; }},
      {"model.fingerprint", [](Receipt& r) { r.model.fingerprint = "md5"; }},
      {"model.fingerprint_origin", [](Receipt& r) { r.model.fingerprint_origin = "guessed"; }},
      {"model.ternary_sha256", [](Receipt& r) { r.model.ternary_sha256 = "12"; }},
      {"model.ternary_sha256", [](Receipt& r) { r.model.ternary_sha256 = std::string(64, 'A'); }},
      {"model.ternary_scales_sha256", [](Receipt& r) { r.model.ternary_scales_sha256.clear(); }},
      {"model.ternary_scales_sha256", [](Receipt& r) { r.model.ternary_scales_sha256.back() = 'g'; }},
      {"model.shape.head", [](Receipt& r) { r.model.shape.head = "none"; }},
      {"inference.prompt_sha256", [](Receipt& r) { r.inference.prompt = "other"; }},
      {"inference.output_sha256", [](Receipt& r) { r.inference.output_sha256 = std::string(64, '0'); }},
      {"inference.prompt_tokens", [](Receipt& r) { r.inference.prompt_tokens->push_back(1); }},
      {"inference.output_tokens", [](Receipt& r) { r.inference.output_tokens->pop_back(); }},
      {"inference.output_tokens[1]", [](Receipt& r) { (*r.inference.output_tokens)[1] = 512; }},
      {"inference.output_tokens[1]", [](Receipt& r) { (*r.inference.output_tokens)[1] = -1; }},
      {"inference.tokens_generated", [](Receipt& r) { r.inference.options.max_new_tokens = 2; }},
      {"inference.stop_reason", [](Receipt& r) { r.inference.options.max_new_tokens = 4; }},
      {"inference.stop_reason", [](Receipt& r) { r.inference.stop_reason = "tired"; }},
      {"inference.evaluated_tokens", [](Receipt& r) { r.inference.evaluated_tokens = 8; }},
      {"inference.cached_tokens", [](Receipt& r) { r.inference.cached_tokens = 6; }},
      {"inference.options.n_ctx", [](Receipt& r) { r.inference.options.n_ctx = 6; }},
      {"inference.options.n_ctx", [](Receipt& r) { r.inference.options.n_ctx = 0; }},
      {"inference.options.stop_strings[0]", [](Receipt& r) { r.inference.options.stop_strings = {""}; }},
      {"inference.options.kv_type", [](Receipt& r) { r.inference.options.kv_type = "q8"; }},
      {"inference.options.head", [](Receipt& r) { r.inference.options.head = "half"; }},
      {"inference.options.sampler.top_p", [](Receipt& r) { r.inference.options.sampler.top_p = 1.5f; }},
      {"logits_sha256", [](Receipt& r) { r.logits_sha256.reset(); }},
      {"logits_sha256", [](Receipt& r) { r.logits_sha256 = "00"; }},
      {"inference.options.head", [](Receipt& r) { r.inference.options.head = "shortcut"; }},
      {"inference.head_survivors", [](Receipt& r) { r.inference.head_survivors = 1; }},
      {"logits_prefixes", [](Receipt& r) { r.logits_prefixes.pop_back(); }},
      {"logits_prefixes", [](Receipt& r) { r.logits_prefixes.back() = 7; }},
      {"inference.tokens_per_sec", [](Receipt& r) { r.inference.tokens_per_sec = 5000; }},
      {"inference.prompt_tokens_per_sec", [](Receipt& r) { r.inference.prompt_ms = 1; }},
      {"inference.time_to_first_token_ms", [](Receipt& r) { r.inference.time_to_first_token_ms = 9; }},
      {"inference.load_ms", [](Receipt& r) { r.inference.load_ms = -1; }},
  };
  for (const auto& row : rows) {
    Receipt receipt = SampleReceipt();
    row.damage(receipt);
    const VerifyReport report = Verify(receipt);
    INFO("expected " << row.field << ", found:\n" << All(report));
    CHECK(Names(report, row.field));
  }
}

TEST_CASE("Plausible numbers have no ceiling", "[receipts][verify]") {
  Receipt r = SampleReceipt();
  r.inference.tokens_per_sec = 5e8;
  r.inference.generate_ms = 6e-6;
  CHECK(All(Verify(r)).empty());
}

TEST_CASE("Draws by the head shortcut count as such, with their survivors", "[receipts][verify]") {
  Receipt r = SampleReceipt();
  r.inference.options.head = "shortcut";
  for (Kernel& k : r.kernels) {
    if (k.id == "AVX2.dense") k.id = "AVX2.head_shortcut";
  }
  r.inference.head_survivors = 3 * 300;
  CHECK(All(Verify(r)).empty());
  for (const uint64_t survivors : {uint64_t{0}, uint64_t{3 * 256 - 1}, uint64_t{3 * 512 + 1}}) {
    r.inference.head_survivors = survivors;
    CHECK(Names(Verify(r), "inference.head_survivors"));
  }
}

// The sample, run on a GPU.
Receipt GpuReceipt() {
  Receipt r = SampleReceipt();
  r.backend.device = "cuda";
  r.backend.target = "CUDA";
  r.backend.requested_device = "cuda";
  r.backend.gpus = {{"a gpu", "9.0", "13.0", r.model.shape.n_layers}};
  FillKernels(r);
  return r;
}

TEST_CASE("A receipt that claims a GPU carries its name and its kernels", "[receipts][verify]") {
  CHECK(All(Verify(GpuReceipt())).empty());
  const struct {
    const char* field;
    std::function<void(Receipt&)> damage;
  } rows[] = {
      {"backend.device", [](Receipt& r) { r.backend.device = "cpu"; }},
      {"backend.gpus", [](Receipt& r) { r.backend.gpus.reset(); }},
      {"backend.gpus[0]", [](Receipt& r) { (*r.backend.gpus)[0].name = ""; }},
      {"backend.gpus[0]", [](Receipt& r) { (*r.backend.gpus)[0].driver = ""; }},
      {"backend.gpus", [](Receipt& r) { (*r.backend.gpus)[0].n_layers -= 1; }},
      {"backend.gpus", [](Receipt& r) { (*r.backend.gpus)[0].n_layers += 1; }},
      {"backend.requested_device", [](Receipt& r) { r.backend.requested_device.reset(); }},
      {"backend.requested_device", [](Receipt& r) { r.backend.requested_device = "abacus"; }},
      {"backend.device",
       [](Receipt& r) {  // kernels of a CPU under the name of a GPU
         r.backend.target = "AVX2";
         FillKernels(r);
       }},
  };
  for (const auto& row : rows) {
    INFO(row.field);
    Receipt r = GpuReceipt();
    row.damage(r);
    CHECK(Names(Verify(r), row.field));
  }
}

TEST_CASE("A hybrid run names kernels of both tables, a fallback its reason", "[receipts][verify]") {
  Receipt r = GpuReceipt();
  r.backend.device = "hybrid";
  r.backend.target = "AVX2";
  r.backend.requested_device = "hybrid";
  (*r.backend.gpus)[0].n_layers = 1;
  for (size_t i = 0; i < r.kernels.size(); i += 2) r.kernels[i].id.replace(0, 4, "AVX2");
  CHECK(All(Verify(r)).empty());
  r.kernels[0].id.replace(0, 4, "NEON");
  CHECK(Names(Verify(r), "kernels[0].id"));

  r = SampleReceipt();
  r.backend.requested_device = "auto";
  CHECK(Names(Verify(r), "backend.requested_device"));
  r.backend.fallback_reason = "cuda: no driver";
  CHECK(All(Verify(r)).empty());
  r.backend.requested_device = "cuda";
  CHECK(Names(Verify(r), "backend.requested_device"));
}

TEST_CASE("A portable run says reference and is accepted", "[receipts][verify]") {
  Receipt r = SampleReceipt();
  r.backend.target = r.backend.requested = "portable";
  FillKernels(r);
  CHECK(r.compute_path == "reference");
  CHECK(All(Verify(r)).empty());
  VerifyOptions options = SampleOptions();
  options.require_target = "AVX2";
  CHECK(Names(Verify(r, options), "backend.target"));
  CHECK(Verify(SampleReceipt(), options).problems.empty());
}

TEST_CASE("Corrections are rejected unless they are allowed, and their arithmetic is redone", "[receipts][verify]") {
  VerifyOptions strict = SampleOptions();
  strict.allow_corrections = false;
  const VerifyReport refused = Verify(SampleCorrectedReceipt(), strict);
  REQUIRE(refused.problems.size() == 1);
  CHECK(refused.problems[0].field == "corrections");

  Receipt skipped = SampleCorrectedReceipt();
  skipped.corrections->applied.clear();  // a policy was given, nothing was changed
  CHECK(All(Verify(skipped, strict)).empty());

  const std::function<void(Applied&)> damages[] = {
      [](Applied& a) { a.impact.tensors[0].factor *= 1.0001; },
      [](Applied& a) { a.impact.tensors[0].rms_before = 57; },
      [](Applied& a) { a.impact.tensors[0].rms_after = 0.99; },
      [](Applied& a) { a.parameters.target_rms = 1.01; },
      [](Applied& a) { a.parameters.target_rms.reset(); },
      [](Applied& a) { a.parameters.tolerance = 0; },
      [](Applied& a) { a.parameters.scale_factor = -3; },
      [](Applied& a) { a.impact.factor_min = 1; },
      [](Applied& a) { a.impact.tensors.clear(); },
      [](Applied& a) { a.correction_type = "rotate"; },
      [](Applied& a) { a.validation.postcondition.status = "failed"; },
  };
  for (const auto& damage : damages) {
    Receipt r = SampleCorrectedReceipt();
    damage(r.corrections->applied[0]);
    CHECK_FALSE(Verify(r).problems.empty());
  }
  Receipt silent = SampleCorrectedReceipt();
  silent.corrections->warnings.clear();
  CHECK(Names(Verify(silent), "corrections.warnings"));
}

TEST_CASE("The model at hand must be the one that ran", "[receipts][verify]") {
  VerifyOptions options = SampleOptions();
  options.model = SampleReceipt().model;
  options.model->path = "elsewhere.gguf";
  CHECK(All(Verify(SampleReceipt(), options)).empty());
  options.model->fingerprint.back() = 'b';
  options.model->shape.n_layers = 5;
  const VerifyReport report = Verify(SampleReceipt(), options);
  CHECK(Names(report, "model.fingerprint"));
  CHECK(Names(report, "model.shape.n_layers"));
  CHECK(report.problems.size() == 2);
}

TEST_CASE("A context larger than the model at hand was made for is rejected", "[receipts][verify]") {
  VerifyOptions options = SampleOptions();
  options.max_ctx = SampleReceipt().inference.options.n_ctx;
  CHECK(All(Verify(SampleReceipt(), options)).empty());
  --options.max_ctx;
  const VerifyReport report = Verify(SampleReceipt(), options);
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].field == "inference.options.n_ctx");
}

TEST_CASE("The weights of the model at hand must be those that ran, read in the same layout", "[receipts][verify]") {
  VerifyOptions options = SampleOptions();
  options.model = SampleReceipt().model;
  options.model->ternary_sha256.back() = 'b';
  const VerifyReport codes = Verify(SampleReceipt(), options);
  CHECK(Names(codes, "model.ternary_sha256"));
  CHECK(codes.problems.size() == 1);
  options.model->ternary_scales_sha256.back() = 'b';
  const VerifyReport both = Verify(SampleReceipt(), options);
  CHECK(Names(both, "model.ternary_scales_sha256"));
  CHECK(both.problems.size() == 2);
  options.model->load.i2s_arm_layout = true;
  CHECK(All(Verify(SampleReceipt(), options)).empty());
}

// ---- Every leaf ----

// Calls fn(path, leaf) for each scalar of a tree.
void ForEachLeaf(JsonValue& value, const std::string& path,
                 const std::function<void(const std::string&, JsonValue&)>& fn) {
  if (value.kind == JsonValue::Kind::kObject) {
    for (JsonMember& m : value.object) ForEachLeaf(m.value, path.empty() ? m.key : path + "." + m.key, fn);
  } else if (value.kind == JsonValue::Kind::kArray) {
    for (size_t i = 0; i < value.array.size(); ++i) ForEachLeaf(value.array[i], core::Cat(path, "[", i, "]"), fn);
  } else {
    fn(path, value);
  }
}

void WriteJson(const JsonValue& v, core::JsonWriter& w) {
  switch (v.kind) {
    case JsonValue::Kind::kNull: w.Null(); break;
    case JsonValue::Kind::kBool: w.Bool(v.boolean); break;
    case JsonValue::Kind::kInt:
    case JsonValue::Kind::kUint:
    case JsonValue::Kind::kDouble: w.Double(v.number); break;
    case JsonValue::Kind::kString: w.String(v.string); break;
    case JsonValue::Kind::kArray:
      w.BeginArray();
      for (const JsonValue& e : v.array) WriteJson(e, w);
      w.EndArray();
      break;
    case JsonValue::Kind::kObject:
      w.BeginObject();
      for (const JsonMember& m : v.object) WriteJson(m.value, w.Key(m.key));
      w.EndObject();
      break;
  }
}

std::string TextOf(const JsonValue& v) {
  core::JsonWriter w;
  WriteJson(v, w);
  return w.Take();
}

JsonValue SampleDocument() {
  const auto text = WriteReceipt(SampleCorrectedReceipt());
  REQUIRE(text.ok());
  auto json = core::ParseJson(*text);
  REQUIRE(json.ok());
  return *std::move(json);
}

void Mutate(JsonValue& leaf) {
  if (leaf.kind == JsonValue::Kind::kBool) {
    leaf.boolean = !leaf.boolean;
  } else if (leaf.kind == JsonValue::Kind::kString) {
    if (leaf.string.empty()) {
      leaf.string = "x";
    } else {
      leaf.string.back() = leaf.string.back() == '1' ? '2' : '1';
    }
  } else {
    leaf.number = leaf.number == 0 ? 1 : leaf.number * 1.001 + (leaf.number == std::trunc(leaf.number) ? 1 : 0);
  }
}

TEST_CASE("A changed leaf is rejected wherever it is when the digest was left as it was", "[receipts][verify]") {
  JsonValue document = SampleDocument();
  size_t n = 0;
  ForEachLeaf(document, "", [&](const std::string& path, JsonValue& leaf) {
    const JsonValue before = leaf;
    Mutate(leaf);
    INFO(path);
    CHECK_FALSE(VerifyReceipt(TextOf(document), SampleOptions())->problems.empty());
    leaf = before;
    ++n;
  });
  CHECK(n > 100);
  CHECK(VerifyReceipt(TextOf(document), SampleOptions())->problems.empty());
}

TEST_CASE("A missing required field is named", "[receipts][verify]") {
  // Every member of every object, the optional ones apart.
  const std::set<std::string> optional = {"corrections",   "logits_sha256", "prompt",    "output",     "prompt_tokens",
                                          "output_tokens", "target_rms",    "tolerance", "BITNET_SEED"};
  JsonValue document = SampleDocument();
  size_t n = 0;
  const std::function<void(JsonValue&, const std::string&)> walk = [&](JsonValue& value, const std::string& path) {
    for (size_t i = 0; i < value.array.size(); ++i) walk(value.array[i], core::Cat(path, "[", i, "]"));
    for (size_t i = 0; i < value.object.size(); ++i) {
      const std::string below = path.empty() ? value.object[i].key : path + "." + value.object[i].key;
      walk(value.object[i].value, below);
      if (optional.count(value.object[i].key) != 0) continue;
      const JsonMember member = value.object[i];
      value.object.erase(value.object.begin() + static_cast<ptrdiff_t>(i));
      const VerifyReport report = *VerifyReceipt(TextOf(document), SampleOptions());
      value.object.insert(value.object.begin() + static_cast<ptrdiff_t>(i), member);
      INFO(below << ":\n" << All(report));
      CHECK(Names(report, below));
      ++n;
    }
  };
  walk(document, "");
  CHECK(n > 90);
}

TEST_CASE("A text that is no receipt is a report with one problem", "[receipts][verify]") {
  CHECK(VerifyReceipt("{", SampleOptions())->problems.size() == 1);
  CHECK(VerifyReceipt("[]", SampleOptions())->problems.size() == 1);
  CHECK(VerifyReceipt("{}", SampleOptions())->problems.size() > 10);
}

}  // namespace
}  // namespace bitnet::receipts
