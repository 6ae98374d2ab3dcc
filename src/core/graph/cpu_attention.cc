// Attention on the CPU, split over key-value heads, blocks of keys and tiles of rows.
#include <algorithm>

#include "core/graph/cpu_ops.h"

namespace bitnet::core {

bool CpuOps::Attention(const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows, const float* q,
                       float* y) {
  failed_row_.store(kNoRow);
  for (size_t first = 0; first < rows.size();) {
    // Rows of one cache whose partial results fit: positions rise, so the last row has the most blocks.
    size_t n = 1;
    const auto slots = [&](size_t count) {
      return count * h.n_heads * (rows[first + count - 1].position / kernels::kKeyBlock + 1);
    };
    while (first + n < rows.size() && rows[first + n].cache == rows[first].cache && slots(n + 1) <= partial_slots_) ++n;
    AttentionPass(h, layer, scale, rows.subspan(first, n), first, q, y);
    first += n;
  }
  Count(kernels::Op::kAttention, rows.size());
  return ok();
}

// Blocks of keys are independent, so the work is split over key-value heads, blocks and tiles of rows, and combined in
// the order of the blocks. Partial results: slot (kv head, block, row, head of the group).
void CpuOps::AttentionPass(const HParams& h, uint32_t layer, float scale, std::span<const BatchRow> rows, size_t first,
                           const float* q, float* y) {
  const KvCache& cache = *rows[0].cache;
  const size_t hd = h.head_dim, group = h.n_heads / h.n_heads_kv, n_rows = rows.size();
  const size_t n_blocks = rows.back().position / kernels::kKeyBlock + 1;
  const size_t tile_rows = sizes_.tile_queries() / group;
  const size_t n_tiles = (n_rows + tile_rows - 1) / tile_rows;
  const size_t n_slots = h.n_heads_kv * n_blocks * n_rows * group;
  float* m = partial_;
  float* s = m + n_slots;
  float* o = s + n_slots;

  pool_.ParallelFor(h.n_heads_kv * n_blocks * n_tiles, 1, [&](size_t begin, size_t end, uint32_t thread) {
    for (size_t item = begin; item < end; ++item) {
      const size_t tile = item % n_tiles, block = item / n_tiles % n_blocks, head = item / n_tiles / n_blocks;
      const size_t key0 = block * kernels::kKeyBlock;
      const size_t last = std::min(n_rows, (tile + 1) * tile_rows);
      size_t row = tile * tile_rows;
      while (row < last && rows[row].position < key0) ++row;  // rows before this block
      if (row == last) continue;
      const size_t n_queries = (last - row) * group;
      auto* gathered = reinterpret_cast<float*>(thread_scratch_ + thread * thread_scratch_bytes_);
      float* z = gathered + n_queries * hd;
      auto* n_keys = reinterpret_cast<uint32_t*>(z + n_queries * kernels::kKeyBlock);
      for (size_t r = row; r < last; ++r) {
        const float* from = q + ((first + r) * h.n_heads + head * group) * hd;
        std::copy(from, from + group * hd, gathered + (r - row) * group * hd);
        std::fill_n(n_keys + (r - row) * group, group,
                    static_cast<uint32_t>(std::min<size_t>(kernels::kKeyBlock, rows[r].position + 1 - key0)));
      }
      const size_t slot = ((head * n_blocks + block) * n_rows + row) * group;
      const auto kv_head = static_cast<uint32_t>(head);
      const auto key = static_cast<uint32_t>(key0);
      const kernels::AttentionBlockJob job = {gathered,
                                              cache.Key(layer, kv_head, key),
                                              cache.Value(layer, kv_head, key),
                                              cache.type(),
                                              hd,
                                              hd,
                                              n_keys,
                                              n_queries,
                                              scale,
                                              m + slot,
                                              s + slot,
                                              o + slot * hd,
                                              z};
      if (!table_.attention_block(job)) Fail(first + row);
    }
  });
  if (!ok()) return;
  const size_t stride = n_rows * group;  // slots from one block to the next
  pool_.ParallelFor(n_rows * h.n_heads_kv, 4, [&](size_t begin, size_t end, uint32_t) {
    for (size_t item = begin; item < end; ++item) {
      const size_t r = item / h.n_heads_kv, head = item % h.n_heads_kv;
      const size_t blocks = rows[r].position / kernels::kKeyBlock + 1;
      for (size_t g = 0; g < group; ++g) {
        const size_t slot = (head * n_blocks * n_rows + r) * group + g;
        float* out = y + ((first + r) * h.n_heads + head * group + g) * hd;
        if (!table_.attention_combine(m + slot, s + slot, stride, o + slot * hd, stride * hd, blocks, hd, out)) {
          Fail(first + r);
        }
      }
    }
  });
}

}  // namespace bitnet::core
