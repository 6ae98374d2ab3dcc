// Attention on a GPU in the canonical order: blocks of 256 keys are independent; in a block two threads make the score
// of a key, then a thread makes a value column, key after key; blocks are combined in rising order.
#ifndef BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_
#define BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_

#include "kernels/cuda/cache_elements.h"
#include "kernels/cuda/gpu.h"
#include "kernels/cuda/row_kernels.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

// Partial results of every (row, head, block of keys), the blocks of a head together.
struct AttentionArgs {
  const Row* rows;
  const float* q;  // [rows, heads, head_dim], after RoPE
  uint32_t n_rows, heads, heads_kv, head_dim, layer;
  uint32_t n_blocks;  // that slots are kept for; blocks past a row's position do nothing. With 1, y is made at once
  float scale;
  float* m;            // [rows, heads, n_blocks] largest score
  float* s;            // likewise: sum64 of exp_c(z - m)
  float* o;            // [rows, heads, n_blocks, head_dim] sum of exp_c(z - m) * v
  float* y;            // [rows, heads, head_dim]
  uint32_t first_row;  // of the pass: what a failure is reported as
  FailSlot fail;
};

// Whether a block of the grid takes one query head, not several: where there are too few blocks to fill a GPU, and
// where no two heads share a key.
inline bool OneQueryEach(const AttentionArgs& a) {
  constexpr size_t kFew = 192;  // one or two on every multiprocessor of the largest GPUs
  return a.heads == a.heads_kv || size_t{a.n_rows} * a.heads * a.n_blocks <= kFew;
}

// The integer that orders floats: a larger float has the larger one; -0 is below +0.
BN_HD uint32_t OrderOf(float x) {
  const uint32_t bits = BitsOf(x);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}
BN_HD float FloatAt(uint32_t order) { return FloatOf(order >> 31 != 0 ? order & 0x7fffffffu : ~order); }

// The tree of docs/numerics.md over what its first steps left of the stripes.
template <uint32_t kHalf>
BN_HD void Fold(float* stripe) {
  BN_UNROLL
  for (uint32_t s = 0; s < kHalf; ++s) stripe[s] = stripe[s] + stripe[s + kHalf];
}

// One column of an output and its divisor, while blocks of keys are combined in rising order.
struct Combined {
  float sum = 0.0f, o = 0.0f;
  BN_HD void Add(float weight, float block_sum, float block_o) {
    sum = FusedMultiplyAdd(weight, block_sum, sum);
    o = FusedMultiplyAdd(weight, block_o, o);
  }
  BN_HD bool Finite() const { return IsFinite(sum) && IsFinite(o); }
};

// The weight of the only block of a row: 1.
BN_HD float OnlyWeight(float m) { return ExpC(m - m); }
// What a block of keys gives: its largest score and sum, and the columns of its output. False: not finite.
BN_HD void StoreSum(const AttentionArgs& a, size_t head, uint32_t block, float m, float sum) {
  if (a.n_blocks == 1) return;
  a.m[head * a.n_blocks + block] = m;
  a.s[head * a.n_blocks + block] = sum;
}
BN_HD float* OutputAt(const AttentionArgs& a, size_t head, uint32_t block) {
  return a.n_blocks == 1 ? a.y + head * a.head_dim : a.o + (head * a.n_blocks + block) * a.head_dim;
}
BN_HD bool StoreOutput(const AttentionArgs& a, float* to, float weight, float sum, float o) {
  if (a.n_blocks != 1) {
    *to = o;
    return IsFinite(o);
  }
  Combined y;
  y.Add(weight, sum, o);
  *to = Quotient(y.o, y.sum);
  return IsFinite(o) && y.Finite();
}

// For few rows, each with a cache of its own. One block of the grid: a block of keys (x), kQueries query heads of a
// key-value head (y) and a row (z). Keys and values come in pieces of 32 KiB: all reads of a piece are in flight at
// once, and those of the next kAhead pieces while a piece is worked on from shared memory.
template <class T, uint32_t kQueryHeads>
struct AttentionBlock {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kBlocksEach = 2;  // on a multiprocessor
  static constexpr uint32_t kQueries = kQueryHeads;
  static constexpr uint32_t kMaxHeadDim = 1024 / kQueries;
  static constexpr uint32_t kAhead = kQueries == 1 ? 2 : 1;  // more does not fit the registers of two blocks
  // A piece: some keys, or values, of at most so many elements. Its rows in shared memory are 2 units of 16 bytes
  // modulo 4: then 16-byte reads of four rows by eight threads meet in no bank.
  static constexpr uint32_t kColumns = 128;
  static constexpr uint32_t kUnits = kColumns * sizeof(T) / 16, kRowUnits = kUnits + 2;
  static constexpr uint32_t kReads = 8;  // of a thread, 16 bytes each
  static constexpr uint32_t kKeysAtOnce = kThreads / kUnits, kPieceKeys = kReads * kKeysAtOnce;
  static constexpr uint32_t kTaken = 16 / sizeof(T);  // elements of a key in one read of shared memory
  // Of a value: columns and queries of a thread, and keys read ahead from shared memory.
  static constexpr uint32_t kValueColumns = kQueries == 1 ? 1 : 2, kValueQueries = kValueColumns;
  static constexpr uint32_t kAtOnce = kQueries == 1 ? 8 : 4;
  static constexpr uint32_t kStride = kKeyBlock + 4;  // the same key of two queries lies in different banks
  using Args = AttentionArgs;
  using Value = Elements<T, kValueColumns>;
  struct Shared {
    Words4 piece[kPieceKeys * kRowUnits];
    alignas(16) float q[kQueries][kMaxHeadDim];
    alignas(16) float e[kQueries][kStride];  // scores, then exp_c(z - m)
    float sum[kQueries];
    uint32_t largest[kQueries];  // OrderOf
  };
  struct Lane {
    Words4 staged[kAhead][kReads];
    float acc[8 * kQueries], other[8];  // eight stripes of each query
    uint32_t order[kQueries];
    float stripe[2], other_stripe[2];
    float o[kValueQueries * kValueColumns];
  };
  static_assert(kThreads == kKeyBlock, "a thread a key");
  static_assert(2 * kPieceKeys <= kThreads, "two threads a key of a piece");

  BN_HD static uint32_t Parts(const Args& a) { return (a.heads / a.heads_kv + kQueries - 1) / kQueries; }
  static GpuGrid GridFor(const Args& a) { return {a.n_blocks, a.heads_kv * Parts(a), a.n_rows}; }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t group = a.heads / a.heads_kv, parts = Parts(a);
    const uint32_t kv_head = g.y() / parts, first = g.y() % parts * kQueries;
    const uint32_t key0 = g.x() * static_cast<uint32_t>(kKeyBlock);
    const Row row = a.rows[g.z()];
    if (row.position < key0) return;
    Work w;
    const size_t from =
        (size_t{a.layer} * a.heads_kv + kv_head) * row.head_bytes + size_t{key0} * a.head_dim * sizeof(T);
    w.keys = row.keys + from;
    w.values = row.values + from;
    w.n_keys = row.position + 1 - key0 < kKeyBlock ? row.position + 1 - key0 : static_cast<uint32_t>(kKeyBlock);
    w.n_tiles = (w.n_keys + kPieceKeys - 1) / kPieceKeys;
    w.n_slabs = (a.head_dim + kColumns - 1) / kColumns;
    w.n = group - first < kQueries ? group - first : kQueries;
    w.head = g.z() * a.heads + kv_head * group + first;
    w.row_bytes = a.head_dim * static_cast<uint32_t>(sizeof(T));

    auto& shared = g.shared();
    Fetch<0>(g, a, w, 0);
    if constexpr (kAhead == 2) Fetch<1>(g, a, w, 1);
    g.Lanes([&](uint32_t t, Lane&) {
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) {
        BN_UNROLL
        for (uint32_t d = t; d < kMaxHeadDim; d += kThreads) {
          if (d < a.head_dim) shared.q[i][d] = i < w.n ? a.q[size_t{w.head + i} * a.head_dim + d] : 0.0f;
        }
      }
      if (t < kQueries) shared.largest[t] = 0;  // below every float
    });
    const uint32_t n_key_steps = w.n_tiles * w.n_slabs;
    for (uint32_t step = 0; step < 2 * n_key_steps; ++step) {
      const Piece p = PieceAt(a, w, step);
      if (kAhead == 1 || step % kAhead == 0) {
        Next<0>(g, a, w, p, step);
      } else {
        Next<kAhead - 1>(g, a, w, p, step);
      }
      if (step < n_key_steps) {
        Scores(g, a, p);
        if (step + 1 == n_key_steps) Softmax(g, a, w);
      } else {
        if (step == n_key_steps) Sum(g, a, w);
        AddValues(g, a, w, p);
      }
    }
  }

 private:
  // What a block of the grid works on.
  struct Work {
    const uint8_t *keys, *values;  // of the block of keys, row_bytes each
    uint32_t n_keys, n_tiles;      // a tile: kPieceKeys of them
    uint32_t n_slabs;              // a slab: kColumns of their elements
    uint32_t n, head;              // queries, and the first one
    uint32_t row_bytes;
  };
  // A tile and a slab of the keys, or of the values.
  struct Piece {
    const uint8_t* from;
    uint32_t key, n_keys, column, columns;
    bool first_slab, last_slab, first_tile, last_tile;
  };
  // Keys go tile by tile, since a score needs all slabs; values slab by slab, since a column needs all keys.
  BN_HD static Piece PieceAt(const Args& a, const Work& w, uint32_t step) {
    const bool keys = step < w.n_tiles * w.n_slabs;
    const uint32_t i = keys ? step : step - w.n_tiles * w.n_slabs;
    uint32_t tile = i, slab = 0;
    if (w.n_slabs != 1) {
      tile = keys ? i / w.n_slabs : i % w.n_tiles;
      slab = keys ? i % w.n_slabs : i / w.n_tiles;
    }
    Piece p;
    p.key = tile * kPieceKeys;
    p.n_keys = w.n_keys - p.key < kPieceKeys ? w.n_keys - p.key : kPieceKeys;
    p.column = slab * kColumns;
    p.columns = a.head_dim - p.column < kColumns ? a.head_dim - p.column : kColumns;
    p.from = (keys ? w.keys : w.values) + p.key * w.row_bytes + p.column * sizeof(T);
    p.first_slab = slab == 0;
    p.last_slab = slab + 1 == w.n_slabs;
    p.first_tile = tile == 0;
    p.last_tile = tile + 1 == w.n_tiles;
    return p;
  }

  // Begins to read a piece: a thread its unit of every kKeysAtOnce-th key.
  template <uint32_t kAt, class Grid>
  BN_HD static void Fetch(Grid& g, const Args& a, const Work& w, uint32_t step) {
    if (w.row_bytes % 16 != 0) return;
    const Piece p = PieceAt(a, w, step);
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t unit = t % kUnits;
      const uint32_t n = 16 * unit < p.columns * sizeof(T) ? p.n_keys : 0;
      const uint8_t* const from = p.from + t / kUnits * w.row_bytes + 16 * unit;
      BN_UNROLL
      for (uint32_t k = 0; k < kReads; ++k) {
        const uint32_t key = k * kKeysAtOnce;
        if (t / kUnits + key < n) lane.staged[kAt][k] = LoadDevice<Words4>(from + key * w.row_bytes);
      }
    });
  }
  // Puts the piece of a step into shared memory and begins to read the one kAhead steps on.
  template <uint32_t kAt, class Grid>
  BN_HD static void Next(Grid& g, const Args& a, const Work& w, const Piece& p, uint32_t step) {
    Words4* const piece = g.shared().piece;
    g.Phase([&](uint32_t t, Lane& lane) {
      if (w.row_bytes % 16 == 0) {
        Words4* const to = piece + t / kUnits * kRowUnits + t % kUnits;
        BN_UNROLL
        for (uint32_t k = 0; k < kReads; ++k) {  // what was not read is not used either
          Write(lane.staged[kAt][k], to + k * kKeysAtOnce * kRowUnits);
        }
        return;
      }
      for (uint32_t i = t; i < p.n_keys * p.columns; i += kThreads) {
        const uint32_t key = i / p.columns, d = i % p.columns;
        reinterpret_cast<T*>(piece + key * kRowUnits)[d] = reinterpret_cast<const T*>(p.from + key * w.row_bytes)[d];
      }
    });
    if (step + kAhead < 2 * w.n_tiles * w.n_slabs) Fetch<kAt>(g, a, w, step + kAhead);
  }

  // Two threads a key: the stripes 0 to 7 and 8 to 15 of kQueries dot16.
  template <class Grid>
  BN_HD static void Scores(Grid& g, const Args& a, const Piece& p) {
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t key = t / 2, d0 = 8 * (t % 2);
      if (p.first_slab) {
        BN_UNROLL
        for (uint32_t i = 0; i < 8 * kQueries; ++i) lane.acc[i] = 0.0f;
      }
      if (key >= p.n_keys) return;
      const T* const k_row = reinterpret_cast<const T*>(shared.piece + key * kRowUnits);
      uint32_t d = d0;
      for (; d + 8 <= p.columns; d += 16) {
        BN_UNROLL
        for (uint32_t s0 = 0; s0 < 8; s0 += kTaken) {
          const auto k = Elements<T, kTaken>::From(k_row + d + s0);
          BN_UNROLL
          for (uint32_t i = 0; i < kQueries; ++i) {
            const auto q = Elements<float, kTaken>::From(&shared.q[i][p.column + d + s0]);
            float* const acc = lane.acc + 8 * i + s0;
            BN_UNROLL
            for (uint32_t s = 0; s < kTaken; ++s) acc[s] = FusedMultiplyAdd(k.At(s), q.At(s), acc[s]);
          }
        }
      }
      BN_UNROLL
      for (uint32_t s = 0; s < 8; ++s) {
        if (d + s >= p.columns) continue;
        BN_UNROLL
        for (uint32_t i = 0; i < kQueries; ++i) {
          lane.acc[8 * i + s] =
              FusedMultiplyAdd(ToF32(k_row[d + s]), shared.q[i][p.column + d + s], lane.acc[8 * i + s]);
        }
      }
    });
    BN_UNROLL
    for (uint32_t i = 0; i < kQueries; ++i) {
      if (!p.last_slab) continue;
      g.template ShuffleDown<8>([&](Lane& lane) { return lane.acc + 8 * i; }, [](Lane& lane) { return lane.other; }, 1);
      g.Lanes([&](uint32_t, Lane& lane) {  // of use to the first of the two
        float* const stripe = lane.acc + 8 * i;
        BN_UNROLL
        for (uint32_t s = 0; s < 8; ++s) stripe[s] = stripe[s] + lane.other[s];
        Fold<4>(stripe);
        Fold<2>(stripe);
        Fold<1>(stripe);
      });
    }
    g.Phase([&](uint32_t t, Lane& lane) {
      if (!p.last_slab || t % 2 != 0 || t / 2 >= p.n_keys) return;
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) shared.e[i][p.key + t / 2] = lane.acc[8 * i] * a.scale;
    });
  }

  template <class Grid>
  BN_HD static void Softmax(Grid& g, const Args& a, const Work& w) {
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) {
        lane.order[i] = 0;
        if (t >= w.n_keys) continue;
        const float z = shared.e[i][t];
        if (i < w.n && !IsFinite(z)) Fail(a.fail, a.first_row + g.z());
        lane.order[i] = OrderOf(z);
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
    g.Lanes([&](uint32_t t, Lane&) {  // the barrier is that of the first values
      if (t >= w.n_keys) return;
      BN_UNROLL
      for (uint32_t i = 0; i < kQueries; ++i) shared.e[i][t] = ExpC(shared.e[i][t] - FloatAt(shared.largest[i]));
    });
  }

  // sum64: a warp a query, the last ones, since the first ones have values to multiply.
  template <class Grid>
  BN_HD static void Sum(Grid& g, const Args& a, const Work& w) {
    auto& shared = g.shared();
    constexpr uint32_t kFirst = kThreads / kWarp - kQueries;
    g.Lanes([&](uint32_t t, Lane& lane) {
      lane.stripe[0] = lane.stripe[1] = 0.0f;
      if (t < kFirst * kWarp) return;
      const float* const e = shared.e[t / kWarp - kFirst] + 2 * (t % kWarp);
      BN_UNROLL
      for (uint32_t j = 0; j < kKeyBlock; j += 64) {
        const auto two = Elements<float, 2>::From(e + j);
        BN_UNROLL
        for (uint32_t i = 0; i < 2; ++i) {
          if (2 * (t % kWarp) + j + i < w.n_keys) lane.stripe[i] = lane.stripe[i] + two.At(i);
        }
      }
    });
    SumStripes<1>(
        g, [](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other_stripe; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t i = t / kWarp - kFirst;  // large below kFirst
      if (t % kWarp != 0 || i >= w.n) return;
      shared.sum[i] = lane.stripe[0];
      StoreSum(a, w.head + i, g.x(), FloatAt(shared.largest[i]), lane.stripe[0]);
    });
  }

  // kAtOnce keys of a piece: values of a thread's columns, and their weights.
  struct Some {
    Value v[kAtOnce];
    Words4 e[kValueQueries][kAtOnce / 4];

    // Beyond the last key it reads what shared memory holds.
    BN_HD void Read(const T* from, const float* weights, uint32_t j) {
      BN_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) v[k] = Value::From(from + (j + k) * (kRowUnits * kTaken));
      BN_UNROLL
      for (uint32_t i = 0; i < kValueQueries; ++i) {
        BN_UNROLL
        for (uint32_t k = 0; k < kAtOnce / 4; ++k) e[i][k] = Load<Words4>(weights + i * kStride + j + 4 * k);
      }
    }
    BN_HD void Add(uint32_t k, float* o) const {
      BN_UNROLL
      for (uint32_t i = 0; i < kValueQueries; ++i) {
        BN_UNROLL
        for (uint32_t c = 0; c < kValueColumns; ++c) {
          float& to = o[i * kValueColumns + c];
          to = FusedMultiplyAdd(FloatOf(e[i][k / 4].w[k % 4]), v[k].At(c), to);
        }
      }
    }
  };

  // A thread makes kValueColumns columns of kValueQueries queries; neighbours have the same columns of other queries.
  template <class Grid>
  BN_HD static void AddValues(Grid& g, const Args& a, const Work& w, const Piece& p) {
    constexpr uint32_t kGroups = kQueries / kValueQueries;
    auto& shared = g.shared();
    g.Phase([&](uint32_t t, Lane& lane) {
      const uint32_t query = t % kGroups * kValueQueries, column = t / kGroups * kValueColumns;
      if (p.first_tile) {
        BN_UNROLL
        for (float& o : lane.o) o = 0.0f;
      }
      if (column >= p.columns) return;
      const T* const from = reinterpret_cast<const T*>(shared.piece) + column;
      const float* const weights = shared.e[query] + p.key;
      const uint32_t last = p.n_keys / kAtOnce * kAtOnce;
      Some now, next;
      now.Read(from, weights, 0);
      uint32_t j = 0;
      for (; j + kAtOnce < last; j += 2 * kAtOnce) {
        next.Read(from, weights, j + kAtOnce);
        BN_UNROLL
        for (uint32_t k = 0; k < kAtOnce; ++k) now.Add(k, lane.o);
        // One chain of sums waits for no branch; for several there are not the registers to read so early.
        const bool more = j + 2 * kAtOnce < p.n_keys;
        if (kQueries == 1 || more) now.Read(from, weights, more ? j + 2 * kAtOnce : j);
        BN_UNROLL
        for (uint32_t k = 0; k < kAtOnce; ++k) next.Add(k, lane.o);
      }
      for (; j < p.n_keys; j += kAtOnce) {
        BN_UNROLL
        for (uint32_t k = 0; k < kAtOnce; ++k) {
          if (j + k < p.n_keys) now.Add(k, lane.o);
        }
        if (j + kAtOnce < p.n_keys) now.Read(from, weights, j + kAtOnce);
      }
    });
    if (!p.last_tile) return;
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t query = t % kGroups * kValueQueries, column = t / kGroups * kValueColumns;
      bool finite = true;
      BN_UNROLL
      for (uint32_t i = 0; i < kValueQueries; ++i) {
        if (query + i >= w.n) continue;
        const float weight = OnlyWeight(FloatAt(shared.largest[query + i])), sum = shared.sum[query + i];
        float* const to = OutputAt(a, w.head + query + i, g.x());
        BN_UNROLL
        for (uint32_t c = 0; c < kValueColumns; ++c) {
          if (column + c >= p.columns) continue;
          const uint32_t d = p.column + column + c;
          const float o = lane.o[i * kValueColumns + c];
          finite = StoreOutput(a, to + d, weight, sum, o) && finite;
        }
      }
      if (!finite) Fail(a.fail, a.first_row + g.z());
    });
  }
};

// Where a row may have several blocks of keys. One block of the grid: 128 columns (z) of a head (x) of a row (y).
struct AttentionCombine {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kBlocksEach = 1;  // with more, fewer values would be read at once
  static constexpr uint32_t kAtOnce = 16;     // blocks whose values are read at once
  using Args = AttentionArgs;
  static GpuGrid GridFor(const Args& a) { return {a.heads, a.n_rows, (a.head_dim + kThreads - 1) / kThreads}; }
  struct Shared {
    uint32_t largest;  // OrderOf
    float weight[kThreads], sum[kThreads];
  };
  struct Lane {
    float m, s;
    uint32_t largest;
    float o[kAtOnce];
    Combined y;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const size_t head = size_t{g.y()} * a.heads + g.x();
    const float* const m = a.m + head * a.n_blocks;
    const float* const s = a.s + head * a.n_blocks;
    auto& shared = g.shared();
    const auto read = [&](uint32_t first, uint32_t t, Lane& lane) {
      const uint32_t d = g.z() * kThreads + t;
      if (d >= a.head_dim) return;
      BN_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) {
        if (first + k < a.n_blocks) lane.o[k] = a.o[(head * a.n_blocks + first + k) * a.head_dim + d];
      }
    };
    // What blocks past the position left is read as well, so that no read waits for the position, and not used.
    g.Phase([&](uint32_t t, Lane& lane) {
      if (t < a.n_blocks) {
        lane.m = m[t];
        lane.s = s[t];
      }
      read(0, t, lane);
      if (t == 0) shared.largest = 0;  // below every float
    });
    const uint32_t n_blocks = a.rows[g.y()].position / static_cast<uint32_t>(kKeyBlock) + 1;
    g.Lanes([&](uint32_t t, Lane& lane) {
      lane.largest = t < n_blocks ? OrderOf(lane.m) : 0;
      for (uint32_t b = t + kThreads; b < n_blocks; b += kThreads) {
        lane.largest = OrderOf(m[b]) > lane.largest ? OrderOf(m[b]) : lane.largest;
      }
    });
    g.WarpMax([](Lane& lane) -> uint32_t& { return lane.largest; });
    g.Phase([&](uint32_t t, Lane& lane) {
      if (t % kWarp == 0) AtomicMax(&shared.largest, lane.largest);
    });
    for (uint32_t first = 0; first < n_blocks; first += kThreads) {
      const uint32_t n = n_blocks - first < kThreads ? n_blocks - first : kThreads;
      g.Phase([&](uint32_t t, Lane& lane) {
        if (t >= n) return;
        shared.weight[t] = ExpC((first == 0 ? lane.m : m[first + t]) - FloatAt(shared.largest));
        shared.sum[t] = first == 0 ? lane.s : s[first + t];
      });
      g.Phase([&](uint32_t t, Lane& lane) {
        if (first == 0) lane.y = {};
        for (uint32_t b = 0; b < n; b += kAtOnce) {
          if (first + b != 0) read(first + b, t, lane);
          BN_UNROLL
          for (uint32_t k = 0; k < kAtOnce; ++k) {
            if (b + k < n) lane.y.Add(shared.weight[b + k], shared.sum[b + k], lane.o[k]);
          }
        }
      });
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t d = g.z() * kThreads + t;
      if (d >= a.head_dim) return;
      if (!lane.y.Finite()) Fail(a.fail, a.first_row + g.y());
      a.y[head * a.head_dim + d] = Quotient(lane.y.o, lane.y.sum);
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_ATTENTION_KERNELS_H_
