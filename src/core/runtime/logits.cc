// Logits of the rows that an evaluation kept: in full, or the largest by the head shortcut.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

namespace {

// Rows of logits computed together when many are asked for: one reading of the head serves them all.
constexpr size_t kLogitsRows = 16;

// More survivors than this and the full product is as fast.
size_t MaxSurvivors(const HParams& h) { return std::max<size_t>(h.n_vocab / 8, 2 * kernels::kMaxTop); }

}  // namespace

bool Session::Impl::UsesShortcut(const Matrix& head, const SessionOptions& options) {
  return options.head == HeadMode::kShortcut ? HeadCopy::Possible(head)
                                             : options.head == HeadMode::kAuto && HeadCopy::Worthwhile(head);
}

uint64_t Session::Impl::HeadScratchBytes(const HParams& h) {
  return uint64_t{h.n_vocab} * sizeof(float) + MaxSurvivors(h) * (sizeof(uint32_t) + sizeof(float)) +
         2 * kernels::PadHead(h.n_embd);
}

void Session::Impl::ForgetLogits() {
  n_hidden = 0;
  logits_begin = logits_end = 0;
  top_row = kNoRow;
}

Status Session::Impl::HeadFailure(Status non_finite) const {
  const Stage& stage = last();
  return stage.on_gpu() && !stage.gpu->status().ok() ? stage.gpu->status() : non_finite;
}

// Full logits of rows [first, first + n) of the kept hidden states.
Status Session::Impl::ComputeLogits(size_t first, size_t n) {
  const HParams& h = model->hparams();
  if (logits.size() < n * h.n_vocab * sizeof(float)) {
    BN_ASSIGN_OR_RETURN(logits, Buffer::Allocate(last().allocator, n * h.n_vocab * sizeof(float)));
  }
  logits_begin = logits_end = 0;
  host_logits_ready = false;
  const Ops& ops = head_ops();
  OpCounts& c = ops.counts(ops.context);
  c.fill(0);
  const Status status = Head(ops, h, *last().weights, hidden.as<float>() + first * h.n_embd, n, logits.as<float>());
  OpCounts& own = counts.Of(last());
  for (size_t op = 0; op < c.size(); ++op) own[op] += c[op];
  BN_RETURN_IF_ERROR(status);
  logits_begin = first;
  logits_end = first + n;
  return {};
}

size_t Session::n_logits() const { return impl_->n_hidden; }

Result<std::span<const float>> Session::Logits(size_t i) {
  Impl& s = *impl_;
  if (i >= s.n_hidden) {
    return Status(Code::kInvalidArgument, Cat("logits of row ", i, ": the last evaluation kept ", s.n_hidden), "row");
  }
  if (i < s.logits_begin || i >= s.logits_end) {
    BN_RETURN_IF_ERROR(s.ComputeLogits(i, std::min({kLogitsRows, size_t{s.last().scratch.max_rows}, s.n_hidden - i})));
  }
  const size_t n_vocab = s.model->hparams().n_vocab;
  const float* rows = s.logits.as<float>();
  if (s.last().on_gpu()) {
    const size_t bytes = (s.logits_end - s.logits_begin) * n_vocab * sizeof(float);
    if (s.host_logits.size() < bytes) {
      BN_ASSIGN_OR_RETURN(s.host_logits, Buffer::Allocate(s.engine->allocator(), bytes));
    }
    if (!s.host_logits_ready) {
      BN_RETURN_IF_ERROR(s.last().Read(s.host_logits.data(), rows, bytes));
      // A device says at the end alone that an input of the head was not finite.
      if (!s.head_ops().end(s.head_ops().context).finite) {
        s.logits_begin = s.logits_end = 0;
        return Status(Code::kNonFinite, "non-finite input of the output head", "output");
      }
      BN_RETURN_IF_ERROR(s.last().gpu->status());
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
  if (head_copy != nullptr || last().on_gpu() || !UsesShortcut(model->weights().head(), options)) return {};
  const HParams& h = model->hparams();
  auto copy = model->SharedHead(engine->table(), engine->pool(), engine->allocator());
  auto buffer = Buffer::Allocate(engine->allocator(), HeadScratchBytes(h));
  for (const Status& status : {copy.status(), buffer.status()}) {
    if (status.ok()) continue;
    if (options.head == HeadMode::kShortcut) return status;
    options.head = HeadMode::kFull;
    return {};
  }
  head_buffer = *std::move(buffer);
  HeadScratch& s = head_scratch;
  s.max_survivors = MaxSurvivors(h);
  s.upper = head_buffer.as<float>();
  s.values = s.upper + h.n_vocab;
  s.rows = reinterpret_cast<uint32_t*>(s.values + s.max_survivors);
  s.digits = reinterpret_cast<int8_t*>(s.rows + s.max_survivors);
  head_copy = *copy;
  return {};
}

Status Session::Impl::ComputeTop(size_t i) {
  if (top_row == i) return {};
  top_row = kNoRow;
  const HParams& h = model->hparams();
  const Weights& w = model->weights();
  const size_t n_vocab = h.n_vocab;
  const Ops& ops = head_ops();
  OpCounts& own = counts.Of(last());
  const bool have_logits = i >= logits_begin && i < logits_end;
  if (!have_logits && head_copy != nullptr) {
    logits_begin = logits_end = 0;  // the row is scratch now
    OpCounts& c = ops.counts(ops.context);
    c.fill(0);
    if (!ops.set_input(ops.context, hidden.as<float>() + i * h.n_embd, 1, h.n_embd, w.output_norm, h.norm_eps)) {
      return Status(Code::kNonFinite, "non-finite value in output_norm", "output_norm");
    }
    const HeadOutcome outcome =
        ops.head_top(ops.context, w.head(), *head_copy, logits.as<float>(), head_scratch, top.size(), top.data());
    if (outcome == HeadOutcome::kNonFinite) {
      return Status(Code::kNonFinite, Cat("a logit of row ", i, " is not finite"), "logits");
    }
    if (outcome == HeadOutcome::kDone) {
      for (size_t op = 0; op < c.size(); ++op) own[op] += c[op];
      ++n_shortcuts;
      n_survivors += head_scratch.n_survivors;
      top_row = i;
      return {};
    }
  }
  if (!have_logits) BN_RETURN_IF_ERROR(ComputeLogits(i, 1));
  OpCounts& c = ops.counts(ops.context);
  c.fill(0);
  const bool finite =
      ops.select_top(ops.context, logits.as<float>() + (i - logits_begin) * n_vocab, n_vocab, top.size(), top.data());
  for (size_t op = 0; op < c.size(); ++op) own[op] += c[op];
  if (!finite) return HeadFailure(Status(Code::kNonFinite, Cat("a logit of row ", i, " is not finite"), "logits"));
  top_row = i;
  return {};
}

}  // namespace bitnet::core
