// The forward pass: rows {token, position, cache} through the layers. Prefill, decode and batches of several sessions
// are the same call. Reads like the table of docs/formats.md, section 2.
#ifndef BITNET_CORE_GRAPH_FORWARD_H_
#define BITNET_CORE_GRAPH_FORWARD_H_

#include <atomic>
#include <cstdint>
#include <span>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "core/graph/ops.h"
#include "core/model/hparams.h"
#include "core/model/weights.h"

namespace bitnet::core {

// Activations of one pass of up to max_rows rows, allocated once.
struct ForwardScratch {
  static Result<ForwardScratch> Allocate(const HParams& h, size_t max_rows, const Allocator& allocator);
  static uint64_t Bytes(const HParams& h, size_t max_rows);

  size_t max_rows = 0;
  float* x = nullptr;     // [rows, n_embd] residual stream
  float* y = nullptr;     // [rows, n_embd] what a branch adds to it
  float* q = nullptr;     // [rows, heads * head_dim]
  float* k = nullptr;     // [rows, heads_kv * head_dim]
  float* v = nullptr;     // [rows, heads_kv * head_dim]
  float* mix = nullptr;   // [rows, heads * head_dim] attention output
  float* gate = nullptr;  // [rows, n_ff]
  float* up = nullptr;    // [rows, n_ff]
  Buffer buffer;
};

// The layers that one device computes.
struct LayerRange {
  uint32_t begin = 0, end = 0;
};

// Whether a pass waits for its end. A device that is left at work answers at the next operation that waits.
enum class PassEnd { kWait, kLeave };

// Runs `rows` (1 .. scratch.max_rows) through `layers`: from their embedding with `embed`, else from scratch.x.
// scratch.x then holds the residual stream after the last one, the caches, whose layer 0 is layers.begin, hold the
// rows' keys and values. kNonFinite names layer, operation and position; kCancelled when one of `cancels` became true
// before it, or between two layers of a pass that is no recording.
Status Forward(const Ops& ops, const HParams& h, const Weights& w, LayerRange layers, bool embed,
               std::span<const BatchRow> rows, ForwardScratch& scratch,
               std::span<const std::atomic<bool>* const> cancels, PassEnd end);

// logits [n_rows, n_vocab] of rows x [n_rows, n_embd] of the residual stream: output norm and head. False: FailureOf.
// The number of select_top over them is already set.
bool Head(const Ops& ops, const HParams& h, const Weights& w, const float* x, size_t n_rows, float* logits);

// The same with the head shortcut, for one row: its k largest logits.
HeadOutcome HeadTop(const Ops& ops, const HParams& h, const Weights& w, const HeadCopy& copy, const float* x,
                    float* logits, HeadScratch& scratch, size_t k, kernels::TopEntry* top);

// Why an operation of a pass over `rows` returned false, or one of the head after it, whose row 0 is row `first_logits`
// of those whose logits can be read.
Status FailureOf(const Ops& ops, const HParams& h, std::span<const BatchRow> rows, size_t first_logits);

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_FORWARD_H_
