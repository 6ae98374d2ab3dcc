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
  BN_RETURN_IF_ERROR(impl->Allocate(n_ctx, ChunkFor(n_ctx, options)));
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
  BN_ASSIGN_OR_RETURN(cache, KvCache::Allocate(h, n_ctx, options.kv_type, a));
  BN_ASSIGN_OR_RETURN(scratch, ForwardScratch::Allocate(h, chunk, a));
  BN_RETURN_IF_ERROR(cpu_ops.Allocate(CpuOps::SizesFor(h, chunk, n_ctx), a));
  ops = cpu_ops.ops();
  const size_t half = h.n_rot / 2;
  BN_ASSIGN_OR_RETURN(angles, Buffer::Allocate(a, 2 * half * n_ctx * sizeof(float)));
  inv_freq.resize(half);
  kernels::RopeInverseFrequencies(h.rope_base, h.n_rot, model->weights().rope_freqs, h.rope_linear_factor,
                                  inv_freq.data());
  BN_ASSIGN_OR_RETURN(hidden, Buffer::Allocate(a, h.n_embd * sizeof(float)));
  BN_ASSIGN_OR_RETURN(logits, Buffer::Allocate(a, h.n_vocab * sizeof(float)));
  tokens.reserve(n_ctx);
  rows.reserve(chunk);
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

// Keeps the residual stream of a wanted row: `hidden` row `index`.
void Session::Impl::KeepHidden(const float* x, size_t index) {
  const size_t n = model->hparams().n_embd;
  std::copy(x, x + n, hidden.as<float>() + index * n);
}

Status Session::Impl::EvalItems(std::span<const BatchItem> items) {
  Impl& lead = *items[0].session->impl_;
  for (const BatchItem& item : items) {
    Impl& s = *item.session->impl_;
    BN_RETURN_IF_ERROR(s.CheckTokens(item.tokens));
    const size_t n_wanted = item.want == Want::kAll ? item.tokens.size() : item.want == Want::kLast ? 1 : 0;
    const size_t bytes = std::max<size_t>(1, n_wanted) * s.model->hparams().n_embd * sizeof(float);
    if (s.hidden.size() < bytes) {
      BN_ASSIGN_OR_RETURN(s.hidden, Buffer::Allocate(s.engine->allocator(), bytes));
    }
    s.PrepareAngles(static_cast<uint32_t>(s.tokens.size() + item.tokens.size()));
    s.ForgetLogits();
  }
  // Chunks of rows, in the order of the items; a chunk may hold the end of one session's tokens and the next's start.
  size_t item = 0, at = 0;
  while (item < items.size()) {
    lead.rows.clear();
    const size_t item0 = item, at0 = at;
    while (item < items.size() && lead.rows.size() < lead.scratch.max_rows) {
      Impl& s = *items[item].session->impl_;
      const std::span<const int32_t> more = items[item].tokens;
      while (at < more.size() && lead.rows.size() < lead.scratch.max_rows) {
        const auto pos = static_cast<uint32_t>(s.tokens.size() + at);
        lead.rows.push_back({more[at], pos, &s.cache, s.Cos(pos), s.Sin(pos)});
        ++at;
      }
      if (at == more.size()) {
        ++item;
        at = 0;
      }
    }
    if (lead.rows.empty()) break;
    OpCounts& counts = lead.ops.counts(lead.ops.context);
    counts.fill(0);
    const Status status =
        Forward(lead.ops, lead.model->hparams(), lead.model->weights(), lead.rows, lead.scratch, &lead.cancelled);
    if (!status.ok()) return status;
    // Every count is a multiple of the rows of the chunk, so each session gets exactly its share.
    size_t row = 0;
    for (size_t i = item0, from = at0; row < lead.rows.size(); ++i, from = 0) {
      Impl& s = *items[i].session->impl_;
      const size_t n = std::min(items[i].tokens.size() - from, lead.rows.size() - row);
      for (size_t op = 0; op < counts.size(); ++op) s.counts[op] += counts[op] / lead.rows.size() * n;
      s.n_evaluated += n;
      for (size_t t = 0; t < n; ++t) {
        const size_t index = from + t;
        if (items[i].want == Want::kAll || (items[i].want == Want::kLast && index + 1 == items[i].tokens.size())) {
          s.KeepHidden(lead.scratch.x + (row + t) * s.model->hparams().n_embd, items[i].want == Want::kAll ? index : 0);
        }
      }
      row += n;
    }
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
  for (size_t i = 0; i < items.size(); ++i) {
    const Session* s = items[i].session;
    if (s == nullptr) return Status(Code::kInvalidArgument, Cat("batch item ", i, ": no session"), "items");
    if (s->impl_->engine != items[0].session->impl_->engine || s->impl_->model != items[0].session->impl_->model) {
      return Status(Code::kInvalidArgument, Cat("batch item ", i, ": sessions of one batch share engine and model"),
                    "items");
    }
    if (items[i].tokens.empty()) return Status(Code::kInvalidArgument, Cat("batch item ", i, ": no tokens"), "items");
    if (s->generating()) {
      return Status(Code::kBadState, Cat("batch item ", i, ": a generation is running"), "items");
    }
    for (size_t j = 0; j < i; ++j) {
      if (items[j].session == s) {
        return Status(Code::kInvalidArgument, Cat("batch items ", j, " and ", i, ": the same session"), "items");
      }
    }
  }
  if (items.empty()) return {};
  const Status status = Impl::EvalItems(items);
  if (status.code() == Code::kCancelled) items[0].session->impl_->cancelled.store(false);
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
  impl_->CopyContextTo(*copy->impl_);
  return copy;
}

void Session::Impl::CopyContextTo(Impl& to) const {
  const size_t bytes = tokens.size() * cache.row_bytes();
  for (uint32_t l = 0; l < cache.n_layers(); ++l) {
    for (uint32_t head = 0; head < cache.n_heads(); ++head) {
      std::copy_n(cache.Key(l, head, 0), bytes, to.cache.Key(l, head, 0));
      std::copy_n(cache.Value(l, head, 0), bytes, to.cache.Value(l, head, 0));
    }
  }
  to.tokens.assign(tokens.begin(), tokens.end());
}

void Session::StartProfile() {
  impl_->profile = std::make_unique<ProfiledOps>(impl_->cpu_ops.ops());
  impl_->ops = impl_->profile->ops();
}

std::span<const double> Session::Profile() const {
  if (!impl_->profile) return {};
  return impl_->profile->seconds();
}

void Session::Cancel() noexcept { impl_->cancelled.store(true, std::memory_order_relaxed); }

}  // namespace bitnet::core
