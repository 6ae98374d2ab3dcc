// Products of block-quantised matrices on the tensor cores of a GPU, for one token as for many: a block's integer sums
// come out in the thread that adds them up in floating point. Layout of the weights: block_layout.h.
#ifndef BITNET_KERNELS_CUDA_BLOCK_KERNELS_H_
#define BITNET_KERNELS_CUDA_BLOCK_KERNELS_H_

#include "kernels/cuda/block_layout.h"
#include "kernels/cuda/matrix_kernels.h"

namespace bitnet::kernels::gpu {

// A warp makes 16 rows of kTokens tokens, block after block. What comes next, a block of Q6_K or four of Q8_0, is asked
// for as soon as the registers are free: 3.3 or 2.1 KB a warp are on their way while it waits.
template <Block kType, uint32_t kTokens>
struct BlockProduct {
  static constexpr bool kReadsAhead = true;
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = kThreads / kWarp * kTileRows;
  static constexpr bool kSix = kType == Block::kQ6_K;
  static constexpr uint32_t kElements = TileColumns(kType);
  static constexpr uint32_t kUnit = kSix ? 1 : 4;  // blocks at a time
  // With one token all eight columns of operand b are that token, and so are those of the sums.
  static constexpr bool kOne = kTokens == 1;
  static constexpr uint32_t kTokenTiles = kOne ? 1 : kTokens / 8;
  static constexpr uint32_t kSums = kOne ? 2 : 4 * kTokenTiles;  // of a thread
  static constexpr uint32_t kStaged = kOne ? 8192 : 2048;        // columns of the activations in shared memory
  static_assert(kOne || kTokens % 8 == 0);
  using Args = ProductArgs;
  struct Shared {
    // Of 64 columns, in the order of operand b: word k of thread 4 group + quad is of token `group` and columns 16 k +
    // 4 quad.
    Words4 q[kStaged / 64][kTokenTiles][kOne ? 4 : kWarp];
    float d[kStaged / kElements][kTokens];
  };
  struct Lane {
    Words4 w[kSix ? 6 : kUnit];
    Words4 sub[2], next_sub[2];  // scales of the sub-blocks of two rows
    uint32_t d[kUnit], next_d;   // f16 of two rows
    uint32_t a[4][4], b[kTokenTiles][4];
    int32_t c[kTokenTiles][4];
    int32_t sum[kSums];
    float y[kSums];
  };

  // Sum i of a thread stands in c[TileOf(i)][At(i)]; its row is group + 8 RowOf(i), its token TokenOf(i, quad).
  BN_HD static constexpr uint32_t TileOf(uint32_t i) { return kOne ? 0 : i / 4; }
  BN_HD static constexpr uint32_t At(uint32_t i) { return kOne ? 2 * i : i % 4; }
  BN_HD static constexpr uint32_t RowOf(uint32_t i) { return kOne ? i : i % 4 / 2; }
  BN_HD static constexpr uint32_t TokenOf(uint32_t i, uint32_t quad) { return kOne ? 0 : i / 4 * 8 + 2 * quad + i % 2; }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    // Blocks of the same rows stand together, so that the second-level cache has the weights for all tokens.
    const uint32_t n_groups = (a.n_tokens + kTokens - 1) / kTokens;
    const uint32_t token0 = g.x() % n_groups * kTokens, row0 = g.x() / n_groups * kRows;
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {  // weights alone: the activations need not be there yet
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) lane.y[i] = 0.0f;
      if constexpr (kSix) {
        BN_UNROLL
        for (uint32_t i = 0; i < 6; ++i) lane.w[i] = LoadOnce(Codes(t, a, row0, 0) + 512 * i);
        ReadScales(t, a, row0, 0, lane);
      } else {
        BN_UNROLL
        for (uint32_t j = 0; j < kUnit; ++j) {
          lane.w[j] = LoadOnce(Codes(t, a, row0, j));
          lane.d[j] = Halves(t, a, row0, j);
        }
      }
    });
    g.AwaitPrevious();
    for (uint32_t b = 0; b < a.n / kElements; b += kUnit) {
      const uint32_t staged = b % (kStaged / kElements);
      if (staged == 0) {
        if (b > 0) g.Phase([](uint32_t, Lane&) {});  // all warps are done with what is there
        g.Phase([&](uint32_t t, Lane&) { Stage(t, a, token0, b, shared); });
        g.Converge();
      }
      if constexpr (kSix) {
        MultiplySix(g, a, row0, b, staged);
      } else {
        MultiplyFour(g, a, row0, b, staged);
      }
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t quad = t % 4;
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) {
        const uint32_t row = row0 + t / kWarp * kTileRows + t % kWarp / 4 + 8 * RowOf(i);
        const uint32_t token = token0 + TokenOf(i, quad);
        if (row < a.rows && token < a.n_tokens && (!kOne || quad == 0)) StoreProduct(lane.y[i], a, token, row);
      }
    });
  }

 private:
  // The tile of thread t's rows and a block, or the last block. A warp without rows repeats the last ones and stores
  // nothing.
  BN_HD static size_t TileAt(uint32_t t, const Args& a, uint32_t row0, uint32_t block) {
    const uint32_t tile = row0 / kTileRows + t / kWarp, last = (a.rows - 1) / kTileRows, n_blocks = a.n / kElements;
    return size_t{tile < last ? tile : last} * n_blocks + (block < n_blocks ? block : n_blocks - 1);
  }
  BN_HD static const uint8_t* Codes(uint32_t t, const Args& a, uint32_t row0, uint32_t block) {
    return static_cast<const uint8_t*>(a.w) + TileAt(t, a, row0, block) * TileBytes(kType) + t % kWarp * 16;
  }
  BN_HD static uint32_t Halves(uint32_t t, const Args& a, uint32_t row0, uint32_t block) {
    return Load<uint32_t>(a.scale + TileAt(t, a, row0, block) * TileScaleBytes(kType) + ScaleAt(kType, t % kWarp / 4));
  }
  BN_HD static void ReadScales(uint32_t t, const Args& a, uint32_t row0, uint32_t block, Lane& lane) {
    const uint8_t* const scales = a.scale + TileAt(t, a, row0, block) * TileScaleBytes(kType);
    lane.next_sub[0] = LoadOnce(scales + 16 * (t % kWarp / 4));
    lane.next_sub[1] = LoadOnce(scales + 16 * (t % kWarp / 4 + 8));
    lane.next_d = Halves(t, a, row0, block);
  }

  // Block b of Q6_K.
  template <class Grid>
  BN_HD static void MultiplySix(Grid& g, const Args& a, uint32_t row0, uint32_t b, uint32_t staged) {
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {
      lane.sub[0] = lane.next_sub[0];
      lane.sub[1] = lane.next_sub[1];
      lane.d[0] = lane.next_d;
      ReadScales(t, a, row0, b + 1, lane);
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] = 0;
    });
    BN_UNROLL
    for (uint32_t k = 0; k < 4; ++k) {  // four sub-blocks
      g.Lanes([&](uint32_t t, Lane& lane) {
        BN_UNROLL
        for (uint32_t j = 0; j < 4; ++j) {
          BN_UNROLL
          for (uint32_t high = 0; high < 2; ++high) {
            lane.a[j][high] = CodesQ6K(lane.w[k].w[j], lane.w[4 + k / 2].w[k % 2 * 2 + j / 2], j, high);
          }
        }
        const uint8_t* const next = Codes(t, a, row0, b + 1);
        lane.w[k] = LoadOnce(next + 512 * k);
        if (k % 2 == 1) lane.w[4 + k / 2] = LoadOnce(next + 512 * (4 + k / 2));
        Operands(t, shared.q[staged * (kElements / 64) + k], lane);
      });
      BN_UNROLL
      for (uint32_t j = 0; j < 4; ++j) {
        g.Lanes([](uint32_t, Lane& lane) { Clear(lane); });
        BN_UNROLL
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
          g.MmaK16([&](Lane& lane) { return lane.a[j]; }, [&](Lane& lane) { return lane.b[n] + j; },
                   [&](Lane& lane) { return lane.c[n]; });
        }
        g.Lanes([&](uint32_t, Lane& lane) {
          BN_UNROLL
          for (uint32_t i = 0; i < kSums; ++i) {
            const auto scale = static_cast<int8_t>(lane.sub[RowOf(i)].w[k] >> (8 * j) & 0xff);
            lane.sum[i] += scale * lane.c[TileOf(i)][At(i)];
          }
        });
      }
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] /= 4;  // exact: codes were four times as large
      AddBlock(t, lane.d[0], shared.d[staged], lane);
    });
  }

  // Blocks b..b + 3 of Q8_0, those of them that are there.
  template <class Grid>
  BN_HD static void MultiplyFour(Grid& g, const Args& a, uint32_t row0, uint32_t b, uint32_t staged) {
    auto& shared = g.shared();
    BN_UNROLL
    for (uint32_t j = 0; j < kUnit; ++j) {
      if (b + j >= a.n / kElements) break;
      g.Lanes([&](uint32_t t, Lane& lane) {
        BN_UNROLL
        for (uint32_t r = 0; r < 4; ++r) lane.a[j][r] = lane.w[j].w[r];
        lane.w[j] = LoadOnce(Codes(t, a, row0, b + kUnit + j));
        if (j % 2 == 0) Operands(t, shared.q[(staged + j) / 2], lane);
        Clear(lane);
      });
      BN_UNROLL
      for (uint32_t n = 0; n < kTokenTiles; ++n) {
        g.Mma([&](Lane& lane) { return lane.a[j]; }, [&](Lane& lane) { return lane.b[n] + j % 2 * 2; },
              [&](Lane& lane) { return lane.c[n]; });
      }
      g.Lanes([&](uint32_t t, Lane& lane) {
        BN_UNROLL
        for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] = lane.c[TileOf(i)][At(i)];
        AddBlock(t, lane.d[j], shared.d[staged + j], lane);
        lane.d[j] = Halves(t, a, row0, b + kUnit + j);
      });
    }
  }

  // Activations and their scales from block b on.
  BN_HD static void Stage(uint32_t t, const Args& a, uint32_t token0, uint32_t b, Shared& shared) {
    const uint32_t n_blocks = a.n / kElements, col0 = b * kElements;
    const uint32_t cols = a.n - col0 < kStaged ? a.n - col0 : kStaged;
    constexpr uint32_t kGroups = kOne ? 1 : 8;
    const uint32_t n_pieces = (cols + 63) / 64 * kTokenTiles * 4 * kGroups;  // of 16 columns
    BN_UNROLL_BY(4)
    for (uint32_t i = t; i < n_pieces; i += kThreads) {
      const uint32_t group = i % kGroups, k = i / kGroups % 4, tile = i / kGroups / 4;
      const uint32_t col = tile / kTokenTiles * 64 + k * 16, token = token0 + tile % kTokenTiles * 8 + group;
      Words4 q = {{0, 0, 0, 0}};
      if (col < cols && token < a.n_tokens) q = Load<Words4>(a.q + size_t{token} * a.n + col0 + col);
      BN_UNROLL
      for (uint32_t quad = 0; quad < 4; ++quad) {
        shared.q[tile / kTokenTiles][tile % kTokenTiles][4 * group + quad].w[k] = q.w[quad];
      }
    }
    for (uint32_t i = t; i < cols / kElements * kTokens; i += kThreads) {
      const uint32_t block = i / kTokens, token = token0 + i % kTokens;
      shared.d[block][i % kTokens] = token < a.n_tokens ? a.d_a[size_t{token} * n_blocks + b + block] : 0.0f;
    }
  }
  BN_HD static void Operands(uint32_t t, const Words4 (&q)[kTokenTiles][kOne ? 4 : kWarp], Lane& lane) {
    BN_UNROLL
    for (uint32_t n = 0; n < kTokenTiles; ++n) {
      const Words4 words = q[n][kOne ? t % 4 : t % kWarp];
      BN_UNROLL
      for (uint32_t k = 0; k < 4; ++k) lane.b[n][k] = words.w[k];
    }
  }
  BN_HD static void Clear(Lane& lane) {
    BN_UNROLL
    for (uint32_t n = 0; n < kTokenTiles; ++n) {
      BN_UNROLL
      for (uint32_t i = 0; i < 4; ++i) lane.c[n][i] = 0;
    }
  }
  BN_HD static void AddBlock(uint32_t t, uint32_t halves, const float* d_a, Lane& lane) {
    const float d_w[2] = {ToF32(F16{static_cast<uint16_t>(halves & 0xffff)}),
                          ToF32(F16{static_cast<uint16_t>(halves >> 16)})};
    BN_UNROLL
    for (uint32_t i = 0; i < kSums; ++i) {
      const float scale = d_w[RowOf(i)] * d_a[TokenOf(i, t % 4)];
      lane.y[i] = FusedMultiplyAdd(static_cast<float>(lane.sum[i]), scale, lane.y[i]);
    }
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_BLOCK_KERNELS_H_
