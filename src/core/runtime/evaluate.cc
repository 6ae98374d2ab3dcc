// Evaluation: the tokens of one or several sessions, in chunks of rows through the stages of the one that computes.
#include <algorithm>
#include <utility>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

namespace {

// Copies rows of a pass to where their sessions keep them, neighbours in one go.
class KeptRows {
 public:
  KeptRows(const Stage& stage, size_t n_embd) : stage_(stage), n_embd_(n_embd) {}

  // Rows [first, first + n) of the pass, as rows from `index` on of those at *kept, in memory of `owner`; null: they
  // stay where they are.
  Status Add(size_t first, size_t n, float** kept, size_t index, const void* owner) {
    float* const from = stage_.scratch.x + first * n_embd_;
    if (*kept == nullptr) {
      *kept = from;
      return {};
    }
    float* const to = *kept + index * n_embd_;
    // Neighbours, and not only by address: a copy may not pass from one allocation to another.
    if (owner != owner_ || from != from_ + floats_ || to != to_ + floats_) {
      BN_RETURN_IF_ERROR(Finish());
      owner_ = owner;
      from_ = from;
      to_ = to;
    }
    floats_ += n * n_embd_;
    return {};
  }
  Status Finish() {
    const size_t bytes = std::exchange(floats_, 0) * sizeof(float);
    return bytes == 0 ? Status() : stage_.Copy(to_, from_, bytes);
  }

 private:
  const Stage& stage_;
  size_t n_embd_;
  const void* owner_ = nullptr;
  float* from_ = nullptr;
  float* to_ = nullptr;
  size_t floats_ = 0;
};

}  // namespace

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

Status Session::Impl::RunStages(PassEnd end) {
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
                               stage.scratch, cancels, &stage == &last() ? end : PassEnd::kWait));
  }
  return {};
}

Status Session::Impl::PrepareKept(std::span<const BatchItem> items) {
  const size_t n_embd = model->hparams().n_embd;
  for (const BatchItem& item : items) {
    Impl& s = *item.session->impl_;
    s.ForgetLogits();
    if (items.size() == 1) BatchHead::LetGo(&s.batch);
    const size_t n_wanted = item.want == Want::kAll ? item.tokens.size() : item.want == Want::kLast ? 1 : 0;
    // Of a session alone whose wanted rows are all in the last pass, they stay there.
    const bool stays = items.size() == 1 && (item.want != Want::kAll || n_wanted <= last().scratch.max_rows);
    const size_t bytes = n_wanted * n_embd * sizeof(float);
    if (!stays && s.hidden.size() < bytes) {
      BN_ASSIGN_OR_RETURN(s.hidden, Buffer::Allocate(s.last().allocator, bytes));
    }
    s.kept = stays ? nullptr : s.hidden.as<float>();
  }
  const auto is_last = [](const BatchItem& item) { return item.want == Want::kLast; };
  const auto n_rows = static_cast<size_t>(std::count_if(items.begin(), items.end(), is_last));
  if (items.size() == 1 || n_rows < 2) return {};
  // That of the last batch, unless a session elsewhere still has it.
  const auto n_holders = std::count_if(items.begin(), items.end(), [this](const BatchItem& item) {
    return batch != nullptr && item.session->impl_->batch == batch;
  });
  std::shared_ptr<BatchHead> together = batch;
  if (together == nullptr || together.use_count() != n_holders + 1 || together->capacity() < n_rows) {
    // Rounded up: a few sessions more or less are no reason for another one.
    auto made = BatchHead::Create(last(), *engine, model, (n_rows + kHeadRows - 1) / kHeadRows * kHeadRows);
    if (!made.ok()) return {};  // each session on its own, then
    together = *std::move(made);
  }
  together->Start(n_rows);
  size_t row = 0;
  for (const BatchItem& item : items) {
    Impl& s = *item.session->impl_;
    if (s.batch != together) BatchHead::LetGo(&s.batch);
    s.batch = together;
    if (!is_last(item)) continue;
    s.batch_row = row++;
    s.kept = together->row(s.batch_row);
  }
  return {};
}

Status Session::Impl::EvalItems(std::span<const BatchItem> items, PassEnd end) {
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
  BN_RETURN_IF_ERROR(lead.PrepareKept(items));
  for (const BatchItem& item : items) {
    Impl& s = *item.session->impl_;
    s.PrepareAngles(static_cast<uint32_t>(s.tokens.size() + item.tokens.size()));
  }
  const size_t n_embd = lead.model->hparams().n_embd;
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
    BN_RETURN_IF_ERROR(lead.RunStages(end));
    // Every count is a multiple of the rows of the chunk, so each session gets exactly its share.
    KeptRows kept(lead.last(), n_embd);
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
      const void* const owner = &s;
      const bool is_end = from + n == items[i].tokens.size();
      if (items[i].want == Want::kAll) {
        BN_RETURN_IF_ERROR(kept.Add(row, n, &s.kept, from, owner));
        kept_for_others = kept_for_others || &s != &lead;
      } else if (items[i].want == Want::kLast && is_end) {
        BN_RETURN_IF_ERROR(kept.Add(row + n - 1, 1, &s.kept, 0, s.batch_row != kNoRow ? s.batch.get() : owner));
        kept_for_others = kept_for_others || &s != &lead || s.batch_row != kNoRow;
      }
      row += n;
    }
    BN_RETURN_IF_ERROR(kept.Finish());
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
      return Status(Code::kBadState,
                    Cat(item(i), "a generation is running: draw to its end, roll back, or begin another"), "items");
    }
    for (size_t j = 0; j < i; ++j) {
      if (items[j].session == s) {
        return Status(Code::kInvalidArgument, Cat("batch items ", j, " and ", i, ": the same session"), "items");
      }
    }
  }
  if (items.empty()) return {};
  const Status status = Impl::EvalItems(items, PassEnd::kWait);
  if (status.code() == Code::kCancelled) {
    for (const BatchItem& i : items) i.session->impl_->cancelled.store(false, std::memory_order_relaxed);
  }
  return status;
}

Status Session::Eval(std::span<const int32_t> tokens, Want want) {
  const BatchItem item = {this, tokens, want};
  return EvalBatch({&item, 1});
}

}  // namespace bitnet::core
