// The seam between the graph and a device: tensor-level operations over rows, a struct of functions and a context.
// The graph (forward.cc) calls these and knows neither threads nor tiles; fusion and devices change no graph.
// CPU: cpu_ops.cc, thread pool + KernelTable tiles.
#ifndef BITNET_CORE_GRAPH_OPS_H_
#define BITNET_CORE_GRAPH_OPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/allocator.h"
#include "core/base/thread_pool.h"
#include "core/graph/kv_cache.h"
#include "core/model/weights.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

// One row of a batch, as the operations see it: where its keys and values go, and what RoPE turns it by.
struct BatchRow {
  int32_t token = 0;
  uint32_t position = 0;
  const KvCache* cache = nullptr;
  const float* cos = nullptr;  // [n_rot / 2]
  const float* sin = nullptr;
};

// Rows that each operation produced: deterministic for a model, tokens and options, whatever the threads and tiles.
using OpCounts = std::array<uint64_t, kernels::kOpCount>;

// Quantised or raw activation rows, as a product wants them; owned by the ops.
struct Activations {
  const float* x = nullptr;  // [n_rows, n]
  size_t n_rows = 0;
  size_t n = 0;
};

// Every function returns false when it met a value that is not finite. x, y are [n_rows, n] f32, row-major.
struct Ops {
  void* context;
  // x[t] = row token of the embedding.
  bool (*embed)(void* context, const Matrix& embedding, std::span<const BatchRow> rows, float* x);
  // Keeps norm(x) quantised for the products that follow (norm null: x itself).
  bool (*norm_quantise)(void* context, const float* x, size_t n_rows, size_t n, const float* norm, float eps,
                        bool for_ternary);
  // y = W * (what norm_quantise kept) + bias.
  bool (*linear)(void* context, const Matrix& w, float* y);
  // RoPE of q [n_rows, heads * head_dim] in place and of k, then k and v into the caches.
  bool (*qkv_rope_store)(void* context, const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q,
                         float* k, const float* v);
  // y [n_rows, heads * head_dim]: attention of each row over positions 0..position of its cache.
  bool (*attention)(void* context, const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows,
                    const float* q, float* y);
  // y = act(g) * u, element by element; n = elements in all.
  bool (*gate)(void* context, Activation activation, const float* g, const float* u, size_t n_rows, size_t n, float* y);
  // x += y.
  bool (*add)(void* context, float* x, const float* y, size_t n_rows, size_t n);
  // logits [n_rows, vocab] of hidden rows x [n_rows, n_embd] (before output_norm).
  bool (*head)(void* context, const Weights& w, const HParams& h, const float* x, size_t n_rows, float* logits);
  // The k largest logits of one row, descending, ties by lower id.
  bool (*select_top)(void* context, const float* logits, size_t n_vocab, size_t k, kernels::TopEntry* top);
  OpCounts& (*counts)(void* context);
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_OPS_H_
