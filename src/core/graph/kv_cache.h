// Keys (after RoPE) and values of one session.
#ifndef BITNET_CORE_GRAPH_KV_CACHE_H_
#define BITNET_CORE_GRAPH_KV_CACHE_H_

#include <cstddef>
#include <cstdint>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "core/model/hparams.h"
#include "kernels/kernel_table.h"
#include "kernels/pack.h"

namespace bitnet::core {

// K and V as [layer, kv head, position, head_dim] elements of `type`, so that the keys of one head lie together.
class KvCache {
 public:
  static Result<KvCache> Allocate(const HParams& h, uint32_t n_ctx, kernels::Dense type, const Allocator& allocator);
  static uint64_t Bytes(const HParams& h, uint32_t n_ctx, kernels::Dense type);

  uint32_t n_ctx() const { return n_ctx_; }
  kernels::Dense type() const { return type_; }
  size_t element_bytes() const { return kernels::DenseBytes(type_); }
  // First byte of position `pos` of a head.
  std::byte* Key(uint32_t layer, uint32_t head, uint32_t pos) const { return At(0, layer, head, pos); }
  std::byte* Value(uint32_t layer, uint32_t head, uint32_t pos) const { return At(1, layer, head, pos); }
  // Bytes of one position of one head.
  size_t row_bytes() const { return head_dim_ * element_bytes(); }
  uint32_t n_layers() const { return static_cast<uint32_t>(n_layers_); }
  uint32_t n_heads() const { return static_cast<uint32_t>(n_heads_); }

 private:
  std::byte* At(size_t which, size_t layer, size_t head, size_t pos) const {
    return buffer_.as<std::byte>() +
           (((which * n_layers_ + layer) * n_heads_ + head) * n_ctx_ + pos) * head_dim_ * element_bytes();
  }
  Buffer buffer_;
  size_t n_layers_ = 0, n_heads_ = 0, head_dim_ = 0;
  uint32_t n_ctx_ = 0;
  kernels::Dense type_ = kernels::Dense::kF16;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_KV_CACHE_H_
