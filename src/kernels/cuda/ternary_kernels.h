// Ternary products on a GPU. Weights stay as pack.h says: a word of four packed bytes is four words of codes, one of
// each quarter of its block of 128 columns, so (word >> 6, 4, 2, 0) & 0x03030303 are operands of dp4a and of the tensor
// cores as they stand. Codes are weight + 1; the sum of the activations is taken off at the end. Sums are exact.
#ifndef BITNET_KERNELS_CUDA_TERNARY_KERNELS_H_
#define BITNET_KERNELS_CUDA_TERNARY_KERNELS_H_

#include "kernels/cuda/norm_kernels.h"
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

BN_HD float Scaled(int32_t sum, int32_t q_sum, float d, const TernaryOut& out, uint32_t row) {
  const float y = static_cast<float>(sum - q_sum) * (d * out.scale[size_t{row} * out.scale_stride]);
  return out.bias != nullptr ? y + out.bias[row] : y;
}
BN_HD float Scaled(int32_t sum, const TernaryArgs& a, const TernaryOut& out, uint32_t row, uint32_t token) {
  return Scaled(sum, a.q_sum[token], a.d[token], out, row);
}

BN_HD void Store(float y, bool add, float* to) { *to = add ? *to + y : y; }

// 8 threads make a row, 16 bytes (64 weights) of each 512 columns at a time, so that a warp reads four runs of 128
// bytes. A thread keeps its next kAhead such pieces of kMatrices matrices in registers, the first ones read before the
// launches before this one are done: weights wait for nobody.
template <uint32_t kMatrices, uint32_t kTokens, uint32_t kAhead>
struct TernaryRows {
  static constexpr uint32_t kRowThreads = 8;
  static constexpr uint32_t kChunk = 64;
  static constexpr uint32_t kRound = kRowThreads * kChunk;  // columns
  static constexpr uint32_t kSums = kMatrices * kTokens;
  struct Lane {
    Words4 w[kMatrices][kAhead];
    int32_t sum[kSums], other[kSums];
  };
  // Activations of kRound columns: pieces of 16 in the order in which 8 threads read them. Piece 8 quarter + l is that
  // of thread l. Without it four of eight threads would meet in one bank.
  struct Round {
    Words4 piece[4 * kRowThreads];
  };
  // The piece of column col of a row of activations, in `rounds`.
  BN_HD static Words4& PieceAt(Round* rounds, uint32_t col) {
    const uint32_t quarter = col % 128 / 32, l = col % kRound / 128 * 2 + col % 32 / 16;
    return rounds[col / kRound].piece[8 * quarter + l];
  }
  // Columns col .. col + 3, col a multiple of 4.
  BN_HD static uint32_t& WordAt(Round* rounds, uint32_t col) { return PieceAt(rounds, col).w[col % 16 / 4]; }

  // Piece `round` of thread l of a row: codes 0, which add nothing, behind its end.
  BN_HD static Words4 ReadPiece(const uint8_t* row, uint32_t round, uint32_t l, uint32_t cols) {
    const uint32_t chunk = round * kRowThreads + l;
    if (row == nullptr || chunk * kChunk >= cols) return {{0, 0, 0, 0}};
    return Load<Words4>(row + size_t{chunk} * 16);
  }
  // `rows` are kMatrices rows of weights, null for none.
  BN_HD static void Begin(const uint8_t* const* rows, uint32_t l, uint32_t cols, Lane& lane) {
    BN_UNROLL
    for (uint32_t i = 0; i < kSums; ++i) lane.sum[i] = 0;
    BN_UNROLL
    for (uint32_t m = 0; m < kMatrices; ++m) {
      BN_UNROLL
      for (uint32_t k = 0; k < kAhead; ++k) {
        if (k * kRound < cols) lane.w[m][k] = ReadPiece(rows[m], k, l, cols);
      }
    }
  }
  // Adds kAhead rounds from round0 on, a multiple of kAhead; q[token] are their activations.
  BN_HD static void Add(const uint8_t* const* rows, const Round* const* q, uint32_t round0, uint32_t l, uint32_t cols,
                        Lane& lane) {
    BN_UNROLL
    for (uint32_t k = 0; k < kAhead; ++k) {
      if ((round0 + k) * kRound >= cols) continue;
      BN_UNROLL
      for (uint32_t m = 0; m < kMatrices; ++m) {
        const Words4 packed = lane.w[m][k];
        if ((round0 + kAhead + k) * kRound < cols) lane.w[m][k] = ReadPiece(rows[m], round0 + kAhead + k, l, cols);
        BN_UNROLL
        for (uint32_t quarter = 0; quarter < 4; ++quarter) {
          BN_UNROLL
          for (uint32_t token = 0; token < kTokens; ++token) {
            const Words4 x = q[token][k].piece[8 * quarter + l];
            int32_t sum = lane.sum[m * kTokens + token];
            BN_UNROLL
            for (uint32_t j = 0; j < 4; ++j) sum = DotBytes(Codes(packed.w[j], quarter), x.w[j], sum);
            lane.sum[m * kTokens + token] = sum;
          }
        }
      }
    }
  }
  // The sums of a row's threads, in its first one.
  template <class Grid, class Of>
  BN_HD static void Sum(Grid& g, Of of) {
    BN_UNROLL
    for (uint32_t delta = kRowThreads / 2; delta > 0; delta /= 2) {
      g.template ShuffleDown<kSums>([&](auto& lane) { return of(lane).sum; },
                                    [&](auto& lane) { return of(lane).other; }, delta);
      g.Lanes([&](uint32_t, auto& lane) {
        BN_UNROLL
        for (uint32_t i = 0; i < kSums; ++i) of(lane).sum[i] += of(lane).other[i];
      });
    }
  }
};

// Where a block of kRows rows stands, and its rows of weights for a thread.
template <bool kPair, uint32_t kRows>
struct TernaryPlace {
  const TernaryOut& out;
  uint32_t row0;

  BN_HD TernaryPlace(const TernaryArgs& a, uint32_t block)
      : out(kPair ? a.out[0] : OutOf(a, block)), row0((block - out.first_block) * kRows) {}
  BN_HD uint32_t RowOf(uint32_t t) const { return row0 + t / 8; }
  BN_HD void Weights(const TernaryArgs& a, uint32_t t, const uint8_t** rows) const {
    const size_t at = size_t{RowOf(t)} * a.cols / 4;
    const bool live = RowOf(t) < out.rows;
    rows[0] = live ? out.w + at : nullptr;
    if (kPair) rows[1] = live ? a.out[1].w + at : nullptr;
  }
  // y of a row and token from the sums of the matrices, `step` apart.
  BN_HD void Finish(const TernaryArgs& a, uint32_t row, uint32_t token, const int32_t* sum, uint32_t step,
                    int32_t q_sum, float d) const {
    float y = Scaled(sum[0], q_sum, d, out, row);
    if (kPair) {
      const float u = Scaled(sum[step], q_sum, d, a.out[1], row);
      y = a.silu ? Silu(y, u) : Relu2(y, u);
    }
    Store(y, a.add, out.y + size_t{token} * out.rows + row);
  }
};

// A few tokens: kTokens activation rows at once, quantised before. With kPair the rows of out[0] (gate) and out[1] (up)
// are computed together and y = gate(g, u) goes to out[0].y.
template <uint32_t kTokens, bool kPair>
struct TernaryGemv {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = 16;
  static constexpr bool kReadsAhead = true;
  static constexpr uint32_t kAhead = kPair ? 5 : 8;
  static constexpr uint32_t kMatrices = kPair ? 2 : 1;
  using Rows = TernaryRows<kMatrices, kTokens, kAhead>;
  using Args = TernaryArgs;
  using Lane = typename Rows::Lane;
  struct Shared {
    typename Rows::Round q[kTokens][kAhead];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    constexpr uint32_t kTile = kAhead * Rows::kRound;
    const TernaryPlace<kPair, kRows> place(a, g.x());
    const uint32_t token0 = g.y() * kTokens;
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint8_t* rows[kMatrices];
      place.Weights(a, t, rows);
      Rows::Begin(rows, t % Rows::kRowThreads, a.cols, lane);
    });
    g.AwaitPrevious();
    for (uint32_t col0 = 0; col0 < a.cols; col0 += kTile) {
      g.Phase([&](uint32_t t, Lane&) {
        for (uint32_t i = t; i < kTokens * kTile / 16; i += kThreads) {
          const uint32_t token = i / (kTile / 16), col = i % (kTile / 16) * 16;
          if (col0 + col >= a.cols) continue;  // met by codes 0
          Words4 q = {{0, 0, 0, 0}};
          if (token0 + token < a.n_tokens) q = Load<Words4>(a.q + size_t{token0 + token} * a.cols + col0 + col);
          Rows::PieceAt(shared.q[token], col) = q;
        }
      });
      g.Phase([&](uint32_t t, Lane& lane) {  // the barrier: before the next tile overwrites the activations
        const uint8_t* rows[kMatrices];
        place.Weights(a, t, rows);
        const typename Rows::Round* q[kTokens];
        BN_UNROLL
        for (uint32_t i = 0; i < kTokens; ++i) q[i] = shared.q[i];
        Rows::Add(rows, q, col0 / Rows::kRound, t % Rows::kRowThreads, a.cols, lane);
      });
    }
    Rows::Sum(g, [](Lane& lane) -> Lane& { return lane; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t row = place.RowOf(t);
      if (t % Rows::kRowThreads != 0 || row >= place.out.rows) return;
      BN_UNROLL
      for (uint32_t i = 0; i < kTokens; ++i) {
        const uint32_t token = token0 + i;
        if (token < a.n_tokens) place.Finish(a, row, token, lane.sum + i, kTokens, a.q_sum[token], a.d[token]);
      }
    });
  }
};

// One token, with the norm and the quantisation of its row (RowNorm<true>'s): every block makes them for
// itself while its weights are on their way, which is shorter than a launch in between.
template <bool kPair>
struct TernaryNormGemv {
  using Norm = RowNorm<true>;
  static constexpr uint32_t kThreads = Norm::kThreads;
  static constexpr uint32_t kRows = 32;
  static constexpr bool kReadsAhead = true;
  static constexpr uint32_t kAhead = kPair ? 5 : 8;
  static constexpr uint32_t kMatrices = kPair ? 2 : 1;
  using Rows = TernaryRows<kMatrices, 1, kAhead>;
  struct Args {
    TernaryArgs product;  // without q, q_sum and d; y of no matrix is norm.x, which every block reads
    NormArgs norm;
  };
  struct Shared {
    typename Norm::Shared norm;
    typename Rows::Round q[Norm::kCols / Rows::kRound];
  };
  struct Lane {
    typename Norm::Lane norm;
    typename Rows::Lane rows;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& args) {
    const TernaryArgs& a = args.product;
    const TernaryPlace<kPair, kRows> place(a, g.x());
    auto& shared = g.shared();
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint8_t* rows[kMatrices];
      place.Weights(a, t, rows);
      Rows::Begin(rows, t % Rows::kRowThreads, a.cols, lane.rows);
      Norm::ReadGamma(args.norm, t, lane.norm);
    });
    g.AwaitPrevious();
    Norm::Norm(
        g, args.norm, shared.norm, [](Lane& lane) -> typename Norm::Lane& { return lane.norm; },
        [](uint32_t, const Words4&) {});
    Norm::Quantise(g, args.norm, a.cols, shared.norm, [&](uint32_t i, uint32_t q) { Rows::WordAt(shared.q, i) = q; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint8_t* rows[kMatrices];
      place.Weights(a, t, rows);
      for (uint32_t round0 = 0; round0 * Rows::kRound < a.cols; round0 += kAhead) {
        const typename Rows::Round* const q = shared.q + round0;
        Rows::Add(rows, &q, round0, t % Rows::kRowThreads, a.cols, lane.rows);
      }
    });
    Rows::Sum(g, [](Lane& lane) -> typename Rows::Lane& { return lane.rows; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t row = place.RowOf(t);
      if (t % Rows::kRowThreads != 0 || row >= place.out.rows) return;
      const NormScale scale = Norm::ScaleOf(shared.norm);
      place.Finish(a, row, 0, lane.rows.sum, 1, scale.q_sum, scale.d);
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
