// The block types of 256 elements (Q2_K to Q6_K), in the namespace of a target: no include guard, included once for
// each. Codes 0..63 minus a centre, 16 sub-blocks of 16 elements with a scale each (Q4_K, Q5_K: 8, each taken twice).
//
// Bounds. A pair of code * q with codes 0..63 lies in [2 * 63 * -128, 2 * 63 * 127] and the same less
// centre * (q0 + q1) in [-8192, 8192] for Q6_K, so int16 holds both; a block's sum is at most 256 * 32 * 128 * 128 =
// 2^27, the sum of minima 63 * 256 * 128 < 2^21.

// Shifts every 16-bit word left by kLeft bits, or right where it is negative; the caller masks what crossed a byte.
template <int kLeft>
HWY_INLINE VU8 ShiftBits(VU8 v) {
  const VU16 words = hn::BitCast(DU16(), v);
  if constexpr (kLeft > 0) return hn::BitCast(DU8(), hn::ShiftLeft<kLeft>(words));
  if constexpr (kLeft < 0) return hn::BitCast(DU8(), hn::ShiftRight<-kLeft>(words));
  return v;
}

// The bits `mask` of bytes p[0, kBytes) shifted left by kLeft.
template <int kLeft>
HWY_INLINE VU8 Bits(const uint8_t* HWY_RESTRICT p, uint8_t mask) {
  return hn::And(ShiftBits<kLeft>(hn::LoadU(DU8(), p)), hn::Set(DU8(), mask));
}

// Codes of kBytes elements from kFirst on; see kernels/ref/unpack_block-inl.h for the layouts.
template <Block kType, size_t kFirst>
HWY_INLINE VU8 CodesAt(const uint8_t* HWY_RESTRICT block) {
  constexpr size_t half = kFirst / 128, group = kFirst / 32, in_half = group % 4, l = kFirst % 32;
  if constexpr (kType == Block::kQ2_K) {
    return Bits<-2 * static_cast<int>(in_half)>(block + 16 + 32 * half + l, 3);
  } else if constexpr (kType == Block::kQ3_K) {
    const VU8 low = Bits<-2 * static_cast<int>(in_half)>(block + 32 + 32 * half + l, 3);
    return hn::Or(low, Bits<2 - static_cast<int>(group)>(block + l, 4));
  } else if constexpr (kType == Block::kQ6_K) {
    const VU8 low = Bits < in_half < 2 ? 0 : -4 > (block + 64 * half + 32 * (in_half % 2) + l, 15);
    return hn::Or(low, Bits<4 - 2 * static_cast<int>(in_half)>(block + 128 + 32 * half + l, 0x30));
  } else {
    constexpr size_t nibbles = LayoutOf(kType).bytes - 128;
    const VU8 low = Bits < group % 2 == 0 ? 0 : -4 > (block + nibbles + 32 * (group / 2) + l, 15);
    if constexpr (kType == Block::kQ4_K) return low;
    return hn::Or(low, Bits<4 - static_cast<int>(group)>(block + 16 + l, 16));
  }
}

HWY_INLINE uint32_t LoadWord(const uint8_t* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

// 4 bytes in a word, each less 32.
HWY_INLINE uint32_t Minus32(uint32_t bytes) { return ((bytes | 0x80808080u) - 0x20202020u) ^ 0x80808080u; }

template <Block kType>
struct BlocksOf256 {
  static constexpr BlockLayout kLayout = LayoutOf(kType);
  static constexpr uint8_t kCentre = kType == Block::kQ6_K ? 32 : kType == Block::kQ3_K ? 4 : 0;
  static constexpr bool kSixBits = kType == Block::kQ4_K || kType == Block::kQ5_K;

  HWY_ALIGN int16_t pairs[kChunkColumns / 2];  // kCentre * (q[2i] + q[2i + 1]), where there is a centre
  HWY_ALIGN int16_t sums[kChunkColumns / 16];  // of q over sub-blocks, where there are minima

  HWY_INLINE void Prepare(const int8_t* HWY_RESTRICT q, size_t n) {
    if constexpr (kCentre != 0) {
      const VU8 weight = hn::Set(DU8(), kCentre);
      for (size_t i = 0; i < n; i += kBytes) {
        hn::Store(MulSmallPairs(weight, hn::LoadU(DI8(), q + i)), DI16(), pairs + i / 2);
      }
    }
    if constexpr (kLayout.has_min) {
      for (size_t s = 0; s < n / 16; ++s) {
        int sum = 0;
        for (size_t i = 0; i < 16; ++i) sum += q[16 * s + i];
        sums[s] = static_cast<int16_t>(sum);
      }
    }
  }

  // The scales of the 16 sub-blocks as int8.
  HWY_INLINE static void SubScales(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT out) {
    uint32_t words[4];
    if constexpr (kType == Block::kQ6_K) {
      std::memcpy(words, block + 192, 16);
    } else if constexpr (kType == Block::kQ2_K) {
      for (size_t i = 0; i < 4; ++i) words[i] = LoadWord(block + 4 * i) & 0x0f0f0f0fu;
    } else if constexpr (kType == Block::kQ3_K) {
      const uint32_t low[2] = {LoadWord(block + 96), LoadWord(block + 100)}, high = LoadWord(block + 104);
      for (size_t i = 0; i < 4; ++i) {
        words[i] = Minus32((low[i % 2] >> (i / 2 * 4) & 0x0f0f0f0fu) | (high >> (2 * i) & 0x03030303u) << 4);
      }
    } else {
      const uint32_t first = LoadWord(block + 4), last = LoadWord(block + 12);
      TakeTwice(first & 0x3f3f3f3fu, (last & 0x0f0f0f0fu) | (first >> 6 & 0x03030303u) << 4, out);
      return;
    }
    std::memcpy(out, words, 16);
  }

  // The minima of the 16 sub-blocks as int8.
  HWY_INLINE static void SubMinima(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT out) {
    if constexpr (kType == Block::kQ2_K) {
      uint32_t words[4];
      for (size_t i = 0; i < 4; ++i) words[i] = LoadWord(block + 4 * i) >> 4 & 0x0f0f0f0fu;
      std::memcpy(out, words, 16);
    } else {
      const uint32_t second = LoadWord(block + 8), last = LoadWord(block + 12);
      TakeTwice(second & 0x3f3f3f3fu, (last >> 4 & 0x0f0f0f0fu) | (second >> 6 & 0x03030303u) << 4, out);
    }
  }

  // Eight bytes, each twice.
  HWY_INLINE static void TakeTwice(uint32_t low, uint32_t high, int8_t* HWY_RESTRICT out) {
    const hn::FixedTag<uint8_t, 16> d;
    const hn::FixedTag<uint32_t, 4> d32;
    const uint32_t words[4] = {low, high, 0, 0};
    const auto eight = hn::BitCast(d, hn::LoadU(d32, words));
    hn::StoreU(hn::InterleaveLower(d, eight, eight), d, reinterpret_cast<uint8_t*>(out));
  }

  // Lanes that add up to the block's sum.
  HWY_INLINE VI32 Product(const uint8_t* HWY_RESTRICT block, const int8_t* HWY_RESTRICT q, size_t column) const {
    // A 128-bit block of pairs is one sub-block of 16 elements: its scale goes to the high byte of every lane.
    HWY_ALIGN static constexpr uint8_t kHighBytes[32] = {128, 0,   128, 0,   128, 0,   128, 0,   128, 0,   128,
                                                         0,   128, 0,   128, 0,   128, 1,   128, 1,   128, 1,
                                                         128, 1,   128, 1,   128, 1,   128, 1,   128, 1};
    HWY_ALIGN int8_t sub_scales[16];
    SubScales(block, sub_scales);
    const VU8 scales = hn::LoadDup128(DU8(), reinterpret_cast<const uint8_t*>(sub_scales));
    const VU8 first = hn::Load(DU8(), kHighBytes);
    VI32 sum = hn::Zero(DI32());
    Unroll<256 / kBytes>([&](auto v) BITNET_INLINE_LAMBDA {
      constexpr size_t at = decltype(v)::value * kBytes;
      VI16 pair = MulSmallPairs(CodesAt<kType, at>(block), hn::LoadU(DI8(), q + at));
      if constexpr (kCentre != 0) pair = hn::Sub(pair, hn::Load(DI16(), pairs + (column + at) / 2));
      const VU8 index = hn::Add(first, hn::Set(DU8(), at / 16));  // 128 + v stays above 127
      const VI16 scale = hn::ShiftRight<8>(hn::BitCast(DI16(), hn::TableLookupBytesOr0(scales, index)));
      sum = AddWidePairs(sum, pair, scale);
    });
    return sum;
  }

  // What the chain adds for the minima of each block, its sign turned.
  HWY_INLINE void MinimumSums(const uint8_t* HWY_RESTRICT row, size_t n_blocks, float* HWY_RESTRICT out) const {
    SumBlocks(n_blocks, out, [&](size_t b) BITNET_INLINE_LAMBDA {
      HWY_ALIGN int8_t minima[16];
      SubMinima(row + b * kLayout.bytes, minima);
      VI32 sum = hn::Zero(DI32());
      for (size_t i = 0; i < 16; i += kBytes / 2) {
        const VI16 m = hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), minima + i));
        sum = AddWidePairs(sum, m, hn::Load(DI16(), sums + b * 16 + i));
      }
      return sum;
    });
    for (size_t b = 0; b < n_blocks; ++b) out[b] = -out[b];
  }

  HWY_INLINE static void Weights(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT q) {
    Unroll<256 / kBytes>([&](auto v) BITNET_INLINE_LAMBDA {
      constexpr size_t at = decltype(v)::value * kBytes;
      const VI8 codes = hn::BitCast(DI8(), CodesAt<kType, at>(block));
      hn::StoreU(hn::Sub(codes, hn::Set(DI8(), kCentre)), DI8(), q + at);
    });
  }

  // The factors of each sub-block's codes, and what is added to each product.
  HWY_INLINE static void Scales(const uint8_t* HWY_RESTRICT block, float d, float m, float* HWY_RESTRICT scale,
                                float* HWY_RESTRICT minimum) {
    int8_t integers[16];
    SubScales(block, integers);
    for (size_t s = 0; s < 16; ++s) scale[s] = d * static_cast<float>(integers[s]);
    if constexpr (kLayout.has_min) {
      SubMinima(block, integers);
      for (size_t s = 0; s < 16; ++s) minimum[s] = -(m * static_cast<float>(integers[s]));
    }
  }
};
