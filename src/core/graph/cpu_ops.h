// The operations of ops.h on the CPU: a thread pool and the tiles of one kernel table.
#ifndef BITNET_CORE_GRAPH_CPU_OPS_H_
#define BITNET_CORE_GRAPH_CPU_OPS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/base/allocator.h"
#include "core/base/thread_pool.h"
#include "core/graph/ops.h"

namespace bitnet::core {

// Scratch and counters of one session's operations. Not movable: ops() points to it.
class CpuOps {
 public:
  // For passes of at most `max_rows` rows over caches of at most `n_ctx` positions.
  struct Sizes {
    size_t n_max = 0;  // longest activation row: max(n_embd, n_ff, heads * head_dim)
    size_t max_rows = 0;
    uint32_t n_ctx = 0;
    uint32_t n_heads = 0, n_heads_kv = 0, head_dim = 0;

    // Query rows (tokens x heads of a group) that share one reading of a block of keys.
    size_t tile_queries() const {
      constexpr size_t kMaxQueries = 64;
      const size_t group = n_heads / n_heads_kv;
      return std::max<size_t>(1, kMaxQueries / group) * group;
    }
  };
  static Sizes SizesFor(const HParams& h, size_t max_rows, uint32_t n_ctx);
  static uint64_t Bytes(const Sizes& sizes, const kernels::KernelTable& table, uint32_t n_threads);

  CpuOps(const kernels::KernelTable& table, ThreadPool& pool) : table_(table), pool_(pool) {}
  CpuOps(const CpuOps&) = delete;
  CpuOps& operator=(const CpuOps&) = delete;
  Status Allocate(const Sizes& sizes, const Allocator& allocator);

  Ops ops();

 private:
  bool Embed(const Matrix& embedding, std::span<const BatchRow> rows, float* x);
  bool SetInput(const float* x, size_t n_rows, size_t n, const float* gamma, float eps);
  bool Linear(const Matrix& w, float* y);
  bool QkvRopeStore(const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q, float* k,
                    const float* v);
  bool Attention(const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows, const float* q,
                 float* y);
  bool Gate(Activation activation, float* g, const float* u, size_t n_rows, size_t n);
  bool Add(float* x, const float* y, size_t n_rows, size_t n);
  bool SelectTop(const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top);
  HeadOutcome HeadTop(const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& scratch, size_t k,
                      kernels::TopEntry* top);

  void Ternary(const Matrix& w, float* y);
  void DenseProduct(const Matrix& w, float* y);
  void BlockProduct(const Matrix& w, float* y);
  void AddBias(const Matrix& w, float* y);
  bool NeedTernaryInput();
  bool NeedFiniteInput();
  bool NeedBlockInput(size_t block);
  // Attention of rows [first, first + n) of one cache; partial results fit the scratch.
  void AttentionPass(const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows, size_t first,
                     const float* q, float* y);

  void Count(kernels::Op op, size_t rows) { counts_[static_cast<size_t>(op)] += rows; }
  void Fail(size_t row);
  bool ok() const { return failed_row_.load(std::memory_order_relaxed) == kNoRow; }

  static constexpr size_t kNoRow = ~size_t{0};

  const kernels::KernelTable& table_;
  ThreadPool& pool_;
  Sizes sizes_;
  Buffer buffer_;
  OpCounts counts_{};
  uint32_t mark_ = 0;
  std::atomic<size_t> failed_row_{kNoRow};

  // The current input and the forms of it made so far.
  const float* input_ = nullptr;  // [n_rows_, n_]
  size_t n_rows_ = 0, n_ = 0;
  bool have_ternary_ = false, have_finite_ = false;
  size_t have_block_ = 0;

  // Parts of buffer_.
  float* normed_ = nullptr;              // [max_rows, n_max]
  int8_t* q8_ = nullptr;                 // [max_rows, PadTernary(n_max)]
  float* d_ = nullptr;                   // [max_rows]
  int32_t* q_sum_ = nullptr;             // [max_rows]
  int8_t* block_q8_ = nullptr;           // [max_rows, n_max]
  float* block_d_ = nullptr;             // [max_rows, n_max / 32]
  std::byte* token_group_ = nullptr;     // a kernels::TokenGroup of n_max columns
  std::byte* thread_scratch_ = nullptr;  // [threads, thread_scratch_bytes_]
  size_t thread_scratch_bytes_ = 0;
  float* partial_ = nullptr;  // m, s [slots], o [slots, head_dim] of attention blocks
  size_t partial_slots_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_CPU_OPS_H_
