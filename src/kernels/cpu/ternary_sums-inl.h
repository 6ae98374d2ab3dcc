// What the ternary products share, in the namespace of one table: no include guard, included once for each.

using TernarySum = std::conditional_t<kHasQuads, VI32, VI16>;
constexpr size_t kMaxPairSums = 64;

template <class Sum, class Q>
HWY_INLINE Sum AddProducts(Sum sum, VU8 codes, Q q) {
  if constexpr (kHasQuads) {
    return AddQuads(sum, codes, q);
  } else {
    return hn::Add(sum, MulSmallPairs(codes, q));
  }
}
template <class Sum>
HWY_INLINE VI32 Widen(VI32 total, Sum sum) {
  if constexpr (kHasQuads) {
    return hn::Add(total, sum);
  } else {
    return AddWide(total, sum);
  }
}

// Codes of columns p + 32 * kQuarter of the 128 that a byte p of each block holds.
template <int kQuarter>
HWY_INLINE VU8 Codes(VU8 packed) {
  const VU16 words = hn::BitCast(DU16(), packed);
  return hn::And(hn::BitCast(DU8(), hn::ShiftRight<6 - 2 * kQuarter>(words)), hn::Set(DU8(), 3));
}
