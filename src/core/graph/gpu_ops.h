// The operations of ops.h on a GPU: launches in a queue, and recordings of passes of one token each of some sessions.
//
// Nothing waits but finish, read, select_top and head_top; a value that is not finite leaves a mark on the device, and
// finish, select_top and head_top report the first one. Kernels and their layouts: kernels/cuda, docs/kernels.md.
#ifndef BITNET_CORE_GRAPH_GPU_OPS_H_
#define BITNET_CORE_GRAPH_GPU_OPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/graph/gpu_memory.h"
#include "core/graph/ops.h"
#include "kernels/cuda/kernel_list.h"

namespace bitnet::core {

// Scratch, counters and recordings of one session's operations on one device. Not movable: ops() points to it.
class GpuOps {
 public:
  // For passes of at most `max_rows` rows (at most kMaxRows) over caches of at most `n_ctx` positions.
  struct Sizes {
    size_t n_max = 0;  // longest activation row
    size_t max_rows = 0;
    uint32_t n_ctx = 0;
    uint32_t n_heads = 0, head_dim = 0, n_rot = 0;
  };
  static constexpr size_t kMaxRows = 4096;  // keeps every grid within 65535 blocks
  static Sizes SizesFor(const HParams& h, size_t max_rows, uint32_t n_ctx);
  static uint64_t Bytes(const Sizes& sizes);

  explicit GpuOps(std::shared_ptr<GpuContext> context) : context_(std::move(context)) {}
  GpuOps(const GpuOps&) = delete;
  GpuOps& operator=(const GpuOps&) = delete;
  ~GpuOps();
  Status Allocate(const Sizes& sizes);

  Ops ops();

 private:
  static constexpr size_t kMaxTopBytes = kHeadRows * kernels::kMaxTop * sizeof(kernels::TopEntry);
  // What decides the launches of a pass whose rows have caches of their own.
  struct PassKey {
    size_t n_rows, power;  // rows; the power of two that the blocks of keys are rounded up to
    kernels::Dense type;   // of the caches
    bool operator==(const PassKey&) const = default;
  };
  struct Recording {
    PassKey key;
    kernels::gpu::GpuRecording* graph = nullptr;
    OpCounts counts{};
  };
  // Neighbouring rows of a pass whose caches are of one type.
  struct TypedRows {
    size_t first, n;
    kernels::Dense type;
    size_t n_caches;  // neighbours of one cache count once
  };

  bool Embed(const Matrix& embedding, size_t n_rows, float* x);
  bool SetInput(const float* x, size_t n_rows, size_t n, const float* gamma, float eps);
  bool LinearGroup(std::span<const Product> products, bool add);
  bool Gated(Activation activation, const Matrix& gate, const Matrix& up, float* g, float* u);
  bool QkvRopeStore(const HParams& h, uint32_t layer, size_t n_rows, float* q, float* k, const float* v);
  bool Attention(const HParams& h, uint32_t layer, float scale, size_t n_rows, const float* q, float* y);
  bool Gate(Activation activation, float* g, const float* u, size_t n);
  bool SelectTop(const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top);
  HeadOutcome HeadTop(const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& scratch, size_t k,
                      kernels::TopEntry* top);
  bool ListedRows(const Matrix& w, const float* x, const uint32_t* ids, const uint32_t* n_ids, uint32_t max, float* y);
  PassStart Begin(std::span<const BatchRow> rows);
  PassStart BeginAlike(size_t n_rows, size_t most_blocks);
  bool Submit();
  bool Finish();
  bool Answer(uint64_t word);
  bool AttentionOf(const HParams& h, uint32_t layer, float scale, const TypedRows& r, const float* q, float* y);

  bool NeedTernaryInput();
  bool NeedFloatInput();
  bool NeedBlockInput(size_t block);
  bool Normed(float* y, int8_t* q);
  kernels::gpu::NormArgs Norm() const;
  bool WholeRow() const { return n_ % 4 == 0 && n_ <= kernels::gpu::RowNorm<true>::kCols; }
  bool NormsInProduct(std::span<const Product> products) const;
  void CountQuantised();
  kernels::gpu::TernaryArgs TernaryArgsFor(std::span<const Product> products, bool add, size_t rows_per_block,
                                           uint32_t* blocks) const;
  bool Ternary(std::span<const Product> products, bool add);
  template <class Kernel>
  bool RunTernary(std::span<const Product> products, bool add, size_t tokens_per_block);
  template <class Large, class Small>
  bool RunTiles(std::span<const Product> products, bool add);
  bool OtherProduct(const Matrix& w, float* y, bool add);
  template <typename T>
  bool Dense(const kernels::gpu::ProductArgs& args);
  template <typename T>
  bool AttentionBlocks(const kernels::gpu::AttentionArgs& args, bool prompts);
  template <kernels::Block kType>
  bool BlockProduct(const kernels::gpu::ProductArgs& args);
  kernels::gpu::FailSlot Slot(uint32_t mark) const { return {fail_, mark}; }

  template <class Kernel>
  bool Run(kernels::gpu::GpuGrid grid, const typename Kernel::Args& args) {
    return context_->status().ok() &&
           context_->Check(kernels::gpu::Launch<Kernel>(context_->table(), context_->queue(), grid, args));
  }
  bool Check(const kernels::gpu::GpuStatus& status) { return context_->Check(status); }
  void Count(kernels::Op op, size_t rows) { counts_[static_cast<size_t>(op)] += rows; }

  std::shared_ptr<GpuContext> context_;
  Sizes sizes_;
  Buffer buffer_;
  OpCounts counts_{};

  // The pass at work.
  std::vector<TypedRows> typed_;
  uint32_t mark_ = 0;
  Failure failure_;                    // the last one reported
  size_t n_blocks_ = 1;                // blocks of keys that attention keeps slots for
  size_t last_rows_ = 0;               // of the last pass that was not recorded, though it might have been
  std::vector<Recording> recordings_;  // the oldest first
  Recording* recording_ = nullptr;     // being made, one of those
  std::vector<std::byte> staged_;      // what Begin sends

  // The current input and the forms of it made so far.
  const float* input_ = nullptr;  // [n_rows_, n_]
  const float* gamma_ = nullptr;
  float eps_ = 0;
  size_t n_rows_ = 0, n_ = 0;
  uint32_t input_mark_ = 0;
  bool have_ternary_ = false, have_float_ = false;
  bool counted_ternary_ = false;  // made, in a launch of its own or within products
  size_t have_block_ = 0;

  // Parts of buffer_, on the device. In front of the failure there is room for the candidates of kHeadRows rows, or for
  // the number of survivors and the candidates of one.
  unsigned long long* fail_ = nullptr;  // kernels/cuda/grid.h, FailSlot
  kernels::gpu::Row* rows_ = nullptr;   // [rows of the pass], then cos and sin of each: [rows, n_rot]
  float* normed_ = nullptr;             // [max_rows, n_max]
  int8_t* q8_ = nullptr;                // [max_rows, PadTernary(n_max)]
  float* d_ = nullptr;                  // [max_rows]
  int32_t* q_sum_ = nullptr;            // [max_rows]
  int8_t* block_q8_ = nullptr;          // [max_rows, n_max]
  float* block_d_ = nullptr;            // [max_rows, n_max / 32]
  float* partial_ = nullptr;            // m, s [slots], o [slots, head_dim] of attention blocks
  size_t partial_slots_ = 0;
  uint64_t* maxima_ = nullptr;  // [kHeadRows, kMaxGroups] of groups of logits, between the two launches of SelectTop
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_GPU_OPS_H_
