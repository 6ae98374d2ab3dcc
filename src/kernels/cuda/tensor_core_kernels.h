// Ternary products on the int8 tensor cores: prompts and batches of many tokens. Operands and outputs as in
// ternary_kernels.h.
#ifndef BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_
#define BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_

#include "kernels/cuda/ternary_kernels.h"

namespace bitnet::kernels::gpu {

// A block makes kRows x kTokens sums, each warp 16 kRowTiles x 8 kTokenTiles of them. With kSplit > 1 the warps also
// share out the columns: warp s of a split takes every kSplit-th run of 128, so that few rows still keep many warps
// multiplying and a block reads long runs of each row.
//
// Weights and activations come by asynchronous copies, kStages - 1 steps ahead of their use: a step is kSplit runs of
// 128 columns. Both reach registers by reads of 8 bytes that meet in no bank: of the 16 threads that are served at a
// time, 4 take the 32 bytes of one row or token, and those 32 bytes stand where the row's or token's number modulo 4
// says.
//
// A k-step of 32 is one quarter of a run: thread `quad` of four has words 2 quad and 2 quad + 1 of the packed run and
// of the quarter's activations, and gives them as the two halves of its operands. Which column is which k does not
// matter as long as both agree. One unpacked operand a serves kTokenTiles products.
template <uint32_t kRowTiles, uint32_t kTokenTiles, uint32_t kRowWarps, uint32_t kTokenWarps, uint32_t kSplit>
struct TernaryMma {
  static constexpr uint32_t kThreads = kWarp * kRowWarps * kTokenWarps * kSplit;
  static constexpr uint32_t kRows = 16 * kRowTiles * kRowWarps;
  static constexpr uint32_t kTokens = 8 * kTokenTiles * kTokenWarps;
  static constexpr uint32_t kRun = static_cast<uint32_t>(kTernaryPad);
  static constexpr uint32_t kStages = 4;
  static_assert(kSplit == 1 || kSplit == 4, "else 4 rows of weights are not 128 bytes that can be permuted");
  static constexpr bool kReadsAhead = true;
  using Args = TernaryArgs;
  struct Stage {
    alignas(16) uint8_t w[kRows][kSplit][kRun / 4];      // run s of row r in [r][(s ^ r) % kSplit]
    alignas(16) int8_t q[kSplit][kTokens][4][kRun / 4];  // quarter i of token t in [s][t][(i ^ t) % 4]
  };
  struct alignas(8) Token {
    float d;
    int32_t q_sum;
  };
  struct Shared {
    Token token[kTokens];
    union {
      Stage stage[kStages];
      int32_t sum[kSplit][kTokens][kRows + 4];  // + 4: the writes of a warp then meet in no bank
    };
  };
  struct Lane {
    Words2 w[kRowTiles][2];  // packed: rows group and group + 8 of each tile
    uint32_t a[4];
    Words2 b[kTokenTiles];
    int32_t c[kRowTiles][kTokenTiles][4];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const TernaryOut& out = OutOf(a, g.x());
    const Tile tile = {a, out, (g.x() - out.first_block) * kRows, g.y() * kTokens};
    const uint32_t n_steps = (a.cols / kRun + kSplit - 1) / kSplit;
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane&) {
      BN_UNROLL
      for (uint32_t step = 0; step < kStages - 1; ++step) {
        if (step < n_steps) CopyWeights(g, t, tile, step, shared.stage[step]);
      }
    });
    g.AwaitPrevious();
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t step = 0; step < kStages - 1; ++step) {
        if (step < n_steps) CopyActivations(g, t, tile, step, shared.stage[step]);
        g.CommitCopies(t);
      }
      BN_UNROLL
      for (uint32_t m = 0; m < kRowTiles; ++m) {
        BN_UNROLL
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
          BN_UNROLL
          for (uint32_t i = 0; i < 4; ++i) lane.c[m][n][i] = 0;
        }
      }
      // For the end: read now, while the copies are under way.
      for (uint32_t i = t; i < kTokens; i += kThreads) {
        const uint32_t token = tile.token0 + i;
        if (token < a.n_tokens) shared.token[i] = {a.d[token], a.q_sum[token]};
      }
    });
    for (uint32_t step = 0; step < n_steps; ++step) {
      // The barrier: the copies of all threads are there, and nobody reads the stage of the step before any longer.
      g.Phase([&](uint32_t t, Lane&) { g.template AwaitCopies<kStages - 2>(t); });
      g.Lanes([&](uint32_t t, Lane&) {
        const uint32_t next = step + kStages - 1;
        if (next < n_steps) {
          CopyWeights(g, t, tile, next, shared.stage[next % kStages]);
          CopyActivations(g, t, tile, next, shared.stage[next % kStages]);
        }
        g.CommitCopies(t);
      });
      Multiply(g, shared.stage[step % kStages]);
    }
    g.Phase([](uint32_t, Lane&) {});  // before sums take the place of the stages
    g.Phase([&](uint32_t t, Lane& lane) {
      const Place p(t);
      BN_UNROLL
      for (uint32_t m = 0; m < kRowTiles; ++m) {
        BN_UNROLL
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
          BN_UNROLL
          for (uint32_t i = 0; i < 4; ++i) {
            const uint32_t row = p.row + m * 16 + i / 2 * 8 + p.group, token = p.token + n * 8 + p.quad * 2 + i % 2;
            shared.sum[p.split][token][row] = lane.c[m][n][i];
          }
        }
      }
    });
    g.Lanes([&](uint32_t t, Lane&) { WriteOut(shared, t, tile); });
  }

 private:
  // The sums that a block of threads makes.
  struct Tile {
    const Args& a;
    const TernaryOut& out;
    uint32_t row0, token0;
  };
  // What a thread works on: its warp's first row and token of the block, its run of each step; its place in the warp.
  struct Place {
    uint32_t row, token, split, group, quad;
    BN_HD explicit Place(uint32_t t)
        : row(t / kWarp % kRowWarps * 16 * kRowTiles),
          token(t / kWarp / kRowWarps % kTokenWarps * 8 * kTokenTiles),
          split(t / kWarp / kRowWarps / kTokenWarps),
          group(t % kWarp / 4),
          quad(t % 4) {}
  };

  // 16 bytes at a time, neighbours by neighbours. Rows, tokens and runs that there are not become zeros: a code 0 adds
  // nothing.
  template <class Grid>
  BN_HD static void CopyWeights(Grid& g, uint32_t t, const Tile& tile, uint32_t step, Stage& stage) {
    constexpr uint32_t kPieces = kSplit * 2, kAtOnce = kThreads / kPieces;  // of a row; rows
    static_assert(kRows % kAtOnce == 0 && kAtOnce % 4 == 0);
    const uint32_t first = t / kPieces, s = t % kPieces / 2, run = step * kSplit + s, half = t % 2;
    const uint8_t* const from = tile.out.w + size_t{run} * (kRun / 4) + half * 16;
    BN_UNROLL
    for (uint32_t r = first; r < first + kRows; r += kAtOnce) {
      g.CopyAsync(t, stage.w[r][(s ^ first) % kSplit] + half * 16, from + size_t{tile.row0 + r} * (tile.a.cols / 4),
                  tile.row0 + r < tile.out.rows && run < tile.a.cols / kRun);
    }
  }
  template <class Grid>
  BN_HD static void CopyActivations(Grid& g, uint32_t t, const Tile& tile, uint32_t step, Stage& stage) {
    constexpr uint32_t kPieces = kSplit * 8, kAtOnce = kThreads / kPieces;  // of a token; tokens
    static_assert(kTokens % kAtOnce == 0 && kAtOnce % 4 == 0);
    const uint32_t first = t / kPieces, s = t % kPieces / 8, run = step * kSplit + s, at = t % 8;
    const int8_t* const from = tile.a.q + size_t{run} * kRun + at * 16;
    BN_UNROLL
    for (uint32_t token = first; token < first + kTokens; token += kAtOnce) {
      g.CopyAsync(t, stage.q[s][token][(at / 2 ^ first) % 4] + at % 2 * 16,
                  from + size_t{tile.token0 + token} * tile.a.cols,
                  tile.token0 + token < tile.a.n_tokens && run < tile.a.cols / kRun);
    }
  }

  template <class Grid>
  BN_HD static void Multiply(Grid& g, const Stage& stage) {
    g.Lanes([&](uint32_t t, Lane& lane) {
      const Place p(t);
      BN_UNROLL
      for (uint32_t m = 0; m < kRowTiles; ++m) {
        BN_UNROLL
        for (uint32_t i = 0; i < 2; ++i) {
          const uint32_t r = p.row + m * 16 + i * 8 + p.group;
          lane.w[m][i] = Load<Words2>(stage.w[r][(p.split ^ p.group) % kSplit] + p.quad * 8);
        }
      }
    });
    g.Converge();
    BN_UNROLL
    for (uint32_t quarter = 0; quarter < 4; ++quarter) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        const Place p(t);
        BN_UNROLL
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
          const uint32_t token = p.token + n * 8 + p.group;
          lane.b[n] = Load<Words2>(stage.q[p.split][token][(quarter ^ p.group) % 4] + p.quad * 8);
        }
      });
      BN_UNROLL
      for (uint32_t m = 0; m < kRowTiles; ++m) {
        g.Lanes([&](uint32_t, Lane& lane) {
          BN_UNROLL
          for (uint32_t i = 0; i < 4; ++i) lane.a[i] = Codes(lane.w[m][i % 2].w[i / 2], quarter);
        });
        BN_UNROLL
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
          g.Mma([](Lane& lane) { return lane.a; }, [&](Lane& lane) { return lane.b[n].w; },
                [&](Lane& lane) { return lane.c[m][n]; });
        }
      }
    }
  }

  // A thread keeps to one row; neighbours write neighbours. All that a batch reads is on its way before its first
  // write, behind which a compiler moves no read.
  BN_HD static void WriteOut(const Shared& shared, uint32_t t, const Tile& tile) {
    constexpr uint32_t kStep = kThreads / kRows, kBatch = kTokens / kStep < 16 ? kTokens / kStep : 16;
    static_assert(kThreads % kRows == 0 && kTokens % (kStep * kBatch) == 0);
    const uint32_t r = t % kRows, row = tile.row0 + r;
    if (row >= tile.out.rows) return;
    for (uint32_t first = t / kRows; first < kTokens && tile.token0 + first < tile.a.n_tokens;
         first += kStep * kBatch) {
      float y[kBatch], old[kBatch];
      BN_UNROLL
      for (uint32_t i = 0; i < kBatch; ++i) {
        const uint32_t token = tile.token0 + first + i * kStep;
        old[i] = tile.a.add && token < tile.a.n_tokens ? tile.out.y[size_t{token} * tile.out.rows + row] : 0.0f;
      }
      BN_UNROLL
      for (uint32_t i = 0; i < kBatch; ++i) {
        const uint32_t token = first + i * kStep;
        int32_t sum = 0;
        BN_UNROLL
        for (uint32_t s = 0; s < kSplit; ++s) sum += shared.sum[s][token][r];
        y[i] = Scaled(sum, shared.token[token].q_sum, shared.token[token].d, tile.out, row);
      }
      BN_UNROLL
      for (uint32_t i = 0; i < kBatch; ++i) {
        const uint32_t token = tile.token0 + first + i * kStep;
        if (token < tile.a.n_tokens)
          tile.out.y[size_t{token} * tile.out.rows + row] = tile.a.add ? old[i] + y[i] : y[i];
      }
    }
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_TENSOR_CORE_KERNELS_H_
