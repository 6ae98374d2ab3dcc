// Generation by pull: one call, one token.
#include <algorithm>
#include <utility>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

namespace {

double Milliseconds(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Status Session::Begin(std::span<const int32_t> prompt, const GenerateOptions& options) {
  Impl& s = *impl_;
  BN_RETURN_IF_ERROR(CheckSamplerOptions(options.sampler));
  const uint32_t n_vocab = s.model->hparams().n_vocab;
  for (const int32_t id : options.stop_ids) {
    if (static_cast<uint32_t>(id) >= n_vocab) {
      return Status(Code::kInvalidArgument, Cat("stop id: found ", id, ", expected 0 to ", n_vocab - 1), "stop_ids");
    }
  }
  if (prompt.empty() && s.n_hidden == 0) {
    return Status(Code::kBadState, "nothing to continue: give a prompt, or evaluate tokens first", "prompt");
  }
  // What may lack memory comes first: after a failure the context is as it was. A draw needs a place, but the last.
  const uint32_t most = std::min(options.max_new_tokens, s.n_ctx + 1);
  constexpr size_t kBytesPerToken = 16;  // above the longest average of common vocabularies
  s.generating = false;
  s.generate = options;
  s.generated.clear();
  s.generated.reserve(most);
  s.logits_prefixes.clear();
  s.logits_prefixes.reserve(most);
  s.text.Start(options.stop_strings, kBytesPerToken * most + 256);

  s.pending = -1;
  s.counts_before = s.counts;
  s.n_evaluated_before = s.n_evaluated;
  s.n_cached = s.tokens.size();
  s.n_prompt = prompt.size();
  s.reason = options.max_new_tokens == 0 ? StopReason::kLength : StopReason::kNone;
  s.digest = Sha256();
  s.n_shortcuts = s.n_survivors = 0;
  s.started = Impl::Clock::now();
  if (!prompt.empty()) BN_RETURN_IF_ERROR(Eval(prompt, Want::kLast));
  s.prompt_done = s.first_draw = s.last_draw = Impl::Clock::now();
  s.generating = true;  // a cancel that came too late for the evaluation ends the first draw
  return {};
}

void Session::Impl::AddToDigest() {
  const Clock::time_point start = profile ? Clock::now() : Clock::time_point();
  digest.Update(top.data(), top.size() * sizeof(kernels::TopEntry));
  const Digest so_far = digest.Finish();
  logits_prefixes.push_back(uint32_t{so_far[0]} << 24 | uint32_t{so_far[1]} << 16 | uint32_t{so_far[2]} << 8 |
                            so_far[3]);
  if (profile) profile->Add(ProfilePart::kDigest, Milliseconds(start, Clock::now()) / 1000);
}

// Evaluates the token drawn last and selects the candidates for the next one. A GPU is waited for once, at the end. On
// failure the session stays where it was.
Status Session::EvalPending() {
  Impl& s = *impl_;
  const Impl::Counts counts = s.counts;
  const uint64_t n_evaluated = s.n_evaluated;
  const BatchItem item = {this, {&s.pending, 1}, Want::kLast};
  BN_RETURN_IF_ERROR(Impl::EvalItems({&item, 1}, PassEnd::kLeave));
  if (const Status status = s.ComputeTop(0); !status.ok()) {
    s.tokens.pop_back();
    s.ForgetLogits();
    s.counts = counts;
    s.n_evaluated = n_evaluated;
    return status;
  }
  s.pending = -1;
  return {};
}

Result<Step> Session::Next() {
  Impl& s = *impl_;
  if (!s.generating) return Status(Code::kBadState, "no generation was begun", "next");
  const auto end = [&](StopReason reason) {
    s.reason = reason;
    s.text.Finish();
    return Step{-1, s.text.fresh(), reason};
  };
  const auto cancelled = [&] {
    s.text.Push({});  // what the last token showed is not new
    return end(StopReason::kCancelled);
  };
  if (s.reason != StopReason::kNone) return Step{-1, {}, s.reason};
  if (s.cancelled.exchange(false, std::memory_order_relaxed)) return cancelled();
  if (s.pending >= 0) {
    const Status status = EvalPending();
    if (status.code() == Code::kCancelled) {
      s.cancelled.store(false, std::memory_order_relaxed);
      return cancelled();
    }
    BN_RETURN_IF_ERROR(status);
  } else {
    if (s.generated.empty()) BN_RETURN_IF_ERROR(s.PrepareShortcut());
    BN_RETURN_IF_ERROR(s.ComputeTop(s.n_hidden - 1));
  }
  std::copy(s.top.begin(), s.top.end(), s.draw_top.begin());
  BN_ASSIGN_OR_RETURN(const int32_t token, Draw(s.draw_top, s.tokens, s.generate.sampler));
  s.AddToDigest();  // a draw that fails has no part in it
  s.last_draw = Impl::Clock::now();
  if (s.generated.empty()) s.first_draw = s.last_draw;
  s.generated.push_back(token);
  s.pending = token;

  const Tokenizer& tokenizer = *s.model->tokenizer();
  const auto is_in = [token](const std::vector<int32_t>& ids) {
    return std::find(ids.begin(), ids.end(), token) != ids.end();
  };
  StopReason reason = StopReason::kNone;
  if (!s.generate.ignore_eos && (is_in(tokenizer.stop_ids()) || is_in(s.generate.stop_ids))) {
    reason = StopReason::kStopId;
    s.text.Push({});
  } else if (s.text.Push(tokenizer.Piece(token))) {
    reason = StopReason::kStopString;
  } else if (s.generated.size() >= s.generate.max_new_tokens) {
    reason = StopReason::kLength;
  } else if (s.tokens.size() >= s.n_ctx) {
    reason = StopReason::kContext;  // this token cannot be evaluated
  }
  if (reason != StopReason::kNone) end(reason);
  return Step{token, s.text.fresh(), reason};
}

bool Session::generating() const { return impl_->generating && impl_->reason == StopReason::kNone; }
StopReason Session::stop_reason() const { return impl_->reason; }
std::string_view Session::generated_text() const { return impl_->text.text(); }
std::span<const int32_t> Session::generated_tokens() const { return impl_->generated; }
const GenerateOptions& Session::generate_options() const { return impl_->generate; }

RunFacts Session::Facts() const {
  const Impl& s = *impl_;
  RunFacts f;
  f.target = s.engine->table().name;
  f.threads = s.engine->threads();
  const auto add_kernels = [&f](const std::string& table, const OpCounts& now, const OpCounts& before) {
    for (size_t op = 0; op < now.size(); ++op) {
      if (now[op] == 0) continue;
      const std::string id = Cat(table, ".", kernels::OpName(static_cast<kernels::Op>(op)));
      f.kernels.push_back({id, now[op]});
      if (now[op] > before[op]) f.generation_kernels.push_back({id, now[op] - before[op]});
    }
  };
  add_kernels(s.engine->table().name, s.counts.cpu, s.counts_before.cpu);
  bool any_cpu = false;
  for (const auto& stage : s.stages) {
    if (!stage->on_gpu()) {
      any_cpu = true;
      continue;
    }
    const kernels::gpu::GpuInfo& info = s.engine->gpus()[static_cast<size_t>(stage->plan.device)];
    f.gpus.push_back({info.name, Cat(info.capability_major, ".", info.capability_minor),
                      Cat(info.driver_version / 1000, ".", info.driver_version % 1000 / 10),
                      stage->plan.part.layers.end - stage->plan.part.layers.begin});
  }
  if (!f.gpus.empty()) add_kernels(s.engine->gpu_table()->name, s.counts.gpu, s.counts_before.gpu);
  f.device = f.gpus.empty() ? "cpu" : any_cpu ? "hybrid" : "cuda";
  if (!any_cpu) f.target = s.engine->gpu_table()->name;
  f.requested_device = DeviceModeName(s.engine->device());
  f.fallback_reason = s.plan.fallback_reason;
  f.n_generation_evaluated = s.n_evaluated - s.n_evaluated_before;
  f.n_cached_tokens = s.n_cached;
  f.logits_prefixes = s.logits_prefixes;
  if (!s.generated.empty()) f.logits_sha256 = s.digest.Finish();
  f.prompt_ms = Milliseconds(s.started, s.prompt_done);
  f.generate_ms = Milliseconds(s.prompt_done, s.last_draw);
  f.time_to_first_token_ms = s.generated.empty() ? 0 : Milliseconds(s.started, s.first_draw);
  f.n_prompt_tokens = s.n_prompt;
  f.n_generated_tokens = s.generated.size();
  f.n_evaluated_tokens = s.n_evaluated;
  f.head = s.n_shortcuts > 0 ? "shortcut" : "full";
  f.head_survivors = s.n_survivors;
  return f;
}

}  // namespace bitnet::core
