// RMSNorm and quantisation of rows of activations: a launch of their own, or a part of the products that follow.
#ifndef BITNET_KERNELS_CUDA_NORM_KERNELS_H_
#define BITNET_KERNELS_CUDA_NORM_KERNELS_H_

#include "kernels/cuda/row_kernels.h"

namespace bitnet::kernels::gpu {

// Four elements of a row of n floats from column i on, zero beyond n. kQuads: n is a multiple of 4. Rows of such n are
// aligned to 16.
template <bool kQuads>
BN_HD Words4 LoadRow4(const float* row, uint32_t i, uint32_t n) {
  Words4 x = {{0, 0, 0, 0}};
  if constexpr (kQuads) {
    return i < n ? Load<Words4>(row + i) : x;
  } else {
    if (n % 4 == 0) return LoadRow4<true>(row, i, n);
    BN_UNROLL
    for (uint32_t j = 0; j < 4; ++j) {
      if (i + j < n) x.w[j] = BitsOf(row[i + j]);
    }
    return x;
  }
}

// A row to be normed and quantised.
struct NormArgs {
  const float* x;      // [n]
  const float* gamma;  // [n], or null: no norm
  float eps;
  uint32_t n;
  FailSlot norm_fail, input_fail;  // sum of squares; a value of the result
  uint32_t row;                    // what a failure is reported as
};
// What a quantised row is multiplied by later.
struct NormScale {
  float d;
  int32_t q_sum;
};

// RMSNorm and activation quantisation of a row by all threads of a block; either can be left out. A thread has the
// columns 4 t .. 4 t + 3 of every 1024. kWhole: of at most kCols columns, a multiple of 4: read once, and kept.
template <bool kWhole>
struct RowNorm {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kStep = 4 * kThreads;
  static constexpr uint32_t kReads = 8;
  static constexpr uint32_t kCols = kReads * kStep;
  using Args = NormArgs;
  struct Shared {
    Words4 x[kCols / 4];  // the row, then its norm; of a longer row a piece
    float inv;
    uint32_t largest;
    int32_t sum;
  };
  struct Lane {
    Words4 gamma[kReads];
    float stripe[2], other[2];
    uint32_t largest;
  };
  // gamma of a row that is kept: weights, which may be read ahead.
  BN_HD static void ReadGamma(const Args& a, uint32_t t, Lane& lane) {
    if constexpr (kWhole) {
      if (a.gamma == nullptr) return;
      BN_UNROLL
      for (uint32_t k = 0; k < kReads; ++k) {
        if (k * kStep < a.n) lane.gamma[k] = LoadRow4<true>(a.gamma, k * kStep + 4 * t, a.n);
      }
    }
  }

  // keep(column, values) gets the result, four columns at a time; of(lane) is the Lane.
  template <class Grid, class Of, class Keep>
  BN_HD static void Norm(Grid& g, const Args& a, Shared& shared, Of of, Keep keep) {
    const auto clear = [&](uint32_t t) {
      if (t != 0) return;
      shared.inv = 1.0f;
      shared.largest = 0;
      shared.sum = 0;
    };
    if (a.gamma != nullptr) {
      for (uint32_t col0 = 0; col0 < (kWhole ? 1 : a.n); col0 += kCols) {
        const uint32_t end = a.n - col0 < kCols ? a.n - col0 : kCols;
        g.Phase([&](uint32_t t, auto&) {
          clear(t);
          ReadPiece(a, col0, t, shared);
        });
        g.Lanes([&](uint32_t t, auto& lane) {
          if (col0 == 0) of(lane).stripe[0] = of(lane).stripe[1] = 0.0f;
          if (t < kWarp) AddSquares(shared, end, t, of(lane).stripe);
        });
        if (!kWhole && end < a.n - col0) g.Phase([](uint32_t, auto&) {});  // before the next piece overwrites this one
      }
      SumStripes<1>(
          g, [&](auto& lane) { return of(lane).stripe; }, [&](auto& lane) { return of(lane).other; });
      g.Phase([&](uint32_t t, auto& lane) {
        if (t != 0) return;
        const float ss = of(lane).stripe[0];
        if (!IsFinite(ss)) Fail(a.norm_fail, a.row);
        shared.inv = Quotient(1.0f, SquareRoot(Quotient(ss, static_cast<float>(a.n)) + a.eps));
      });
    } else {
      g.Phase([&](uint32_t t, auto&) {
        clear(t);
        if (kWhole) ReadPiece(a, 0, t, shared);
      });
    }
    g.Lanes([&](uint32_t t, auto& lane) {
      uint32_t largest = 0;
      for (uint32_t col0 = 0; col0 < (kWhole ? 1 : a.n); col0 += kCols) {
        BN_UNROLL
        for (uint32_t k = 0; k < kReads; ++k) {
          const uint32_t i = col0 + k * kStep + 4 * t;
          if (i >= a.n) continue;
          Words4 v = kWhole ? shared.x[i / 4] : LoadRow4<false>(a.x, i, a.n);
          if (a.gamma != nullptr) {
            v = Scaled4(v, shared.inv, kWhole ? of(lane).gamma[k] : LoadRow4<false>(a.gamma, i, a.n));
            if (kWhole) shared.x[i / 4] = v;
          }
          keep(i, v);
          BN_UNROLL
          for (uint32_t j = 0; j < 4; ++j) {
            const uint32_t magnitude = v.w[j] & 0x7fffffffu;
            if ((kWhole || i + j < a.n) && magnitude > largest) largest = magnitude;
          }
        }
      }
      of(lane).largest = largest;
    });
    g.WarpMax([&](auto& lane) -> uint32_t& { return of(lane).largest; });
    g.Phase([&](uint32_t t, auto& lane) {
      if (t % kWarp == 0) AtomicMax(&shared.largest, of(lane).largest);
    });
    g.Lanes([&](uint32_t t, auto&) {
      if (t == 0 && shared.largest >= kInfinity) Fail(a.input_fail, a.row);
    });
  }

  // After Norm: put(column, four int8) gets the columns up to `cols`, a multiple of 4, zero beyond n.
  template <class Grid, class Put>
  BN_HD static void Quantise(Grid& g, const Args& a, uint32_t cols, Shared& shared, Put put) {
    g.Phase([&](uint32_t t, auto&) {
      const bool finite = shared.largest < kInfinity;  // nothing else is converted to an integer
      const float s = Quotient(127.0f, Largest(shared));
      int32_t sum = 0;
      for (uint32_t i = 4 * t; i < cols; i += kStep) {
        uint32_t q = 0;
        if (finite && i < a.n) {
          Words4 v = kWhole ? shared.x[i / 4] : LoadRow4<false>(a.x, i, a.n);
          if (!kWhole && a.gamma != nullptr) v = Scaled4(v, shared.inv, LoadRow4<false>(a.gamma, i, a.n));
          BN_UNROLL
          for (uint32_t j = 0; j < 4; ++j) {
            const int8_t byte = kWhole || i + j < a.n ? RoundToInt8(FloatOf(v.w[j]) * s) : int8_t{0};
            q |= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << (8 * j);
          }
        }
        put(i, q);
        sum = DotBytes(q, 0x01010101u, sum);
      }
      AtomicAdd(&shared.sum, sum);
    });
  }
  // After Quantise, for every thread.
  BN_HD static NormScale ScaleOf(const Shared& shared) { return {Quotient(Largest(shared), 127.0f), shared.sum}; }

  // Reads a piece of the row into shared memory, and zeros up to what AddSquares reads.
  BN_HD static void ReadPiece(const Args& a, uint32_t col0, uint32_t t, Shared& shared) {
    constexpr uint32_t kAtOnce = kReads / 2;  // registers
    BN_UNROLL
    for (uint32_t first = 0; first < kReads; first += kAtOnce) {
      if (col0 + first * kStep >= a.n) continue;
      Words4 x[kAtOnce];
      BN_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) x[k] = LoadRow4<kWhole>(a.x, col0 + (first + k) * kStep + 4 * t, a.n);
      BN_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) {
        const uint32_t i = (first + k) * kStep + 4 * t;
        if (i / (64 * kSquares) * (64 * kSquares) + col0 < a.n) shared.x[i / 4] = x[k];
      }
    }
  }
  // dot64(x, x) of a piece; the zeros behind it change no bit of a sum of squares. Reads of the next columns are under
  // way while these are added.
  static constexpr uint32_t kSquares = 4;
  BN_HD static void AddSquares(const Shared& shared, uint32_t n, uint32_t t, float* stripe) {
    const float* const x = reinterpret_cast<const float*>(shared.x);
    Words2 now[kSquares], next[kSquares];
    const auto read = [&](uint32_t col0, Words2* to) {
      BN_UNROLL
      for (uint32_t k = 0; k < kSquares; ++k) {
        if (col0 < n) to[k] = Load<Words2>(x + col0 + 64 * k + 2 * t);
      }
    };
    read(0, now);
    for (uint32_t col0 = 0; col0 < n; col0 += 64 * kSquares) {
      read(col0 + 64 * kSquares, next);
      BN_UNROLL
      for (uint32_t k = 0; k < kSquares; ++k) {
        const float x0 = FloatOf(now[k].w[0]), x1 = FloatOf(now[k].w[1]);
        stripe[0] = FusedMultiplyAdd(x0, x0, stripe[0]);
        stripe[1] = FusedMultiplyAdd(x1, x1, stripe[1]);
        now[k] = next[k];
      }
    }
  }

 private:
  BN_HD static Words4 Scaled4(const Words4& x, float inv, const Words4& gamma) {
    Words4 y;
    BN_UNROLL
    for (uint32_t j = 0; j < 4; ++j) y.w[j] = BitsOf((FloatOf(x.w[j]) * inv) * FloatOf(gamma.w[j]));
    return y;
  }
  BN_HD static float Largest(const Shared& shared) {
    const float largest = FloatOf(shared.largest < kInfinity ? shared.largest : 0);
    return largest > 1e-5f ? largest : 1e-5f;
  }
};

// RowNorm of many rows. One block a row.
template <bool kWhole>
struct NormQuantise {
  using Norm = RowNorm<kWhole>;
  static constexpr uint32_t kThreads = Norm::kThreads;
  static constexpr bool kReadsAhead = true;
  struct Args {
    NormArgs norm;  // x [rows, n], row 0
    float* y;       // [rows, n]: the normed row, or null; not x
    int8_t* q;      // [rows, q_stride], zero beyond n, aligned to 4, or null: no quantisation
    uint32_t q_stride;
    float* d;        // [rows]
    int32_t* q_sum;  // [rows]
  };
  using Shared = typename Norm::Shared;
  using Lane = typename Norm::Lane;

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t row = g.x();
    NormArgs norm = a.norm;
    norm.x += size_t{row} * norm.n;
    norm.row += row;
    g.Lanes([&](uint32_t t, Lane& lane) { Norm::ReadGamma(norm, t, lane); });
    g.AwaitPrevious();
    const auto of = [](Lane& lane) -> Lane& { return lane; };
    Norm::Norm(g, norm, g.shared(), of, [&](uint32_t i, const Words4& v) {
      if (a.y == nullptr) return;
      float* const y = a.y + size_t{row} * norm.n + i;
      if (norm.n % 4 == 0) return Write(v, y);
      for (uint32_t j = 0; j < 4 && i + j < norm.n; ++j) y[j] = FloatOf(v.w[j]);
    });
    if (a.q == nullptr) return;
    Norm::Quantise(g, norm, a.q_stride, g.shared(),
                   [&](uint32_t i, uint32_t q) { Write(q, a.q + size_t{row} * a.q_stride + i); });
    g.Lanes([&](uint32_t t, Lane&) {
      if (t != 0) return;
      const NormScale scale = Norm::ScaleOf(g.shared());
      a.d[row] = scale.d;
      a.q_sum[row] = scale.q_sum;
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_NORM_KERNELS_H_
