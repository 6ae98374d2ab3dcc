// Logits of the rows that an evaluation kept: in full, or the largest by the head shortcut.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

bool Session::Impl::UsesShortcut(const Matrix& head, const SessionOptions& options) {
  return options.head == HeadMode::kShortcut ? HeadCopy::Possible(head)
                                             : options.head == HeadMode::kAuto && HeadCopy::Worthwhile(head);
}

HeadCopyUse Session::Impl::HeadCopyOnGpu(const Matrix& head, const SessionOptions& options) {
  if (options.head == HeadMode::kShortcut) return HeadCopyUse::kAlways;
  return options.head == HeadMode::kAuto && GpuHeadCopyWorthwhile(head) ? HeadCopyUse::kIfItFits : HeadCopyUse::kNone;
}

void Session::Impl::ForgetLogits() {
  n_hidden = 0;
  batch_row = kNoRow;
  top_of_batch = false;
  logits_begin = logits_end = 0;
  top_row = kNoRow;
}

// Full logits of rows [first, first + n) of the kept ones.
Status Session::Impl::ComputeLogits(size_t first, size_t n) {
  const HParams& h = model->hparams();
  if (logits.size() < n * h.n_vocab * sizeof(float)) {
    BN_ASSIGN_OR_RETURN(logits, Buffer::Allocate(last().allocator, n * h.n_vocab * sizeof(float)));
  }
  logits_begin = logits_end = 0;
  host_logits_ready = false;
  const Ops& ops = head_ops();
  const OpCounts* took = nullptr;
  if (batch_row != kNoRow) took = batch->Logits(last(), ops, batch_row, logits.as<float>());
  if (took != nullptr && top_of_batch) {
    // Counted with the largest of them.
  } else if (took != nullptr) {
    AddCounts(*took);
  } else {
    OpCounts& c = ops.counts(ops.context);
    c.fill(0);
    const bool done = Head(ops, h, *last().weights, kept + first * h.n_embd, n, logits.as<float>());
    AddCounts(c);
    if (!done) return FailureAt(first);
  }
  logits_begin = first;
  logits_end = first + n;
  return {};
}

void Session::Impl::AddCounts(const OpCounts& more) {
  OpCounts& own = counts.Of(last());
  for (size_t op = 0; op < more.size(); ++op) own[op] += more[op];
}

size_t Session::n_logits() const { return impl_->n_hidden; }

Result<std::span<const float>> Session::Logits(size_t i) {
  Impl& s = *impl_;
  if (i >= s.n_hidden) {
    return Status(Code::kInvalidArgument, Cat("logits of row ", i, ": the last evaluation kept ", s.n_hidden), "row");
  }
  const bool have_logits = i >= s.logits_begin && i < s.logits_end;
  const size_t n = have_logits ? s.logits_end - s.logits_begin
                               : std::min({kHeadRows, size_t{s.last().scratch.max_rows}, s.n_hidden - i});
  const size_t n_vocab = s.model->hparams().n_vocab;
  const size_t bytes = n * n_vocab * sizeof(float);
  // Memory first: what a device is asked for, it is asked for the result of.
  if (s.last().on_gpu() && s.host_logits.size() < bytes) {
    s.host_logits_ready = false;
    BN_ASSIGN_OR_RETURN(s.host_logits, Buffer::Allocate(s.engine->allocator(), bytes));
  }
  if (!have_logits) BN_RETURN_IF_ERROR(s.ComputeLogits(i, n));
  const float* rows = s.logits.as<float>();
  if (s.last().on_gpu()) {
    if (!s.host_logits_ready) {
      BN_RETURN_IF_ERROR(s.last().Read(s.host_logits.data(), rows, bytes));
      // A device says at the end alone that an input of the head was not finite.
      if (!s.head_ops().finish(s.head_ops().context)) {
        const Status failure = s.FailureAt(s.logits_begin);
        s.logits_begin = s.logits_end = 0;
        return failure;
      }
    }
    s.host_logits_ready = true;
    rows = s.host_logits.as<float>();
  }
  const std::span<const float> row(rows + (i - s.logits_begin) * n_vocab, n_vocab);
  if (!std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); })) {
    return Status(Code::kNonFinite, Cat("a logit of row ", i, " is not finite"), "logits");
  }
  return row;
}

Result<std::span<const kernels::TopEntry>> Session::Top(size_t i) {
  Impl& s = *impl_;
  if (i >= s.n_hidden) {
    return Status(Code::kInvalidArgument, Cat("logits of row ", i, ": the last evaluation kept ", s.n_hidden), "row");
  }
  BN_RETURN_IF_ERROR(s.ComputeTop(i));
  return std::span<const kernels::TopEntry>(s.top);
}

// Makes the copy of the head and the scratch of the shortcut, once, where the options ask for it. Under kAuto any
// failure means full logits.
Status Session::Impl::PrepareShortcut() {
  const bool wanted = last().on_gpu() ? plan.head_copy : UsesShortcut(model->weights().head(), options);
  if (head_copy != nullptr || !wanted || options.head == HeadMode::kFull) return {};
  const HParams& h = model->hparams();
  auto copy = last().on_gpu() ? last().gpu_weights->SharedHead()
                              : model->SharedHead(engine->table(), engine->pool(), engine->allocator());
  auto buffer = Buffer::Allocate(last().allocator, HeadScratch::Bytes(h.n_vocab, h.n_embd));
  for (const Status& status : {copy.status(), buffer.status()}) {
    if (status.ok()) continue;
    if (options.head == HeadMode::kShortcut) return status;
    options.head = HeadMode::kFull;
    return {};
  }
  head_buffer = *std::move(buffer);
  head_scratch = HeadScratch::In(head_buffer, h.n_vocab, h.n_embd);
  head_copy = *copy;
  return {};
}

Status Session::Impl::ComputeTop(size_t i) {
  if (top_row == i) return {};
  top_row = kNoRow;
  if (i < logits_begin || i >= logits_end) {
    if (BatchTop()) return {};
    switch (ShortcutTop(i)) {
      case HeadOutcome::kDone: return {};
      case HeadOutcome::kNonFinite: return FailureAt(i);
      case HeadOutcome::kFallBack: break;
    }
    BN_RETURN_IF_ERROR(ComputeLogits(i, 1));
  }
  const Ops& ops = head_ops();
  const size_t n_vocab = model->hparams().n_vocab;
  OpCounts& c = ops.counts(ops.context);
  c.fill(0);
  const float* const row = logits.as<float>() + (i - logits_begin) * n_vocab;
  const bool done = ops.select_top(ops.context, row, 1, n_vocab, top.size(), top.data());
  AddCounts(c);
  if (!done) {
    logits_begin = logits_end = 0;
    return FailureAt(i);
  }
  top_row = i;
  return {};
}

bool Session::Impl::BatchTop() {
  if (batch_row == kNoRow || options.head == HeadMode::kShortcut) return false;
  // The shortcut reads half the bytes, for each row: from three rows on one reading of the whole head is the faster
  // one.
  if (head_copy != nullptr && batch->n_together(batch_row) < 3) return false;
  const OpCounts* const took = batch->Top(last(), head_ops(), batch_row, top);
  if (took == nullptr) return false;
  AddCounts(*took);
  ++counts.Of(last())[static_cast<size_t>(kernels::Op::kSelectTop)];
  top_row = 0;
  top_of_batch = true;
  return true;
}

HeadOutcome Session::Impl::ShortcutTop(size_t i) {
  if (head_copy == nullptr) return HeadOutcome::kFallBack;
  const HParams& h = model->hparams();
  logits_begin = logits_end = 0;  // the row is scratch now
  const Ops& ops = head_ops();
  OpCounts& c = ops.counts(ops.context);
  c.fill(0);
  const HeadOutcome outcome = HeadTop(ops, h, *last().weights, *head_copy, kept + i * h.n_embd, logits.as<float>(),
                                      head_scratch, top.size(), top.data());
  if (outcome != HeadOutcome::kDone) return outcome;
  AddCounts(c);
  ++n_shortcuts;
  n_survivors += head_scratch.n_survivors;
  top_row = i;
  return outcome;
}

}  // namespace bitnet::core
