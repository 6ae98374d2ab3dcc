// The head shortcut: an int8 copy of a dense head, and bounds of its logits. Proof of the bounds: docs/kernels.md.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"
#include "kernels/head_math.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/head.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

HWY_INLINE void SetHeadRow(uint8_t* row, size_t n, float error, float norm) {
  uint8_t* const end = row + HeadCopyRowBytes(n);
  std::memcpy(end - 8, &error, 4);
  std::memcpy(end - 4, &norm, 4);
}

// Codes the first `size` <= kHeadBlock elements of a block; false when one is not finite.
template <class T>
HWY_INLINE bool HeadCopyBlock(const T* HWY_RESTRICT w, size_t size, uint8_t* HWY_RESTRICT codes,
                              uint8_t* HWY_RESTRICT scale_bits, Stripes& squares, Stripes& errors) {
  T padded[kHeadBlock] = {};
  if (size < kHeadBlock) std::memcpy(padded, w, size * sizeof(T));
  const T* const from = size < kHeadBlock ? padded : w;
  VF32 x[kStripeVectors];
  VI32 largest = hn::Zero(DI32());
  Unroll<kStripeVectors>([&](auto v) BITNET_INLINE_LAMBDA {
    x[v] = LoadF32(from + v * kLanes);
    largest = hn::Max(largest, MagnitudeBits(x[v]));
  });
  const int32_t bits = hn::GetLane(hn::MaxOfLanes(DI32(), largest));
  if (bits >= kInfinityBits) return false;
  const float scale = HeadScale(FloatOf(static_cast<uint32_t>(bits)));
  const VF32 s = hn::Set(DF32(), scale);
  const VF32 inverse = hn::Set(DF32(), scale > 0.0f ? 1.0f / scale : 0.0f);
  const hn::Rebind<int8_t, DI32> d8;
  Unroll<kStripeVectors>([&](auto v) BITNET_INLINE_LAMBDA {
    const VI32 code = hn::NearestInt(hn::Mul(x[v], inverse));
    hn::StoreU(hn::DemoteTo(d8, code), d8, reinterpret_cast<int8_t*>(codes) + v * kLanes);
    const VF32 error = hn::NegMulAdd(s, hn::ConvertTo(DF32(), code), x[v]);
    // Elements behind the row are zeros, and so are their squares: no stripe, being +0 or more, changes.
    errors.v[v] = hn::MulAdd(error, error, errors.v[v]);
    squares.v[v] = hn::MulAdd(x[v], x[v], squares.v[v]);
  });
  const uint16_t high = static_cast<uint16_t>(BitsOf(scale) >> 16);
  std::memcpy(scale_bits, &high, 2);
  return true;
}

template <class T>
void HeadCopyRow(const T* HWY_RESTRICT w, size_t n, uint8_t* HWY_RESTRICT copy) {
  const size_t padded = PadHead(n);
  std::memset(copy + padded, 0, HeadCopyRowBytes(n) - padded);
  Stripes squares;
  Stripes errors;
  for (size_t i = 0; i < n; i += kHeadBlock) {
    if (HeadCopyBlock(w + i, HWY_MIN(n - i, kHeadBlock), copy + i, copy + padded + i / kHeadBlock * 2, squares,
                      errors)) {
      continue;
    }
    std::memset(copy, 0, HeadCopyRowBytes(n));
    const float infinity = std::numeric_limits<float>::infinity();
    return SetHeadRow(copy, n, infinity, infinity);
  }
  SetHeadRow(copy, n, NormBound(errors.Sum(), n), NormBound(squares.Sum(), n));
}

void HeadCopyRows(Dense type, const void* w, size_t n, size_t row_begin, size_t row_end, uint8_t* copy) noexcept {
  for (size_t r = row_begin; r < row_end; ++r) {
    uint8_t* const row = copy + r * HeadCopyRowBytes(n);
    switch (type) {
      case Dense::kF32: HeadCopyRow(static_cast<const float*>(w) + r * n, n, row); break;
      case Dense::kF16: HeadCopyRow(static_cast<const F16*>(w) + r * n, n, row); break;
      case Dense::kBF16: HeadCopyRow(static_cast<const BF16*>(w) + r * n, n, row); break;
    }
  }
}

bool ComputeHeadQuery(const float* x, size_t n, int8_t* digits, HeadQuery* query) noexcept {
  const int32_t largest = MaxMagnitudeBits(x, n);
  if (largest >= kInfinityBits) return false;
  const float unit = HeadUnit(FloatOf(static_cast<uint32_t>(largest)));
  const size_t padded = PadHead(n);
  const hn::Rebind<int8_t, DI32> d8;
  for (size_t i = 0; i < padded; i += kLanes) {
    const VF32 v = i + kLanes <= n ? LoadF32(x + i) : i < n ? LoadSomeF32(x + i, n - i) : hn::Zero(DF32());
    const VI32 q = hn::NearestInt(hn::Mul(v, hn::Set(DF32(), 1.0f / unit)));
    const VI32 high = hn::ShiftRight<7>(hn::Add(q, hn::Set(DI32(), 64)));
    hn::StoreU(hn::DemoteTo(d8, high), d8, digits + i);
    hn::StoreU(hn::DemoteTo(d8, hn::Sub(q, hn::ShiftLeft<7>(high))), d8, digits + padded + i);
  }
  *query = MakeHeadQuery(unit, Dot64(x, x, n), n);
  return true;
}

size_t HeadSurvivors(const float* upper, size_t n, float threshold, uint32_t* ids, size_t max) noexcept {
  constexpr size_t kStep = 4 * kLanes;
  const VF32 bound = hn::Set(DF32(), threshold);
  size_t count = 0;
  for (size_t i = 0; i < n; i += kStep) {
    if (i + kStep <= n) {
      VF32 largest = LoadF32(upper + i);
      for (size_t v = 1; v < 4; ++v) largest = hn::Max(largest, LoadF32(upper + i + v * kLanes));
      if (hn::AllFalse(DF32(), hn::Ge(largest, bound))) continue;
    }
    for (size_t r = i; r < HWY_MIN(i + kStep, n); ++r) {
      if (!(upper[r] >= threshold)) continue;
      if (count < max) ids[count] = static_cast<uint32_t>(r);
      ++count;
    }
  }
  return count;
}

#if HWY_TARGET != HWY_AVX3  // see BITNET_TABLE in tables.cc

// 16 stripes: lane s of the vectors holds columns 4s..4s+3 of every block.
void HeadBounds(const uint8_t* copy, size_t n, const HeadQuery& query, const int8_t* digits, size_t row_begin,
                size_t row_end, float* lower, float* upper) noexcept {
  constexpr size_t kVectors = kHeadBlock / kBytes;
  constexpr size_t kPrefetchBytes = 4096;
  const size_t padded = PadHead(n);
  const size_t row_bytes = HeadCopyRowBytes(n);
  for (size_t r = row_begin; r < row_end; ++r) {
    const uint8_t* const row = copy + r * row_bytes;
    VF32 stripe[kVectors];
    Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA { stripe[v] = hn::Zero(DF32()); });
    for (size_t b = 0; b < padded / kHeadBlock; ++b) {
      hwy::Prefetch(row + b * kHeadBlock + kPrefetchBytes);
      uint16_t bits;
      std::memcpy(&bits, row + padded + 2 * b, 2);
      const VF32 scale = hn::Set(DF32(), BF16ToF32(bits));
      Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
        const size_t i = b * kHeadBlock + v * kBytes;
        const VI8 codes = hn::LoadU(DI8(), reinterpret_cast<const int8_t*>(row) + i);
        const VI32 high = SignedQuads(codes, hn::LoadU(DI8(), digits + i));
        const VI32 low = SignedQuads(codes, hn::LoadU(DI8(), digits + padded + i));
        const VI32 isum = hn::Add(hn::ShiftLeft<7>(high), low);  // below 2^24: exact as f32
        stripe[v] = hn::MulAdd(hn::ConvertTo(DF32(), isum), scale, stripe[v]);
      });
    }
    VF32 sum = stripe[0];
    if constexpr (kVectors == 2) sum = hn::Add(stripe[0], stripe[1]);
    if constexpr (kVectors == 4) {
      sum = hn::Add(hn::Add(stripe[0], stripe[kVectors / 2]), hn::Add(stripe[1 % kVectors], stripe[kVectors - 1]));
    }
    float ends[2];
    std::memcpy(ends, row + row_bytes - 8, 8);
    SetHeadBounds(query.unit * TreeSum(sum), ends[0], ends[1], query, lower + r, upper + r);
  }
}

#endif

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
