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
  BN_ASSIGN_OR_RETURN(impl->plan, MakePlan(*impl->engine, *impl->model, n_ctx, chunk, options.kv_type,
                                           Impl::HeadCopyOnGpu(impl->model->weights().head(), options)));
  const bool any_gpu = std::any_of(impl->plan.stages.begin(), impl->plan.stages.end(),
                                   [](const StagePlan& s) { return s.device != StagePlan::kCpu; });
  if (!any_gpu && impl->plan.fallback_reason != impl->engine->fallback_reason()) {
    impl->engine->Log(LogLevel::kWarning, Cat("device auto: computing on the cpu, since ", impl->plan.fallback_reason));
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
  if (Impl::UsesShortcut(head, options)) {
    e.head_bytes = HeadCopy::Bytes(head) + HeadScratch::Bytes(h.n_vocab, h.n_embd);
  }
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
