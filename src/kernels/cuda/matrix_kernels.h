// Dense matrices on a GPU, and embedding rows of any type.
#ifndef BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_
#define BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_

#include "kernels/cuda/block_layout.h"
#include "kernels/cuda/row_kernels.h"

namespace bitnet::kernels::gpu {

struct ProductArgs {
  const void* w;         // dense: [rows, n]; block: the codes of block_layout.h. Aligned to 16
  const uint8_t* scale;  // block: the scales of block_layout.h
  const float* x;        // dense: [tokens, n], aligned to 16
  const int8_t* q;       // block: [tokens, n], aligned to 16
  const float* d_a;      // block: [tokens, n / B]
  uint32_t n, rows, n_tokens;
  const float* bias;  // [rows] or null
  bool add;           // y += the product, else y = it
  float* y;           // [tokens, rows]
};

// Some rows of a matrix alone: `ids`, in any order, [*n_ids] of them, known on the device alone; none where they are
// more than `max`. A grid over `max` rows.
struct ListedProductArgs : ProductArgs {
  const uint32_t* ids;
  const uint32_t* n_ids;
  uint32_t max;
};

BN_HD void StoreProduct(float y, const ProductArgs& a, uint32_t token, uint32_t row) {
  if (a.bias != nullptr) y = y + a.bias[row];
  float* const to = a.y + size_t{token} * a.rows + row;
  *to = a.add ? *to + y : y;
}

// 8 threads make a row, or two of several tokens: each has 8 stripes of dot64, so that 8 threads read 64 elements of a
// row 16 bytes at a time. Elements of 2 bytes: thread l has stripes 8 l .. 8 l + 7; of 4 bytes: 4 l .. 4 l + 3 and
// those + 32. As soon as an element is used, the one kAhead * 64 further on is asked for. kListed: of the rows of a
// list.
template <class T, uint32_t kTokens, bool kListed = false>
struct DenseProduct {
  static constexpr bool kReadsAhead = !kListed;
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kBlocksEach = kTokens == 1 ? 5 : 2;
  static constexpr uint32_t kRowThreads = 8;
  static constexpr uint32_t kRowsEach = kTokens == 1 ? 1 : 2;  // they share what is read of x
  static constexpr uint32_t kRows = kThreads / kRowThreads * kRowsEach;
  static constexpr uint32_t kChunk = 64;               // columns that 8 threads take at a time
  static constexpr uint32_t kVector = 16 / sizeof(T);  // elements of a load
  static constexpr uint32_t kLoads = 8 / kVector;      // of a thread, row and chunk
  static constexpr uint32_t kAhead = 8 / kRowsEach / kLoads;
  static constexpr uint32_t kStaged = kTokens == 1 ? 4096 : 2048;  // columns of x in shared memory
  static constexpr uint32_t kSums = kRowsEach * kTokens;
  static_assert(kStaged % (kAhead * kChunk) == 0);
  using Args = std::conditional_t<kListed, ListedProductArgs, ProductArgs>;
  struct Shared {
    // Fours of columns, so that 8 threads meet in no bank: of chunk c, 16 c + 8 h + l is the h-th four of thread l.
    Words4 x[kTokens][kStaged / 4];
  };
  struct Lane {
    Words4 w[kAhead][kRowsEach][kLoads];
    float stripe[kSums * 8], other[8];
    uint32_t row[kRowsEach];
  };

  // The first column that thread l has of half h (four stripes), or of load h, of a chunk.
  BN_HD static constexpr uint32_t HalfColumn(uint32_t l, uint32_t h) {
    return kVector == 8 ? 8 * l + 4 * h : 32 * h + 4 * l;
  }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    // Rows that are not aligned to a load are read element by element.
    return a.n % kVector == 0 ? Product<true>(g, a) : Product<false>(g, a);
  }

 private:
  BN_HD static uint32_t Rows(const Args& a) {
    if constexpr (kListed)
      return *a.n_ids <= a.max ? *a.n_ids : 0;
    else
      return a.rows;
  }

  template <bool kAligned>
  BN_HD static void Fetch(const Args& a, uint32_t row, uint32_t column, uint32_t l, Words4 (&w)[kLoads]) {
    BN_UNROLL
    for (uint32_t p = 0; p < kLoads; ++p) {
      const uint32_t i = column + HalfColumn(l, p);
      const T* const from = static_cast<const T*>(a.w) + size_t{row} * a.n + i;
      if constexpr (kAligned) {
        if (i < a.n) w[p] = LoadOnce(from);
      } else {
        T x[kVector];
        BN_UNROLL
        for (uint32_t e = 0; e < kVector; ++e) x[e] = i + e < a.n ? from[e] : T{};
        std::memcpy(&w[p], x, sizeof x);
      }
    }
  }

  template <bool kAligned, class Grid>
  BN_HD static void Product(Grid& g, const Args& a) {
    // Blocks of the same rows stand together, so that the second-level cache has the weights for all tokens.
    const uint32_t n_groups = (a.n_tokens + kTokens - 1) / kTokens;
    const uint32_t token0 = g.x() % n_groups * kTokens, row0 = g.x() / n_groups * kRows;
    const uint32_t n_rows = Rows(a);
    if (kListed && row0 >= n_rows) return;
    const auto row_of = [&](uint32_t t, uint32_t r) { return row0 + t / kRowThreads * kRowsEach + r; };
    const auto fetch = [&](uint32_t t, uint32_t column, Lane& lane, Words4(&w)[kRowsEach][kLoads]) {
      BN_UNROLL
      for (uint32_t r = 0; r < kRowsEach; ++r) Fetch<kAligned>(a, lane.row[r], column, t % kRowThreads, w[r]);
    };
    constexpr uint32_t kBatch = kAligned ? kAhead : 1;  // chunks
    g.Lanes([&](uint32_t t, Lane& lane) {               // weights alone: x need not be there yet
      BN_UNROLL
      for (uint32_t r = 0; r < kRowsEach; ++r) {  // threads without a row repeat the last one and store nothing
        lane.row[r] = row_of(t, r) < n_rows ? row_of(t, r) : n_rows - 1;
        if constexpr (kListed) lane.row[r] = a.ids[lane.row[r]];
      }
      BN_UNROLL
      for (uint32_t i = 0; i < kSums * 8; ++i) lane.stripe[i] = 0.0f;
      BN_UNROLL
      for (uint32_t j = 0; j < kBatch; ++j) fetch(t, j * kChunk, lane, lane.w[j]);
    });
    if (!kListed) g.AwaitPrevious();
    auto& shared = g.shared();
    for (uint32_t col0 = 0; col0 < a.n; col0 += kStaged) {
      if (col0 > 0) g.Phase([](uint32_t, Lane&) {});  // all are done with what is there
      g.Phase([&](uint32_t t, Lane&) { Stage(t, a, token0, col0, shared); });
      const uint32_t end = a.n - col0 < kStaged ? a.n : col0 + kStaged;
      g.Lanes([&](uint32_t t, Lane& lane) {
        const auto batch = [&](uint32_t column, auto whole) {
          BN_UNROLL
          for (uint32_t j = 0; j < kBatch; ++j) {
            const uint32_t at = column + j * kChunk;
            Multiply<decltype(whole)::value>(a, at, t % kRowThreads, shared, (at - col0) / 4, lane.w[j], lane);
            fetch(t, at + kBatch * kChunk, lane, lane.w[j]);
          }
        };
        uint32_t column = col0;
        for (; column + kBatch * kChunk <= end; column += kBatch * kChunk) batch(column, std::true_type());
        for (; column < end; column += kBatch * kChunk) batch(column, std::false_type());
      });
    }
    SumAll(g);
    g.Lanes([&](uint32_t t, Lane& lane) {
      if (t % kRowThreads != 0) return;
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) {
        const uint32_t r = i / kTokens, token = token0 + i % kTokens;
        if (row_of(t, r) < n_rows && token < a.n_tokens) StoreProduct(lane.stripe[8 * i], a, token, lane.row[r]);
      }
    });
  }

  BN_HD static void Stage(uint32_t t, const Args& a, uint32_t token0, uint32_t col0, Shared& shared) {
    const uint32_t cols = a.n - col0 < kStaged ? a.n - col0 : kStaged;
    const uint32_t n_fours = (cols + kChunk - 1) / kChunk * (kChunk / 4);
    BN_UNROLL
    for (uint32_t k = 0; k < kTokens; ++k) {
      BN_UNROLL_BY(4)
      for (uint32_t i = t; i < n_fours; i += kThreads) {
        const uint32_t col = i / 16 * kChunk + HalfColumn(i % 8, i % 16 / 8);
        Words4 x = {{0, 0, 0, 0}};
        const float* const from = a.x + size_t{token0 + k} * a.n + col0 + col;
        if (token0 + k < a.n_tokens && a.n % 4 == 0 && col < cols) x = Load<Words4>(from);
        if (token0 + k < a.n_tokens && a.n % 4 != 0) {
          for (uint32_t e = 0; e < 4; ++e) x.w[e] = col + e < cols ? BitsOf(from[e]) : 0;
        }
        shared.x[k][i] = x;
      }
    }
  }

  // Adds the products of a chunk, all of whose columns are there if kWhole: `at` its first column, `four` its place in
  // shared.x.
  template <bool kWhole>
  BN_HD static void Multiply(const Args& a, uint32_t at, uint32_t l, const Shared& shared, uint32_t four,
                             const Words4 (&w)[kRowsEach][kLoads], Lane& lane) {
    BN_UNROLL
    for (uint32_t h = 0; h < 2; ++h) {
      const uint32_t column = at + HalfColumn(l, h);
      if (!kWhole && column >= a.n) continue;  // nothing may be added, not even zero
      BN_UNROLL
      for (uint32_t k = 0; k < kTokens; ++k) {
        const Words4 x = shared.x[k][four + 8 * h + l];
        BN_UNROLL
        for (uint32_t r = 0; r < kRowsEach; ++r) {
          float* const stripe = lane.stripe + (r * kTokens + k) * 8 + 4 * h;
          BN_UNROLL
          for (uint32_t e = 0; e < 4; ++e) {
            if (!kWhole && column + e >= a.n) continue;
            stripe[e] = FusedMultiplyAdd(Element(w[r], 4 * h + e), FloatOf(x.w[e]), stripe[e]);
          }
        }
      }
    }
  }
  // Element v of a thread's 8 of a chunk.
  BN_HD static float Element(const Words4 (&w)[kLoads], uint32_t v) {
    if constexpr (kVector == 4)
      return FloatOf(w[v / 4].w[v % 4]);
    else
      return ToF32(T{static_cast<uint16_t>(w[0].w[v / 2] >> (16 * (v % 2)) & 0xffff)});
  }

  // The tree of docs/numerics.md over the 8 stripes of each of 8 threads; the first of them has the sums in [8 i].
  template <class Grid>
  BN_HD static void SumAll(Grid& g) {
    const auto add_within = [&](uint32_t half) {
      g.Lanes([&](uint32_t, Lane& lane) {
        BN_UNROLL
        for (uint32_t i = 0; i < kSums; ++i) {
          BN_UNROLL
          for (uint32_t s = 0; s < half; ++s)
            lane.stripe[8 * i + s] = lane.stripe[8 * i + s] + lane.stripe[8 * i + s + half];
        }
      });
    };
    if (kVector == 4) add_within(4);  // stripes s and s + 32
    BN_UNROLL
    for (uint32_t delta = kRowThreads / 2; delta > 0; delta /= 2) {
      BN_UNROLL
      for (uint32_t i = 0; i < kSums; ++i) {  // one after the other: few registers
        g.template ShuffleDown<8>([&](Lane& lane) { return lane.stripe + 8 * i; },
                                  [](Lane& lane) { return lane.other; }, delta);
        g.Lanes([&](uint32_t, Lane& lane) {
          BN_UNROLL
          for (uint32_t s = 8 * i; s < 8 * i + 8; ++s) lane.stripe[s] = lane.stripe[s] + lane.other[s % 8];
        });
      }
    }
    if (kVector == 8) add_within(4);
    add_within(2);
    add_within(1);
  }
};

enum class EmbedType : uint32_t { kF32, kF16, kBF16, kQ8_0, kQ6_K };

// Embedding rows: a thread makes four columns.
struct Embed {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kColumns = 4 * kThreads;  // of a block
  struct Args {
    EmbedType type;
    const void* w;
    const uint8_t* scale;  // of block types, as in ProductArgs
    const Row* rows;
    uint32_t n;
    float* x;  // [rows, n]
    FailSlot fail;
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t unused;
  };

  template <class T>
  BN_HD static void Dense(const Args& a, size_t at, uint32_t n, float (&x)[4]) {
    BN_UNROLL
    for (uint32_t e = 0; e < 4; ++e) x[e] = e < n ? ToF32(static_cast<const T*>(a.w)[at + e]) : 0.0f;
  }
  // Columns i..i + 3 of a row, those of them that are below n.
  BN_HD static void Four(const Args& a, size_t row, uint32_t i, float (&x)[4]) {
    const uint32_t left = a.n - i;
    const size_t at = row * a.n + i;
    switch (a.type) {
      case EmbedType::kF32: return Dense<float>(a, at, left, x);
      case EmbedType::kF16: return Dense<F16>(a, at, left, x);
      case EmbedType::kBF16: return Dense<BF16>(a, at, left, x);
      case EmbedType::kQ8_0:
      case EmbedType::kQ6_K: break;
    }
    const Block type = a.type == EmbedType::kQ8_0 ? Block::kQ8_0 : Block::kQ6_K;
    const uint32_t elements = TileColumns(type), r = row % kTileRows, high = r / 8, lane = r % 8 * 4 + i % 16 / 4;
    const size_t tile = row / kTileRows * (a.n / elements) + i / elements;
    const auto* const codes = static_cast<const uint8_t*>(a.w) + tile * TileBytes(type);
    const uint8_t* const scales = a.scale + tile * TileScaleBytes(type);
    float d = ToF32(F16{Load<uint16_t>(scales + ScaleAt(type, r))});  // sub_scale is 1 in Q8_0
    uint32_t words = 0;
    if (type == Block::kQ8_0) words = Load<uint32_t>(codes + WordQ8_0(lane, high, i % 32 / 16));
    if (type == Block::kQ6_K) {
      const uint32_t sub = i % 256 / 16;
      words =
          CodesQ6K(Load<uint32_t>(codes + LowQ6K(lane, sub)), Load<uint32_t>(codes + HighQ6K(lane, sub)), sub, high);
      d = d * static_cast<float>(static_cast<int8_t>(scales[16 * r + sub]));
    }
    BN_UNROLL
    for (uint32_t e = 0; e < 4; ++e) {
      const int32_t q = static_cast<int8_t>(words >> (8 * e) & 0xff);
      x[e] = d * static_cast<float>(type == Block::kQ6_K ? q / 4 : q);
    }
  }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    g.Lanes([&](uint32_t t, Lane&) {
      const auto row = static_cast<size_t>(a.rows[g.x()].token);
      const uint32_t i = g.y() * kColumns + 4 * t;
      if (i >= a.n) return;
      float x[4];
      Four(a, row, i, x);
      bool finite = true;
      BN_UNROLL
      for (uint32_t e = 0; e < 4; ++e) {
        if (i + e >= a.n) break;
        finite = finite && IsFinite(x[e]);
        a.x[size_t{g.x()} * a.n + i + e] = x[e];
      }
      if (!finite) Fail(a.fail, g.x());
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_
