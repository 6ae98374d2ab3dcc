// Attention: one block of keys for several queries that share it, and the combination of blocks.
//
// Scores: a tile of 4 keys x kLanes / 4 queries (or kLanes keys of one query) keeps one vector of stripes for each
// pair, so that a key is converted once for all its queries; transposing additions in the order of the dot16 tree then
// give a vector of finished scores. Output: a tile of values x queries stays in registers over a run of keys.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// Queries of a full tile, for the scores and for the output.
constexpr size_t kScoreQueries = kLanes / 4;
constexpr size_t kOutputQueries = 4;
// Vectors of one row of values in an output tile, and keys of a run: the run's values stay in L1 while the tiles of a
// row pass over it.
constexpr size_t kOutputVectors = kLanes == 8 ? 2 : 4;
constexpr size_t kOutputKeys = kLanes == 16 ? 32 : 8;

// Rows of the cache lie one after the other and those ahead are asked for: decoding reads each of them once, and the
// hardware alone stops at every page.
constexpr size_t kRowsAhead = 32;
constexpr size_t kCacheLine = 64;

template <class T>
HWY_INLINE void PrefetchRow(const T* row, size_t n) {
  for (size_t o = 0; o < n * sizeof(T); o += kCacheLine) hwy::Prefetch(reinterpret_cast<const char*>(row) + o);
}

// Lanes 0..7 of a + lanes 8..15 of a, then the same of b; halves of eight lanes likewise.
HWY_INLINE VF32 AddHalves(VF32 a, VF32 b) {
#if HWY_MAX_BYTES > 16
  const DF32 d;
  return hn::Add(hn::ConcatLowerLower(d, b, a), hn::ConcatUpperUpper(d, b, a));
#else
  (void)b;
  return a;
#endif
}

// Lane i of the result: the dot16 tree of the stripes in v[i], for as many stripes as a vector has lanes.
HWY_INLINE VF32 TransposeAdd(const VF32 (&v)[kLanes]) {
  const DF32 d;
  VF32 four[4];
  Unroll<4>([&](auto i) BITNET_INLINE_LAMBDA {
#if HWY_MAX_BYTES == 64
    const VF32 even = AddHalves(v[i], v[i + 8]);  // blocks i, i, i + 8, i + 8: stripes s + s + 8
    const VF32 odd = AddHalves(v[i + 4], v[i + 12]);
    four[i] = hn::Add(hn::OddEvenBlocks(odd, even), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(even, odd)));
#elif HWY_MAX_BYTES == 32
    four[i] = AddHalves(v[i], v[i + 4]);
#else
    four[i] = v[i];
#endif
  });
  return TransposeAddFour(d, four[0], four[1], four[2], four[3]);
}

// Scores before scaling: lane kKeys * i + j belongs to query i and key j. A row of head_dim values a query and key.
template <size_t kQueries, class T>
HWY_INLINE VF32 ScoreTile(const float* const (&q)[kQueries], const T* const (&k)[kLanes / kQueries], size_t head_dim) {
  constexpr size_t kKeys = kLanes / kQueries;
  constexpr size_t kParts = 16 / kLanes;  // vectors of the 16 stripes of one pair, one after the other
  VF32 part[kParts][kLanes];
  Unroll<kParts>([&](auto p) BITNET_INLINE_LAMBDA {
    VF32 sum[kLanes];
    Unroll<kLanes>([&](auto i) BITNET_INLINE_LAMBDA { sum[i] = hn::Zero(DF32()); });
    size_t c = p * kLanes;
    for (; c + kLanes <= head_dim; c += 16) {
      VF32 x[kQueries];
      Unroll<kQueries>([&](auto i) BITNET_INLINE_LAMBDA { x[i] = LoadF32(q[i] + c); });
      Unroll<kKeys>([&](auto j) BITNET_INLINE_LAMBDA {
        const VF32 key = LoadF32(k[j] + c);
        Unroll<kQueries>([&](auto i)
                             BITNET_INLINE_LAMBDA { sum[i * kKeys + j] = hn::MulAdd(x[i], key, sum[i * kKeys + j]); });
      });
    }
    if (c < head_dim) {  // stripes without an element keep their value
      const size_t rest = head_dim - c;
      const auto mask = hn::FirstN(DF32(), rest);
      Unroll<kKeys>([&](auto j) BITNET_INLINE_LAMBDA {
        const VF32 key = LoadSomeF32(k[j] + c, rest);
        Unroll<kQueries>([&](auto i) BITNET_INLINE_LAMBDA {
          const VF32 added = hn::MulAdd(LoadSomeF32(q[i] + c, rest), key, sum[i * kKeys + j]);
          sum[i * kKeys + j] = hn::IfThenElse(mask, added, sum[i * kKeys + j]);
        });
      });
    }
    Unroll<kLanes>([&](auto i) BITNET_INLINE_LAMBDA { part[p][i] = sum[i]; });
  });
  VF32 v[kLanes];
  Unroll<kLanes>([&](auto i) BITNET_INLINE_LAMBDA {
    if constexpr (kParts == 1) {
      v[i] = part[0][i];
    } else if constexpr (kParts == 2) {
      v[i] = hn::Add(part[0][i], part[1][i]);  // stripes s and s + 8
    } else {
      v[i] = hn::Add(hn::Add(part[0][i], part[kParts / 2][i]), hn::Add(part[1][i], part[kParts - 1][i]));
    }
  });
  return TransposeAdd(v);
}

// z[i][0 .. n_keys) of kQueries queries; writes up to the next multiple of the tile's keys, inside kKeyBlock.
template <size_t kQueries, class T>
HWY_INLINE void Scores(const AttentionBlockJob& job, size_t query, size_t n_keys) {
  constexpr size_t kKeys = kLanes / kQueries;
  static_assert(kKeyBlock % kKeys == 0);
  const T* const keys = static_cast<const T*>(job.k);
  const float* q[kQueries];
  for (size_t i = 0; i < kQueries; ++i) q[i] = job.q + (query + i) * job.head_dim;
  for (size_t j = 0; j < n_keys; j += kKeys) {
    const T* k[kKeys];
    for (size_t i = 0; i < kKeys; ++i) {
      k[i] = keys + HWY_MIN(j + i, n_keys - 1) * job.kv_stride;
      if (query == 0) PrefetchRow(k[i] + kRowsAhead * job.kv_stride, job.head_dim);  // once for all queries
    }
    HWY_ALIGN float scores[kLanes];
    hn::Store(hn::Mul(ScoreTile<kQueries>(q, k, job.head_dim), hn::Set(DF32(), job.scale)), DF32(), scores);
    for (size_t i = 0; i < kQueries; ++i) {
      std::memcpy(job.z + (query + i) * kKeyBlock + j, scores + i * kKeys, kKeys * sizeof(float));
    }
  }
}

// z becomes exp_c(z - m) with zeros up to a multiple of 64; false when a score or the sum is not finite.
HWY_INLINE bool Softmax(float* HWY_RESTRICT z, size_t n_keys, float* m, float* s) {
  const DF32 d;
  const size_t padded = (n_keys + 63) / 64 * 64;
  for (size_t j = n_keys; j < padded; ++j) z[j] = std::numeric_limits<float>::lowest();  // becomes +0
  VF32 max = LoadF32(z);
  VI32 magnitude = hn::Zero(DI32());
  for (size_t j = 0; j < padded; j += kLanes) {
    const VF32 v = LoadF32(z + j);
    max = hn::Max(max, v);
    magnitude = hn::Max(magnitude, MagnitudeBits(v));
  }
  if (hn::GetLane(hn::MaxOfLanes(DI32(), magnitude)) >= kInfinityBits) return false;
  *m = hn::GetLane(hn::MaxOfLanes(d, max));
  if (*m == 0.0f) {  // of +0 and -0 the first in order counts
    size_t j = 0;
    while (z[j] != 0.0f) ++j;
    *m = z[j];
  }
  const VF32 largest = hn::Set(d, *m);
  Stripes sum;
  for (size_t j = 0; j < padded; j += 64) {
    Unroll<kStripeVectors>([&](auto i) BITNET_INLINE_LAMBDA {
      const VF32 e = ExpC(hn::Sub(LoadF32(z + j + i * kLanes), largest));
      hn::StoreU(e, d, z + j + i * kLanes);
      sum.v[i] = hn::Add(sum.v[i], e);  // all e >= +0, so the zeros behind change no stripe
    });
  }
  *s = sum.Sum();
  return AllFinite(s, 1);
}

// o[i][c ..] += e[i][j] * v[j][c ..] for keys begin .. end - 1 in rising order, kVectors vectors of columns.
template <size_t kQueries, size_t kVectors, class T>
HWY_INLINE void OutputTile(const T* HWY_RESTRICT v, size_t kv_stride, const float* HWY_RESTRICT e, size_t begin,
                           size_t end, float* HWY_RESTRICT o, size_t head_dim) {
  VF32 sum[kQueries][kVectors];
  Unroll<kQueries>([&](auto i) BITNET_INLINE_LAMBDA {
    Unroll<kVectors>([&](auto c) BITNET_INLINE_LAMBDA { sum[i][c] = LoadF32(o + i * head_dim + c * kLanes); });
  });
  for (size_t j = begin; j < end; ++j) {
    PrefetchRow(v + (j + kRowsAhead) * kv_stride, kVectors * kLanes);
    VF32 value[kVectors];
    Unroll<kVectors>([&](auto c) BITNET_INLINE_LAMBDA { value[c] = LoadF32(v + j * kv_stride + c * kLanes); });
    Unroll<kQueries>([&](auto i) BITNET_INLINE_LAMBDA {
      const VF32 weight = hn::Set(DF32(), e[i * kKeyBlock + j]);
      Unroll<kVectors>([&](auto c) BITNET_INLINE_LAMBDA { sum[i][c] = hn::MulAdd(weight, value[c], sum[i][c]); });
    });
  }
  Unroll<kQueries>([&](auto i) BITNET_INLINE_LAMBDA {
    Unroll<kVectors>([&](auto c)
                         BITNET_INLINE_LAMBDA { hn::StoreU(sum[i][c], DF32(), o + i * head_dim + c * kLanes); });
  });
}

// The columns behind the last full vector.
template <class T>
HWY_INLINE void OutputRest(const T* HWY_RESTRICT v, size_t kv_stride, const float* HWY_RESTRICT e, size_t begin,
                           size_t end, float* HWY_RESTRICT o, size_t rest) {
  VF32 sum = LoadSomeF32(o, rest);
  for (size_t j = begin; j < end; ++j) {
    sum = hn::MulAdd(hn::Set(DF32(), e[j]), LoadSomeF32(v + j * kv_stride, rest), sum);
  }
  StoreSome(sum, o, rest);
}

template <size_t kQueries, class T>
HWY_INLINE void Output(const AttentionBlockJob& job, size_t query, size_t begin, size_t end) {
  const T* const v = static_cast<const T*>(job.v);
  const float* const e = job.z + query * kKeyBlock;
  float* const o = job.o + query * job.head_dim;
  for (size_t j = begin; j < end; j += kOutputKeys) {
    const size_t stop = HWY_MIN(j + kOutputKeys, end);
    size_t c = 0;
    for (; c + kOutputVectors * kLanes <= job.head_dim; c += kOutputVectors * kLanes) {
      OutputTile<kQueries, kOutputVectors>(v + c, job.kv_stride, e, j, stop, o + c, job.head_dim);
    }
    for (; c + kLanes <= job.head_dim; c += kLanes) {
      OutputTile<kQueries, 1>(v + c, job.kv_stride, e, j, stop, o + c, job.head_dim);
    }
    if (c < job.head_dim) {
      for (size_t i = 0; i < kQueries; ++i) {
        OutputRest(v + c, job.kv_stride, e + i * kKeyBlock, j, stop, o + i * job.head_dim + c, job.head_dim - c);
      }
    }
  }
}

template <class T>
HWY_NOINLINE bool AttentionBlockOf(const AttentionBlockJob& job) {
  for (size_t i = 0; i < job.n_queries;) {
    const size_t n = job.n_queries - i >= kScoreQueries ? kScoreQueries : 1;
    size_t n_keys = 0;
    for (size_t k = 0; k < n; ++k) n_keys = HWY_MAX(n_keys, size_t{job.n_keys[i + k]});
    if (n == kScoreQueries) {
      Scores<kScoreQueries, T>(job, i, n_keys);
    } else {
      Scores<1, T>(job, i, n_keys);
    }
    i += n;
  }
  for (size_t i = 0; i < job.n_queries; ++i) {
    if (!Softmax(job.z + i * kKeyBlock, job.n_keys[i], job.m + i, job.s + i)) return false;
  }
  std::memset(job.o, 0, job.n_queries * job.head_dim * sizeof(float));
  for (size_t i = 0; i < job.n_queries;) {
    const size_t n = job.n_queries - i >= kOutputQueries ? kOutputQueries : 1;
    size_t common = kKeyBlock;
    for (size_t k = 0; k < n; ++k) common = HWY_MIN(common, size_t{job.n_keys[i + k]});
    if (n == kOutputQueries) {
      Output<kOutputQueries, T>(job, i, 0, common);
    } else {
      Output<1, T>(job, i, 0, common);
    }
    for (size_t k = 0; k < n; ++k) Output<1, T>(job, i + k, common, job.n_keys[i + k]);
    i += n;
  }
  return AllFinite(job.o, job.n_queries * job.head_dim);
}

bool AttentionBlock(const AttentionBlockJob& job) noexcept {
  switch (job.kv_type) {
    case Dense::kF32: return AttentionBlockOf<float>(job);
    case Dense::kF16: return AttentionBlockOf<F16>(job);
    case Dense::kBF16: return AttentionBlockOf<BF16>(job);
  }
  return false;
}

bool AttentionCombine(const float* m, const float* s, size_t stride_m, const float* o, size_t stride_o, size_t n_blocks,
                      size_t head_dim, float* y) noexcept {
  float max = m[0];
  for (size_t b = 1; b < n_blocks; ++b) max = HWY_MAX(max, m[b * stride_m]);
  float sum = 0.0f;
  std::memset(y, 0, head_dim * sizeof(float));
  for (size_t b = 0; b < n_blocks; ++b) {
    const VF32 weight = ExpC(hn::Set(DF32(), m[b * stride_m] - max));
    const float w = hn::GetLane(weight);
    const float* const ob = o + b * stride_o;
    sum = __builtin_fmaf(w, s[b * stride_m], sum);
    size_t c = 0;
    for (; c + kLanes <= head_dim; c += kLanes) {
      hn::StoreU(hn::MulAdd(weight, LoadF32(ob + c), LoadF32(y + c)), DF32(), y + c);
    }
    for (; c < head_dim; ++c) y[c] = __builtin_fmaf(w, ob[c], y[c]);
  }
  if (!AllFinite(&sum, 1) || !AllFinite(y, head_dim)) return false;
  size_t c = 0;
  for (; c + kLanes <= head_dim; c += kLanes) {
    hn::StoreU(hn::Div(LoadF32(y + c), hn::Set(DF32(), sum)), DF32(), y + c);
  }
  for (; c < head_dim; ++c) y[c] = y[c] / sum;
  return true;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
