#include "core/graph/kv_cache.h"

namespace bitnet::core {

uint64_t KvCache::Bytes(const HParams& h, uint32_t n_ctx, kernels::Dense type) {
  return 2 * uint64_t{h.n_layers} * h.n_heads_kv * n_ctx * h.head_dim * kernels::DenseBytes(type);
}

Result<KvCache> KvCache::Allocate(const HParams& h, uint32_t n_ctx, kernels::Dense type, const Allocator& allocator) {
  KvCache c;
  c.n_layers_ = h.n_layers;
  c.n_heads_ = h.n_heads_kv;
  c.head_dim_ = h.head_dim;
  c.n_ctx_ = n_ctx;
  c.type_ = type;
  BN_ASSIGN_OR_RETURN(c.buffer_, Buffer::Allocate(allocator, Bytes(h, n_ctx, type)));
  return c;
}

}  // namespace bitnet::core
