// The largest logits on a GPU: each block sorts 2048 candidates and passes on its best k; launched again over the
// results until one block is left.
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

struct SelectTop {
  static constexpr uint32_t kThreads = 512;
  static constexpr uint32_t kSort = 2048;  // a power of two
  struct Args {
    const float* logits;   // [n_logits]
    const uint64_t* keys;  // [n] candidates of the launch before, or null: the logits themselves
    uint32_t n;
    uint32_t k;     // at most kMaxTop
    uint64_t* out;  // [blocks, k]
    TopEntry* top;  // [k]: written by the only block of the last launch, or null
    FailSlot fail;
  };
  struct Shared {
    uint64_t key[kSort];
  };
  struct Lane {
    uint32_t unused;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    auto& shared = g.shared();
    g.Phase([&](uint32_t t, Lane&) {
      for (uint32_t i = t; i < kSort; i += kThreads) {
        const size_t at = size_t{g.x()} * kSort + i;
        uint64_t key = 0;
        if (at < a.n && a.keys != nullptr) key = a.keys[at];
        if (at < a.n && a.keys == nullptr) {
          if (!IsFinite(a.logits[at])) Fail(a.fail, 0);
          key = KeyOf(a.logits[at], static_cast<uint32_t>(at));
        }
        shared.key[i] = key;
      }
    });
    for (uint32_t size = 2; size <= kSort; size *= 2) {  // bitonic, falling
      for (uint32_t step = size / 2; step > 0; step /= 2) {
        g.Phase([&](uint32_t t, Lane&) {
          for (uint32_t i = t; i < kSort / 2; i += kThreads) {
            const uint32_t low = i / step * step * 2 + i % step, high = low + step;
            const bool falling = (low & size) == 0;
            const uint64_t x = shared.key[low], y = shared.key[high];
            if ((x < y) != falling) continue;
            shared.key[low] = y;
            shared.key[high] = x;
          }
        });
      }
    }
    g.Lanes([&](uint32_t t, Lane&) {
      for (uint32_t i = t; i < a.k; i += kThreads) {
        const uint64_t key = shared.key[i];
        a.out[size_t{g.x()} * a.k + i] = key;
        if (a.top != nullptr) a.top[i] = TopEntry{IdOf(key), a.logits[IdOf(key)]};
      }
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_SELECT_KERNELS_H_
