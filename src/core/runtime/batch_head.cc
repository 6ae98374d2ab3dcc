#include "core/runtime/batch_head.h"

#include <algorithm>
#include <utility>

namespace bitnet::core {

Result<std::shared_ptr<BatchHead>> BatchHead::Create(const Stage& stage, const Engine& engine,
                                                     std::shared_ptr<const Model> model, size_t n_rows) {
  std::shared_ptr<BatchHead> b(new BatchHead(std::move(model)));
  const HParams& h = b->model_->hparams();
  Allocator allocator = engine.allocator();
  if (stage.on_gpu()) {  // a queue of its own: the sessions' end with them
    BN_ASSIGN_OR_RETURN(b->gpu_, GpuContext::Open(*engine.gpu_table(), static_cast<uint32_t>(stage.plan.device)));
    allocator = b->gpu_->allocator();
  }
  b->capacity_ = n_rows;
  b->k_ = std::min<size_t>(kernels::kMaxTop, h.n_vocab);
  b->groups_.resize((n_rows + kHeadRows - 1) / kHeadRows);
  b->top_.resize(n_rows * b->k_);
  BN_ASSIGN_OR_RETURN(b->hidden_, Buffer::Allocate(allocator, n_rows * h.n_embd * sizeof(float)));
  BN_ASSIGN_OR_RETURN(b->logits_, Buffer::Allocate(allocator, std::min(n_rows, kHeadRows) * h.n_vocab * sizeof(float)));
  return b;
}

void BatchHead::LetGo(std::shared_ptr<BatchHead>* held) {
  const std::shared_ptr<BatchHead> last = std::move(*held);
  if (last == nullptr) return;
  const std::lock_guard lock(last->mutex_);  // Start, which has to see what was done, locks it too
}

void BatchHead::Start(size_t n_rows) {
  const std::lock_guard lock(mutex_);  // what a session on another thread did last comes first
  n_rows_ = n_rows;
  in_logits_ = kNone;
  std::fill(groups_.begin(), groups_.end(), Group{});
}

bool BatchHead::Ready(const Stage& stage, const Ops& ops, size_t group) {
  Group& g = groups_[group];
  if (g.state != Group::State::kNew) return g.state == Group::State::kDone;
  const HParams& h = model_->hparams();
  const size_t first = group * kHeadRows, n = std::min(kHeadRows, n_rows_ - first);
  if (n > stage.scratch.max_rows) return false;  // too many for this session: another one may ask
  g.state = Group::State::kFailed;
  OpCounts& c = ops.counts(ops.context);
  c.fill(0);
  in_logits_ = kNone;
  if (!Head(ops, h, *stage.weights, row(first), n, logits_.as<float>())) return false;
  for (size_t op = 0; op < c.size(); ++op) g.counts[op] = c[op] / n;
  in_logits_ = group;
  if (!ops.select_top(ops.context, logits_.as<float>(), n, h.n_vocab, k_, top_.data() + first * k_)) return false;
  g.state = Group::State::kDone;
  return true;
}

const OpCounts* BatchHead::Top(const Stage& stage, const Ops& ops, size_t i, std::span<kernels::TopEntry> top) {
  const std::lock_guard lock(mutex_);
  const size_t group = i / kHeadRows;
  if (!Ready(stage, ops, group)) return nullptr;
  std::copy_n(top_.begin() + static_cast<ptrdiff_t>(i * k_), k_, top.begin());
  return &groups_[group].counts;
}

const OpCounts* BatchHead::Logits(const Stage& stage, const Ops& ops, size_t i, float* logits) {
  const std::lock_guard lock(mutex_);
  const size_t group = i / kHeadRows, n_vocab = model_->hparams().n_vocab;
  if (!Ready(stage, ops, group) || in_logits_ != group) return nullptr;
  // Waited for: the next group may be another session's, in another queue.
  const Status copied = stage.Copy(logits, logits_.as<float>() + i % kHeadRows * n_vocab, n_vocab * sizeof(float));
  return copied.ok() && stage.Wait().ok() ? &groups_[group].counts : nullptr;
}

}  // namespace bitnet::core
