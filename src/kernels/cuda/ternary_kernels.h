// Ternary products on a GPU. Weights stay as pack.h says: a word of four packed bytes is four words of codes, one of
// each quarter of its block of 128 columns, so (word >> 6, 4, 2, 0) & 0x03030303 are operands of dp4a and of the tensor
// cores as they stand. Codes are weight + 1; the sum of the activations is taken off at the end. Sums are exact.
#ifndef BITNET_KERNELS_CUDA_TERNARY_KERNELS_H_
#define BITNET_KERNELS_CUDA_TERNARY_KERNELS_H_

#include "kernels/cuda/row_kernels.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

BN_HD uint32_t Codes(uint32_t packed, uint32_t quarter) { return packed >> (6 - 2 * quarter) & 0x03030303u; }

// Where the rows of one matrix go.
struct TernaryOut {
  const uint8_t* w;  // [rows, cols / 4], aligned to 16
  const float* scale;
  uint32_t scale_stride;  // 0: of the tensor, 1: of each row
  uint32_t rows;
  const float* bias;     // [rows] or null
  float* y;              // [tokens, rows]
  uint32_t first_block;  // of the launch that works on this matrix
};

// Up to three matrices over the same input: one launch.
struct TernaryArgs {
  TernaryOut out[3];
  uint32_t n_out;
  uint32_t cols;    // padded to kTernaryPad
  const int8_t* q;  // [tokens, cols], aligned to 16
  const int32_t* q_sum;
  const float* d;
  uint32_t n_tokens;
  bool add;   // y += the product, else y = it
  bool silu;  // of the gate
};

// The matrix that block x of a launch works on.
BN_HD const TernaryOut& OutOf(const TernaryArgs& a, uint32_t block) {
  uint32_t i = a.n_out - 1;
  while (i > 0 && block < a.out[i].first_block) --i;
  return a.out[i];
}

BN_HD float Scaled(int32_t sum, const TernaryArgs& a, const TernaryOut& out, uint32_t row, uint32_t token) {
  const float y = static_cast<float>(sum - a.q_sum[token]) * (a.d[token] * out.scale[size_t{row} * out.scale_stride]);
  return out.bias != nullptr ? y + out.bias[row] : y;
}

BN_HD void Store(float y, bool add, float* to) { *to = add ? *to + y : y; }

// Decode: 8 threads a row, 16 bytes (64 weights) at a time, so that a warp reads four runs of 128 bytes; kTokens
// activation rows at once. With kPair the rows of out[0] (gate) and out[1] (up) are computed together and
// y = gate(g, u) goes to out[0].y.
template <uint32_t kTokens, bool kPair>
struct TernaryGemv {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRowThreads = 8;
  static constexpr uint32_t kRows = kThreads / kRowThreads;
  static constexpr uint32_t kChunk = 64;       // columns that a thread takes at a time
  static constexpr uint32_t kTileCols = 4096;  // activations in shared memory
  static constexpr uint32_t kSums = (kPair ? 2 : 1) * kTokens;
  using Args = TernaryArgs;
  struct Shared {
    // Pieces of 16 columns in the order in which 8 threads read them: piece 32 g + 8 quarter + l is that of thread l's
    // chunk 8 g + l. Without it four of eight threads would meet in one bank.
    Words4 q[kTokens][kTileCols / 16];
  };
  struct Lane {
    int32_t sum[kSums], other[kSums];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const TernaryOut& out = kPair ? a.out[0] : OutOf(a, g.x());
    const uint32_t row0 = (g.x() - out.first_block) * kRows;
    const uint32_t token0 = g.y() * kTokens;
    auto& shared = g.shared();
    g.Lanes([&](uint32_t, Lane& lane) {
      for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] = 0;
    });
    for (uint32_t col0 = 0; col0 < a.cols; col0 += kTileCols) {
      const uint32_t tile = a.cols - col0 < kTileCols ? a.cols - col0 : kTileCols;
      const uint32_t n_pieces = (tile + 511) / 512 * 32;
      g.Phase([&](uint32_t t, Lane&) {
        for (uint32_t i = t; i < kTokens * n_pieces; i += kThreads) {
          const uint32_t token = i / n_pieces, piece = i % n_pieces;
          const uint32_t chunk = piece / 32 * 8 + piece % 8, quarter = piece % 32 / 8;
          const uint32_t col = chunk / 2 * 128 + quarter * 32 + chunk % 2 * 16;
          Words4 q = {{0, 0, 0, 0}};
          if (col < tile && token0 + token < a.n_tokens) {
            q = Load<Words4>(a.q + size_t{token0 + token} * a.cols + col0 + col);
          }
          shared.q[token][piece] = q;
        }
      });
      g.Phase([&](uint32_t t, Lane& lane) {  // the barrier: before the next tile overwrites the activations
        const uint32_t l = t % kRowThreads, row = row0 + t / kRowThreads;
        if (row >= out.rows) return;
        BN_UNROLL
        for (uint32_t m = 0; m < (kPair ? 2u : 1u); ++m) {
          const uint8_t* const w = (m == 0 ? out.w : a.out[1].w) + (size_t{row} * a.cols + col0) / 4;
          for (uint32_t chunk = l; chunk * kChunk < tile; chunk += kRowThreads) {
            const Words4 packed = Load<Words4>(w + size_t{chunk} * 16);
            BN_UNROLL
            for (uint32_t quarter = 0; quarter < 4; ++quarter) {
              BN_UNROLL
              for (uint32_t token = 0; token < kTokens; ++token) {
                const Words4 q = shared.q[token][chunk / 8 * 32 + quarter * 8 + l];
                int32_t sum = lane.sum[m * kTokens + token];
                for (uint32_t j = 0; j < 4; ++j) sum = DotBytes(Codes(packed.w[j], quarter), q.w[j], sum);
                lane.sum[m * kTokens + token] = sum;
              }
            }
          }
        }
      });
    }
    for (uint32_t delta = kRowThreads / 2; delta > 0; delta /= 2) {
      g.template ShuffleDown<kSums>([](Lane& lane) { return lane.sum; }, [](Lane& lane) { return lane.other; }, delta);
      g.Lanes([&](uint32_t, Lane& lane) {
        for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] += lane.other[i];
      });
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t row = row0 + t / kRowThreads;
      if (t % kRowThreads != 0 || row >= out.rows) return;
      for (uint32_t i = 0; i < kTokens; ++i) {
        const uint32_t token = token0 + i;
        if (token >= a.n_tokens) return;
        float y = Scaled(lane.sum[i], a, out, row, token);
        if (kPair) {
          const float u = Scaled(lane.sum[kSums - kTokens + i], a, a.out[1], row, token);
          y = a.silu ? Silu(y, u) : Relu2(y, u);
        }
        Store(y, a.add, out.y + size_t{token} * out.rows + row);
      }
    });
  }
};

// Block scales that differ: a warp makes one row of one token; the chain of multiply-adds is its first thread's.
struct TernaryBlocks {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = kThreads / kWarp;
  struct Args {
    TernaryOut out;  // scale [rows, n_blocks]
    uint32_t cols;   // padded
    uint32_t block;  // columns that a scale covers: half of kTernaryPad or a multiple of it
    uint32_t n_blocks;
    const int8_t* q;
    const float* d;
    bool add;
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    int32_t sum[1], other[1];
    float y;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t token = g.y();
    const int8_t* const q = a.q + size_t{token} * a.cols;
    const auto row_of = [&](uint32_t t) { return g.x() * kRows + t / kWarp; };
    g.Lanes([](uint32_t, Lane& lane) { lane.y = 0.0f; });
    for (uint32_t b = 0; b < a.n_blocks; ++b) {
      g.Lanes([&](uint32_t t, Lane& lane) {
        lane.sum[0] = 0;
        if (row_of(t) >= a.out.rows) return;
        const uint8_t* const w = a.out.w + size_t{row_of(t)} * a.cols / 4;
        for (uint32_t i = t % kWarp; i < a.block / 4; i += kWarp) {  // four columns
          const uint32_t col = b * a.block + i * 4, at = col % static_cast<uint32_t>(kTernaryPad);
          const uint32_t packed = Load<uint32_t>(w + col / static_cast<uint32_t>(kTernaryPad) * 32 + at % 32);
          const uint32_t x = Load<uint32_t>(q + col);
          lane.sum[0] = DotBytes(Codes(packed, at / 32), x, lane.sum[0]) - DotBytes(0x01010101u, x, 0);
        }
      });
      for (uint32_t delta = kWarp / 2; delta > 0; delta /= 2) {
        g.template ShuffleDown<1>([](Lane& lane) { return lane.sum; }, [](Lane& lane) { return lane.other; }, delta);
        g.Lanes([](uint32_t, Lane& lane) { lane.sum[0] += lane.other[0]; });
      }
      g.Lanes([&](uint32_t t, Lane& lane) {
        if (t % kWarp != 0 || row_of(t) >= a.out.rows) return;
        const float scale = a.out.scale[size_t{row_of(t)} * a.n_blocks + b];
        lane.y = FusedMultiplyAdd(static_cast<float>(lane.sum[0]), scale * a.d[token], lane.y);
      });
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t row = row_of(t);
      if (t % kWarp != 0 || row >= a.out.rows) return;
      const float y = a.out.bias != nullptr ? lane.y + a.out.bias[row] : lane.y;
      Store(y, a.add, a.out.y + size_t{token} * a.out.rows + row);
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_TERNARY_KERNELS_H_
