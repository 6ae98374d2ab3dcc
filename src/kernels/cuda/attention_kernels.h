// Attention on a GPU in the canonical order: blocks of 256 keys are independent, a thread a key with 16 accumulators,
// then a thread a value column; blocks are combined in rising order.
#ifndef BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_
#define BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_

#include "kernels/cuda/row_kernels.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

// Partial results of every (row, head, block of keys), the blocks of a head together.
struct AttentionArgs {
  const Row* rows;
  const float* q;  // [rows, heads, head_dim], after RoPE
  uint32_t n_rows, heads, heads_kv, head_dim, layer;
  uint32_t n_blocks;  // that slots are kept for; blocks past a row's position do nothing
  float scale;
  float* m;            // [rows, heads, n_blocks] largest score
  float* s;            // likewise: sum64 of exp_c(z - m)
  float* o;            // [rows, heads, n_blocks, head_dim] sum of exp_c(z - m) * v
  float* y;            // [rows, heads, head_dim]
  uint32_t first_row;  // of the pass: what a failure is reported as
  FailSlot fail;
};

// The integer that orders floats: a larger float has the larger one; -0 is below +0.
BN_HD uint32_t OrderOf(float x) {
  const uint32_t bits = BitsOf(x);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}
BN_HD float FloatAt(uint32_t order) { return FloatOf(order >> 31 != 0 ? order & 0x7fffffffu : ~order); }

// One block of the grid: a block of keys (x), a key-value head (y) and kRowTile rows (z), one after the other, so that
// the rows of a prompt find the keys in the cache of the multiprocessor. Query heads of the group go kQueries at once.
template <class T>
struct AttentionBlock {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kQueries = 4;
  static constexpr uint32_t kMaxHeadDim = 1024;
  static constexpr uint32_t kRowTile = 8;
  using Args = AttentionArgs;
  static_assert(kThreads == kKeyBlock, "a thread a key");
  struct Shared {
    float q[kQueries][kMaxHeadDim];
    float e[kQueries][kKeyBlock];
    float stripe[kQueries][64];
    uint32_t largest[kQueries];  // OrderOf
  };
  struct Lane {
    float z[kQueries];
    uint32_t order[kQueries];
  };

  template <uint32_t kHalf>
  BN_HD static void Fold(float* stripe) {
    BN_UNROLL
    for (uint32_t s = 0; s < kHalf; ++s) stripe[s] = stripe[s] + stripe[s + kHalf];
  }

  // 16 elements of a key, aligned to 16 bytes.
  BN_HD static void Load16(const T* from, float* k) {
    constexpr uint32_t kWords = 4 * sizeof(T), kEach = 4 / sizeof(T);
    BN_UNROLL
    for (uint32_t i = 0; i < kWords; i += 4) {
      const Words4 words = Load<Words4>(reinterpret_cast<const uint8_t*>(from) + 4 * i);
      BN_UNROLL
      for (uint32_t j = 0; j < 4 * kEach; ++j) k[i * kEach + j] = Part(words.w[j / kEach], j % kEach, from);
    }
  }
  BN_HD static float Part(uint32_t word, uint32_t, const float*) { return FloatOf(word); }
  BN_HD static float Part(uint32_t word, uint32_t half, const F16*) {
    return ToF32(F16{static_cast<uint16_t>(word >> (16 * half))});
  }

  // dot16 of kQueries queries with one key.
  template <class S>
  BN_HD static void Scores(const Args& a, const S& shared, const T* key, Lane& lane) {
    float acc[kQueries][16];
    BN_UNROLL
    for (uint32_t i = 0; i < kQueries; ++i) {
      BN_UNROLL
      for (uint32_t s = 0; s < 16; ++s) acc[i][s] = 0.0f;
    }
    const bool aligned = a.head_dim * sizeof(T) % 16 == 0;  // then every key is
    uint32_t d = 0;
    for (; d + 16 <= a.head_dim; d += 16) {
      float k[16];
      if (aligned) {
        Load16(key + d, k);
      } else {
        BN_UNROLL
        for (uint32_t s = 0; s < 16; ++s) k[s] = ToF32(key[d + s]);
      }
      BN_UNROLL
      for (uint32_t s = 0; s < 16; ++s) {
        BN_UNROLL
        for (uint32_t i = 0; i < kQueries; ++i) acc[i][s] = FusedMultiplyAdd(k[s], shared.q[i][d + s], acc[i][s]);
      }
    }
    BN_UNROLL
    for (uint32_t s = 0; s < 16; ++s) {
      if (d + s >= a.head_dim) continue;
      const float k = ToF32(key[d + s]);
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) acc[i][s] = FusedMultiplyAdd(k, shared.q[i][d + s], acc[i][s]);
    }
    BN_UNROLL
    for (uint32_t i = 0; i < kQueries; ++i) {
      Fold<8>(acc[i]);
      Fold<4>(acc[i]);
      Fold<2>(acc[i]);
      Fold<1>(acc[i]);
      lane.z[i] = acc[i][0] * a.scale;
    }
  }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t block = g.x(), kv_head = g.y(), group = a.heads / a.heads_kv;
    const uint32_t key0 = block * static_cast<uint32_t>(kKeyBlock);
    const uint32_t end = (g.z() + 1) * kRowTile < a.n_rows ? (g.z() + 1) * kRowTile : a.n_rows;
    for (uint32_t r = g.z() * kRowTile; r < end; ++r) {
      const Row row = a.rows[r];
      if (row.position < key0) continue;  // the same for all threads
      const size_t head_at = (size_t{a.layer} * a.heads_kv + kv_head) * row.head_bytes;
      const T* const keys = reinterpret_cast<const T*>(row.keys + head_at) + size_t{key0} * a.head_dim;
      const T* const values = reinterpret_cast<const T*>(row.values + head_at) + size_t{key0} * a.head_dim;
      const uint32_t left = row.position + 1 - key0;
      const uint32_t n_keys = left < kKeyBlock ? left : static_cast<uint32_t>(kKeyBlock);
      for (uint32_t first = 0; first < group; first += kQueries) {
        const uint32_t n = group - first < kQueries ? group - first : kQueries;
        const size_t head = size_t{r} * a.heads + kv_head * group + first;  // of the first query
        RunQueries(g, a, keys, values, n_keys, head, n, r);
      }
    }
  }

 private:
  template <class Grid>
  BN_HD static void RunQueries(Grid& g, const Args& a, const T* keys, const T* values, uint32_t n_keys, size_t head,
                               uint32_t n, uint32_t r) {
    auto& shared = g.shared();
    g.Phase([&](uint32_t t, Lane&) {
      for (uint32_t i = t; i < kQueries * a.head_dim; i += kThreads) {
        const uint32_t query = i / a.head_dim, d = i % a.head_dim;
        shared.q[query][d] = query < n ? a.q[(head + query) * a.head_dim + d] : 0.0f;
      }
      if (t < kQueries) shared.largest[t] = 0;  // below every float
    });
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) lane.order[i] = 0;
      if (t >= n_keys) return;
      Scores(a, shared, keys + size_t{t} * a.head_dim, lane);
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) {
        if (i < n && !IsFinite(lane.z[i])) Fail(a.fail, a.first_row + r);
        lane.order[i] = OrderOf(lane.z[i]);
      }
    });
    BN_UNROLL
    for (uint32_t i = 0; i < kQueries; ++i) {
      g.WarpMax([&](Lane& lane) -> uint32_t& { return lane.order[i]; });
    }
    g.Phase([&](uint32_t t, Lane& lane) {
      if (t % kWarp != 0) return;
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) AtomicMax(&shared.largest[i], lane.order[i]);
    });
    g.Phase([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) {
        if (t < n_keys) shared.e[i][t] = ExpC(lane.z[i] - FloatAt(shared.largest[i]));
      }
    });
    g.Phase([&](uint32_t t, Lane&) {
      if (t < kQueries * 64) {  // all 256 threads
        const uint32_t query = t / 64, s = t % 64;
        float sum = 0.0f;
        for (uint32_t j = s; j < n_keys; j += 64) sum = sum + shared.e[query][j];
        shared.stripe[query][s] = sum;
      }
      bool finite = true;
      for (uint32_t i = t; i < n * a.head_dim; i += kThreads) {
        const uint32_t query = i / a.head_dim, d = i % a.head_dim;
        float o = 0.0f;
        for (uint32_t j = 0; j < n_keys; ++j) {
          o = FusedMultiplyAdd(shared.e[query][j], ToF32(values[size_t{j} * a.head_dim + d]), o);
        }
        finite = finite && IsFinite(o);
        a.o[((head + query) * a.n_blocks + g.x()) * a.head_dim + d] = o;
      }
      if (!finite) Fail(a.fail, a.first_row + r);
    });
    for (uint32_t h = 32; h > 0; h /= 2) {
      g.Phase([&](uint32_t t, Lane&) {
        const uint32_t query = t / 64, s = t % 64;
        if (s < h) shared.stripe[query][s] = shared.stripe[query][s] + shared.stripe[query][s + h];
      });
    }
    g.Lanes([&](uint32_t t, Lane&) {  // the next queries overwrite what these threads themselves read
      if (t >= n) return;
      a.m[(head + t) * a.n_blocks + g.x()] = FloatAt(shared.largest[t]);
      a.s[(head + t) * a.n_blocks + g.x()] = shared.stripe[t][0];
    });
  }
};

// One block of the grid a head (x) of a row (y).
struct AttentionCombine {
  static constexpr uint32_t kThreads = 128;
  using Args = AttentionArgs;
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t unused;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const size_t head = size_t{g.y()} * a.heads + g.x();
    const uint32_t n_blocks = a.rows[g.y()].position / static_cast<uint32_t>(kKeyBlock) + 1;
    const float* const m = a.m + head * a.n_blocks;
    const float* const s = a.s + head * a.n_blocks;
    const float* const o = a.o + head * a.n_blocks * a.head_dim;
    g.Lanes([&](uint32_t t, Lane&) {
      float max = m[0];
      for (uint32_t b = 1; b < n_blocks; ++b) max = m[b] > max ? m[b] : max;
      bool finite = true;
      for (uint32_t d = t; d < a.head_dim; d += kThreads) {
        float sum = 0.0f, y = 0.0f;
        for (uint32_t b = 0; b < n_blocks; ++b) {
          const float w = ExpC(m[b] - max);
          sum = FusedMultiplyAdd(w, s[b], sum);
          y = FusedMultiplyAdd(w, o[size_t{b} * a.head_dim + d], y);
        }
        finite = finite && IsFinite(sum) && IsFinite(y);
        a.y[head * a.head_dim + d] = Quotient(y, sum);
      }
      if (!finite) Fail(a.fail, a.first_row + g.y());
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_
