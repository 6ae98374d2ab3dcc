// The largest logits of each of some rows on a GPU, in two launches, grid y the row. The k largest of all are found in
// the k groups whose own largest are the k largest of those: SelectMaxima finds the largest of each group, then
// SelectTop, a single block, sorts these maxima, reads the groups of the first k, keeps what is not below the k-th
// maximum, and sorts that. Of 128256 logits that are in no order some 300 are left for k = 256; any other number is
// right too, and slower.
#ifndef BITNET_KERNELS_CUDA_SELECT_KERNELS_H_
#define BITNET_KERNELS_CUDA_SELECT_KERNELS_H_

#include "kernels/cuda/attention_kernels.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

// A candidate as one number: larger logits first, then lower ids. +0 and -0 tie. 0 is no candidate.
BN_HD uint64_t KeyOf(float logit, uint32_t id) {
  const uint32_t order = OrderOf(logit == 0.0f ? 0.0f : logit);
  return uint64_t{order} << 32 | ~id;
}
BN_HD uint32_t IdOf(uint64_t key) { return ~static_cast<uint32_t>(key); }

inline constexpr uint32_t kMaxGroups = 1024;
// A group is 2^GroupShift neighbouring logits: a warp or more, and no more groups than can be sorted.
BN_HD constexpr uint32_t GroupShift(uint32_t n) {
  uint32_t shift = 5;
  while ((n - 1) >> shift >= kMaxGroups) ++shift;
  return shift;
}
BN_HD constexpr uint32_t GroupCount(uint32_t n) { return ((n - 1) >> GroupShift(n)) + 1; }

struct SelectArgs {
  const float* logits;  // [rows, n]
  uint32_t n;           // at least 1
  uint32_t k;           // at most n and kMaxTop
  uint64_t* maxima;     // [rows, GroupCount(n)]
  TopEntry* top;        // [rows, k]
  FailSlot fail;
};

// A warp a group.
struct SelectMaxima {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kGroups = kThreads / kWarp;
  static constexpr uint32_t kAtOnce = 4;  // reads in flight
  using Args = SelectArgs;
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint64_t key;
    uint32_t order, id;  // the largest of the warp: upper and lower half of its key
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t shift = GroupShift(a.n);
    const float* const logits = a.logits + size_t{g.y()} * a.n;
    const auto group_of = [&](uint32_t t) { return g.x() * kGroups + t / kWarp; };
    g.Lanes([&](uint32_t t, Lane& lane) {
      const size_t first = size_t{group_of(t)} << shift, past = first + (size_t{1} << shift);
      const size_t end = past < a.n ? past : a.n;
      lane.key = 0;
      bool finite = true;
      for (size_t id = first + t % kWarp; id < end; id += kAtOnce * kWarp) {
        float x[kAtOnce];
        BN_UNROLL
        for (uint32_t j = 0; j < kAtOnce; ++j) x[j] = id + j * kWarp < end ? logits[id + j * kWarp] : 0.0f;
        BN_UNROLL
        for (uint32_t j = 0; j < kAtOnce; ++j) {
          if (id + j * kWarp >= end) break;
          finite = finite && IsFinite(x[j]);
          const uint64_t key = KeyOf(x[j], static_cast<uint32_t>(id + j * kWarp));
          lane.key = key > lane.key ? key : lane.key;
        }
      }
      if (!finite) Fail(a.fail, g.y());
      lane.order = static_cast<uint32_t>(lane.key >> 32);
    });
    g.WarpMax([](Lane& lane) -> uint32_t& { return lane.order; });
    g.Lanes([](uint32_t, Lane& lane) { lane.id = lane.key >> 32 == lane.order ? static_cast<uint32_t>(lane.key) : 0; });
    g.WarpMax([](Lane& lane) -> uint32_t& { return lane.id; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      if (t % kWarp != 0 || group_of(t) >= GroupCount(a.n)) return;
      a.maxima[size_t{g.y()} * GroupCount(a.n) + group_of(t)] = uint64_t{lane.order} << 32 | lane.id;
    });
  }
};

struct SelectTop {
  static constexpr uint32_t kThreads = 512;
  static constexpr uint32_t kBlocksEach = 1;
  static constexpr uint32_t kWarps = kThreads / kWarp;
  static constexpr uint32_t kSort = 2048;  // candidates at a time
  static constexpr uint32_t kAtOnce = 4;   // groups of a warp, and reads of a thread in each, in flight
  static_assert(kMaxGroups <= kSort && kMaxTop + kThreads <= kSort);
  using Args = SelectArgs;
  struct Shared {
    uint64_t key[kSort];
    uint32_t group[kMaxTop];
    uint32_t count;
  };
  struct Lane {
    uint64_t least;  // what is below it is no candidate
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    auto& shared = g.shared();
    const uint32_t shift = GroupShift(a.n), n_groups = GroupCount(a.n);
    const uint32_t n_read = n_groups < a.k ? n_groups : a.k;  // groups that can have one of the k largest
    const float* const logits = a.logits + size_t{g.y()} * a.n;
    const uint64_t* const maxima = a.maxima + size_t{g.y()} * n_groups;
    TopEntry* const top = a.top + size_t{g.y()} * a.k;
    Sort(g, n_groups, [&](uint32_t i) { return maxima[i]; });
    g.Phase([&](uint32_t t, Lane& lane) {
      lane.least = n_groups < a.k ? 0 : shared.key[a.k - 1];
      if (t < n_read) shared.group[t] = IdOf(shared.key[t]) >> shift;
      if (t == 0) shared.count = 0;
    });
    const uint32_t n_runs = n_read << (shift - 5);  // a warp reads 32 logits at a time
    constexpr uint32_t kNone = ~uint32_t{0};
    const auto id_of = [&](uint32_t run, uint32_t t) {
      if (run >= n_runs) return kNone;
      const uint32_t within = run & ((1u << (shift - 5)) - 1);
      const uint32_t id = (shared.group[run >> (shift - 5)] << shift) + within * kWarp + t % kWarp;
      return id < a.n ? id : kNone;
    };
    const auto add = [&](float logit, uint32_t id, const Lane& lane) {
      const uint64_t key = KeyOf(logit, id);
      if (key < lane.least) return;
      const uint32_t at = AtomicNext(&shared.count);
      if (at < kSort) shared.key[at] = key;
    };
    g.Phase([&](uint32_t t, Lane& lane) {  // a warp reads four runs of each of four groups together
      for (uint32_t i = t / kWarp; i < n_read; i += kAtOnce * kWarps) {
        uint32_t first[kAtOnce], end[kAtOnce];
        BN_UNROLL
        for (uint32_t q = 0; q < kAtOnce; ++q) {
          const uint32_t group = i + q * kWarps < n_read ? shared.group[i + q * kWarps] : 0;
          const uint32_t past = (group + 1) << shift;
          first[q] = (group << shift) + t % kWarp;
          end[q] = i + q * kWarps >= n_read ? 0 : past < a.n ? past : a.n;
        }
        for (uint32_t at = 0; at < 1u << shift; at += kAtOnce * kWarp) {
          float x[kAtOnce][kAtOnce];
          BN_UNROLL
          for (uint32_t q = 0; q < kAtOnce; ++q) {
            BN_UNROLL
            for (uint32_t r = 0; r < kAtOnce; ++r) {
              const uint32_t id = first[q] + at + r * kWarp;
              x[q][r] = id < end[q] ? logits[id] : 0.0f;
            }
          }
          BN_UNROLL
          for (uint32_t q = 0; q < kAtOnce; ++q) {
            BN_UNROLL
            for (uint32_t r = 0; r < kAtOnce; ++r) {
              const uint32_t id = first[q] + at + r * kWarp;
              if (id < end[q]) add(x[q][r], id, lane);
            }
          }
        }
      }
    });
    uint32_t count = shared.count;
    g.Phase([](uint32_t, Lane&) {});  // all have read it
    if (count > kSort) {              // few groups, or most of the k largest in one: again, sorting now and then
      g.Phase([&](uint32_t t, Lane&) {
        if (t == 0) shared.count = 0;
      });
      for (uint32_t run = 0; run < n_runs; run += kWarps) {
        g.Phase([&](uint32_t t, Lane& lane) {
          const uint32_t id = id_of(run + t / kWarp, t);
          if (id != kNone) add(logits[id], id, lane);
        });
        count = shared.count;
        g.Phase([](uint32_t, Lane&) {});
        if (count + kThreads <= kSort) continue;
        Sort(g, count, [&](uint32_t i) { return shared.key[i]; });
        g.Phase([&](uint32_t t, Lane& lane) {
          lane.least = shared.key[a.k - 1];  // no id comes twice
          if (t == 0) shared.count = a.k;
        });
        count = a.k;
      }
    }
    Sort(g, count, [&](uint32_t i) { return shared.key[i]; });
    g.Lanes([&](uint32_t t, Lane&) {
      if (t >= a.k) return;
      const uint64_t key = shared.key[t];
      top[t] = TopEntry{IdOf(key), logits[IdOf(key)]};
    });
  }

 private:
  // Sorts n keys, key(i) the i-th, falling: a bitonic network over the next power of two. Pairs less than 64 apart stay
  // within the keys of one warp, which then waits for itself alone.
  template <class Grid, class Key>
  BN_HD static void Sort(Grid& g, uint32_t n, Key key) {
    auto& shared = g.shared();
    uint32_t all = 2;
    while (all < n) all *= 2;
    g.Phase([&](uint32_t t, Lane&) {
      for (uint32_t i = t; i < all; i += kThreads) shared.key[i] = i < n ? key(i) : 0;
    });
    for (uint32_t size = 2; size <= all; size *= 2) {
      for (uint32_t step = size / 2; step > 0; step /= 2) {
        const auto exchange = [&](uint32_t t, Lane&) {
          for (uint32_t i = t; i < all / 2; i += kThreads) {
            const uint32_t low = 2 * i - (i & (step - 1)), high = low + step;
            const bool falling = (low & size) == 0;
            const uint64_t x = shared.key[low], y = shared.key[high];
            if ((x < y) != falling) continue;
            shared.key[low] = y;
            shared.key[high] = x;
          }
        };
        const bool within_warp = step <= kWarp && (step > 1 || (size <= kWarp && size < all));
        if (within_warp) {
          g.Lanes(exchange);
          g.Converge();
        } else {
          g.Phase(exchange);
        }
      }
    }
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_SELECT_KERNELS_H_
