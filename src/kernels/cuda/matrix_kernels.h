// Dense and block-quantised matrices on a GPU: products and embedding rows.
#ifndef BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_
#define BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_

#include "kernels/cuda/row_kernels.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels::gpu {

// Block types in two planes, so that every read is aligned: what a block holds but its scale (Q8_0: 32 bytes, Q6_K:
// 208), and the f16 scales.
BN_HD constexpr uint32_t PlaneBytes(Block type) { return type == Block::kQ6_K ? 208 : 32; }
BN_HD constexpr uint32_t PlaneElements(Block type) { return type == Block::kQ6_K ? 256 : 32; }
// The block types that this folder computes with.
constexpr bool Supported(Block type) { return type == Block::kQ8_0 || type == Block::kQ6_K; }

struct ProductArgs {
  const void* w;          // dense: [rows, n]; block: [rows, n / B, PlaneBytes]
  const uint16_t* scale;  // block: [rows, n / B]
  const float* x;         // dense: [tokens, n], aligned to 8
  const int8_t* q;        // block: [tokens, n], aligned to 16
  const float* d_a;       // block: [tokens, n / B]
  uint32_t n, rows, n_tokens;
  const float* bias;  // [rows] or null
  bool add;           // y += the product, else y = it
  float* y;           // [tokens, rows]
};

BN_HD void StoreProduct(float y, const ProductArgs& a, uint32_t token, uint32_t row) {
  if (a.bias != nullptr) y = y + a.bias[row];
  float* const to = a.y + size_t{token} * a.rows + row;
  *to = a.add ? *to + y : y;
}

template <class T>
struct alignas(2 * sizeof(T)) Pair {
  T x[2];
};

// A warp makes a row of kTokens tokens: thread l holds stripes 2l and 2l + 1 of dot64.
template <class T, uint32_t kTokens>
struct DenseProduct {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kRows = kThreads / kWarp;
  using Args = ProductArgs;
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    float stripe[2 * kTokens], other[2 * kTokens];
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    const uint32_t token0 = g.y() * kTokens;
    g.Lanes([&](uint32_t t, Lane& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < 2 * kTokens; ++i) lane.stripe[i] = 0.0f;
      const uint32_t row = g.x() * kRows + t / kWarp;
      if (row >= a.rows) return;
      const T* const w = static_cast<const T*>(a.w) + size_t{row} * a.n;
      const bool pairs = a.n % 2 == 0;  // then rows are aligned to two elements
      for (uint32_t i = t % kWarp * 2; i < a.n; i += 64) {
        float x[2] = {0.0f, 0.0f};
        if (pairs) {
          const Pair<T> both = Load<Pair<T>>(w + i);
          x[0] = ToF32(both.x[0]);
          x[1] = ToF32(both.x[1]);
        } else {
          x[0] = ToF32(w[i]);
          if (i + 1 < a.n) x[1] = ToF32(w[i + 1]);
        }
        BN_UNROLL
        for (uint32_t k = 0; k < kTokens; ++k) {
          if (token0 + k >= a.n_tokens) continue;
          const float* const xs = a.x + size_t{token0 + k} * a.n + i;
          lane.stripe[2 * k] = FusedMultiplyAdd(x[0], xs[0], lane.stripe[2 * k]);
          if (i + 1 < a.n) lane.stripe[2 * k + 1] = FusedMultiplyAdd(x[1], xs[1], lane.stripe[2 * k + 1]);
        }
      }
    });
    SumStripes<kTokens>(
        g, [](Lane& lane) { return lane.stripe; }, [](Lane& lane) { return lane.other; });
    g.Lanes([&](uint32_t t, Lane& lane) {
      const uint32_t row = g.x() * kRows + t / kWarp;
      if (t % kWarp != 0 || row >= a.rows) return;
      BN_UNROLL
      for (uint32_t k = 0; k < kTokens; ++k) {
        if (token0 + k < a.n_tokens) StoreProduct(lane.stripe[2 * k], a, token0 + k, row);
      }
    });
  }
};

// Codes 0..63 of four elements, weight + 32: elements 32 g + 4 i .. 4 i + 3 of half `half` of a Q6_K block.
BN_HD uint32_t CodesQ6K(const uint8_t* block, uint32_t half, uint32_t g, uint32_t i) {
  const uint32_t ql = Load<uint32_t>(block + 64 * half + 32 * (g % 2) + 4 * i);
  const uint32_t qh = Load<uint32_t>(block + 128 + 32 * half + 4 * i);
  return (ql >> (4 * (g / 2)) & 0x0f0f0f0fu) | (qh >> (2 * g) & 0x03030303u) << 4;
}

// The integer sum of one block: `q` its activations.
BN_HD int32_t BlockSum(Block type, const uint8_t* block, const int8_t* q) {
  int32_t sum = 0;
  if (type == Block::kQ8_0) {
    for (uint32_t i = 0; i < 32; i += 4) sum = DotBytes(Load<uint32_t>(block + i), Load<uint32_t>(q + i), sum);
    return sum;
  }
  for (uint32_t sub = 0; sub < 16; ++sub) {  // 16 elements each
    const uint32_t half = sub / 8, g = sub % 8 / 2, i0 = sub % 2 * 4;
    int32_t part = 0;
    for (uint32_t i = i0; i < i0 + 4; ++i) {
      const uint32_t x = Load<uint32_t>(q + 128 * half + 32 * g + 4 * i);
      part = DotBytes(CodesQ6K(block, half, g, i), x, part) - DotBytes(0x20202020u, x, 0);
    }
    sum += static_cast<int8_t>(block[192 + sub]) * part;
  }
  return sum;
}

// 32 rows of one token: all threads make the integer sums of 64 blocks, then a thread a row runs the chain over them.
template <Block kType>
struct BlockProduct {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = 32;
  static constexpr uint32_t kTile = 64;
  using Args = ProductArgs;
  struct Shared {
    float sum[kRows][kTile + 1];
    float scale[kRows][kTile + 1];
  };
  struct Lane {
    float y;
  };

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    constexpr uint32_t kElements = PlaneElements(kType), kBytes = PlaneBytes(kType);
    const uint32_t n_blocks = a.n / kElements, row0 = g.x() * kRows, token = g.y();
    auto& shared = g.shared();
    g.Lanes([](uint32_t, Lane& lane) { lane.y = 0.0f; });
    for (uint32_t b0 = 0; b0 < n_blocks; b0 += kTile) {
      const uint32_t n = n_blocks - b0 < kTile ? n_blocks - b0 : kTile;
      g.Phase([&](uint32_t t, Lane&) {
        for (uint32_t i = t; i < kRows * n; i += kThreads) {
          const uint32_t r = i / n, b = b0 + i % n;
          if (row0 + r >= a.rows) break;
          const size_t at = size_t{row0 + r} * n_blocks + b;
          const int32_t sum = BlockSum(kType, static_cast<const uint8_t*>(a.w) + at * kBytes,
                                       a.q + size_t{token} * a.n + size_t{b} * kElements);
          shared.sum[r][i % n] = static_cast<float>(sum);
          shared.scale[r][i % n] = ToF32(F16{a.scale[at]}) * a.d_a[size_t{token} * n_blocks + b];
        }
      });
      g.Phase([&](uint32_t t, Lane& lane) {
        if (t >= kRows || row0 + t >= a.rows) return;
        for (uint32_t b = 0; b < n; ++b) lane.y = FusedMultiplyAdd(shared.sum[t][b], shared.scale[t][b], lane.y);
      });
    }
    g.Lanes([&](uint32_t t, Lane& lane) {
      if (t < kRows && row0 + t < a.rows) StoreProduct(lane.y, a, token, row0 + t);
    });
  }
};

enum class EmbedType : uint32_t { kF32, kF16, kBF16, kQ8_0, kQ6_K };

// Embedding rows: one block a token.
struct Embed {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    EmbedType type;
    const void* w;
    const uint16_t* scale;  // of block types
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

  BN_HD static float Element(const Args& a, size_t row, uint32_t i) {
    const size_t at = row * a.n + i;
    switch (a.type) {
      case EmbedType::kF32: return static_cast<const float*>(a.w)[at];
      case EmbedType::kF16: return ToF32(static_cast<const F16*>(a.w)[at]);
      case EmbedType::kBF16: return ToF32(static_cast<const BF16*>(a.w)[at]);
      case EmbedType::kQ8_0: {
        const float d = ToF32(F16{a.scale[at / 32]});
        return d * static_cast<float>(static_cast<const int8_t*>(a.w)[at]);  // sub_scale is 1
      }
      case EmbedType::kQ6_K: break;
    }
    const uint8_t* const block = static_cast<const uint8_t*>(a.w) + at / 256 * 208;
    const uint32_t e = i % 256, half = e / 128, g = e % 128 / 32, in_group = e % 32;
    const uint32_t codes = CodesQ6K(block, half, g, in_group / 4);
    const int32_t q = static_cast<int32_t>(codes >> (8 * (in_group % 4)) & 63) - 32;
    const auto sub_scale = static_cast<float>(static_cast<int8_t>(block[192 + e / 16]));
    return (ToF32(F16{a.scale[at / 256]}) * sub_scale) * static_cast<float>(q);
  }

  template <class Grid>
  BN_HD static void Run(Grid& g, const Args& a) {
    g.Lanes([&](uint32_t t, Lane&) {
      const auto row = static_cast<size_t>(a.rows[g.x()].token);
      bool finite = true;
      for (uint32_t i = t; i < a.n; i += kThreads) {
        const float x = Element(a, row, i);
        finite = finite && IsFinite(x);
        a.x[size_t{g.x()} * a.n + i] = x;
      }
      if (!finite) Fail(a.fail, g.x());
    });
  }
};

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_MATRIX_KERNELS_H_
