// The forward pass: rows {session, token, position} through the layers. Prefill, decode and batches of several
// sessions are the same call. Reads like the table of docs/formats.md, section 2.
#ifndef BITNET_CORE_GRAPH_FORWARD_H_
#define BITNET_CORE_GRAPH_FORWARD_H_

#include <cstdint>
#include <span>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "core/graph/ops.h"
#include "core/model/hparams.h"
#include "core/model/weights.h"

namespace bitnet::core {

// Activations of one pass, for up to `max_rows` rows; allocated once.
struct ForwardScratch {
  static Result<ForwardScratch> Allocate(const HParams& h, size_t max_rows, const Allocator& allocator);
  static uint64_t Bytes(const HParams& h, size_t max_rows);
  Buffer buffer;
  float *x, *y, *q, *k, *v, *gate, *up;  // x, y [rows, max(n_embd, heads * head_dim)], q .. v, gate, up [rows, n_ff]
  size_t max_rows = 0;
};

// Runs `rows` (<= scratch.max_rows) through all layers. On success scratch.x [n_rows, n_embd] holds the residual stream
// after the last layer, and the caches hold the rows' keys and values. kNonFinite names layer and operation.
Status Forward(const Ops& ops, const HParams& h, const Weights& w, std::span<const BatchRow> rows,
               ForwardScratch& scratch);

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_FORWARD_H_
