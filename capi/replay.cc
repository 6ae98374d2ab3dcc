#include "capi/replay.h"

#include <algorithm>

#include "capi/receipt_record.h"
#include "core/base/sha256.h"
#include "receipts/checks.h"
#include "receipts/reader.h"
#include "receipts/writer.h"

namespace bitnet::capi {

namespace {

using core::Cat;
using core::Code;
using core::Result;
using core::Status;
using receipts::Receipt;

Status Rejected(std::string message, std::string what) {
  return Status(Code::kReceiptRejected, std::move(message), std::move(what));
}

Status CheckReplayable(const receipts::ReadResult& read, const core::Model& model) {
  const Receipt& r = read.receipt;
  if (!read.problems.empty()) {
    return Rejected(Cat(read.problems[0].field, ": ", read.problems[0].message), read.problems[0].field);
  }
  if (!r.inference.prompt_tokens || !r.inference.output_tokens) {
    return Rejected("the receipt was written without its tokens: there is nothing to run again",
                    "inference.prompt_tokens");
  }
  const std::string fingerprint = "sha256:" + core::ToHex(model.FileSha256());  // always computed
  if (r.model.fingerprint != fingerprint) {
    return Rejected(
        Cat("the receipt is of the model ", core::Quoted(r.model.fingerprint, 80), ", this one is ", fingerprint),
        "model.fingerprint");
  }
  receipts::Checks checks({});
  receipts::CheckOptions(r.inference.options, checks);
  checks.Expect(!r.inference.prompt_tokens->empty(), "inference.prompt_tokens", "no token to begin with");
  if (!checks.problems().empty()) {
    return Rejected(Cat(checks.problems()[0].field, ": ", checks.problems()[0].message), checks.problems()[0].field);
  }
  return {};
}

// A failure of the replay as what it says about the receipt: a run that this model cannot make was never made. What
// this machine lacks says nothing, and stays what it is.
Status Impossible(const Status& status) {
  constexpr std::pair<std::string_view, std::string_view> kFields[] = {
      {"tokens", "inference.prompt_tokens"},
      {"n_ctx", "inference.options.n_ctx"},
      {"stop_ids", "inference.options.stop_ids"},
      {"temperature", "inference.options.sampler.temperature"},
      {"top_p", "inference.options.sampler.top_p"},
      {"min_p", "inference.options.sampler.min_p"},
      {"repeat_penalty", "inference.options.sampler.repeat_penalty"}};
  switch (status.code()) {
    case Code::kInvalidArgument:
    case Code::kContextFull:
    case Code::kBadState:
    case Code::kNonFinite: break;
    default: return status;
  }
  std::string_view field = "inference";
  for (const auto& [what, name] : kFields) {
    if (status.what() == what) field = name;
  }
  return Rejected(Cat(field, ": ", status.message()), std::string(field));
}

// The corrections that the receipt says were applied, as the loader takes them.
core::Corrections CorrectionsIn(const Receipt& r) {
  core::Corrections out;
  if (!r.corrections) return out;
  for (const receipts::Applied& a : r.corrections->applied) {
    const double tolerance = a.parameters.tolerance.value_or(0);
    for (const receipts::TensorChange& t : a.impact.tensors) {
      const double target = a.parameters.target_rms.value_or(0);
      out.norm_scales.push_back({t.tensor, static_cast<float>(t.factor), target - tolerance, target + tolerance});
    }
    if (!a.parameters.scale_factor) continue;
    for (const uint32_t layer : a.parameters.layers) {
      out.attention_scales.emplace_back(layer, static_cast<float>(*a.parameters.scale_factor));
    }
  }
  return out;
}

bool SameCorrections(const core::Corrections& a, const core::Corrections& b) {
  return a.attention_scales == b.attention_scales &&
         std::equal(a.norm_scales.begin(), a.norm_scales.end(), b.norm_scales.begin(), b.norm_scales.end(),
                    [](const core::NormScale& x, const core::NormScale& y) {
                      return x.tensor == y.tensor && x.factor == y.factor;
                    });
}

// The model as the receipt says it was loaded: the one at hand, or a copy with the receipt's own options and
// corrections. The caller asked for a replay, which changes nothing outside; no policy is needed for it.
Result<std::shared_ptr<const core::Model>> ModelFor(const Receipt& r, const bitnet_model_t& handle) {
  const LoadAudit& audit = *handle.audit;
  const receipts::LoadOptions& load = r.model.load;
  const core::Corrections wanted = CorrectionsIn(r);
  const core::Corrections have = audit.applied ? audit.applied->plan.result : core::Corrections();
  if (load.tokenizer_replaced != audit.tokenizer_replaced) {
    return Rejected(
        "the receipt's run had its tokenizer replaced and the model at hand has not, or the other way round",
        "model.load.tokenizer_replaced");
  }
  const bool same_linears = load.allow_dense_linears || handle.model->n_dense_linears() == 0;
  if (load.i2s_arm_layout == audit.i2s_arm_layout && same_linears && load.pre == audit.pre &&
      SameCorrections(wanted, have)) {
    return handle.model;
  }
  if (handle.path.empty()) {
    return Rejected("the receipt's run was loaded with other options or corrections: load the model from its path",
                    "model.load");
  }
  core::LoadSpec spec;  // mapped: the host's model is in memory already
  spec.i2s_arm_layout = load.i2s_arm_layout;
  spec.allow_suspicious_norms = load.allow_suspicious_norms;
  spec.allow_dense_linears = load.allow_dense_linears;
  spec.pre = load.pre;
  spec.corrections = wanted;
  if (audit.tokenizer_replaced) spec.tokenizer = handle.model->tokenizer();
  const core::Engine& engine = *handle.state->engine;
  auto model = core::Model::LoadFile(handle.path, spec, engine.pool(), engine.allocator());
  if (!model.ok()) {
    const Code code = model.status().code();
    if (code == Code::kNoMemory || code == Code::kIo || code == Code::kNotFound) return model.status();
    const bool corrected = !wanted.norm_scales.empty() || !wanted.attention_scales.empty();
    const std::string_view field = model.status().what() == "tokenizer.ggml.pre" ? "model.load.pre"
                                   : corrected                                   ? "corrections.applied"
                                                                                 : "model.load";
    return Rejected(Cat("the receipt's load options or corrections do not fit the model: ", model.status().message()),
                    std::string(field));
  }
  return model;
}

// Of the model as it was loaded for the replay, before anything is run.
Status CheckParts(const receipts::Model& recorded, const core::Model& model, const bitnet_model_t& handle) {
  const auto equal = [](const std::string& found, const std::string& expected, std::string_view field) -> Status {
    if (found == expected) return {};
    return Rejected(
        Cat("the receipt is of a model with ", field, " ", core::Quoted(found, 80), ", this one's is ", expected),
        Cat("model.", field));
  };
  const core::Tokenizer& tokenizer = *model.tokenizer();
  BN_RETURN_IF_ERROR(equal(
      recorded.tokenizer_sha256,
      &model == handle.model.get() ? TokenizerSha256(tokenizer, *handle.audit) : ComputeTokenizerSha256(tokenizer),
      "tokenizer_sha256"));
  BN_RETURN_IF_ERROR(equal(recorded.ternary_sha256, core::ToHex(model.TernarySha256()), "ternary_sha256"));
  return equal(recorded.ternary_scales_sha256, core::ToHex(model.TernaryScalesSha256()), "ternary_scales_sha256");
}

core::GenerateOptions OptionsIn(const Receipt& r) {
  const receipts::Options& o = r.inference.options;
  core::GenerateOptions g;
  g.sampler = {o.sampler.temperature,    o.sampler.top_k,         o.sampler.top_p, o.sampler.min_p,
               o.sampler.repeat_penalty, o.sampler.repeat_last_n, o.seed};
  // More than the context holds are never drawn.
  g.max_new_tokens = static_cast<uint32_t>(std::min<uint64_t>(o.max_new_tokens, uint64_t{o.n_ctx} + 1));
  g.ignore_eos = o.ignore_eos;
  g.stop_ids = o.stop_ids;
  g.stop_strings = o.stop_strings;
  return g;
}

class Differences {
 public:
  explicit Differences(bitnet_verification_t* out) : out_(out) {}
  template <typename... Args>
  void Expect(bool holds, std::string_view field, const Args&... message) {
    if (!holds) out_->problems.push_back({std::string(field), Cat(message...)});
  }
  void SetFirstStep(size_t step) {
    if (out_->first_step < 0) out_->first_step = static_cast<int64_t>(step);
  }

 private:
  bitnet_verification_t* out_;
};

// Draws that the shortcut answered. Of two true runs one may have had logits already, in full, where the other
// searched.
template <class Kernels>
uint64_t ShortcutDraws(const Kernels& kernels) {
  uint64_t draws = 0;
  for (const auto& k : kernels) {
    if (std::string_view(k.id).ends_with(".head_shortcut")) draws += k.calls;
  }
  return draws;
}

void CompareSteps(const Receipt& r, std::span<const int32_t> draws, const core::RunFacts& facts, Differences& d) {
  const std::vector<int32_t>& recorded = *r.inference.output_tokens;
  const size_t n = std::max(recorded.size(), draws.size());
  for (size_t i = 0; i < n; ++i) {
    const bool both = i < recorded.size() && i < draws.size();
    const bool logits = both && i < r.logits_prefixes.size() && r.logits_prefixes[i] == facts.logits_prefixes[i];
    if (both && logits && recorded[i] == draws[i]) continue;
    d.SetFirstStep(i);
    if (!both) {
      d.Expect(false, "inference.output_tokens", "step ", i, ": ", recorded.size(),
               " tokens recorded, the replay drew ", draws.size());
    } else if (recorded[i] != draws[i]) {
      d.Expect(false, "inference.output_tokens", "step ", i, ": recorded token ", recorded[i], ", the replay drew ",
               draws[i]);
    }
    if (both && !logits) d.Expect(false, "logits_prefixes", "step ", i, ": the logits differ");
    return;
  }
}

}  // namespace

Status Replay(std::string_view text, const bitnet_model_t& handle, bitnet_verification_t* out) {
  const Result<receipts::ReadResult> read = receipts::ReadReceipt(text);
  if (!read.ok() && read.status().code() == Code::kNoMemory) return read.status();
  if (!read.ok()) return Rejected(std::string(read.status().message()), std::string(read.status().what()));
  BN_RETURN_IF_ERROR(CheckReplayable(*read, *handle.model));
  const Receipt& r = read->receipt;
  const std::shared_ptr<const EngineState> state = handle.state;  // the log may free the handle
  BN_ASSIGN_OR_RETURN(const std::shared_ptr<const core::Model> model, ModelFor(r, handle));
  BN_RETURN_IF_ERROR(CheckParts(r.model, *model, handle));
  core::SessionOptions options;
  options.n_ctx = r.inference.options.n_ctx;
  options.head = r.inference.options.head == "full" ? core::HeadMode::kFull : core::HeadMode::kAuto;
  options.kv_type = r.inference.options.kv_type == "f32" ? kernels::Dense::kF32 : kernels::Dense::kF16;
  Result<std::unique_ptr<core::Session>> created = core::Session::Create(state->engine, model, options);
  if (!created.ok()) return Impossible(created.status());
  const std::unique_ptr<core::Session> session = *std::move(created);
  if (const Status status = session->Begin(*r.inference.prompt_tokens, OptionsIn(r)); !status.ok()) {
    return Impossible(status);
  }
  const bool cancelled = r.inference.stop_reason == "cancelled";
  for (core::Step step; step.reason == core::StopReason::kNone;) {
    if (cancelled && session->generated_tokens().size() == r.inference.output_tokens->size()) session->Cancel();
    const Result<core::Step> next = session->Next();
    if (!next.ok()) return Impossible(next.status());
    step = *next;
  }

  Differences d(out);
  const core::RunFacts facts = session->Facts();
  CompareSteps(r, session->generated_tokens(), facts, d);
  const std::string digest = facts.logits_sha256 ? core::ToHex(*facts.logits_sha256) : "";
  d.Expect(r.logits_sha256.value_or("") == digest, "logits_sha256", "recorded ",
           core::Quoted(r.logits_sha256.value_or(""), 80), ", the replay gives '", digest, "'");
  d.Expect(ShortcutDraws(facts.generation_kernels) != ShortcutDraws(r.kernels) ||
               facts.head_survivors == r.inference.head_survivors,
           "inference.head_survivors", "recorded ", r.inference.head_survivors, ", the replay computed ",
           facts.head_survivors);
  const std::string_view reason = core::StopReasonName(session->stop_reason());
  d.Expect(r.inference.stop_reason == reason, "inference.stop_reason", "recorded ",
           core::Quoted(r.inference.stop_reason), ", the replay stopped by '", reason, "'");
  const std::string output = std::string(session->generated_text());
  d.Expect(receipts::TextSha256(output) == r.inference.output_sha256, "inference.output",
           "the recorded text is not that of the tokens");
  BN_ASSIGN_OR_RETURN(const std::string prompt, PromptText(*model->tokenizer(), *r.inference.prompt_tokens));
  d.Expect(receipts::TextSha256(prompt) == r.inference.prompt_sha256, "inference.prompt",
           "the recorded text is not that of the tokens");
  return {};
}

}  // namespace bitnet::capi
