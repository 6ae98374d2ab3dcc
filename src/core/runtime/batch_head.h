// The head of sessions that were evaluated together: one reading of it serves kHeadRows of them.
#ifndef BITNET_CORE_RUNTIME_BATCH_HEAD_H_
#define BITNET_CORE_RUNTIME_BATCH_HEAD_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/runtime/stages.h"

namespace bitnet::core {

// The last rows of the sessions of a batch, kHeadRows neighbours a group. The first session of a group that asks has
// the logits of all computed, on its own device queue or threads, and the others find theirs. Sessions may ask on
// different threads.
class BatchHead {
 public:
  // For up to n_rows rows, in memory of the stage that has the head.
  static Result<std::shared_ptr<BatchHead>> Create(const Stage& stage, const Engine& engine,
                                                   std::shared_ptr<const Model> model, size_t n_rows);

  // Lets a session's hold of it go, after whatever that session did with its row.
  static void LetGo(std::shared_ptr<BatchHead>* held);

  // Forgets all rows; n_rows others, at most capacity(), follow. Only while no session has a row here.
  void Start(size_t n_rows);
  size_t capacity() const { return capacity_; }
  // The rows that one reading of the head serves, row i among them.
  size_t n_together(size_t i) const { return std::min(kHeadRows, n_rows_ - i / kHeadRows * kHeadRows); }
  // Row i of the residual stream [n_rows, n_embd], on the device.
  float* row(size_t i) const { return hidden_.as<float>() + i * model_->hparams().n_embd; }

  // Row i's largest logits, or all of them into `logits` [n_vocab] on the device. The operations of the head that row i
  // took, to be counted by its session; null: the session is on its own, since another row of the group is not finite,
  // say, or the logits of another group took this one's place.
  const OpCounts* Top(const Stage& stage, const Ops& ops, size_t i, std::span<kernels::TopEntry> top);
  const OpCounts* Logits(const Stage& stage, const Ops& ops, size_t i, float* logits);

 private:
  struct Group {
    enum class State { kNew, kDone, kFailed } state = State::kNew;
    OpCounts counts{};  // of one row
  };

  explicit BatchHead(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  bool Ready(const Stage& stage, const Ops& ops, size_t group);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<GpuContext> gpu_;  // whose memory the buffers are; null: the host's
  size_t capacity_ = 0, n_rows_ = 0;
  Buffer hidden_;  // [capacity, n_embd]
  Buffer logits_;  // [min(capacity, kHeadRows), n_vocab] of group in_logits_
  std::mutex mutex_;
  std::vector<Group> groups_;
  size_t k_ = 0;
  std::vector<kernels::TopEntry> top_;  // [capacity, k]
  static constexpr size_t kNone = ~size_t{0};
  size_t in_logits_ = kNone;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_BATCH_HEAD_H_
