// Kernels over rows of activations: norm, quantisation, rope and cache, gate. Device arrays are f32 unless said.
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

// RMSNorm and activation quantisation of a row in one go; either can be left out. One block a row.
struct NormQuantise {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    const float* x;      // [rows, n]
    const float* gamma;  // [n], or null: no norm
    float eps;
    uint32_t n;
    float* y;   // [rows, n]: the normed row, or null; not x
    int8_t* q;  // [rows, q_stride], zero beyond n, or null: no quantisation
    uint32_t q_stride;
    float* d;                        // [rows]
    int32_t* q_sum;                  // [rows]
    FailSlot norm_fail, input_fail;  // sum of squares; a value of the result (also without quantisation)
  };
  struct Shared {
    float inv;
    uint32_t largest;
    int32_t sum;
  };
  struct Lane {
    float stripe[2], other[2];
    uint32_t largest;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t row = g.x();
    const float* const x = a.x + size_t{row} * a.n;
    auto& shared = g.shared();
    g.Phase([&](uint32_t t, Lane&) {
      if (t != 0) return;
      shared.inv = 1.0f;
      shared.largest = 0;
      shared.sum = 0;
    });
    if (a.gamma != nullptr) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        lane.stripe[0] = lane.stripe[1] = 0.0f;
        if (t >= kWarp) return;
        for (size_t i = 2 * t; i < a.n; i += 64) {
          lane.stripe[0] = FusedMultiplyAdd(x[i], x[i], lane.stripe[0]);
          if (i + 1 < a.n) lane.stripe[1] = FusedMultiplyAdd(x[i + 1], x[i + 1], lane.stripe[1]);
        }
      });
      SumStripes<1>(
          g, [](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other; });
      g.Phase([&](uint32_t t, Lane& lane) {
        if (t != 0) return;
        const float ss = lane.stripe[0];
        if (!IsFinite(ss)) Fail(a.norm_fail, row);
        shared.inv = Quotient(1.0f, SquareRoot(Quotient(ss, static_cast<float>(a.n)) + a.eps));
      });
    }
    const auto value = [&](size_t i) { return a.gamma != nullptr ? (x[i] * shared.inv) * a.gamma[i] : x[i]; };
    g.Lanes([&](uint32_t t, Lane& lane) {
      lane.largest = 0;
      for (size_t i = t; i < a.n; i += kThreads) {
        const float v = value(i);
        if (a.y != nullptr) a.y[size_t{row} * a.n + i] = v;
        lane.largest = Magnitude(v) > lane.largest ? Magnitude(v) : lane.largest;
      }
    });
    g.WarpMax([](Lane& lane) -> uint32_t& { return lane.largest; });
    g.Phase([&](uint32_t t, Lane& lane) {
      if (t % kWarp == 0) AtomicMax(&shared.largest, lane.largest);
    });
    if (a.q == nullptr) {
      g.Lanes([&](uint32_t t, Lane&) {
        if (t == 0 && shared.largest >= kInfinity) Fail(a.input_fail, row);
      });
      return;
    }
    g.Phase([&](uint32_t t, Lane&) {
      const bool finite = shared.largest < kInfinity;  // nothing else is converted to an integer
      const float largest = FloatOf(finite ? shared.largest : 0);
      const float m = largest > 1e-5f ? largest : 1e-5f;
      const float s = Quotient(127.0f, m);
      int32_t sum = 0;
      for (size_t i = t; i < a.q_stride; i += kThreads) {
        const int8_t q = i < a.n && finite ? RoundToInt8(value(i) * s) : int8_t{0};
        a.q[size_t{row} * a.q_stride + i] = q;
        sum += q;
      }
      AtomicAdd(&shared.sum, sum);
      if (t != 0) return;
      a.d[row] = Quotient(m, 127.0f);
      if (!finite) Fail(a.input_fail, row);
    });
    g.Lanes([&](uint32_t t, Lane&) {
      if (t == 0) a.q_sum[row] = shared.sum;
    });
  }
};

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

// RoPE of queries in place, of keys on their way into the cache; values into the cache. One block a row.
template <class T>
struct RopeStore {
  static constexpr uint32_t kThreads = 256;
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
    const uint32_t t_row = g.x();
    const Row row = a.rows[t_row];
    const uint32_t half = a.rot / 2, rest = a.head_dim - a.rot;
    const uint32_t step = a.adjacent ? 2 : 1, partner = a.adjacent ? 1 : half;
    const auto cached = [&](uint8_t* base, uint32_t head) {
      return reinterpret_cast<T*>(base + (size_t{a.layer} * a.heads_kv + head) * row.head_bytes) +
             size_t{row.position} * a.head_dim;
    };
    g.Lanes([&](uint32_t t, Lane&) {
      bool finite = true;
      float* const q = a.q + size_t{t_row} * a.heads * a.head_dim;
      for (uint32_t i = t; i < a.heads * half; i += kThreads) {
        const uint32_t pair = i % half;
        float* const x = q + size_t{i / half} * a.head_dim + pair * step;
        const float x0 = x[0], x1 = x[partner], c = row.cos[pair], s = row.sin[pair];
        x[0] = FusedMultiplyAdd(x0, c, -(x1 * s));
        x[partner] = FusedMultiplyAdd(x0, s, x1 * c);
      }
      const float* const k = a.k + size_t{t_row} * a.heads_kv * a.head_dim;
      const auto store = [&](float x, T* out) {
        finite = finite && IsFinite(x) && StoredFinite(x, out);
        StoreElement(x, out);
      };
      for (uint32_t i = t; i < a.heads_kv * half; i += kThreads) {
        const uint32_t head = i / half, pair = i % half;
        const float* const x = k + size_t{head} * a.head_dim + pair * step;
        T* const out = cached(row.keys, head) + pair * step;
        const float x0 = x[0], x1 = x[partner], c = row.cos[pair], s = row.sin[pair];
        store(FusedMultiplyAdd(x0, c, -(x1 * s)), out);
        store(FusedMultiplyAdd(x0, s, x1 * c), out + partner);
      }
      for (uint32_t i = t; i < a.heads_kv * rest; i += kThreads) {  // what RoPE does not turn
        const uint32_t head = i / rest, d = a.rot + i % rest;
        store(k[size_t{head} * a.head_dim + d], cached(row.keys, head) + d);
      }
      const float* const v = a.v + size_t{t_row} * a.heads_kv * a.head_dim;
      for (uint32_t i = t; i < a.heads_kv * a.head_dim; i += kThreads) {
        store(v[i], cached(row.values, i / a.head_dim) + i % a.head_dim);
      }
      if (!finite) Fail(a.fail, a.first_row + t_row);
    });
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
