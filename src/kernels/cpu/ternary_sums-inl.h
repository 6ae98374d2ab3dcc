// What the ternary products share, in the namespace of one table: no include guard, included once for each.

using TernarySum = std::conditional_t<kHasQuads, VI32, VI16>;
constexpr size_t kMaxPairSums = 64;

HWY_INLINE VI16 AddProducts(VI16 sum, VU8 codes, VI8 q) { return hn::Add(sum, MulSmallPairs(codes, q)); }
HWY_INLINE VI32 AddProducts(VI32 sum, VU8 codes, VI8 q) { return AddQuads(sum, codes, q); }
HWY_INLINE VI32 Widen(VI32 total, VI16 sum) { return AddWide(total, sum); }
HWY_INLINE VI32 Widen(VI32 total, VI32 sum) { return hn::Add(total, sum); }

// Codes of columns p + 32 * kQuarter of the 128 that a byte p of each block holds.
template <int kQuarter>
HWY_INLINE VU8 Codes(VU8 packed) {
  const VU16 words = hn::BitCast(DU16(), packed);
  return hn::And(hn::BitCast(DU8(), hn::ShiftRight<6 - 2 * kQuarter>(words)), hn::Set(DU8(), 3));
}
