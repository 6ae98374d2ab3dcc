// Sums across lanes and across vectors, integer ones (any order) and float ones (the trees of docs/numerics.md).
#if defined(BITNET_KERNELS_CPU_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITNET_KERNELS_CPU_SUMS_INL_H_
#undef BITNET_KERNELS_CPU_SUMS_INL_H_
#else
#define BITNET_KERNELS_CPU_SUMS_INL_H_
#endif

#include "kernels/cpu/compat-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

using D4F = hn::FixedTag<float, 4>;
using D4I = hn::FixedTag<int32_t, 4>;
using V4F = hn::Vec<D4F>;
using V4I = hn::Vec<D4I>;

// Lane s + lane s + h for h = 8, 4 as far as the vector is longer than four lanes: the upper steps of a tree.
template <class D>
HWY_INLINE hn::Vec<hn::FixedTag<hn::TFromD<D>, 4>> FoldToFour([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return FoldToFour(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// Lane i of the result: the tree sum (s + 2, then s + 1) of four-lane vector i.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V TransposeAddFour(D d, V a, V b, V c, V e) {
  const auto dw = hn::RepartitionToWide<D>();
  // (a0 + a2, a1 + a3, c0 + c2, c1 + c3) and the same of b, e
  const auto pairs = [&](V x, V y) HWY_ATTR {
    return hn::Add(hn::BitCast(d, hn::InterleaveLower(dw, hn::BitCast(dw, x), hn::BitCast(dw, y))),
                   hn::BitCast(d, hn::InterleaveUpper(dw, hn::BitCast(dw, x), hn::BitCast(dw, y))));
  };
  const V ac = pairs(a, c);
  const V be = pairs(b, e);
  return hn::Add(hn::OddEven(be, ac), hn::Shuffle2301(hn::OddEven(ac, be)));
}

// The sums of all lanes of four vectors.
template <class V>
HWY_INLINE V4I SumOfFour(V a, V b, V c, V e) {
  const hn::DFromV<V> d;
  return TransposeAddFour(D4I(), FoldToFour(d, a), FoldToFour(d, b), FoldToFour(d, c), FoldToFour(d, e));
}

// The float tree over one vector: h = lanes / 2, ..., 1.
HWY_INLINE float TreeSum(VF32 v) {
  const V4F four = FoldToFour(DF32(), v);
  const V4F two = hn::Add(four, hn::Shuffle1032(four));
  return hn::GetLane(hn::Add(two, hn::Shuffle2301(two)));
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE

#endif  // BITNET_KERNELS_CPU_SUMS_INL_H_
