// Loads as f32, striped dot products and exp_c, for the float operations of all targets (docs/numerics.md).
#if defined(BITNET_KERNELS_CPU_FLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITNET_KERNELS_CPU_FLOATS_INL_H_
#undef BITNET_KERNELS_CPU_FLOATS_INL_H_
#else
#define BITNET_KERNELS_CPU_FLOATS_INL_H_
#endif

#include "kernels/cpu/sums-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// Elements of dense matrices and of the cache.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

HWY_INLINE VF32 LoadF32(const float* p) { return hn::LoadU(DF32(), p); }
HWY_INLINE VF32 LoadF32(const F16* p) {
  const hn::Rebind<hwy::float16_t, DF32> d16;
  return hn::PromoteTo(DF32(), hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
}
HWY_INLINE VF32 LoadF32(const BF16* p) {
  const hn::Rebind<uint16_t, DF32> d16;
  const VU32 bits = hn::PromoteTo(DU32(), hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  return hn::BitCast(DF32(), hn::ShiftLeft<16>(bits));
}

// The first n < kLanes elements, zeros behind them; reads no further.
template <class T>
HWY_INLINE VF32 LoadSomeF32(const T* p, size_t n) {
  T some[kLanes] = {};
  std::memcpy(some, p, n * sizeof(T));
  return LoadF32(some);
}

// Writes the first n < kLanes lanes.
HWY_INLINE void StoreSome(VF32 v, float* p, size_t n) {
  HWY_ALIGN float some[kLanes];
  hn::Store(v, DF32(), some);
  std::memcpy(p, some, n * sizeof(float));
}

constexpr size_t kStripeVectors = 64 / kLanes;

// The 64 stripes of a dot product or sum: element i is in lane i mod 64 of the vectors.
struct Stripes {
  VF32 v[kStripeVectors];

  HWY_INLINE Stripes() {
    Unroll<kStripeVectors>([&](auto i) BITNET_INLINE_LAMBDA { v[i] = hn::Zero(DF32()); });
  }
  // The tree 32, 16, 8, 4, 2, 1.
  HWY_INLINE float Sum() {
    Unroll<kStripeVectors / 2>([&](auto i) BITNET_INLINE_LAMBDA { v[i] = hn::Add(v[i], v[i + kStripeVectors / 2]); });
    if constexpr (kStripeVectors >= 8) {
      Unroll<kStripeVectors / 4>([&](auto i) BITNET_INLINE_LAMBDA { v[i] = hn::Add(v[i], v[i + kStripeVectors / 4]); });
    }
    if constexpr (kStripeVectors >= 16) {
      Unroll<kStripeVectors / 8>([&](auto i) BITNET_INLINE_LAMBDA { v[i] = hn::Add(v[i], v[i + kStripeVectors / 8]); });
    }
    return TreeSum(hn::Add(v[0], v[1]));
  }
};

template <class T>
HWY_INLINE float Dot64(const T* HWY_RESTRICT a, const float* b, size_t n) {
  Stripes sum;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    Unroll<kStripeVectors>([&](auto s) BITNET_INLINE_LAMBDA {
      sum.v[s] = hn::MulAdd(LoadF32(a + i + s * kLanes), LoadF32(b + i + s * kLanes), sum.v[s]);
    });
  }
  Unroll<kStripeVectors>([&](auto s) BITNET_INLINE_LAMBDA {
    if (i + (s + 1) * kLanes <= n) {
      sum.v[s] = hn::MulAdd(LoadF32(a + i + s * kLanes), LoadF32(b + i + s * kLanes), sum.v[s]);
    } else if (i + s * kLanes < n) {
      // A stripe without an element keeps its value: adding a zero product would turn -0 into +0.
      const size_t rest = n - i - s * kLanes;
      const VF32 added =
          hn::MulAdd(LoadSomeF32(a + i + s * kLanes, rest), LoadSomeF32(b + i + s * kLanes, rest), sum.v[s]);
      sum.v[s] = hn::IfThenElse(hn::FirstN(DF32(), rest), added, sum.v[s]);
    }
  });
  return sum.Sum();
}

// Magnitudes of floats order as the integers that their bits are; infinity and, above it, NaN come last.
HWY_INLINE VI32 MagnitudeBits(VF32 v) { return hn::BitCast(DI32(), hn::Abs(v)); }
constexpr int32_t kInfinityBits = 0x7f800000;

HWY_INLINE int32_t MaxMagnitudeBits(const float* x, size_t n) {
  VI32 max = hn::Zero(DI32());
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) max = hn::Max(max, MagnitudeBits(LoadF32(x + i)));
  if (i < n) max = hn::Max(max, MagnitudeBits(LoadSomeF32(x + i, n - i)));
  return hn::GetLane(hn::MaxOfLanes(DI32(), max));
}

HWY_INLINE bool AllFinite(const float* x, size_t n) { return MaxMagnitudeBits(x, n) < kInfinityBits; }

HWY_INLINE VF32 ExpC(VF32 x) {
  const DF32 d;
  const VF32 low = hn::Set(d, -87.3f);
  const VF32 high = hn::Set(d, 88.3f);
  const VF32 in = hn::Min(hn::Max(x, low), high);
  const VF32 n = hn::Round(hn::Mul(in, hn::Set(d, 1.44269504088896341f)));
  VF32 r = hn::MulAdd(n, hn::Set(d, -0.693359375f), in);
  r = hn::MulAdd(n, hn::Set(d, 2.12194440e-4f), r);
  VF32 p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  const VF32 y = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
  // n is in [-126, 127], so 2^n is a normal number and the product rounds once, as ldexp does.
  const VI32 power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(DI32(), n), hn::Set(DI32(), 127)));
  const VF32 finite = hn::IfThenZeroElse(hn::Lt(x, low), hn::Mul(y, hn::BitCast(d, power)));
  const VF32 infinity = hn::BitCast(d, hn::Set(DI32(), kInfinityBits));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::IfThenElse(hn::Gt(x, high), infinity, finite));
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE

#endif  // BITNET_KERNELS_CPU_FLOATS_INL_H_
