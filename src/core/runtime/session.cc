#include "core/runtime/session.h"

#include <algorithm>
#include <utility>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

namespace {

// Rows of one forward pass: large enough for the integer products to run at their limit (the unpacking of weights is
// shared by all rows), small enough for the activations to stay near the caches. Measured: docs/kernels.md.
constexpr uint32_t kDefaultChunk = 256;

uint32_t ContextFor(const HParams& h, const SessionOptions& options) {
  return options.n_ctx != 0 ? options.n_ctx : std::min(h.n_ctx_train, 4096u);
}

uint32_t ChunkFor(uint32_t n_ctx, const SessionOptions& options) {
  return std::min(n_ctx, options.chunk != 0 ? options.chunk : kDefaultChunk);
}

}  // namespace

std::string_view StopReasonName(StopReason reason) {
  switch (reason) {
    case StopReason::kNone: return "";
    case StopReason::kStopId: return "stop_id";
    case StopReason::kStopString: return "stop_string";
    case StopReason::kLength: return "length";
    case StopReason::kContext: return "context";
    case StopReason::kCancelled: return "cancelled";
  }
  return "";
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<Engine> engine, std::shared_ptr<const Model> model,
                                                 const SessionOptions& options) {
  const HParams& h = model->hparams();
  const uint32_t n_ctx = ContextFor(h, options);
  if (n_ctx > h.n_ctx_train) {
    return Status(Code::kInvalidArgument,
                  Cat("context of ", n_ctx, " tokens: the model was made for at most ", h.n_ctx_train), "n_ctx");
  }
  if (options.kv_type == kernels::Dense::kBF16) {
    return Status(Code::kInvalidArgument, "cache type: expected f16 or f32", "kv_type");
  }
  if (options.head == HeadMode::kShortcut && !HeadCopy::Possible(model->weights().head())) {
    return Status(Code::kUnsupported,
                  "head shortcut: it needs an output head of type F32, F16 or BF16 with more than 256 rows; use head = "
                  "auto or full",
                  "head");
  }
  auto impl = std::make_unique<Impl>(std::move(engine), std::move(model), options);
  const uint32_t chunk = ChunkFor(n_ctx, options);
  BN_ASSIGN_OR_RETURN(impl->plan, MakePlan(*impl->engine, *impl->model, n_ctx, chunk, options.kv_type));
  const bool any_gpu = std::any_of(impl->plan.stages.begin(), impl->plan.stages.end(),
                                   [](const StagePlan& s) { return s.device != StagePlan::kCpu; });
  if (!any_gpu && impl->plan.fallback_reason != impl->engine->fallback_reason()) {
    impl->engine->Log(LogLevel::kWarning, Cat("device auto: computing on the cpu, since ", impl->plan.fallback_reason));
  }
  if (options.head == HeadMode::kShortcut && impl->plan.stages.back().device != StagePlan::kCpu) {
    return Status(Code::kUnsupported,
                  "head shortcut: not on a gpu, which reads the whole head; use head = auto or full", "head");
  }
  BN_RETURN_IF_ERROR(impl->Allocate(n_ctx, any_gpu ? std::min<uint32_t>(chunk, GpuOps::kMaxRows) : chunk));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Session::MemoryEstimate Session::Estimate(const HParams& h, const Matrix& head, const SessionOptions& options,
                                          const kernels::KernelTable& table, uint32_t threads) {
  const uint32_t n_ctx = ContextFor(h, options);
  const uint32_t chunk = ChunkFor(n_ctx, options);
  MemoryEstimate e;
  e.n_ctx = n_ctx;
  e.cache_bytes = KvCache::Bytes(h, n_ctx, options.kv_type);
  e.scratch_bytes = ForwardScratch::Bytes(h, chunk) + CpuOps::Bytes(CpuOps::SizesFor(h, chunk, n_ctx), table, threads) +
                    Impl::OwnBytes(h, n_ctx, chunk);
  if (Impl::UsesShortcut(head, options)) e.head_bytes = HeadCopy::Bytes(head) + Impl::HeadScratchBytes(h);
  return e;
}

// ---- Impl: memory ----

uint64_t Session::Impl::OwnBytes(const HParams& h, uint32_t n_ctx, uint32_t chunk) {
  return uint64_t{n_ctx} * h.n_rot * sizeof(float) +  // cos, sin [n_ctx, n_rot / 2]
         h.n_rot / 2 * sizeof(double) +               // inverse frequencies
         uint64_t{h.n_embd} * sizeof(float) +         // hidden state of the last row
         uint64_t{h.n_vocab} * sizeof(float) +        // logits of one row
         uint64_t{chunk} * sizeof(BatchRow) + uint64_t{n_ctx} * sizeof(int32_t);
}

Status Session::Impl::Allocate(uint32_t context, uint32_t chunk) {
  const HParams& h = model->hparams();
  const Allocator& a = engine->allocator();
  n_ctx = context;
  for (const StagePlan& p : plan.stages) {
    BN_ASSIGN_OR_RETURN(std::unique_ptr<Stage> stage, Stage::Create(p, *engine, model, n_ctx, chunk, options.kv_type));
    stages.push_back(std::move(stage));
  }
  if (stages.size() > 1) {
    BN_ASSIGN_OR_RETURN(between, Buffer::Allocate(a, size_t{chunk} * h.n_embd * sizeof(float)));
  }
  const size_t half = h.n_rot / 2;
  BN_ASSIGN_OR_RETURN(angles, Buffer::Allocate(a, 2 * half * n_ctx * sizeof(float)));
  inv_freq.resize(half);
  kernels::RopeInverseFrequencies(h.rope_base, h.n_rot, model->weights().rope_freqs, h.rope_linear_factor,
                                  inv_freq.data());
  BN_ASSIGN_OR_RETURN(hidden, Buffer::Allocate(last().allocator, h.n_embd * sizeof(float)));
  BN_ASSIGN_OR_RETURN(logits, Buffer::Allocate(last().allocator, h.n_vocab * sizeof(float)));
  tokens.reserve(n_ctx);
  rows.reserve(chunk);
  row_sessions.reserve(chunk);
  cancels.reserve(1);
  top.resize(std::min<size_t>(kernels::kMaxTop, h.n_vocab));
  draw_top.resize(top.size());
  return {};
}

// cos and sin of all positions below `end`, computed once.
void Session::Impl::PrepareAngles(uint32_t end) {
  if (end <= angles_ready) return;
  const size_t half = inv_freq.size();
  const uint32_t begin = angles_ready;
  engine->pool().ParallelFor(end - begin, 16, [&](size_t first, size_t last, uint32_t) {
    for (size_t i = first; i < last; ++i) {
      const auto pos = static_cast<uint32_t>(begin + i);
      kernels::RopeAngles(pos, inv_freq.data(), half, Cos(pos), Sin(pos));
    }
  });
  angles_ready = end;
}

// ---- Impl: evaluation ----

Status Session::Impl::CheckTokens(std::span<const int32_t> more) const {
  const uint32_t n_vocab = model->hparams().n_vocab;
  for (size_t i = 0; i < more.size(); ++i) {
    if (more[i] < 0 || static_cast<uint32_t>(more[i]) >= n_vocab) {
      return Status(Code::kInvalidArgument, Cat("token ", i, ": found id ", more[i], ", expected 0 to ", n_vocab - 1),
                    "tokens");
    }
  }
  if (more.size() > n_ctx - tokens.size()) {
    return Status(Code::kContextFull,
                  Cat("context full: ", tokens.size(), " tokens in it and ", more.size(), " more, it holds ", n_ctx),
                  "n_ctx");
  }
  return {};
}

Status Session::Impl::KeepHidden(size_t from, Impl& to, size_t index) const {
  const size_t n = model->hparams().n_embd;
  return last().Copy(to.hidden.as<float>() + index * n, last().scratch.x + from * n, n * sizeof(float));
}

Status Session::Impl::RunStages() {
  const HParams& h = model->hparams();
  const size_t bytes = rows.size() * h.n_embd * sizeof(float);
  for (size_t i = 0; i < stages.size(); ++i) {
    Stage& stage = *stages[i];
    for (size_t t = 0; t < rows.size(); ++t) rows[t].cache = &row_sessions[t]->stages[i]->cache;
    if (i > 0) {
      BN_RETURN_IF_ERROR(stages[i - 1]->Read(between.data(), stages[i - 1]->scratch.x, bytes));
      BN_RETURN_IF_ERROR(stage.Write(stage.scratch.x, between.data(), bytes));
    }
    const Ops& ops = profile ? profiled : stage.ops;
    BN_RETURN_IF_ERROR(Forward(ops, h, *stage.weights, stage.plan.part.layers, stage.plan.part.embedding, rows,
                               stage.scratch, cancels));
  }
  return {};
}

Status Session::Impl::EvalItems(std::span<const BatchItem> items) {
  // The one with the longest context computes for all: its scratch has room for every position.
  const auto longest = std::max_element(items.begin(), items.end(), [](const BatchItem& a, const BatchItem& b) {
    return a.session->n_ctx() < b.session->n_ctx();
  });
  Impl& lead = *longest->session->impl_;
  for (const BatchItem& item : items) BN_RETURN_IF_ERROR(item.session->impl_->CheckTokens(item.tokens));
  lead.cancels.clear();
  for (const BatchItem& item : items) lead.cancels.push_back(&item.session->impl_->cancelled);
  for (const BatchItem& item : items) {  // what its own queue still does to the rows that it keeps comes first
    Impl& s = *item.session->impl_;
    if (&s != &lead) BN_RETURN_IF_ERROR(s.last().Wait());
  }
  for (const BatchItem& item : items) {
    Impl& s = *item.session->impl_;
    const size_t n_wanted = item.want == Want::kAll ? item.tokens.size() : item.want == Want::kLast ? 1 : 0;
    const size_t bytes = std::max<size_t>(1, n_wanted) * s.model->hparams().n_embd * sizeof(float);
    if (s.hidden.size() < bytes) {
      BN_ASSIGN_OR_RETURN(s.hidden, Buffer::Allocate(s.last().allocator, bytes));
    }
    s.PrepareAngles(static_cast<uint32_t>(s.tokens.size() + item.tokens.size()));
    s.ForgetLogits();
  }
  // Chunks of rows, in the order of the items; a chunk may hold the end of one session's tokens and the next's start.
  size_t item = 0, at = 0;
  while (item < items.size()) {
    lead.rows.clear();
    lead.row_sessions.clear();
    const size_t item0 = item, at0 = at;
    while (item < items.size() && lead.rows.size() < lead.last().scratch.max_rows) {
      Impl& s = *items[item].session->impl_;
      const std::span<const int32_t> more = items[item].tokens;
      while (at < more.size() && lead.rows.size() < lead.last().scratch.max_rows) {
        const auto pos = static_cast<uint32_t>(s.tokens.size() + at);
        lead.rows.push_back({more[at], pos, nullptr, s.Cos(pos), s.Sin(pos)});
        lead.row_sessions.push_back(&s);
        ++at;
      }
      if (at == more.size()) {
        ++item;
        at = 0;
      }
    }
    if (lead.rows.empty()) break;
    for (const auto& stage : lead.stages) stage->ops.counts(stage->ops.context).fill(0);
    BN_RETURN_IF_ERROR(lead.RunStages());
    // Every count is a multiple of the rows of the chunk, so each session gets exactly its share.
    size_t row = 0;
    bool kept_for_others = false;
    for (size_t i = item0, from = at0; row < lead.rows.size(); ++i, from = 0) {
      Impl& s = *items[i].session->impl_;
      const size_t n = std::min(items[i].tokens.size() - from, lead.rows.size() - row);
      for (const auto& stage : lead.stages) {
        const OpCounts& counts = stage->ops.counts(stage->ops.context);
        OpCounts& own = s.counts.Of(*stage);
        for (size_t op = 0; op < counts.size(); ++op) own[op] += counts[op] / lead.rows.size() * n;
      }
      s.n_evaluated += n;
      for (size_t t = 0; t < n; ++t) {
        const size_t index = from + t;
        if (items[i].want == Want::kAll || (items[i].want == Want::kLast && index + 1 == items[i].tokens.size())) {
          BN_RETURN_IF_ERROR(lead.KeepHidden(row + t, s, items[i].want == Want::kAll ? index : 0));
          kept_for_others = kept_for_others || &s != &lead;
        }
      }
      row += n;
    }
    if (kept_for_others) BN_RETURN_IF_ERROR(lead.last().Wait());
  }
  for (const BatchItem& i : items) {
    Impl& s = *i.session->impl_;
    if (i.tokens.empty()) continue;
    s.tokens.insert(s.tokens.end(), i.tokens.begin(), i.tokens.end());
    s.n_hidden = i.want == Want::kAll ? i.tokens.size() : i.want == Want::kLast ? 1 : 0;
  }
  return {};
}

Status Session::EvalBatch(std::span<const BatchItem> items) {
  const auto item = [&](size_t i) { return items.size() == 1 ? std::string() : Cat("batch item ", i, ": "); };
  for (size_t i = 0; i < items.size(); ++i) {
    const Session* s = items[i].session;
    if (s == nullptr) return Status(Code::kInvalidArgument, Cat(item(i), "no session"), "items");
    if (s->impl_->engine != items[0].session->impl_->engine || s->impl_->model != items[0].session->impl_->model) {
      return Status(Code::kInvalidArgument, Cat(item(i), "sessions of one batch share engine and model"), "items");
    }
    if (s->impl_->plan.stages != items[0].session->impl_->plan.stages) {
      return Status(Code::kInvalidArgument,
                    Cat(item(i), "its layers are split over devices in another way than those of item 0"), "items");
    }
    if (items[i].tokens.empty()) return Status(Code::kInvalidArgument, Cat(item(i), "no tokens"), "items");
    if (s->generating()) {
      return Status(Code::kBadState, Cat(item(i), "a generation is running"), "items");
    }
    for (size_t j = 0; j < i; ++j) {
      if (items[j].session == s) {
        return Status(Code::kInvalidArgument, Cat("batch items ", j, " and ", i, ": the same session"), "items");
      }
    }
  }
  if (items.empty()) return {};
  const Status status = Impl::EvalItems(items);
  if (status.code() == Code::kCancelled) {
    for (const BatchItem& i : items) i.session->impl_->cancelled.store(false, std::memory_order_relaxed);
  }
  return status;
}

Status Session::Eval(std::span<const int32_t> tokens, Want want) {
  const BatchItem item = {this, tokens, want};
  return EvalBatch({&item, 1});
}

// ---- Context ----

uint32_t Session::position() const { return static_cast<uint32_t>(impl_->tokens.size()); }
uint32_t Session::n_ctx() const { return impl_->n_ctx; }
std::span<const int32_t> Session::tokens() const { return impl_->tokens; }
const Model& Session::model() const { return *impl_->model; }
const std::shared_ptr<const Model>& Session::shared_model() const { return impl_->model; }
const std::shared_ptr<Engine>& Session::engine() const { return impl_->engine; }
const SessionOptions& Session::options() const { return impl_->options; }

void Session::Clear() { impl_->Truncate(0); }

void Session::Impl::Truncate(uint32_t position) {
  tokens.resize(position);
  ForgetLogits();
  generating = false;
  pending = -1;
}

Status Session::RollBack(uint32_t position) {
  if (position > this->position()) {
    return Status(Code::kInvalidArgument,
                  Cat("roll back to ", position, ": the context holds ", this->position(), " tokens"), "position");
  }
  impl_->Truncate(position);
  return {};
}

Result<std::unique_ptr<Session>> Session::Fork() const {
  SessionOptions options = impl_->options;
  options.n_ctx = impl_->n_ctx;
  BN_ASSIGN_OR_RETURN(std::unique_ptr<Session> copy, Create(impl_->engine, impl_->model, options));
  if (copy->impl_->plan.stages != impl_->plan.stages) {
    return Status(Code::kNoMemory, "fork: the devices have no room for a second session like this one", "gpu");
  }
  BN_RETURN_IF_ERROR(impl_->CopyContextTo(*copy->impl_));
  return copy;
}

Status Session::Impl::CopyContextTo(Impl& to) const {
  for (size_t i = 0; i < stages.size(); ++i) {
    const KvCache& cache = stages[i]->cache;
    const KvCache& copy = to.stages[i]->cache;
    const size_t bytes = tokens.size() * cache.row_bytes();
    if (bytes == 0) continue;
    for (uint32_t l = 0; l < cache.n_layers(); ++l) {
      for (uint32_t head = 0; head < cache.n_heads(); ++head) {
        BN_RETURN_IF_ERROR(to.stages[i]->Copy(copy.Key(l, head, 0), cache.Key(l, head, 0), bytes));
        BN_RETURN_IF_ERROR(to.stages[i]->Copy(copy.Value(l, head, 0), cache.Value(l, head, 0), bytes));
      }
    }
    BN_RETURN_IF_ERROR(to.stages[i]->Wait());  // this session goes on
  }
  to.tokens.assign(tokens.begin(), tokens.end());
  return {};
}

void Session::StartProfile() {
  if (impl_->stages.size() != 1 || impl_->last().on_gpu()) return;  // operations of a GPU return before they are done
  impl_->profile = std::make_unique<ProfiledOps>(impl_->last().ops);
  impl_->profiled = impl_->profile->ops();
}

std::span<const double> Session::Profile() const {
  if (!impl_->profile) return {};
  return impl_->profile->seconds();
}

void Session::Cancel() noexcept { impl_->cancelled.store(true, std::memory_order_relaxed); }

}  // namespace bitnet::core
