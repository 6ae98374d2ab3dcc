// A session: a cache, the tokens in it, and a generation. One thread at a time, except Cancel().
#ifndef BITNET_CORE_RUNTIME_SESSION_H_
#define BITNET_CORE_RUNTIME_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/forward.h"
#include "core/model/model.h"
#include "core/runtime/engine.h"
#include "core/runtime/facts.h"
#include "core/runtime/sampler.h"

namespace bitnet::core {

enum class HeadMode : uint32_t { kAuto, kFull, kShortcut };
enum class Want : uint32_t { kLast, kAll, kNone };  // rows whose logits can be read after an eval
enum class StopReason : uint32_t { kNone, kStopId, kStopString, kLength, kContext, kCancelled };
// "stop_id", "stop_string", "length", "context", "cancelled"; "" while running.
std::string_view StopReasonName(StopReason reason);

struct SessionOptions {
  uint32_t n_ctx = 0;                             // 0: min(context length of the model, 4096)
  kernels::Dense kv_type = kernels::Dense::kF16;  // kF16 or kF32
  HeadMode head = HeadMode::kAuto;
  uint32_t chunk = 0;  // rows a forward pass takes at most; 0: chosen by the engine. Results do not depend on it.
};

struct GenerateOptions {
  SamplerOptions sampler;
  uint32_t max_new_tokens = 128;
  bool ignore_eos = false;                // stop ids do not stop
  std::vector<int32_t> stop_ids;          // besides the vocabulary's own
  std::vector<std::string> stop_strings;  // may span tokens
};

// One drawn token.
struct Step {
  int32_t token = -1;     // -1: nothing was drawn, the generation is over (see reason)
  std::string_view text;  // text that can be shown now (whole characters, stop text held back); until the next call
  StopReason reason = StopReason::kNone;  // set with the last step
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<Engine> engine, std::shared_ptr<const Model> model,
                                                 const SessionOptions& options);
  // Bytes that Create() would allocate: cache and scratch.
  struct MemoryEstimate {
    uint32_t n_ctx = 0;  // the context that was assumed
    uint64_t cache_bytes = 0, scratch_bytes = 0, head_bytes = 0;
  };
  static MemoryEstimate Estimate(const HParams& h, const Matrix& head, const SessionOptions& options,
                                 const kernels::KernelTable& table, uint32_t threads);
  ~Session();

  // Appends tokens to the context. On any failure the session stays where it was.
  Status Eval(std::span<const int32_t> tokens, Want want = Want::kLast);
  // Several different sessions of one engine and model in one pass; every session stays where it was on failure.
  struct BatchItem {
    Session* session;
    std::span<const int32_t> tokens;
    Want want = Want::kLast;
  };
  static Status EvalBatch(std::span<const BatchItem> items);

  // Rows whose logits the last eval kept: 1 (kLast), its tokens (kAll) or 0.
  size_t n_logits() const;
  // Raw logits [n_vocab] of row i of those; computed at the first request; valid until the next call that is not const.
  Result<std::span<const float>> Logits(size_t i);
  // The K = min(256, n_vocab) largest of row i, descending, ties by lower id; valid likewise.
  Result<std::span<const kernels::TopEntry>> Top(size_t i);

  uint32_t position() const;  // tokens in the context
  uint32_t n_ctx() const;
  std::span<const int32_t> tokens() const;
  const Model& model() const;
  const std::shared_ptr<const Model>& shared_model() const;
  const std::shared_ptr<Engine>& engine() const;
  const SessionOptions& options() const;

  void Clear();
  Status RollBack(uint32_t position);  // keeps the first `position` tokens
  Result<std::unique_ptr<Session>> Fork() const;
  // State: magic, model digest, cache type, tokens, cache rows. Load refuses another model, cache type or a longer
  // context (kModelMismatch, kContextFull) and leaves the session as it was.
  Result<std::vector<std::byte>> Save() const;
  uint64_t StateBytes() const;                    // that Save() gives
  Status Save(std::span<std::byte> state) const;  // into exactly that many; reads the model's file once
  Status Load(std::span<const std::byte> state);

  // Makes the running or next generation or eval end with kCancelled. Any thread, signal handlers too.
  void Cancel() noexcept;

  // Generation by pull: Begin evaluates `prompt` (may be empty when logits of an eval are there), each Next draws one.
  // A drawn token enters the context when the next one is drawn; the last one does not. Next allocates nothing while
  // the text stays within 16 bytes a token.
  Status Begin(std::span<const int32_t> prompt, const GenerateOptions& options);
  Result<Step> Next();
  bool generating() const;
  StopReason stop_reason() const;
  // Text of the generation so far, without stop id and stop text; ill-formed bytes as U+FFFD.
  std::string_view generated_text() const;
  std::span<const int32_t> generated_tokens() const;
  const GenerateOptions& generate_options() const;  // of the last generation

  RunFacts Facts() const;

  // From now on measures how long each part of an evaluation takes, from zero. Not kept by Fork(). Nothing
  // is measured where a GPU computes.
  void StartProfile();
  // Seconds since then of every ProfilePart; empty when nothing is measured.
  std::span<const double> Profile() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  Status EvalPending();
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_SESSION_H_
