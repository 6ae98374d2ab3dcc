// Kernels over rows of activations: quantisation by blocks, rope and cache, gate. Device arrays are f32 unless said.
#ifndef BITNET_KERNELS_CUDA_ROW_KERNELS_H_
#define BITNET_KERNELS_CUDA_ROW_KERNELS_H_

#include "kernels/cuda/grid.h"
#include "kernels/exp_c.h"

namespace bitnet::kernels::gpu {

// One row of a pass as kernels see it: written to the device before the pass, so that a recorded pass can be replayed
// for another token.
struct Row {
  int32_t token;
  uint32_t position;
  uint8_t* keys;        // [layer, kv head, n_ctx, head_dim] of the row's cache
  uint8_t* values;      // likewise
  uint64_t head_bytes;  // from one kv head of a cache to the next: n_ctx * head_dim elements
  const float* cos;     // [rot / 2]
  const float* sin;
};

BN_HD int8_t RoundToInt8(float x) {
  const float q = Rint(x);
  return static_cast<int8_t>(static_cast<int32_t>(q < -128.0f ? -128.0f : q > 127.0f ? 127.0f : q));
}

BN_HD float Relu2(float g, float u) {
  const float positive = g < 0.0f ? 0.0f : g;  // a NaN stays, for the next operation to find
  return (positive * positive) * u;
}
BN_HD float Silu(float g, float u) { return Quotient(g, 1.0f + ExpC(-g)) * u; }

// Activation rows for block products: a scale for every `block` elements (32 or 256). A warp takes a block.
struct QuantiseBlocks {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    const float* x;  // [rows, n]
    uint32_t n, block;
    int8_t* q;   // [rows, n]
    float* d_a;  // [rows, n / block]
    FailSlot fail;
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t largest;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t row = g.x(), n_blocks = a.n / a.block;
    const float* const x = a.x + size_t{row} * a.n;
    for (uint32_t first = 0; first < n_blocks; first += kThreads / kWarp) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        lane.largest = 0;
        const uint32_t b = first + t / kWarp;
        for (uint32_t i = t % kWarp; i < a.block && b < n_blocks; i += kWarp) {
          const uint32_t magnitude = Magnitude(x[size_t{b} * a.block + i]);
          lane.largest = magnitude > lane.largest ? magnitude : lane.largest;
        }
      });
      g.WarpMax([](Lane& lane) -> uint32_t& { return lane.largest; });
      g.Lanes([&](uint32_t t, Lane& lane) {
        const uint32_t b = first + t / kWarp;
        if (b >= n_blocks) return;
        const bool finite = lane.largest < kInfinity;
        const float largest = FloatOf(finite ? lane.largest : 0);
        const bool live = largest >= 0x1p-100f;  // below it 127 / m would overflow
        const float m = live ? largest : 0.0f;
        const float s = live ? Quotient(127.0f, m) : 0.0f;
        for (uint32_t i = t % kWarp; i < a.block; i += kWarp) {
          const size_t at = size_t{b} * a.block + i;
          a.q[size_t{row} * a.n + at] = finite ? RoundToInt8(x[at] * s) : int8_t{0};
        }
        if (t % kWarp != 0) return;
        a.d_a[size_t{row} * n_blocks + b] = Quotient(m, 127.0f);
        if (!finite) Fail(a.fail, row);
      });
    }
  }
};

BN_HD void StoreElement(float x, float* out) { *out = x; }
BN_HD void StoreElement(float x, F16* out) { out->bits = F32ToF16(x); }
// Values beyond the range of f16 become infinite.
BN_HD bool StoredFinite(float x, const float*) { return IsFinite(x); }
BN_HD bool StoredFinite(float x, const F16*) { return (F32ToF16(x) & 0x7c00u) != 0x7c00u; }

// RoPE of queries in place, of keys on their way into the cache; values into the cache. One block a head (x: heads of
// queries, of keys, of values) and row (y).
template <class T>
struct RopeStore {
  static constexpr uint32_t kThreads = 64;
  struct Args {
    const Row* rows;
    float* q;        // [rows, heads, head_dim]
    const float* k;  // [rows, heads_kv, head_dim]
    const float* v;  // likewise
    uint32_t heads, heads_kv, head_dim, rot, layer;
    bool adjacent;       // pairs (2i, 2i + 1), else (i, i + rot / 2)
    uint32_t first_row;  // of the pass: what a failure is reported as
    FailSlot fail;
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t unused;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t head = g.x(), t_row = g.y();
    g.Lanes([&](uint32_t t, Lane&) {
      if (head < a.heads) {
        float* const q = a.q + (size_t{t_row} * a.heads + head) * a.head_dim;
        Turn(a, a.rows[t_row], t, q, [&](float x, uint32_t i) { q[i] = x; });
        return;
      }
      const Row row = a.rows[t_row];
      const bool is_key = head < a.heads + a.heads_kv;
      const uint32_t kv_head = head - a.heads - (is_key ? 0 : a.heads_kv);
      const float* const from = (is_key ? a.k : a.v) + (size_t{t_row} * a.heads_kv + kv_head) * a.head_dim;
      uint8_t* const cache =
          (is_key ? row.keys : row.values) + (size_t{a.layer} * a.heads_kv + kv_head) * row.head_bytes;
      T* const to = reinterpret_cast<T*>(cache) + size_t{row.position} * a.head_dim;
      bool finite = true;
      const auto store = [&](float x, uint32_t i) {
        finite = finite && IsFinite(x) && StoredFinite(x, to);
        StoreElement(x, to + i);
      };
      if (is_key) Turn(a, row, t, from, store);
      for (uint32_t i = (is_key ? a.rot : 0) + t; i < a.head_dim; i += kThreads) store(from[i], i);  // as it is
      if (!finite) Fail(a.fail, a.first_row + t_row);
    });
  }

 private:
  template <class Store>
  BN_HD static void Turn(const Args& a, const Row& row, uint32_t t, const float* x, Store store) {
    const uint32_t half = a.rot / 2, step = a.adjacent ? 2 : 1, partner = a.adjacent ? 1 : half;
    for (uint32_t pair = t; pair < half; pair += kThreads) {
      const uint32_t i = pair * step;
      const float x0 = x[i], x1 = x[i + partner], c = row.cos[pair], s = row.sin[pair];
      store(FusedMultiplyAdd(x0, c, -(x1 * s)), i);
      store(FusedMultiplyAdd(x0, s, x1 * c), i + partner);
    }
  }
};

// g = gate(g, u) over n elements.
struct Gate {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kPerBlock = 4 * kThreads;
  struct Args {
    float* g;
    const float* u;
    uint64_t n;
    bool silu;
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t unused;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    g.Lanes([&](uint32_t t, Lane&) {
      const size_t begin = size_t{g.x()} * kPerBlock;
      for (uint32_t k = 0; k < kPerBlock / kThreads; ++k) {
        const size_t i = begin + k * kThreads + t;
        if (i < a.n) a.g[i] = a.silu ? Silu(a.g[i], a.u[i]) : Relu2(a.g[i], a.u[i]);
      }
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_ROW_KERNELS_H_
