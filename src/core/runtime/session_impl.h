// The inside of a session, shared by session.cc (context), evaluate.cc, generate.cc, logits.cc and session_state.cc.
#ifndef BITNET_CORE_RUNTIME_SESSION_IMPL_H_
#define BITNET_CORE_RUNTIME_SESSION_IMPL_H_

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "core/graph/profiled_ops.h"
#include "core/runtime/batch_head.h"
#include "core/runtime/session.h"
#include "core/runtime/stages.h"
#include "core/runtime/text_stream.h"
#include "kernels/rope_table.h"

namespace bitnet::core {

struct Session::Impl {
  static constexpr size_t kNoRow = ~size_t{0};
  using Clock = std::chrono::steady_clock;

  Impl(std::shared_ptr<Engine> e, std::shared_ptr<const Model> m, const SessionOptions& o)
      : engine(std::move(e)), model(std::move(m)), options(o) {}
  ~Impl() { BatchHead::LetGo(&batch); }

  static bool UsesShortcut(const Matrix& head, const SessionOptions& options);  // on the CPU
  static HeadCopyUse HeadCopyOnGpu(const Matrix& head, const SessionOptions& options);
  static uint64_t OwnBytes(const HParams& h, uint32_t n_ctx, uint32_t chunk);
  Status Allocate(uint32_t context, uint32_t chunk);

  Status CheckTokens(std::span<const int32_t> more) const;
  static Status EvalItems(std::span<const BatchItem> items, PassEnd end);
  void PrepareAngles(uint32_t end);
  // Places for the rows of `items` whose logits can be read; this is the session that computes.
  Status PrepareKept(std::span<const BatchItem> items);
  // Runs rows through all stages; row t is of session row_sessions[t].
  Status RunStages(PassEnd end);
  void ForgetLogits();
  Status ComputeLogits(size_t first, size_t n);
  Status PrepareShortcut();
  Status ComputeTop(size_t i);
  // Quicker ways to it; false or kFallBack: not that way.
  bool BatchTop();
  HeadOutcome ShortcutTop(size_t i);
  void AddCounts(const OpCounts& more);  // of the head
  // Why an operation of the head failed, or of a pass that was left at work; row 0 is row `first_logits` of the kept.
  Status FailureAt(size_t first_logits) const { return FailureOf(head_ops(), model->hparams(), rows, first_logits); }
  void AddToDigest();  // the logits of `top`, with the prefix of this draw
  void Truncate(uint32_t position);
  Status CopyContextTo(Impl& to) const;
  // The device of the last layers and the head.
  Stage& last() const { return *stages.back(); }
  const Ops& head_ops() const { return profile ? profiled : last().ops; }

  float* Cos(uint32_t pos) { return angles.as<float>() + size_t{2} * pos * inv_freq.size(); }
  float* Sin(uint32_t pos) { return Cos(pos) + inv_freq.size(); }

  std::shared_ptr<Engine> engine;
  std::shared_ptr<const Model> model;
  SessionOptions options;
  uint32_t n_ctx = 0;

  Plan plan;
  std::vector<std::unique_ptr<Stage>> stages;
  Ops profiled{};
  std::unique_ptr<ProfiledOps> profile;  // clocks in `profiled`; null: none. Of the CPU alone.
  Buffer angles;                         // [n_ctx, 2, n_rot / 2]: cos, sin of each position
  uint32_t angles_ready = 0;             // positions computed so far
  std::vector<double> inv_freq;          // [n_rot / 2]
  std::vector<int32_t> tokens;           // in the context
  std::vector<BatchRow> rows;            // of the pass at work
  std::vector<Impl*> row_sessions;
  std::vector<const std::atomic<bool>*> cancels;  // of all sessions of the batch at work
  Buffer between;  // [rows, n_embd]: the residual stream from one device to the next; none with one device

  // The residual stream of the wanted rows [n_hidden, n_embd], on the device of the head: in `hidden`, in the scratch
  // of the last pass where this session alone had its rows, or in `batch`.
  float* kept = nullptr;
  size_t n_hidden = 0;
  Buffer hidden;
  std::shared_ptr<BatchHead> batch;  // of the last batch; null: not in one
  size_t batch_row = kNoRow;         // there; kNoRow: none
  bool top_of_batch = false;         // `top` was made there, and counted with the logits
  Buffer logits;                     // rows [logits_begin, logits_end) of the wanted rows, likewise
  Buffer host_logits;                // the same for the host to read, where the head's device has memory of its own
  bool host_logits_ready = false;
  size_t logits_begin = 0, logits_end = 0;
  std::vector<kernels::TopEntry> top;       // of row top_row
  std::vector<kernels::TopEntry> draw_top;  // the sampler's copy
  size_t top_row = kNoRow;

  const HeadCopy* head_copy = nullptr;  // null: full logits
  HeadScratch head_scratch;
  Buffer head_buffer;
  uint64_t n_shortcuts = 0, n_survivors = 0;  // of the last generation

  // Since the session was made; of the CPU, of the GPUs.
  struct Counts {
    OpCounts cpu{}, gpu{};
    OpCounts& Of(const Stage& stage) { return stage.on_gpu() ? gpu : cpu; }
  };
  Counts counts;
  uint64_t n_evaluated = 0;
  std::atomic<bool> cancelled{false};
  mutable std::mutex saving;  // several threads may save at once, and a device's queue is for one

  // Generation.
  bool generating = false;
  GenerateOptions generate;
  int32_t pending = -1;  // drawn, not yet evaluated
  std::vector<int32_t> generated;
  TextStream text;
  StopReason reason = StopReason::kNone;
  Sha256 digest;
  std::vector<uint32_t> logits_prefixes;  // of `digest` after each draw
  uint64_t n_prompt = 0;
  Counts counts_before;  // when it began
  uint64_t n_evaluated_before = 0;
  uint64_t n_cached = 0;  // tokens in the context when it began
  Clock::time_point started{}, prompt_done{}, first_draw{}, last_draw{};
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_SESSION_IMPL_H_
