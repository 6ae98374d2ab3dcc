// Attention of the rows of a prompt on a GPU: the same operations in the same order as attention_kernels.h, made for
// many queries that share their keys and values.
#ifndef BITNET_KERNELS_CUDA_ATTENTION_PROMPT_KERNELS_H_
#define BITNET_KERNELS_CUDA_ATTENTION_PROMPT_KERNELS_H_

#include "kernels/cuda/attention_kernels.h"

namespace bitnet::kernels::gpu {

// One block of the grid: a block of keys (x), a key-value head (y) and as many rows (z) as make kQueries queries.
// Neighbouring rows of one cache are worked on together. Keys and values come as f32 into shared memory, kTile at a
// time, the next ones on their way meanwhile; a thread makes 4 x 4 scores, or 4 x 8 output columns, at once.
template <class T>
struct AttentionPrompt {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kBlocksEach = 2;
  static constexpr uint32_t kQueries = 32;
  static constexpr uint32_t kMaxHeadDim = 128;
  static constexpr uint32_t kTile = 64;
  static constexpr uint32_t kUnit = 8;  // elements of a key that a thread moves at once
  static constexpr uint32_t kKeysAtOnce = kThreads * kUnit / kMaxHeadDim, kReads = kTile / kKeysAtOnce;
  static constexpr uint32_t kStride = kQueries + 4;        // rows that begin in different banks
  static constexpr uint32_t kParts = kThreads / kQueries;  // threads of a query in the softmax
  using Args = AttentionArgs;
  struct Shared {
    alignas(16) float piece[kTile * kMaxHeadDim];  // keys: KeyAt; values: [kTile][kMaxHeadDim]
    alignas(16) float q[kMaxHeadDim][kStride];     // later the 64 stripes of each query's sum
    alignas(16) float e[kKeyBlock][kStride];       // scores, then exp_c(z - m)
    float sum[kQueries];
    uint32_t largest[kQueries];  // OrderOf
    uint32_t n_keys[kQueries];   // of the block of keys, that a query sees
    const uint8_t* cache[kQueries];
    uint32_t position[kQueries];  // both of rows
  };
  struct Lane {
    Elements<T, kUnit> staged[kReads];
    float o[4 * 8];
  };
  static_assert(kMaxHeadDim >= 64 && kParts * 16 == 64, "stripes");

  // The others take AttentionBlock.
  static bool Takes(const Args& a) {
    return a.head_dim <= kMaxHeadDim && a.head_dim % kUnit == 0 && a.heads / a.heads_kv <= kQueries;
  }
  BN_HD static uint32_t RowsEach(const Args& a) { return kQueries / (a.heads / a.heads_kv); }
  static GpuGrid GridFor(const Args& a) { return {a.n_blocks, a.heads_kv, (a.n_rows + RowsEach(a) - 1) / RowsEach(a)}; }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    auto& shared = g.shared();
    const uint32_t first = g.z() * RowsEach(a), key0 = g.x() * static_cast<uint32_t>(kKeyBlock);
    const uint32_t n = a.n_rows - first < RowsEach(a) ? a.n_rows - first : RowsEach(a);
    g.Phase([&](uint32_t t, Lane&) {
      if (t >= n) return;
      shared.cache[t] = a.rows[first + t].keys;
      shared.position[t] = a.rows[first + t].position;
    });
    for (uint32_t r = 0, end = 0; r < n; r = end) {
      uint32_t least = kKeyBlock, most = 0;  // keys that the rows see
      for (; end < n && shared.cache[end] == shared.cache[r]; ++end) {
        const uint32_t sees = Sees(shared.position[end], key0);
        least = sees < least ? sees : least;
        most = sees > most ? sees : most;
      }
      if (most != 0) RunRows(g, a, first + r, r, end - r, least, most);
    }
  }

 private:
  BN_HD static uint32_t Sees(uint32_t position, uint32_t key0) {
    if (position < key0) return 0;
    return position - key0 < kKeyBlock ? position - key0 + 1 : static_cast<uint32_t>(kKeyBlock);
  }
  // Element d of four keys. A warp writes units of 8 elements of 4 keys each side by side: in different banks.
  BN_HD static uint32_t KeysAt(uint32_t d, uint32_t four) { return d * kTile + 4 * (four ^ (d / kUnit % 4 * 2)); }

  // Rows row .. row + n_rows - 1 of the launch, slots from `slot` on.
  template <class Grid>
  BN_HD static void RunRows(Grid& g, const Args& a, uint32_t row, uint32_t slot, uint32_t n_rows, uint32_t least,
                            uint32_t most) {
    auto& shared = g.shared();
    const uint32_t group = a.heads / a.heads_kv, n_queries = n_rows * group;
    const uint32_t key0 = g.x() * static_cast<uint32_t>(kKeyBlock);
    const Row r = a.rows[row];
    const size_t from = (size_t{a.layer} * a.heads_kv + g.y()) * r.head_bytes + size_t{key0} * a.head_dim * sizeof(T);
    const uint8_t *const keys = r.keys + from, *const values = r.values + from;
    const auto head = [&](uint32_t query) {
      return size_t{row + query / group} * a.heads + g.y() * group + query % group;
    };
    Fetch(g, a, keys, 0, most);
    g.Lanes([&](uint32_t t, Lane&) {
      for (uint32_t query = 0; query < kQueries; ++query) {
        if (t < a.head_dim) shared.q[t][query] = query < n_queries ? a.q[head(query) * a.head_dim + t] : 0.0f;
      }
      if (t >= kQueries) return;
      shared.largest[t] = 0;  // below every float
      shared.n_keys[t] = t < n_queries ? Sees(shared.position[slot + t / group], key0) : 0;
    });
    for (uint32_t key = 0; key < most; key += kTile) {
      g.Phase([&](uint32_t t, Lane& lane) {
        const uint32_t d = kUnit * UnitOf(t);
        BN_UNROLL
        for (uint32_t k = 0; k < kReads; ++k) {
          const uint32_t in = KeyOf(t) + k * kKeysAtOnce;
          BN_UNROLL
          for (uint32_t i = 0; i < kUnit; ++i) shared.piece[KeysAt(d + i, in / 4) + in % 4] = lane.staged[k].At(i);
        }
      });
      Fetch(g, a, key + kTile < most ? keys : values, key + kTile < most ? key + kTile : 0, most);
      Scores(g, a, key);
    }
    Softmax(g, a, head, row, group, n_queries);
    for (uint32_t key = 0; key < most; key += kTile) {
      g.Phase([&](uint32_t t, Lane& lane) {
        BN_UNROLL
        for (uint32_t k = 0; k < kReads; ++k) {
          float* const to = shared.piece + (KeyOf(t) + k * kKeysAtOnce) * kMaxHeadDim + kUnit * UnitOf(t);
          BN_UNROLL
          for (uint32_t i = 0; i < kUnit; i += 4) {
            const auto bits = [&](uint32_t j) { return BitsOf(lane.staged[k].At(i + j)); };
            Write(Words4{{bits(0), bits(1), bits(2), bits(3)}}, to + i);
          }
        }
      });
      if (key + kTile < most) Fetch(g, a, values, key + kTile, most);
      AddValues(g, key, least, most);
    }
    g.Phase([&](uint32_t t, Lane& lane) {  // the next rows overwrite what the outputs need
      BN_UNROLL
      for (uint32_t i = 0; i < 4; ++i) {
        const uint32_t query = 4 * (t % 8) + i;
        if (shared.n_keys[query] == 0) continue;
        const float weight = OnlyWeight(FloatAt(shared.largest[query])), sum = shared.sum[query];
        float* const to = OutputAt(a, head(query), g.x());
        bool finite = true;
        BN_UNROLL
        for (uint32_t c = 0; c < 8; ++c) {
          const uint32_t d = ColumnOf(t, c);
          if (d >= a.head_dim) continue;
          finite = StoreOutput(a, to + d, weight, sum, lane.o[8 * i + c]) && finite;
        }
        if (!finite) Fail(a.fail, a.first_row + row + query / group);
      }
    });
  }

  // A thread moves its unit of every kKeysAtOnce-th key of a tile: a warp 64 or 128 bytes of each of 8 keys.
  BN_HD static uint32_t UnitOf(uint32_t t) { return 4 * (t / kWarp) + t % 4; }
  BN_HD static uint32_t KeyOf(uint32_t t) { return t % kWarp / 4; }
  template <class Grid>
  BN_HD static void Fetch(Grid& g, const Args& a, const uint8_t* from, uint32_t first, uint32_t n_keys) {
    const uint32_t row_bytes = a.head_dim * static_cast<uint32_t>(sizeof(T));
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t n = kUnit * UnitOf(t) < a.head_dim ? n_keys : 0;
      BN_UNROLL
      for (uint32_t k = 0; k < kReads; ++k) {
        const uint32_t key = first + KeyOf(t) + k * kKeysAtOnce;
        const uint8_t* const unit = from + key * row_bytes + UnitOf(t) * sizeof lane.staged[k];
        if (key < n) lane.staged[k] = LoadDevice<Elements<T, kUnit>>(unit);
      }
    });
  }

  // Of a thread: queries 4 (t % 8) .. + 3, keys 4 (t / 8) .. + 3 of the tile. acc[4 i + j]: query i, key j.
  struct Sixteen {
    float x[16];
    BN_HD void Add(const Sixteen& other) {
      BN_UNROLL
      for (uint32_t i = 0; i < 16; ++i) x[i] = x[i] + other.x[i];
    }
  };
  BN_HD static Sixteen Stripe(const Shared& shared, uint32_t head_dim, uint32_t t, uint32_t stripe) {
    Sixteen acc;
    BN_UNROLL
    for (float& x : acc.x) x = 0.0f;
    const auto add = [&](uint32_t d) {
      const auto q = Elements<float, 4>::From(&shared.q[d][4 * (t % 8)]);
      const auto k = Elements<float, 4>::From(shared.piece + KeysAt(d, t / 8));
      BN_UNROLL
      for (uint32_t i = 0; i < 4; ++i) {
        BN_UNROLL
        for (uint32_t j = 0; j < 4; ++j) acc.x[4 * i + j] = FusedMultiplyAdd(k.At(j), q.At(i), acc.x[4 * i + j]);
      }
    };
    uint32_t d = stripe;
    for (; d + 48 < head_dim; d += 64) {  // four at once, so that shared memory is read ahead
      BN_UNROLL
      for (uint32_t i = 0; i < 4; ++i) add(d + 16 * i);
    }
    for (; d < head_dim; d += 16) add(d);
    return acc;
  }
  // dot16: stripes 0 to 15 in the order in which the tree takes them, so that few have to be kept.
  template <class Grid>
  BN_HD static void Scores(Grid& g, const Args& a, uint32_t key) {
    auto& shared = g.shared();
    g.Phase([&](uint32_t t, Lane&) {
      Sixteen z{}, half{};
      BN_UNROLL_BY(1)
      for (uint32_t s = 0; s < 4; ++s) {  // stripes 0, 2, 1, 3 and those 4, 8 and 12 above
        const uint32_t stripe = s % 2 * 2 + s / 2;
        Sixteen quarter = Stripe(shared, a.head_dim, t, stripe);
        quarter.Add(Stripe(shared, a.head_dim, t, stripe + 8));
        Sixteen other = Stripe(shared, a.head_dim, t, stripe + 4);
        other.Add(Stripe(shared, a.head_dim, t, stripe + 12));
        quarter.Add(other);
        if (s % 2 == 0) {
          half = quarter;
          continue;
        }
        half.Add(quarter);
        if (s == 1) {
          z = half;
        } else {
          z.Add(half);
        }
      }
      BN_UNROLL
      for (uint32_t j = 0; j < 4; ++j) {
        const auto bits = [&](uint32_t i) { return BitsOf(z.x[4 * i + j] * a.scale); };
        Write(Words4{{bits(0), bits(1), bits(2), bits(3)}}, &shared.e[key + t / 8 * 4 + j][4 * (t % 8)]);
      }
    });
  }

  // A thread has the stripes 16 part .. + 15 of a query's sum, and the keys that belong to them.
  template <class Grid, class Head>
  BN_HD static void Softmax(Grid& g, const Args& a, Head head, uint32_t row, uint32_t group, uint32_t n_queries) {
    auto& shared = g.shared();
    const auto key = [](uint32_t t, uint32_t s, uint32_t b) { return 64 * b + t / kQueries * 16 + s; };
    g.Phase([&](uint32_t t, Lane&) {
      const uint32_t query = t % kQueries, n = shared.n_keys[query];
      uint32_t largest = 0;
      bool finite = true;
      for (uint32_t s = 0; s < 16; ++s) {
        BN_UNROLL
        for (uint32_t b = 0; b < 4; ++b) {
          if (key(t, s, b) >= n) continue;
          const float z = shared.e[key(t, s, b)][query];
          finite = finite && IsFinite(z);
          largest = OrderOf(z) > largest ? OrderOf(z) : largest;
        }
      }
      if (!finite && query < n_queries) Fail(a.fail, a.first_row + row + query / group);
      AtomicMax(&shared.largest[query], largest);
    });
    float* const stripes = &shared.q[0][0];  // [64][kQueries]
    g.Phase([&](uint32_t t, Lane&) {
      const uint32_t query = t % kQueries, n = shared.n_keys[query];
      const float m = FloatAt(shared.largest[query]);
      for (uint32_t s = 0; s < 16; ++s) {
        float sum = 0.0f;
        BN_UNROLL
        for (uint32_t b = 0; b < 4; ++b) {
          if (key(t, s, b) >= n) continue;
          float& e = shared.e[key(t, s, b)][query];
          e = ExpC(e - m);
          sum = sum + e;
        }
        stripes[(t / kQueries * 16 + s) * kQueries + query] = sum;
      }
    });
    g.Lanes([&](uint32_t t, Lane&) {
      if (t >= kQueries || shared.n_keys[t] == 0) return;
      float x[16];
      BN_UNROLL
      for (uint32_t s = 0; s < 16; ++s) {
        const auto at = [&](uint32_t stripe) { return stripes[stripe * kQueries + t]; };
        x[s] = (at(s) + at(s + 32)) + (at(s + 16) + at(s + 48));
      }
      Fold<8>(x);
      Fold<4>(x);
      Fold<2>(x);
      Fold<1>(x);
      shared.sum[t] = x[0];
      StoreSum(a, head(t), g.x(), FloatAt(shared.largest[t]), x[0]);
    });
  }

  // Of a thread: queries 4 (t % 8) .. + 3, and eight columns. o[8 i + c]: query i, column c.
  BN_HD static uint32_t ColumnOf(uint32_t t, uint32_t c) { return c / 4 * (kMaxHeadDim / 2) + t / 8 * 4 + c % 4; }
  template <class Grid>
  BN_HD static void AddValues(Grid& g, uint32_t first, uint32_t least, uint32_t most) {
    auto& shared = g.shared();
    const auto add = [&](uint32_t t, Lane& lane, uint32_t key, auto sees) {
      const auto e = Elements<float, 4>::From(&shared.e[key][4 * (t % 8)]);
      const float* const row = shared.piece + (key - first) * kMaxHeadDim;
      BN_UNROLL
      for (uint32_t half = 0; half < 2; ++half) {
        const auto v = Elements<float, 4>::From(row + ColumnOf(t, 4 * half));
        BN_UNROLL
        for (uint32_t i = 0; i < 4; ++i) {
          if (!sees(i)) continue;
          BN_UNROLL
          for (uint32_t c = 0; c < 4; ++c) {
            float& o = lane.o[8 * i + 4 * half + c];
            o = FusedMultiplyAdd(e.At(i), v.At(c), o);
          }
        }
      }
    };
    g.Phase([&](uint32_t t, Lane& lane) {
      if (first == 0) {
        BN_UNROLL
        for (float& o : lane.o) o = 0.0f;
      }
      const uint32_t end = most - first < kTile ? most : first + kTile, all = least < end ? least : end;
      uint32_t key = first;
      for (; key < all; ++key) add(t, lane, key, [](uint32_t) { return true; });
      BN_UNROLL_BY(1)
      for (; key < end; ++key) {
        add(t, lane, key, [&](uint32_t i) { return key < shared.n_keys[4 * (t % 8) + i]; });
      }
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_ATTENTION_PROMPT_KERNELS_H_
