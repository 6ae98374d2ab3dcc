// The head shortcut on a GPU (docs/kernels.md, "The head shortcut"): the digits of a normed row, bounds of all logits,
// and the rows that survive. Bit for bit the arithmetic of the CPU, so that bounds, survivors and what falls back are
// the same everywhere. Exact rows are made by DenseListed (matrix_kernels.h), the choices by SelectTop.
#ifndef BITNET_KERNELS_CUDA_HEAD_KERNELS_H_
#define BITNET_KERNELS_CUDA_HEAD_KERNELS_H_

#include "kernels/cuda/head_copy_kernel.h"
#include "kernels/cuda/norm_kernels.h"

namespace bitnet::kernels::gpu {

// The digits of a normed row, and what bounds need of it. One block.
struct HeadDigits {
  using Norm = RowNorm<false>;
  static constexpr uint32_t kThreads = Norm::kThreads;
  struct Args {
    const float* x;  // [n], aligned to 16
    uint32_t n;
    int8_t* digits;         // [2, PadHead(n)]: high, low; aligned to 16
    HeadQuery* query;       // out
    uint32_t* n_survivors;  // out: none yet
    FailSlot fail;
  };
  struct Shared {
    Norm::Shared row;
    uint32_t largest;
  };
  struct Lane {
    float stripe[2], other[2];
    uint32_t largest;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    auto& shared = g.shared();
    NormArgs row{};
    row.x = a.x;
    row.n = a.n;
    for (uint32_t col0 = 0; col0 < a.n; col0 += Norm::kCols) {
      const uint32_t end = a.n - col0 < Norm::kCols ? a.n - col0 : Norm::kCols;
      if (col0 > 0) g.Phase([](uint32_t, Lane&) {});  // before this piece overwrites the last one
      g.Phase([&](uint32_t t, Lane&) {
        Norm::ReadPiece(row, col0, t, shared.row);
        if (t == 0 && col0 == 0) shared.largest = 0;
      });
      g.Lanes([&](uint32_t t, Lane& lane) {
        if (col0 == 0) {
          lane.stripe[0] = lane.stripe[1] = 0.0f;
          lane.largest = 0;
        }
        if (t < kWarp) Norm::AddSquares(shared.row, end, t, lane.stripe);
        for (uint32_t i = 4 * t; i < end; i += Norm::kStep) {  // zeros behind the row
          const Words4 x = shared.row.x[i / 4];
          BN_UNROLL
          for (uint32_t e = 0; e < 4; ++e) {
            const uint32_t magnitude = x.w[e] & 0x7fffffffu;
            lane.largest = magnitude > lane.largest ? magnitude : lane.largest;
          }
        }
      });
    }
    SumStripes<1>(
        g, [](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other; });
    g.WarpMax([](Lane& lane) -> uint32_t& { return lane.largest; });
    g.Phase([&](uint32_t t, Lane& lane) {
      if (t % kWarp == 0) AtomicMax(&shared.largest, lane.largest);
    });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const bool finite = shared.largest < kInfinity;  // nothing else is converted to an integer
      const float unit = HeadUnit(FloatOf(finite ? shared.largest : 0));
      const float inverse = Quotient(1.0f, unit);
      const uint32_t padded = (a.n + HeadLayout::kBlock - 1) / HeadLayout::kBlock * HeadLayout::kBlock;
      for (uint32_t i = 4 * t; i < padded; i += Norm::kStep) {
        const Words4 x = finite ? LoadRow4<false>(a.x, i, a.n) : Words4{{0, 0, 0, 0}};
        uint32_t high = 0, low = 0;
        BN_UNROLL
        for (uint32_t e = 0; e < 4; ++e) {
          const auto q = static_cast<int32_t>(Rint(FloatOf(x.w[e]) * inverse));
          const int32_t digit = (q + 64) >> 7;
          high |= static_cast<uint32_t>(static_cast<uint8_t>(digit)) << (8 * e);
          low |= static_cast<uint32_t>(static_cast<uint8_t>(q - 128 * digit)) << (8 * e);
        }
        Write(high, a.digits + i);
        Write(low, a.digits + padded + i);
      }
      if (t != 0) return;
      if (!finite) Fail(a.fail, 0);
      *a.query = MakeHeadQuery(unit, lane.stripe[0], a.n);
      *a.n_survivors = 0;
    });
  }
};

// Bounds of all logits. A warp has a tile, four threads a row, each of every block 16 codes: four of its 16 stripes.
// As soon as 16 bytes are used, those of the same block of the next group are asked for.
struct HeadBounds {
  static constexpr bool kReadsAhead = true;
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kBlocksEach = 5;
  static constexpr uint32_t kRows = kThreads / kWarp * HeadLayout::kRows;
  static constexpr uint32_t kRowThreads = kWarp / HeadLayout::kRows;
  static constexpr uint32_t kStaged = 64;  // blocks whose digits stand in shared memory
  static_assert(kStaged % HeadLayout::kGroup == 0 && kRowThreads * 16 == HeadLayout::kBlock);
  struct Args {
    const uint8_t* copy;  // HeadLayout(rows, n)
    uint32_t n, rows;
    const int8_t* digits;  // of HeadDigits
    const HeadQuery* query;
    float* lower;  // [rows]
    float* upper;  // [rows]
  };
  struct Shared {
    Words4 high[kStaged * kRowThreads], low[kStaged * kRowThreads];  // read by eight rows at once: no conflict
  };
  struct Lane {
    Words4 codes[HeadLayout::kGroup], scales;
    Words2 ends;
    float stripe[4], other[4];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const HeadLayout layout(a.rows, a.n);
    const auto row_of = [&](uint32_t t) { return g.x() * kRows + t / kRowThreads; };
    // Threads without a tile repeat the first one and store nothing.
    const auto tile_row = [&](uint32_t t) { return row_of(t) < layout.tiles * HeadLayout::kRows ? row_of(t) : 0; };
    const auto fetch = [&](uint32_t t, uint32_t block, Words4& codes) {
      if (block < layout.blocks) codes = LoadOnce(a.copy + layout.Code(tile_row(t), block) + 16 * (t % kRowThreads));
    };
    const auto fetch_scales = [&](uint32_t t, uint32_t group, Words4& scales) {
      if (group < layout.groups) scales = LoadOnce(a.copy + layout.Scales(tile_row(t), group));
    };
    g.Lanes([&](uint32_t t, Lane& lane) {  // weights alone: the digits need not be there yet
      BN_UNROLL
      for (uint32_t j = 0; j < HeadLayout::kGroup; ++j) fetch(t, j, lane.codes[j]);
      fetch_scales(t, 0, lane.scales);
      lane.ends = Load<Words2>(a.copy + layout.Ends(tile_row(t)));
      BN_UNROLL
      for (uint32_t e = 0; e < 4; ++e) lane.stripe[e] = 0.0f;
    });
    g.AwaitPrevious();
    auto& shared = g.shared();
    for (uint32_t block0 = 0; block0 < layout.blocks; block0 += kStaged) {
      if (block0 > 0) g.Phase([](uint32_t, Lane&) {});  // all are done with what is there
      const uint32_t end = layout.blocks - block0 < kStaged ? layout.blocks : block0 + kStaged;
      g.Phase([&](uint32_t t, Lane&) {
        const int8_t* const high = a.digits + size_t{block0} * HeadLayout::kBlock;
        const int8_t* const low = high + size_t{layout.blocks} * HeadLayout::kBlock;
        for (uint32_t i = t; i < (end - block0) * kRowThreads; i += kThreads) {
          shared.high[i] = Load<Words4>(high + 16 * i);
          shared.low[i] = Load<Words4>(low + 16 * i);
        }
      });
      g.Lanes([&](uint32_t t, Lane& lane) {
        const auto group = [&](uint32_t block, auto whole) {
          Words4 next{};
          fetch_scales(t, block / HeadLayout::kGroup + 1, next);
          BN_UNROLL
          for (uint32_t j = 0; j < HeadLayout::kGroup; ++j) {
            if (!decltype(whole)::value && block + j >= end) break;
            const uint32_t at = (block + j - block0) * kRowThreads + t % kRowThreads;
            const uint32_t pair = lane.scales.w[j / 2];
            const float scale = FloatOf(j % 2 == 0 ? pair << 16 : pair & 0xffff0000u);
            Multiply(lane.codes[j], shared.high[at], shared.low[at], scale, lane.stripe);
            fetch(t, block + j + HeadLayout::kGroup, lane.codes[j]);
          }
          lane.scales = next;
        };
        uint32_t block = block0;
        for (; block + HeadLayout::kGroup <= end; block += HeadLayout::kGroup) group(block, std::true_type());
        if (block < end) group(block, std::false_type());
      });
    }
    const auto add_from = [&](uint32_t delta) {
      g.template ShuffleDown<4>([](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other; }, delta);
      g.Lanes([](uint32_t, Lane& lane) {
        BN_UNROLL
        for (uint32_t e = 0; e < 4; ++e) lane.stripe[e] = lane.stripe[e] + lane.other[e];
      });
    };
    add_from(2);  // stripes s and s + 8
    add_from(1);  // s and s + 4
    g.Lanes([&](uint32_t t, Lane& lane) {
      if (t % kRowThreads != 0 || row_of(t) >= a.rows) return;
      const float sum = (lane.stripe[0] + lane.stripe[2]) + (lane.stripe[1] + lane.stripe[3]);
      const HeadQuery query = *a.query;
      SetHeadBounds(query.unit * sum, FloatOf(lane.ends.w[0]), FloatOf(lane.ends.w[1]), query, a.lower + row_of(t),
                    a.upper + row_of(t));
    });
  }

 private:
  BN_HD static void Multiply(const Words4& codes, const Words4& high, const Words4& low, float scale, float* stripe) {
    BN_UNROLL
    for (uint32_t e = 0; e < 4; ++e) {
      const int32_t high_sum = DotBytes(codes.w[e], high.w[e], 0);
      const int32_t sum = DotBytes(codes.w[e], low.w[e], 128 * high_sum);  // below 2^24: exact as f32
      stripe[e] = FusedMultiplyAdd(static_cast<float>(sum), scale, stripe[e]);
    }
  }
};

// The rows whose upper bound reaches the k-th largest lower one, in no order. Their logits then take the places of
// their lower bounds. What stands in the others' places, their lower bounds, is below k logits, so that none is chosen.
struct HeadSurvivors {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kEach = 4;
  static constexpr uint32_t kRows = kThreads * kEach;
  struct Args {
    const float* upper;  // [rows]
    uint32_t rows, k;
    const TopEntry* top;  // [k] of the lower bounds
    uint32_t* ids;        // [max]
    uint32_t max;
    uint32_t* n_survivors;  // in: 0; out: all of them, also where they are more than `max`
  };
  struct Shared {
    uint32_t count, first;
  };
  struct Lane {
    uint32_t live, at;  // a bit for each row; the place of the first one among the block's
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    auto& shared = g.shared();
    const auto row_of = [&](uint32_t t, uint32_t e) { return g.x() * kRows + e * kThreads + t; };
    g.Phase([&](uint32_t t, Lane&) {
      if (t == 0) shared.count = 0;
    });
    g.Phase([&](uint32_t t, Lane& lane) {
      const float threshold = a.top[a.k - 1].logit;
      float upper[kEach];
      BN_UNROLL
      for (uint32_t e = 0; e < kEach; ++e) {
        if (row_of(t, e) < a.rows) upper[e] = a.upper[row_of(t, e)];
      }
      uint32_t n = 0;
      lane.live = 0;
      BN_UNROLL
      for (uint32_t e = 0; e < kEach; ++e) {
        if (row_of(t, e) >= a.rows) continue;
        const uint32_t live = upper[e] >= threshold ? 1 : 0;
        lane.live |= live << e;
        n += live;
      }
      lane.at = n > 0 ? AtomicTake(&shared.count, n) : 0;
    });
    g.Phase([&](uint32_t t, Lane&) {
      if (t == 0 && shared.count > 0) shared.first = AtomicTake(a.n_survivors, shared.count);
    });
    g.Lanes([&](uint32_t t, Lane& lane) {
      uint32_t at = shared.first + lane.at;
      BN_UNROLL
      for (uint32_t e = 0; e < kEach; ++e) {
        if ((lane.live >> e & 1) == 0) continue;
        if (at < a.max) a.ids[at] = row_of(t, e);
        ++at;
      }
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_HEAD_KERNELS_H_
