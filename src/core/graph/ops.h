// The seam between the graph and a device: tensor-level operations over rows, a struct of functions and a context.
// The graph (forward.cc) calls these and knows neither threads nor tiles, so fusion and devices change no graph.
// CPU: cpu_ops.cc, thread pool + KernelTable tiles. GPU: gpu_ops.cc, launches in a queue; there f32 arrays, matrices
// and caches lie in the device's memory, and an operation returns before it is done.
#ifndef BITNET_CORE_GRAPH_OPS_H_
#define BITNET_CORE_GRAPH_OPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/status.h"
#include "core/graph/kv_cache.h"
#include "core/model/head_copy.h"
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

// What the head shortcut needs beside the logits row, in the memory of the head's device, and what it did.
struct HeadScratch {
  int8_t* digits = nullptr;             // [2, PadHead(n_embd)]
  kernels::HeadQuery* query = nullptr;  // of a device with memory of its own
  float* upper = nullptr;               // [n_vocab]
  uint32_t* rows = nullptr;             // [max_survivors]
  float* values = nullptr;              // [max_survivors]
  size_t max_survivors = 0;             // more fall back to the full product
  size_t n_survivors = 0;               // of the last call

  // For a head [n_vocab, n_embd]: the bytes, and the parts of so many of them.
  static uint64_t Bytes(size_t n_vocab, size_t n_embd);
  static HeadScratch In(const Buffer& memory, size_t n_vocab, size_t n_embd);
};
enum class HeadOutcome : uint32_t { kDone, kFallBack, kNonFinite };

// A product over the input, and where it goes: [n_rows, w.rows].
struct Product {
  const Matrix* w;
  float* y;
};

// The operation that met a value that is not finite, and where.
struct Failure {
  uint32_t mark = 0;
  uint32_t row = 0;  // the first row concerned
};

// How a pass on a device begins: its operations follow; they follow and are recorded, all of them; or the pass was
// replayed from a recording, and only submit is left.
enum class PassStart { kOpen, kRecorded, kReplayed };

// Rows that one reading of the head serves, where many are asked for.
inline constexpr size_t kHeadRows = 16;

// All arrays are f32, row-major, [n_rows, ...]. Every function that computes returns false when it met a value that is
// not finite; failure() then says where.
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
  // top [n_rows, k]: the k largest of each row of logits [n_rows, n_vocab], descending, ties by lower id; at most
  // kHeadRows rows. Waits, and answers for all that came before it.
  bool (*select_top)(void* context, const float* logits, size_t n_rows, size_t n_vocab, size_t k,
                     kernels::TopEntry* top);
  // The same k entries, bit for bit, that linear and select_top give for the head w and the input of one row, without
  // reading all of w. `logits` [n_vocab] is scratch. kFallBack: too many rows survive, or no bound holds. kNonFinite:
  // failure() has the number set for an input that is not finite, the next one for a logit.
  HeadOutcome (*head_top)(void* context, const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& scratch,
                          size_t k, kernels::TopEntry* top);
  // Numbers the operations that follow, rising within a pass and the head after it.
  void (*mark)(void* context, uint32_t mark);
  Failure (*failure)(void* context);
  OpCounts& (*counts)(void* context);

  // Fusions, null where a device has none; the same results as the single operations.
  // Products over one input.
  bool (*linear_group)(void* context, std::span<const Product> products);
  // x += w * input + bias, [n_rows, w.rows].
  bool (*linear_add)(void* context, const Matrix& w, float* x);
  // g = act(gate * input) * (up * input), [n_rows, gate.rows]; u is scratch of that size.
  bool (*gated)(void* context, Activation activation, const Matrix& gate, const Matrix& up, float* g, float* u);

  // What a device with memory of its own needs; null on the CPU.
  // Before the operations of a pass over `rows`.
  PassStart (*begin)(void* context, std::span<const BatchRow> rows);
  // After them: the device goes on by itself.
  bool (*submit)(void* context);
  // Waits for all that came before, and answers for it.
  bool (*finish)(void* context);
  // Not ok once the device failed: every later operation returns false.
  const Status& (*device_status)(void* context);
  // Copies in the order of the operations; read waits.
  bool (*read)(void* context, void* host, const void* device, size_t bytes);
  bool (*write)(void* context, void* device, const void* host, size_t bytes);
  bool (*copy)(void* context, void* to_device, const void* from_device, size_t bytes);
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_OPS_H_
