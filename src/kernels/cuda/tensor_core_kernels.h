// Ternary products on the int8 tensor cores: prompts and batches of many tokens. Operands and outputs as in
// ternary_kernels.h.
#ifndef BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_
#define BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_

#include "kernels/cuda/ternary_kernels.h"

namespace bitnet::kernels::gpu {

// Prefill on the int8 tensor cores: a block makes 64 rows x 64 tokens, each of its 4 warps 16 rows.
//
// A k-step of 32 takes, for thread `tid` of a quad, word j of the pair (2 tid, 2 tid + 1) of a packed block: quarters
// 2h and 2h + 1 of it are the two halves of operand a, and the activations of the same columns those of b. Which
// column is which k does not matter as long as both agree.
struct TernaryMma {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = 64;
  static constexpr uint32_t kTokens = 64;
  static constexpr uint32_t kTiles = kTokens / 8;
  static constexpr uint32_t kTileCols = 256;
  static constexpr uint32_t kStride = kTileCols + 32;  // bytes; 8-byte reads of 16 threads then meet in no bank
  using Args = TernaryArgs;
  struct Shared {
    alignas(16) int8_t q[kTokens][kStride];
  };
  struct Lane {
    uint32_t a[2][2][4];  // [h][j]
    uint32_t b[2][2];     // [j]
    int32_t c[kTiles][4];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const TernaryOut& out = OutOf(a, g.x());
    const uint32_t row0 = (g.x() - out.first_block) * kRows;
    const uint32_t token0 = g.y() * kTokens;
    const uint32_t n_tokens = a.n_tokens - token0 < kTokens ? a.n_tokens - token0 : kTokens;
    auto& shared = g.shared();
    g.Lanes([&](uint32_t, Lane& lane) {
      for (uint32_t n = 0; n < kTiles; ++n) {
        for (uint32_t i = 0; i < 4; ++i) lane.c[n][i] = 0;
      }
    });
    for (uint32_t col0 = 0; col0 < a.cols; col0 += kTileCols) {
      const uint32_t tile = a.cols - col0 < kTileCols ? a.cols - col0 : kTileCols;
      g.Phase([&](uint32_t t, Lane&) {
        for (uint32_t i = t; i < kTokens * (kTileCols / 16); i += kThreads) {
          const uint32_t token = i / (kTileCols / 16), col = i % (kTileCols / 16) * 16;
          Words4 q = {{0, 0, 0, 0}};
          if (col < tile && token < n_tokens) {
            q = Load<Words4>(a.q + size_t{token0 + token} * a.cols + col0 + col);
          }
          Write(q, &shared.q[token][col]);
        }
      });
      for (uint32_t col = 0; col < tile; col += kTernaryPad) {
        g.Lanes([&](uint32_t t, Lane& lane) {
          const uint32_t row = row0 + t / kWarp * 16 + t % kWarp / 4, quad = t % 4;
          Words2 w[2] = {{{0, 0}}, {{0, 0}}};
          for (uint32_t i = 0; i < 2; ++i) {
            if (row + 8 * i >= out.rows) continue;
            w[i] = Load<Words2>(out.w + (size_t{row + 8 * i} * a.cols + col0 + col) / 4 + quad * 8);
          }
          BN_UNROLL
          for (uint32_t h = 0; h < 2; ++h) {
            BN_UNROLL
            for (uint32_t j = 0; j < 2; ++j) {
              BN_UNROLL
              for (uint32_t i = 0; i < 4; ++i) lane.a[h][j][i] = Codes(w[i % 2].w[j], 2 * h + i / 2);
            }
          }
        });
        g.Converge();
        BN_UNROLL
        for (uint32_t h = 0; h < 2; ++h) {
          BN_UNROLL
          for (uint32_t n = 0; n < kTiles; ++n) {
            if (n * 8 >= n_tokens) continue;
            g.Lanes([&](uint32_t t, Lane& lane) {
              const uint32_t group = t % kWarp / 4, quad = t % 4;
              for (uint32_t i = 0; i < 2; ++i) {
                const Words2 q = Load<Words2>(&shared.q[n * 8 + group][col + (2 * h + i) * 32 + quad * 8]);
                lane.b[0][i] = q.w[0];
                lane.b[1][i] = q.w[1];
              }
            });
            BN_UNROLL
            for (uint32_t j = 0; j < 2; ++j) {
              g.Mma([&](Lane& lane) { return lane.a[h][j]; }, [&](Lane& lane) { return lane.b[j]; },
                    [&](Lane& lane) { return lane.c[n]; });
            }
          }
        }
      }
      g.Phase([](uint32_t, Lane&) {});  // before the next tile overwrites the activations
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t n = 0; n < kTiles; ++n) {
        BN_UNROLL
        for (uint32_t i = 0; i < 4; ++i) {
          const uint32_t token = token0 + n * 8 + t % 4 * 2 + i % 2;
          const uint32_t row = row0 + t / kWarp * 16 + t % kWarp / 4 + i / 2 * 8;
          if (token >= a.n_tokens || row >= out.rows) continue;
          Store(Scaled(lane.c[n][i], a, out, row, token), a.add, out.y + size_t{token} * out.rows + row);
        }
      }
    });
  }
};

// A few tokens on the tensor cores: a block makes 16 rows x 16 tokens, its 4 warps every fourth block of 128 columns,
// so that matrices with few rows keep the whole GPU reading. Operands as in TernaryMma, straight from memory.
struct TernaryMma16 {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kWarps = kThreads / kWarp;
  static constexpr uint32_t kRows = 16;
  static constexpr uint32_t kTokens = 16;
  static constexpr uint32_t kTiles = kTokens / 8;
  using Args = TernaryArgs;
  struct Shared {
    int32_t sum[kWarps][kTiles][4][kWarp];
  };
  struct Lane {
    Words2 w[2];                  // of the next block
    uint32_t a[2][2][4];          // [h][j]
    uint32_t b[kTiles][2][2][2];  // [n][h][j]
    int32_t c[kTiles][4];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const TernaryOut& out = OutOf(a, g.x());
    const uint32_t row0 = (g.x() - out.first_block) * kRows;
    const uint32_t token0 = g.y() * kTokens;
    const uint32_t n_blocks = a.cols / static_cast<uint32_t>(kTernaryPad);
    auto& shared = g.shared();
    const auto load = [&](uint32_t t, uint32_t block, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < 2; ++i) {
        const uint32_t row = row0 + t % kWarp / 4 + 8 * i;
        lane.w[i] = {{0, 0}};  // codes 0 add nothing
        if (row < out.rows && block < n_blocks) {
          lane.w[i] = Load<Words2>(out.w + size_t{row} * a.cols / 4 + size_t{block} * 32 + t % 4 * 8);
        }
      }
    };
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t n = 0; n < kTiles; ++n) {
        BN_UNROLL
        for (uint32_t i = 0; i < 4; ++i) lane.c[n][i] = 0;
      }
      load(t, t / kWarp, lane);
    });
    for (uint32_t first = 0; first < n_blocks; first += kWarps) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        const uint32_t block = first + t / kWarp, group = t % kWarp / 4, quad = t % 4;
        BN_UNROLL
        for (uint32_t h = 0; h < 2; ++h) {
          BN_UNROLL
          for (uint32_t j = 0; j < 2; ++j) {
            BN_UNROLL
            for (uint32_t i = 0; i < 4; ++i) lane.a[h][j][i] = Codes(lane.w[i % 2].w[j], 2 * h + i / 2);
          }
        }
        load(t, block + kWarps, lane);
        BN_UNROLL
        for (uint32_t n = 0; n < kTiles; ++n) {
          const uint32_t token = token0 + n * 8 + group;
          const bool live = token < a.n_tokens && block < n_blocks;
          BN_UNROLL
          for (uint32_t quarter = 0; quarter < 4; ++quarter) {
            Words2 q = {{0, 0}};
            if (live) {
              q = Load<Words2>(a.q + size_t{token} * a.cols + size_t{block} * kTernaryPad + quarter * 32 + quad * 8);
            }
            lane.b[n][quarter / 2][0][quarter % 2] = q.w[0];
            lane.b[n][quarter / 2][1][quarter % 2] = q.w[1];
          }
        }
      });
      g.Converge();
      BN_UNROLL
      for (uint32_t h = 0; h < 2; ++h) {
        BN_UNROLL
        for (uint32_t n = 0; n < kTiles; ++n) {
          BN_UNROLL
          for (uint32_t j = 0; j < 2; ++j) {
            g.Mma([&](Lane& lane) { return lane.a[h][j]; }, [&](Lane& lane) { return lane.b[n][h][j]; },
                  [&](Lane& lane) { return lane.c[n]; });
          }
        }
      }
    }
    g.Phase([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t n = 0; n < kTiles; ++n) {
        BN_UNROLL
        for (uint32_t i = 0; i < 4; ++i) shared.sum[t / kWarp][n][i][t % kWarp] = lane.c[n][i];
      }
    });
    g.Lanes([&](uint32_t t, Lane&) {
      for (uint32_t e = t; e < kRows * kTokens; e += kThreads) {
        const uint32_t l = e % kWarp, i = e / kWarp % 4, n = e / kWarp / 4;
        const uint32_t token = token0 + n * 8 + l % 4 * 2 + i % 2, row = row0 + l / 4 + i / 2 * 8;
        if (token >= a.n_tokens || row >= out.rows) continue;
        int32_t sum = 0;
        BN_UNROLL
        for (uint32_t warp = 0; warp < kWarps; ++warp) sum += shared.sum[warp][n][i][l];
        Store(Scaled(sum, a, out, row, token), a.add, out.y + size_t{token} * out.rows + row);
      }
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_
