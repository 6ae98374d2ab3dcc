#include "core/graph/cpu_ops.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/pack.h"

namespace bitnet::core {

namespace {

using kernels::Op;

// Matrix rows a tile of a product covers. Decode: at least 160 Ki weights, some microseconds of work, so that handing
// out a tile costs little and small matrices stay on one thread; prefill: what the micro-kernels take, small enough to
// balance two threads over the 640 rows of a key projection.
constexpr size_t kGemvTileRows = 64;
constexpr size_t kGemvTileWeights = size_t{160} << 10;
constexpr size_t kGemmTileRows = 64;
constexpr size_t kHeadTileRows = 128;
constexpr size_t kElementTile = 4096;
// Fewer tokens are faster each by itself: memory is the limit then (measured: docs/kernels.md).
constexpr size_t kSeveralTokens = 5;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Every exponent below all ones.
bool AllFinite(const float* x, size_t n) {
  bool finite = true;
  for (size_t i = 0; i < n; ++i) finite &= (std::bit_cast<uint32_t>(x[i]) & 0x7f800000u) != 0x7f800000u;
  return finite;
}

}  // namespace

void CpuOps::Fail(size_t row) {
  size_t seen = failed_row_.load(std::memory_order_relaxed);
  while (row < seen && !failed_row_.compare_exchange_weak(seen, row, std::memory_order_relaxed)) {
  }
}

Ops CpuOps::ops() {
  static constexpr auto kSelf = [](void* c) -> CpuOps& { return *static_cast<CpuOps*>(c); };
  Ops o{};
  o.context = this;
  o.embed = [](void* c, const Matrix& e, std::span<const BatchRow> rows, float* x) {
    return kSelf(c).Embed(e, rows, x);
  };
  o.set_input = [](void* c, const float* x, size_t n_rows, size_t n, const float* gamma, float eps) {
    return kSelf(c).SetInput(x, n_rows, n, gamma, eps);
  };
  o.linear = [](void* c, const Matrix& w, float* y) { return kSelf(c).Linear(w, y); };
  o.qkv_rope_store = [](void* c, const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q, float* k,
                        const float* v) { return kSelf(c).QkvRopeStore(h, layer, rows, q, k, v); };
  o.attention = [](void* c, const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows,
                   const float* q, float* y) { return kSelf(c).Attention(h, layer, scale, rows, q, y); };
  o.gate = [](void* c, Activation a, float* g, const float* u, size_t n_rows, size_t n) {
    return kSelf(c).Gate(a, g, u, n_rows, n);
  };
  o.add = [](void* c, float* x, const float* y, size_t n_rows, size_t n) { return kSelf(c).Add(x, y, n_rows, n); };
  o.select_top = [](void* c, const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top) {
    return kSelf(c).SelectTop(logits, n_rows, n_vocab, k, top);
  };
  o.head_top = [](void* c, const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& scratch, size_t k,
                  kernels::TopEntry* top) { return kSelf(c).HeadTop(w, copy, logits, scratch, k, top); };
  o.mark = [](void* c, uint32_t mark) { kSelf(c).mark_ = mark; };
  o.failure = [](void* c) { return Failure{kSelf(c).mark_, static_cast<uint32_t>(kSelf(c).failed_row_.load())}; };
  o.counts = [](void* c) -> OpCounts& { return kSelf(c).counts_; };
  return o;
}

bool CpuOps::Embed(const Matrix& e, std::span<const BatchRow> rows, float* x) {
  failed_row_.store(kNoRow);
  pool_.ParallelFor(rows.size(), 8, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      float* y = x + t * e.cols;
      const auto row = static_cast<size_t>(rows[t].token);
      if (e.kind == Matrix::Kind::kBlock) {
        table_.block_row_to_f32(e.block_type, e.data, e.cols, row, y);
      } else {
        table_.dense_row_to_f32(e.dense, e.data, e.cols, row, y);
      }
      if (!AllFinite(y, e.cols)) Fail(t);
    }
  });
  Count(Op::kEmbed, rows.size());
  return ok();
}

bool CpuOps::SetInput(const float* x, size_t n_rows, size_t n, const float* gamma, float eps) {
  failed_row_.store(kNoRow);
  n_rows_ = n_rows;
  n_ = n;
  have_ternary_ = have_finite_ = false;
  have_block_ = 0;
  input_ = x;
  if (gamma == nullptr) return true;
  pool_.ParallelFor(n_rows, 4, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      if (!table_.rms_norm(x + t * n, gamma, eps, n, normed_ + t * n)) Fail(t);
    }
  });
  Count(Op::kRmsNorm, n_rows);
  input_ = normed_;
  return ok();
}

bool CpuOps::NeedTernaryInput() {
  if (have_ternary_) return true;
  const size_t stride = kernels::PadTernary(n_);
  pool_.ParallelFor(n_rows_, 4, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      if (!table_.quantise_row(input_ + t * n_, n_, q8_ + t * stride, d_ + t, q_sum_ + t)) Fail(t);
    }
  });
  Count(Op::kQuantiseRow, n_rows_);
  have_ternary_ = true;
  return ok();
}

bool CpuOps::NeedFiniteInput() {
  if (have_finite_) return true;
  for (size_t t = 0; t < n_rows_; ++t) {
    if (!AllFinite(input_ + t * n_, n_)) Fail(t);
  }
  have_finite_ = true;
  return ok();
}

bool CpuOps::NeedBlockInput(size_t block) {
  if (have_block_ == block) return true;
  pool_.ParallelFor(n_rows_, 4, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      if (!table_.quantise_blocks(input_ + t * n_, n_, block, block_q8_ + t * n_, block_d_ + t * (n_ / block))) Fail(t);
    }
  });
  Count(Op::kQuantiseBlocks, n_rows_);
  have_block_ = block;
  return ok();
}

bool CpuOps::Linear(const Matrix& w, float* y) {
  failed_row_.store(kNoRow);
  switch (w.kind) {
    case Matrix::Kind::kTernary:
    case Matrix::Kind::kTernaryBlocks:
      if (!NeedTernaryInput()) return false;
      Ternary(w, y);
      break;
    case Matrix::Kind::kDense:
      if (!NeedFiniteInput()) return false;
      DenseProduct(w, y);
      break;
    case Matrix::Kind::kBlock:
      if (!NeedBlockInput(kernels::BlockElements(w.block_type))) return false;
      BlockProduct(w, y);
      break;
    case Matrix::Kind::kNone: return false;
  }
  if (w.bias != nullptr) AddBias(w, y);
  return true;
}

void CpuOps::Ternary(const Matrix& w, float* y) {
  const size_t stride = kernels::PadTernary(n_);
  const kernels::TernaryJob job = {static_cast<const uint8_t*>(w.data),
                                   stride,
                                   w.scale,
                                   w.scale_stride,
                                   q8_,
                                   stride,
                                   q_sum_,
                                   d_,
                                   n_rows_,
                                   y,
                                   w.rows};
  const size_t gemv_tile = std::max(kGemvTileRows, RoundUp(kGemvTileWeights / stride, kGemvTileRows));
  if (w.kind == Matrix::Kind::kTernaryBlocks) {
    pool_.ParallelFor(w.rows, gemv_tile,
                      [&](size_t begin, size_t end, uint32_t) { table_.ternary_blocks(job, w.block, begin, end); });
    Count(Op::kTernaryBlocks, n_rows_);
  } else if (n_rows_ <= table_.gemv_tokens) {
    pool_.ParallelFor(w.rows, gemv_tile,
                      [&](size_t begin, size_t end, uint32_t) { table_.ternary_gemv(job, begin, end); });
    Count(Op::kTernaryGemv, n_rows_);
  } else {
    pool_.ParallelFor(w.rows, kGemmTileRows, [&](size_t begin, size_t end, uint32_t thread) {
      table_.ternary_gemm(job, begin, end, thread_scratch_ + thread * thread_scratch_bytes_);
    });
    Count(Op::kTernaryGemm, n_rows_);
  }
}

void CpuOps::DenseProduct(const Matrix& w, float* y) {
  const kernels::DenseTokensJob job = {w.dense, w.data, n_, input_, n_rows_, y, w.rows};
  pool_.ParallelFor(w.rows, kHeadTileRows, [&](size_t begin, size_t end, uint32_t) {
    if (n_rows_ >= kSeveralTokens) return table_.dense_tokens(job, begin, end);
    for (size_t t = 0; t < n_rows_; ++t) {
      table_.dense_rows(w.dense, w.data, n_, input_ + t * n_, begin, end, y + t * w.rows);
    }
  });
  Count(Op::kDense, n_rows_);
}

void CpuOps::BlockProduct(const Matrix& w, float* y) {
  const size_t block = kernels::BlockElements(w.block_type), n_blocks = n_ / block;
  for (size_t first = 0, n = 0; first < n_rows_; first += n) {
    n = std::min(n_rows_ - first, kernels::kGroupTokens);
    const int8_t* const q = block_q8_ + first * n_;
    const float* const d_a = block_d_ + first * n_blocks;
    float* const y_rows = y + first * w.rows;
    if (n >= kSeveralTokens) {
      const auto group = kernels::TokenGroup::Make(q, d_a, n_, block, n, token_group_);
      const kernels::BlockTokensJob job = {w.block_type, w.data, n_, group, n, y_rows, w.rows};
      pool_.ParallelFor(w.rows, kHeadTileRows,
                        [&](size_t begin, size_t end, uint32_t) { table_.block_tokens(job, begin, end); });
    } else {
      pool_.ParallelFor(w.rows, kHeadTileRows, [&](size_t begin, size_t end, uint32_t) {
        for (size_t t = 0; t < n; ++t) {
          table_.block_rows(w.block_type, w.data, n_, q + t * n_, d_a + t * n_blocks, begin, end, y_rows + t * w.rows);
        }
      });
    }
  }
  Count(Op::kBlockProduct, n_rows_);
}

void CpuOps::AddBias(const Matrix& w, float* y) {
  for (size_t t = 0; t < n_rows_; ++t) table_.add(y + t * w.rows, w.bias, w.rows);
  Count(Op::kAdd, n_rows_);
}

bool CpuOps::QkvRopeStore(const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q, float* k,
                          const float* v) {
  failed_row_.store(kNoRow);
  const size_t q_row = size_t{h.n_heads} * h.head_dim;
  const size_t kv_row = size_t{h.n_heads_kv} * h.head_dim;
  pool_.ParallelFor(rows.size(), 4, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      const BatchRow& r = rows[t];
      table_.rope(q + t * q_row, h.n_heads, h.head_dim, h.n_rot, r.cos, r.sin, h.rope_adjacent);
      table_.rope(k + t * kv_row, h.n_heads_kv, h.head_dim, h.n_rot, r.cos, r.sin, h.rope_adjacent);
      bool finite = true;
      for (uint32_t head = 0; head < h.n_heads_kv; ++head) {
        const size_t at = t * kv_row + size_t{head} * h.head_dim;
        finite &= table_.cache_store(k + at, h.head_dim, r.cache->type(), r.cache->Key(layer, head, r.position));
        finite &= table_.cache_store(v + at, h.head_dim, r.cache->type(), r.cache->Value(layer, head, r.position));
      }
      if (!finite) Fail(t);
    }
  });
  Count(Op::kRope, 2 * rows.size());
  Count(Op::kCacheStore, 2 * rows.size());
  return ok();
}

bool CpuOps::Gate(Activation activation, float* g, const float* u, size_t n_rows, size_t n) {
  failed_row_.store(kNoRow);
  const auto gate = activation == Activation::kRelu2 ? table_.relu2_gate : table_.silu_gate;
  pool_.ParallelFor(n_rows * n, kElementTile,
                    [&](size_t begin, size_t end, uint32_t) { gate(g + begin, u + begin, end - begin, g + begin); });
  Count(Op::kGate, n_rows);
  return true;
}

bool CpuOps::Add(float* x, const float* y, size_t n_rows, size_t n) {
  failed_row_.store(kNoRow);
  pool_.ParallelFor(n_rows * n, kElementTile,
                    [&](size_t begin, size_t end, uint32_t) { table_.add(x + begin, y + begin, end - begin); });
  Count(Op::kAdd, n_rows);
  return true;
}

bool CpuOps::SelectTop(const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top) {
  failed_row_.store(kNoRow);
  Count(Op::kSelectTop, n_rows);
  pool_.ParallelFor(n_rows, 1, [&](size_t begin, size_t end, uint32_t) {
    for (size_t t = begin; t < end; ++t) {
      if (!table_.select_top(logits + t * n_vocab, n_vocab, k, top + t * k)) Fail(t);
    }
  });
  return ok();
}

// ---- Memory ----

namespace {

// Partial results of attention kept at a time: stays in the L2 and L3 caches.
constexpr size_t kPartialBytes = size_t{4} << 20;

size_t KeyBlocks(uint32_t n_ctx) { return (size_t{n_ctx} + kernels::kKeyBlock - 1) / kernels::kKeyBlock; }

struct Layout {
  size_t normed, q8, d, q_sum, block_q8, block_d, token_group, thread_scratch, partial;  // byte offsets
  size_t thread_bytes, partial_slots, total;
};

Layout LayoutFor(const CpuOps::Sizes& s, const kernels::KernelTable& table, uint32_t n_threads) {
  Layout l{};
  size_t at = 0;
  const auto take = [&at](size_t bytes) { return std::exchange(at, at + RoundUp(bytes, Buffer::kAlign)); };
  const size_t padded = kernels::PadTernary(s.n_max);
  l.normed = take(s.max_rows * s.n_max * sizeof(float));
  l.q8 = take(s.max_rows * padded);
  l.d = take(s.max_rows * sizeof(float));
  l.q_sum = take(s.max_rows * sizeof(int32_t));
  l.block_q8 = take(s.max_rows * s.n_max);
  l.block_d = take(s.max_rows * (s.n_max / 32 + 1) * sizeof(float));
  l.token_group = take(kernels::TokenGroup::Bytes(s.n_max, 32));
  const size_t queries = s.tile_queries();
  const size_t attention = queries * (s.head_dim + kernels::kKeyBlock) * sizeof(float) + queries * sizeof(uint32_t);
  l.thread_bytes = RoundUp(std::max(attention, table.ternary_scratch_bytes(padded)), Buffer::kAlign);
  l.thread_scratch = take(n_threads * l.thread_bytes);
  const size_t slot_bytes = (s.head_dim + 2) * sizeof(float);
  const size_t row_slots = s.n_heads * KeyBlocks(s.n_ctx);
  const size_t rows = std::clamp<size_t>(kPartialBytes / (row_slots * slot_bytes), 1, s.max_rows);
  l.partial_slots = rows * row_slots;
  l.partial = take(l.partial_slots * slot_bytes);
  l.total = at;
  return l;
}

}  // namespace

CpuOps::Sizes CpuOps::SizesFor(const HParams& h, size_t max_rows, uint32_t n_ctx) {
  return {std::max({size_t{h.n_embd}, size_t{h.n_ff}, size_t{h.n_heads} * h.head_dim}),
          max_rows,
          n_ctx,
          h.n_heads,
          h.n_heads_kv,
          h.head_dim};
}

uint64_t CpuOps::Bytes(const Sizes& sizes, const kernels::KernelTable& table, uint32_t n_threads) {
  return LayoutFor(sizes, table, n_threads).total;
}

Status CpuOps::Allocate(const Sizes& sizes, const Allocator& allocator) {
  const Layout l = LayoutFor(sizes, table_, pool_.size());
  BN_ASSIGN_OR_RETURN(buffer_, Buffer::Allocate(allocator, l.total));
  sizes_ = sizes;
  std::byte* base = buffer_.as<std::byte>();
  normed_ = reinterpret_cast<float*>(base + l.normed);
  q8_ = reinterpret_cast<int8_t*>(base + l.q8);
  d_ = reinterpret_cast<float*>(base + l.d);
  q_sum_ = reinterpret_cast<int32_t*>(base + l.q_sum);
  block_q8_ = reinterpret_cast<int8_t*>(base + l.block_q8);
  block_d_ = reinterpret_cast<float*>(base + l.block_d);
  token_group_ = base + l.token_group;
  thread_scratch_ = base + l.thread_scratch;
  thread_scratch_bytes_ = l.thread_bytes;
  partial_ = reinterpret_cast<float*>(base + l.partial);
  partial_slots_ = l.partial_slots;
  return {};
}

}  // namespace bitnet::core
