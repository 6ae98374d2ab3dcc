#include "core/graph/gpu_weights.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/cuda/kernel_list.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace {

using kernels::Block;

// Takes places in one block of memory, and copies what belongs there when it has one; without, it only counts.
class Arena {
 public:
  Arena() = default;
  Arena(GpuContext& context, std::byte* base) : context_(&context), base_(base) {}

  template <typename T>
  const T* Put(const T* from, size_t n) {
    return from == nullptr ? nullptr : static_cast<const T*>(PutBytes(from, n * sizeof(T)));
  }
  const void* PutBytes(const void* from, size_t bytes) {
    std::byte* const to = Take(bytes);
    if (base_ != nullptr) Write(to, from, bytes);
    return to;
  }
  // Two planes of a block-quantised matrix, one after the other (kernels/cuda/block_layout.h).
  const void* PutBlocks(const Matrix& m) {
    namespace gpu = kernels::gpu;
    const size_t n_columns = m.cols / kernels::BlockElements(m.block_type);  // of tiles
    const size_t block_bytes = kernels::BlockBytes(m.block_type), row_bytes = n_columns * block_bytes;
    const size_t codes_bytes = gpu::TileBytes(m.block_type), scale_bytes = gpu::TileScaleBytes(m.block_type);
    const size_t n = gpu::TileCount(m.block_type, m.rows, m.cols);
    std::byte* const codes = Take(n * codes_bytes);
    std::byte* const scales = Take(n * scale_bytes);
    if (base_ == nullptr) return codes;
    constexpr size_t kPiece = 1024;  // tiles
    std::vector<uint8_t> staged(std::min(n, kPiece) * codes_bytes), staged_scales(std::min(n, kPiece) * scale_bytes);
    const auto* const from = static_cast<const uint8_t*>(m.data);
    for (size_t begin = 0; begin < n; begin += kPiece) {
      const size_t count = std::min(kPiece, n - begin);
      for (size_t i = 0; i < count; ++i) {
        const size_t row = (begin + i) / n_columns * gpu::kTileRows, column = (begin + i) % n_columns;
        const auto n_rows = static_cast<uint32_t>(std::min<size_t>(gpu::kTileRows, m.rows - row));
        gpu::PackTile(m.block_type, from + row * row_bytes + column * block_bytes, row_bytes, n_rows,
                      staged.data() + i * codes_bytes, staged_scales.data() + i * scale_bytes);
      }
      Write(codes + begin * codes_bytes, staged.data(), count * codes_bytes);
      Write(scales + begin * scale_bytes, staged_scales.data(), count * scale_bytes);
    }
    return codes;
  }
  uint64_t size() const { return at_; }

 private:
  std::byte* Take(size_t bytes) {
    constexpr size_t kAlign = 256;
    const size_t at = std::exchange(at_, (at_ + bytes + kAlign - 1) / kAlign * kAlign);
    return base_ != nullptr ? base_ + at : reinterpret_cast<std::byte*>(at + 1);  // only to be counted: never read
  }
  void Write(void* to, const void* from, size_t bytes) {
    (void)context_->Check(context_->table().copy_in(context_->queue(), to, from, bytes));
  }

  GpuContext* context_ = nullptr;
  std::byte* base_ = nullptr;
  size_t at_ = 0;
};

void PutMatrix(Arena& arena, const Matrix& from, Matrix& to) {
  to = from;
  switch (from.kind) {
    case Matrix::Kind::kNone: return;
    case Matrix::Kind::kTernary:
    case Matrix::Kind::kTernaryBlocks:
      to.data = arena.PutBytes(from.data, from.rows * kernels::PackedRowBytes(kernels::PadTernary(from.cols)));
      to.scale = arena.Put(from.scale, from.scale_stride == 0 ? 1 : size_t{from.rows} * from.scale_stride);
      break;
    case Matrix::Kind::kDense:
      to.data = arena.PutBytes(from.data, size_t{from.rows} * from.cols * kernels::DenseBytes(from.dense));
      break;
    case Matrix::Kind::kBlock: to.data = arena.PutBlocks(from); break;
  }
  to.bias = arena.Put(from.bias, from.rows);
}

Weights PutAll(Arena& arena, const HParams& h, const Weights& w, const GpuPart& part) {
  Weights out;
  out.layers.resize(w.layers.size());
  const bool tied = w.output.kind == Matrix::Kind::kNone;
  if (part.embedding || (part.head && tied)) PutMatrix(arena, w.token_embd, out.token_embd);
  if (part.head && !tied) PutMatrix(arena, w.output, out.output);
  if (part.head) out.output_norm = arena.Put(w.output_norm, h.n_embd);
  for (uint32_t l = part.layers.begin; l < part.layers.end; ++l) {
    const LayerWeights& from = w.layers[l];
    LayerWeights& to = out.layers[l];
    to.attention_scale = from.attention_scale;
    to.attn_norm = arena.Put(from.attn_norm, h.n_embd);
    to.attn_sub_norm = arena.Put(from.attn_sub_norm, size_t{h.n_heads} * h.head_dim);
    to.ffn_norm = arena.Put(from.ffn_norm, h.n_embd);
    to.ffn_sub_norm = arena.Put(from.ffn_sub_norm, h.n_ff);
    PutMatrix(arena, from.q, to.q);
    PutMatrix(arena, from.k, to.k);
    PutMatrix(arena, from.v, to.v);
    PutMatrix(arena, from.attn_output, to.attn_output);
    PutMatrix(arena, from.gate, to.gate);
    PutMatrix(arena, from.up, to.up);
    PutMatrix(arena, from.down, to.down);
  }
  return out;
}

}  // namespace

bool GpuComputes(const Matrix& m) { return m.kind != Matrix::Kind::kBlock || kernels::gpu::Supported(m.block_type); }

Status CheckGpuPart(const Weights& w, const GpuPart& part) {
  const auto check = [](const Matrix& m, const std::string& name) {
    if (GpuComputes(m)) return Status();
    return Status(Code::kUnsupported, Cat("gpu: no kernel for the block type of ", name, "; use device cpu or hybrid"),
                  name);
  };
  if (part.embedding) BN_RETURN_IF_ERROR(check(w.token_embd, "token_embd"));
  if (part.head) BN_RETURN_IF_ERROR(check(w.head(), "the output head"));
  for (uint32_t l = part.layers.begin; l < part.layers.end; ++l) {
    const LayerWeights& b = w.layers[l];
    for (const Matrix* m : {&b.q, &b.k, &b.v, &b.attn_output, &b.gate, &b.up, &b.down}) {
      BN_RETURN_IF_ERROR(check(*m, Cat("layer ", l)));
    }
  }
  return {};
}

uint64_t GpuWeights::Bytes(const HParams& h, const Weights& w, const GpuPart& part) {
  Arena arena;
  (void)PutAll(arena, h, w, part);
  return arena.size();
}

Result<const HeadCopy*> GpuWeights::SharedHead() const {
  const std::lock_guard<std::mutex> lock(head_mutex_);
  if (head_copy_.rows.data() == nullptr) {
    BN_ASSIGN_OR_RETURN(head_copy_, MakeGpuHeadCopy(weights_.head(), *context_));
  }
  return static_cast<const HeadCopy*>(&head_copy_);
}

Result<std::shared_ptr<const GpuWeights>> GpuWeights::Upload(const HParams& h, const Weights& w, const GpuPart& part,
                                                             std::shared_ptr<GpuContext> context) {
  BN_RETURN_IF_ERROR(CheckGpuPart(w, part));
  std::shared_ptr<GpuWeights> out(new GpuWeights);
  out->part_ = part;
  out->context_ = std::move(context);
  GpuContext& c = *out->context_;
  BN_ASSIGN_OR_RETURN(out->memory_, Buffer::Allocate(c.allocator(), Bytes(h, w, part)));
  Arena arena(c, out->memory_.as<std::byte>());
  out->weights_ = PutAll(arena, h, w, part);
  (void)c.Check(c.table().wait(c.queue()));
  BN_RETURN_IF_ERROR(c.status());
  return std::shared_ptr<const GpuWeights>(std::move(out));
}

}  // namespace bitnet::core
