// The seam between the graph and a device: tensor-level operations over rows, a struct of functions and a context.
// The graph (forward.cc) calls these and knows neither threads nor tiles, so fusion and devices change no graph.
// CPU: cpu_ops.cc, thread pool + KernelTable tiles.
#ifndef BITNET_CORE_GRAPH_OPS_H_
#define BITNET_CORE_GRAPH_OPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/graph/kv_cache.h"
#include "core/model/hparams.h"
#include "core/model/weights.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

// One row of a batch: its token, where its keys and values go, and what RoPE turns it by. Rows of one cache stand
// together, positions rising by one.
struct BatchRow {
  int32_t token = 0;
  uint32_t position = 0;
  const KvCache* cache = nullptr;
  const float* cos = nullptr;  // [n_rot / 2]
  const float* sin = nullptr;
};

// Rows that each operation produced: the same for a model, tokens and options, whatever the threads and tiles.
using OpCounts = std::array<uint64_t, kernels::kOpCount>;

// All arrays are f32, row-major, [n_rows, ...]. Every function that computes returns false when it met a value that is
// not finite; failed_row() then names the first row concerned.
struct Ops {
  void* context;
  // x[t] = row rows[t].token of the embedding, [n_rows, n_embd].
  bool (*embed)(void* context, const Matrix& embedding, std::span<const BatchRow> rows, float* x);
  // Keeps RMSNorm(x) * gamma (gamma null: x itself, by pointer) as the input of the products that follow.
  bool (*set_input)(void* context, const float* x, size_t n_rows, size_t n, const float* gamma, float eps);
  // y [n_rows, w.rows] = w * input + bias.
  bool (*linear)(void* context, const Matrix& w, float* y);
  // RoPE of q [n_rows, heads * head_dim] and k [n_rows, heads_kv * head_dim] in place; k and v into the caches.
  bool (*qkv_rope_store)(void* context, const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q,
                         float* k, const float* v);
  // y [n_rows, heads * head_dim]: attention of each row over positions 0..position of its cache.
  bool (*attention)(void* context, const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows,
                    const float* q, float* y);
  // g = act(g) * u, [n_rows, n].
  bool (*gate)(void* context, Activation activation, float* g, const float* u, size_t n_rows, size_t n);
  // x += y, [n_rows, n].
  bool (*add)(void* context, float* x, const float* y, size_t n_rows, size_t n);
  // The k largest of logits [n_vocab], descending, ties by lower id.
  bool (*select_top)(void* context, const float* logits, size_t n_vocab, size_t k, kernels::TopEntry* top);
  size_t (*failed_row)(void* context);
  OpCounts& (*counts)(void* context);
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_OPS_H_
