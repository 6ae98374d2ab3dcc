#include "core/graph/gpu_ops.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kernels/pack.h"

namespace bitnet::core {

namespace gpu = kernels::gpu;
using kernels::Op;

namespace {

// Partial results of attention kept at a time.
constexpr size_t kPartialBytes = size_t{256} << 20;
// Up to so many rows dp4a reads the weights as fast as the tensor cores, which take tiles of tokens.
constexpr size_t kGemvRows = 4;
// From so many blocks on a product takes the larger of two tiles, which moves fewer bytes for each multiply-add; with
// fewer, more than a third of the multiprocessors (108 of an A100, 132 of an H200) would have nothing to do.
constexpr size_t kMinBlocks = 80;

// Recordings hold what every launch of a pass needs, some hundred KB each; batches of more rows keep a GPU busy while
// the host launches one by one.
constexpr size_t kMaxRecordings = 16;
constexpr size_t kMostRecordedRows = 256;

// From so many rows of a cache on, a row with another, attention shares keys and values among rows.
constexpr size_t kPromptRows = 8;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }
uint32_t Blocks(size_t n, size_t per_block) { return static_cast<uint32_t>((n + per_block - 1) / per_block); }
// The second plane of a block matrix (kernels/cuda/block_layout.h), aligned as gpu_weights.cc aligns.
const uint8_t* TileScales(const Matrix& m) {
  const size_t codes = gpu::TileCount(m.block_type, m.rows, m.cols) * gpu::TileBytes(m.block_type);
  return static_cast<const uint8_t*>(m.data) + RoundUp(codes, 256);
}
size_t KeyBlocks(size_t n_ctx) { return (n_ctx + kernels::kKeyBlock - 1) / kernels::kKeyBlock; }

struct Layout {
  size_t n_survivors, top, fail, rows, normed, q8, d, q_sum, block_q8, block_d, partial, maxima;  // byte offsets
  size_t partial_slots, total;
};

Layout LayoutFor(const GpuOps::Sizes& s) {
  constexpr size_t kAlign = 256;
  Layout l{};
  size_t at = 0;
  const auto take = [&at](size_t bytes, size_t align) { return std::exchange(at, RoundUp(at + bytes, align)); };
  l.n_survivors = take(sizeof(uint64_t), sizeof(uint64_t));
  l.top = take(kHeadRows * kernels::kMaxTop * sizeof(kernels::TopEntry), sizeof(uint64_t));
  l.fail = take(sizeof(uint64_t), sizeof(uint64_t));
  l.rows = take(s.max_rows * (sizeof(gpu::Row) + s.n_rot * sizeof(float)), kAlign);  // and their angles
  const size_t padded = kernels::PadTernary(s.n_max);
  l.normed = take(s.max_rows * s.n_max * sizeof(float), kAlign);
  l.q8 = take(s.max_rows * padded, kAlign);
  l.d = take(s.max_rows * sizeof(float), kAlign);
  l.q_sum = take(s.max_rows * sizeof(int32_t), kAlign);
  l.block_q8 = take(s.max_rows * s.n_max, kAlign);
  l.block_d = take(s.max_rows * (s.n_max / 32 + 1) * sizeof(float), kAlign);
  const size_t slot_bytes = (s.head_dim + 2) * sizeof(float);
  const size_t row_slots = s.n_heads * KeyBlocks(s.n_ctx);
  l.partial_slots = row_slots * std::clamp<size_t>(kPartialBytes / (row_slots * slot_bytes), 1, s.max_rows);
  l.partial = take(l.partial_slots * slot_bytes, kAlign);
  l.maxima = take(kHeadRows * gpu::kMaxGroups * sizeof(uint64_t), kAlign);
  l.total = at;
  return l;
}

}  // namespace

GpuOps::Sizes GpuOps::SizesFor(const HParams& h, size_t max_rows, uint32_t n_ctx) {
  return {std::max({size_t{h.n_embd}, size_t{h.n_ff}, size_t{h.n_heads} * h.head_dim}),
          max_rows,
          n_ctx,
          h.n_heads,
          h.head_dim,
          h.n_rot};
}

uint64_t GpuOps::Bytes(const Sizes& sizes) { return LayoutFor(sizes).total; }

Status GpuOps::Allocate(const Sizes& sizes) {
  BN_ENSURE(sizes.max_rows <= kMaxRows);
  const Layout l = LayoutFor(sizes);
  BN_ASSIGN_OR_RETURN(buffer_, Buffer::Allocate(context_->allocator(), l.total));
  sizes_ = sizes;
  std::byte* base = buffer_.as<std::byte>();
  fail_ = reinterpret_cast<unsigned long long*>(base + l.fail);
  rows_ = reinterpret_cast<gpu::Row*>(base + l.rows);
  normed_ = reinterpret_cast<float*>(base + l.normed);
  q8_ = reinterpret_cast<int8_t*>(base + l.q8);
  d_ = reinterpret_cast<float*>(base + l.d);
  q_sum_ = reinterpret_cast<int32_t*>(base + l.q_sum);
  block_q8_ = reinterpret_cast<int8_t*>(base + l.block_q8);
  block_d_ = reinterpret_cast<float*>(base + l.block_d);
  partial_ = reinterpret_cast<float*>(base + l.partial);
  partial_slots_ = l.partial_slots;
  maxima_ = reinterpret_cast<uint64_t*>(base + l.maxima);
  staged_.reserve(sizeof(uint64_t) + sizes.max_rows * (sizeof(gpu::Row) + sizes.n_rot * sizeof(float)));
  const uint64_t none = gpu::kNoFailure;  // a head may be asked for before a first pass
  (void)Check(context_->table().copy_in(context_->queue(), fail_, &none, sizeof none));
  return context_->status();
}

GpuOps::~GpuOps() {
  for (const Recording& r : recordings_) context_->table().record_free(r.graph);
}

Ops GpuOps::ops() {
  static constexpr auto kSelf = [](void* c) -> GpuOps& { return *static_cast<GpuOps*>(c); };
  Ops o{};
  o.context = this;
  o.embed = [](void* c, const Matrix& e, std::span<const BatchRow> rows, float* x) {
    return kSelf(c).Embed(e, rows.size(), x);
  };
  o.set_input = [](void* c, const float* x, size_t n_rows, size_t n, const float* gamma, float eps) {
    return kSelf(c).SetInput(x, n_rows, n, gamma, eps);
  };
  o.linear = [](void* c, const Matrix& w, float* y) {
    const Product product = {&w, y};
    return kSelf(c).LinearGroup({&product, 1}, false);
  };
  o.qkv_rope_store = [](void* c, const HParams& h, uint32_t layer, std::span<const BatchRow> rows, float* q, float* k,
                        const float* v) { return kSelf(c).QkvRopeStore(h, layer, rows.size(), q, k, v); };
  o.attention = [](void* c, const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows,
                   const float* q, float* y) { return kSelf(c).Attention(h, layer, scale, rows.size(), q, y); };
  o.gate = [](void* c, Activation a, float* g, const float* u, size_t n_rows, size_t n) {
    return kSelf(c).Gate(a, g, u, n_rows * n);
  };
  o.add = nullptr;  // linear_add is its only use
  o.select_top = [](void* c, const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top) {
    return kSelf(c).SelectTop(logits, n_rows, n_vocab, k, top);
  };
  o.head_top = [](void* c, const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& scratch, size_t k,
                  kernels::TopEntry* top) { return kSelf(c).HeadTop(w, copy, logits, scratch, k, top); };
  o.mark = [](void* c, uint32_t mark) { kSelf(c).mark_ = mark; };
  o.failure = [](void* c) { return kSelf(c).failure_; };
  o.counts = [](void* c) -> OpCounts& { return kSelf(c).counts_; };
  o.linear_group = [](void* c, std::span<const Product> products) { return kSelf(c).LinearGroup(products, false); };
  o.linear_add = [](void* c, const Matrix& w, float* x) {
    const Product product = {&w, x};
    return kSelf(c).LinearGroup({&product, 1}, true);
  };
  o.gated = [](void* c, Activation a, const Matrix& gate, const Matrix& up, float* g, float* u) {
    return kSelf(c).Gated(a, gate, up, g, u);
  };
  o.begin = [](void* c, std::span<const BatchRow> rows) { return kSelf(c).Begin(rows); };
  o.submit = [](void* c) { return kSelf(c).Submit(); };
  o.finish = [](void* c) { return kSelf(c).Finish(); };
  o.device_status = [](void* c) -> const Status& { return kSelf(c).context_->status(); };
  o.read = [](void* c, void* host, const void* device, size_t bytes) {
    GpuContext& context = *kSelf(c).context_;
    return context.Check(context.table().copy_out(context.queue(), host, device, bytes));
  };
  o.write = [](void* c, void* device, const void* host, size_t bytes) {
    GpuContext& context = *kSelf(c).context_;
    return context.Check(context.table().copy_in(context.queue(), device, host, bytes));
  };
  o.copy = [](void* c, void* to, const void* from, size_t bytes) {
    GpuContext& context = *kSelf(c).context_;
    return context.Check(context.table().copy(context.queue(), to, from, bytes));
  };
  return o;
}

// ---- A pass ----

PassStart GpuOps::Begin(std::span<const BatchRow> rows) {
  typed_.clear();
  const size_t half = sizes_.n_rot / 2;
  // One copy: no failure yet, rows, and behind them their angles.
  constexpr size_t kRowsAt = sizeof(uint64_t);
  const size_t angles_at = kRowsAt + rows.size() * sizeof(gpu::Row);
  staged_.assign(angles_at + rows.size() * sizes_.n_rot * sizeof(float), std::byte{0});
  const uint64_t none = gpu::kNoFailure;
  std::memcpy(staged_.data(), &none, sizeof none);
  size_t most_blocks = 1;
  for (size_t t = 0; t < rows.size(); ++t) {
    const BatchRow& r = rows[t];
    float* const cos = reinterpret_cast<float*>(rows_ + rows.size()) + t * sizes_.n_rot;  // on the device
    const gpu::Row row = {r.token,
                          r.position,
                          reinterpret_cast<uint8_t*>(r.cache->Key(0, 0, 0)),
                          reinterpret_cast<uint8_t*>(r.cache->Value(0, 0, 0)),
                          uint64_t{r.cache->n_ctx()} * r.cache->row_bytes(),
                          cos,
                          cos + half};
    std::memcpy(staged_.data() + kRowsAt + t * sizeof row, &row, sizeof row);
    std::byte* const angles = staged_.data() + angles_at + t * sizes_.n_rot * sizeof(float);
    std::memcpy(angles, r.cos, half * sizeof(float));
    std::memcpy(angles + half * sizeof(float), r.sin, half * sizeof(float));
    most_blocks = std::max<size_t>(most_blocks, r.position / kernels::kKeyBlock + 1);
    if (typed_.empty() || typed_.back().type != r.cache->type()) typed_.push_back({t, 0, r.cache->type(), 0});
    if (typed_.back().n == 0 || rows[t - 1].cache != r.cache) ++typed_.back().n_caches;
    ++typed_.back().n;
  }
  n_blocks_ = most_blocks;
  if (!context_->status().ok() ||
      !Check(context_->table().copy_in(context_->queue(), fail_, staged_.data(), staged_.size()))) {
    return PassStart::kOpen;
  }
  // Where every row has a cache of its own, of one type, the next pass of as many rows launches the same.
  const bool alike = typed_.size() == 1 && typed_[0].n_caches == rows.size() && rows.size() <= kMostRecordedRows;
  return alike ? BeginAlike(rows.size(), most_blocks) : PassStart::kOpen;
}

// A pass that may be a recording, made for the next power of two of blocks of keys: the grid then fits the positions of
// many tokens to come.
PassStart GpuOps::BeginAlike(size_t n_rows, size_t most_blocks) {
  const size_t power = std::bit_ceil(most_blocks);
  // By the power, not by what it is cut to: of 2 blocks and of all 3 of a context there are two recordings.
  const PassKey key = {n_rows, power, typed_[0].type};
  auto found = std::find_if(recordings_.begin(), recordings_.end(), [&](const Recording& r) { return r.key == key; });
  if (found == recordings_.end()) {
    const bool known = std::exchange(last_rows_, n_rows) == n_rows;
    // The first pass runs as it is: most sessions that see one see no second one like it.
    if (!known) return PassStart::kOpen;
    if (recordings_.size() == kMaxRecordings) {
      context_->table().record_free(recordings_.front().graph);
      recordings_.erase(recordings_.begin());
    }
    recordings_.push_back({key, nullptr, {}});
    found = recordings_.end() - 1;
  }
  n_blocks_ = std::min(power, KeyBlocks(sizes_.n_ctx));
  if (found->graph != nullptr) {
    if (!Check(context_->table().replay(context_->queue(), found->graph))) return PassStart::kOpen;
    for (size_t op = 0; op < counts_.size(); ++op) counts_[op] += found->counts[op];
    return PassStart::kReplayed;
  }
  if (!Check(context_->table().record_begin(context_->queue()))) return PassStart::kOpen;
  recording_ = &*found;
  found->counts = counts_;  // before; the difference is what a replay counts
  return PassStart::kRecorded;
}

bool GpuOps::Submit() {
  if (Recording* const r = std::exchange(recording_, nullptr); r != nullptr) {
    for (size_t op = 0; op < counts_.size(); ++op) r->counts[op] = counts_[op] - r->counts[op];
    gpu::GpuRecording* made = nullptr;
    if (!Check(context_->table().record_end(context_->queue(), &made))) {  // or something before it failed
      context_->table().record_free(made);
      return false;
    }
    r->graph = made;
    return Check(context_->table().replay(context_->queue(), r->graph));
  }
  return context_->status().ok();
}

bool GpuOps::Finish() {
  if (!Submit()) return false;
  uint64_t failure = gpu::kNoFailure;
  return Check(context_->table().copy_out(context_->queue(), &failure, fail_, sizeof failure)) && Answer(failure);
}

// What a failure word says, kept for failure(); it is taken back, so that it is reported once.
bool GpuOps::Answer(uint64_t word) {
  if (word == gpu::kNoFailure) return true;
  const uint64_t none = gpu::kNoFailure;
  (void)Check(context_->table().copy_in(context_->queue(), fail_, &none, sizeof none));
  failure_ = {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)};
  return false;
}

bool GpuOps::Embed(const Matrix& e, size_t n_rows, float* x) {
  gpu::Embed::Args a{};
  a.w = e.data;
  if (e.kind == Matrix::Kind::kBlock) {
    a.type = e.block_type == kernels::Block::kQ8_0 ? gpu::EmbedType::kQ8_0 : gpu::EmbedType::kQ6_K;
    a.scale = TileScales(e);
  } else {
    a.type = e.dense == kernels::Dense::kF32   ? gpu::EmbedType::kF32
             : e.dense == kernels::Dense::kF16 ? gpu::EmbedType::kF16
                                               : gpu::EmbedType::kBF16;
  }
  a.rows = rows_;
  a.n = e.cols;
  a.x = x;
  a.fail = Slot(mark_);
  Count(Op::kEmbed, n_rows);
  return Run<gpu::Embed>({static_cast<uint32_t>(n_rows), Blocks(e.cols, gpu::Embed::kColumns)}, a);
}

// ---- Inputs ----

bool GpuOps::SetInput(const float* x, size_t n_rows, size_t n, const float* gamma, float eps) {
  input_ = x;
  gamma_ = gamma;
  eps_ = eps;
  n_rows_ = n_rows;
  n_ = n;
  input_mark_ = mark_;
  have_ternary_ = have_float_ = counted_ternary_ = false;
  have_block_ = 0;
  if (gamma != nullptr) Count(Op::kRmsNorm, n_rows);
  return context_->status().ok();
}

gpu::NormArgs GpuOps::Norm() const {
  return {input_, gamma_, eps_, static_cast<uint32_t>(n_), Slot(input_mark_), Slot(mark_), 0};
}

// The norm, into y or nowhere, and the ternary form of it, into q or nowhere.
bool GpuOps::Normed(float* y, int8_t* q) {
  const auto stride = static_cast<uint32_t>(kernels::PadTernary(n_));
  const gpu::GpuGrid grid = {static_cast<uint32_t>(n_rows_)};
  return WholeRow() ? Run<gpu::NormQuantiseWhole>(grid, {Norm(), y, q, stride, d_, q_sum_})
                    : Run<gpu::NormQuantiseAny>(grid, {Norm(), y, q, stride, d_, q_sum_});
}

bool GpuOps::NeedTernaryInput() {
  if (have_ternary_) return true;
  CountQuantised();
  have_ternary_ = true;
  return Normed(nullptr, q8_);
}

void GpuOps::CountQuantised() {
  if (!std::exchange(counted_ternary_, true)) Count(Op::kQuantiseRow, n_rows_);
}

bool GpuOps::NeedFloatInput() {
  if (have_float_) return true;
  have_float_ = true;
  return Normed(gamma_ != nullptr ? normed_ : nullptr, nullptr);
}

bool GpuOps::NeedBlockInput(size_t block) {
  if (have_block_ == block) return true;
  if (!NeedFloatInput()) return false;
  Count(Op::kQuantiseBlocks, n_rows_);
  have_block_ = block;
  return Run<gpu::QuantiseBlocks>({static_cast<uint32_t>(n_rows_)},
                                  {gamma_ != nullptr ? normed_ : input_, static_cast<uint32_t>(n_),
                                   static_cast<uint32_t>(block), block_q8_, block_d_, Slot(mark_)});
}

// ---- Products ----

bool GpuOps::LinearGroup(std::span<const Product> products, bool add) {
  const bool ternary = std::all_of(products.begin(), products.end(),
                                   [](const Product& p) { return p.w->kind == Matrix::Kind::kTernary; });
  if (add) Count(Op::kAdd, n_rows_);
  for (const Product& p : products) {
    if (p.w->bias != nullptr) Count(Op::kAdd, n_rows_);
  }
  if (ternary) return Ternary(products, add);
  for (const Product& p : products) {
    const bool ok = p.w->kind == Matrix::Kind::kTernary ? Ternary({&p, 1}, add) : OtherProduct(*p.w, p.y, add);
    if (!ok) return false;
  }
  return true;
}

// Ternary products over the input; *blocks: of rows_per_block rows, all products together.
gpu::TernaryArgs GpuOps::TernaryArgsFor(std::span<const Product> products, bool add, size_t rows_per_block,
                                        uint32_t* blocks) const {
  gpu::TernaryArgs a{};
  a.n_out = static_cast<uint32_t>(products.size());
  *blocks = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    const Matrix& w = *products[i].w;
    a.out[i] = {static_cast<const uint8_t*>(w.data), w.scale, w.scale_stride, w.rows, w.bias, products[i].y, *blocks};
    *blocks += Blocks(w.rows, rows_per_block);
  }
  a.cols = static_cast<uint32_t>(kernels::PadTernary(n_));
  a.q = q8_;
  a.q_sum = q_sum_;
  a.d = d_;
  a.n_tokens = static_cast<uint32_t>(n_rows_);
  a.add = add;
  return a;
}

// Whether products of the input norm and quantise it themselves, in every block: worth it where blocks are so few that
// they work at the same time.
bool GpuOps::NormsInProduct(std::span<const Product> products) const {
  constexpr size_t kMostRows = 16384;
  size_t n_out_rows = 0;
  for (const Product& p : products) n_out_rows += p.w->rows;
  return n_rows_ == 1 && !have_ternary_ && WholeRow() && n_out_rows <= kMostRows;
}

template <class Kernel>
bool GpuOps::RunTernary(std::span<const Product> products, bool add, size_t tokens_per_block) {
  uint32_t blocks = 0;
  const gpu::TernaryArgs a = TernaryArgsFor(products, add, Kernel::kRows, &blocks);
  return Run<Kernel>({blocks, Blocks(n_rows_, tokens_per_block)}, a);
}

template <class Large, class Small>
bool GpuOps::RunTiles(std::span<const Product> products, bool add) {
  size_t blocks = 0;
  for (const Product& p : products) blocks += Blocks(p.w->rows, Large::kRows);
  return blocks * Blocks(n_rows_, Large::kTokens) >= kMinBlocks ? RunTernary<Large>(products, add, Large::kTokens)
                                                                : RunTernary<Small>(products, add, Small::kTokens);
}

bool GpuOps::Ternary(std::span<const Product> products, bool add) {
  const bool gemv = n_rows_ <= kGemvRows;
  Count(gemv ? Op::kTernaryGemv : Op::kTernaryGemm, n_rows_ * products.size());
  if (NormsInProduct(products)) {
    CountQuantised();
    uint32_t blocks = 0;
    const gpu::TernaryArgs a = TernaryArgsFor(products, add, gpu::TernaryNormGemv1::kRows, &blocks);
    return Run<gpu::TernaryNormGemv1>({blocks}, {a, Norm()});
  }
  if (!NeedTernaryInput()) return false;
  if (n_rows_ == 1) return RunTernary<gpu::TernaryGemv1>(products, add, 1);
  if (gemv) return RunTernary<gpu::TernaryGemv4>(products, add, 4);
  return n_rows_ <= gpu::TernaryMma128x16::kTokens
             ? RunTiles<gpu::TernaryMma128x16, gpu::TernaryMma32x16>(products, add)
             : RunTiles<gpu::TernaryMma128x64, gpu::TernaryMma64x32>(products, add);
}

template <typename T>
bool GpuOps::Dense(const gpu::ProductArgs& a) {
  using One = gpu::DenseProduct<T, 1>;
  using Four = gpu::DenseProduct<T, 4>;
  if (a.n_tokens == 1) return Run<One>({Blocks(a.rows, One::kRows)}, a);
  return Run<Four>({Blocks(a.rows, Four::kRows) * Blocks(a.n_tokens, 4)}, a);
}

template <kernels::Block kType>
bool GpuOps::BlockProduct(const gpu::ProductArgs& a) {
  const uint32_t blocks = Blocks(a.rows, gpu::BlockProduct<kType, 1>::kRows);
  return a.n_tokens == 1 ? Run<gpu::BlockProduct<kType, 1>>({blocks}, a)
                         : Run<gpu::BlockProduct<kType, 16>>({blocks * Blocks(a.n_tokens, 16)}, a);
}

bool GpuOps::OtherProduct(const Matrix& w, float* y, bool add) {
  const auto n_tokens = static_cast<uint32_t>(n_rows_);
  if (w.kind == Matrix::Kind::kTernaryBlocks) {
    if (!NeedTernaryInput()) return false;
    Count(Op::kTernaryBlocks, n_rows_);
    const gpu::TernaryOut out = {static_cast<const uint8_t*>(w.data), w.scale, 0, w.rows, w.bias, y, 0};
    return Run<gpu::TernaryBlocks>(
        {Blocks(w.rows, gpu::TernaryBlocks::kRows), n_tokens},
        {out, static_cast<uint32_t>(kernels::PadTernary(n_)), w.block, w.scale_stride, q8_, d_, add});
  }
  gpu::ProductArgs a{};
  a.w = w.data;
  a.n = static_cast<uint32_t>(n_);
  a.rows = w.rows;
  a.n_tokens = n_tokens;
  a.bias = w.bias;
  a.add = add;
  a.y = y;
  if (w.kind == Matrix::Kind::kDense) {
    if (!NeedFloatInput()) return false;
    Count(Op::kDense, n_rows_);
    a.x = gamma_ != nullptr ? normed_ : input_;
    switch (w.dense) {
      case kernels::Dense::kF32: return Dense<float>(a);
      case kernels::Dense::kF16: return Dense<gpu::F16>(a);
      case kernels::Dense::kBF16: return Dense<gpu::BF16>(a);
    }
  }
  if (w.kind != Matrix::Kind::kBlock || !gpu::Supported(w.block_type)) return false;
  if (!NeedBlockInput(kernels::BlockElements(w.block_type))) return false;
  Count(Op::kBlockProduct, n_rows_);
  a.scale = TileScales(w);
  a.q = block_q8_;
  a.d_a = block_d_;
  return w.block_type == kernels::Block::kQ8_0 ? BlockProduct<kernels::Block::kQ8_0>(a)
                                               : BlockProduct<kernels::Block::kQ6_K>(a);
}

bool GpuOps::Gated(Activation activation, const Matrix& gate, const Matrix& up, float* g, float* u) {
  const Product products[] = {{&gate, g}, {&up, u}};
  const bool fused = n_rows_ <= kGemvRows && gate.kind == Matrix::Kind::kTernary && up.kind == Matrix::Kind::kTernary &&
                     gate.rows == up.rows;
  if (!fused) return LinearGroup(products, false) && Gate(activation, g, u, n_rows_ * gate.rows);
  uint32_t unused = 0;
  // Each block makes the rows of both.
  gpu::TernaryArgs a = TernaryArgsFor(products, false, gpu::TernaryGate1::kRows, &unused);
  a.silu = activation == Activation::kSilu;
  for (const Matrix* m : {&gate, &up}) {
    if (m->bias != nullptr) Count(Op::kAdd, n_rows_);
  }
  Count(Op::kTernaryGemv, 2 * n_rows_);
  Count(Op::kGate, n_rows_);
  if (NormsInProduct(products)) {
    CountQuantised();
    return Run<gpu::TernaryNormGate1>({Blocks(gate.rows, gpu::TernaryNormGate1::kRows)}, {a, Norm()});
  }
  if (!NeedTernaryInput()) return false;
  const uint32_t blocks = Blocks(gate.rows, gpu::TernaryGate1::kRows);
  return n_rows_ == 1 ? Run<gpu::TernaryGate1>({blocks}, a) : Run<gpu::TernaryGate4>({blocks, Blocks(n_rows_, 4)}, a);
}

bool GpuOps::Gate(Activation activation, float* g, const float* u, size_t n) {
  Count(Op::kGate, n_rows_);
  return Run<gpu::Gate>({Blocks(n, gpu::Gate::kPerBlock)}, {g, u, n, activation == Activation::kSilu});
}

// ---- Attention ----

bool GpuOps::QkvRopeStore(const HParams& h, uint32_t layer, size_t n_rows, float* q, float* k, const float* v) {
  Count(Op::kRope, 2 * n_rows);
  Count(Op::kCacheStore, 2 * n_rows);
  const auto run = [&]<class Kernel>(const TypedRows& r) {
    typename Kernel::Args a{};
    a.rows = rows_ + r.first;
    a.q = q + r.first * h.n_heads * h.head_dim;
    a.k = k + r.first * h.n_heads_kv * h.head_dim;
    a.v = v + r.first * h.n_heads_kv * h.head_dim;
    a.heads = h.n_heads;
    a.heads_kv = h.n_heads_kv;
    a.head_dim = h.head_dim;
    a.rot = h.n_rot;
    a.layer = layer;
    a.adjacent = h.rope_adjacent;
    a.first_row = static_cast<uint32_t>(r.first);
    a.fail = Slot(mark_);
    return Run<Kernel>({h.n_heads + 2 * h.n_heads_kv, static_cast<uint32_t>(r.n)}, a);
  };
  return std::all_of(typed_.begin(), typed_.end(), [&](const TypedRows& r) {
    return r.type == kernels::Dense::kF32 ? run.template operator()<gpu::RopeStoreF32>(r)
                                          : run.template operator()<gpu::RopeStoreF16>(r);
  });
}

bool GpuOps::Attention(const HParams& h, uint32_t layer, float scale, size_t n_rows, const float* q, float* y) {
  Count(Op::kAttention, n_rows);
  return std::all_of(typed_.begin(), typed_.end(),
                     [&](const TypedRows& r) { return AttentionOf(h, layer, scale, r, q, y); });
}

template <typename T>
bool GpuOps::AttentionBlocks(const gpu::AttentionArgs& a, bool prompts) {
  using One = gpu::AttentionBlock<T, 1>;
  using Four = gpu::AttentionBlock<T, 4>;
  using Prompt = gpu::AttentionPrompt<T>;
  if (prompts && Prompt::Takes(a)) return Run<Prompt>(Prompt::GridFor(a), a);
  const bool one = gpu::OneQueryEach(a) || a.head_dim > Four::kMaxHeadDim;
  return one ? Run<One>(One::GridFor(a), a) : Run<Four>(Four::GridFor(a), a);
}

bool GpuOps::AttentionOf(const HParams& h, uint32_t layer, float scale, const TypedRows& r, const float* q, float* y) {
  const size_t row_slots = h.n_heads * n_blocks_;
  const size_t at_once = partial_slots_ / row_slots;
  if (at_once == 0) return false;  // never: the session with the longest context computes
  const bool prompts = r.n >= kPromptRows * r.n_caches;
  for (size_t first = r.first; first < r.first + r.n; first += at_once) {
    const auto n = static_cast<uint32_t>(std::min(at_once, r.first + r.n - first));
    const size_t slots = n * row_slots, width = size_t{h.n_heads} * h.head_dim;
    gpu::AttentionArgs a{};
    a.rows = rows_ + first;
    a.q = q + first * width;
    a.n_rows = n;
    a.heads = h.n_heads;
    a.heads_kv = h.n_heads_kv;
    a.head_dim = h.head_dim;
    a.layer = layer;
    a.n_blocks = static_cast<uint32_t>(n_blocks_);
    a.scale = scale;
    a.m = partial_;
    a.s = a.m + slots;
    a.o = a.s + slots;
    a.y = y + first * width;
    a.first_row = static_cast<uint32_t>(first);
    a.fail = Slot(mark_);
    if (!(r.type == kernels::Dense::kF32 ? AttentionBlocks<float>(a, prompts) : AttentionBlocks<gpu::F16>(a, prompts)))
      return false;
    if (a.n_blocks != 1 && !Run<gpu::AttentionCombine>(gpu::AttentionCombine::GridFor(a), a)) return false;
  }
  return true;
}

// ---- The head ----

bool GpuOps::SelectTop(const float* logits, size_t n_rows, size_t n_vocab, size_t k, kernels::TopEntry* top) {
  Count(Op::kSelectTop, n_rows);
  // Right in front of the failure word, so that one copy brings both.
  const size_t bytes = n_rows * k * sizeof *top;
  auto* const found = reinterpret_cast<std::byte*>(fail_) - bytes;
  const gpu::SelectArgs a = {logits,
                             static_cast<uint32_t>(n_vocab),
                             static_cast<uint32_t>(k),
                             maxima_,
                             reinterpret_cast<kernels::TopEntry*>(found),
                             Slot(mark_)};
  const auto rows = static_cast<uint32_t>(n_rows);
  if (!Run<gpu::SelectMaxima>({Blocks(gpu::GroupCount(a.n), gpu::SelectMaxima::kGroups), rows}, a)) return false;
  if (!Run<gpu::SelectTop>({1, rows}, a)) return false;
  std::byte back[kMaxTopBytes + sizeof(uint64_t)];
  if (!Check(context_->table().copy_out(context_->queue(), back, found, bytes + sizeof(uint64_t)))) return false;
  uint64_t failure = 0;
  std::memcpy(&failure, back + bytes, sizeof failure);
  std::memcpy(top, back, bytes);
  return Answer(failure);
}

}  // namespace bitnet::core
