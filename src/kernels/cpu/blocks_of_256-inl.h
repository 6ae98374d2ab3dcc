// The block types of 256 elements (Q2_K to Q6_K), in the namespace of a target: no include guard, included once for
// each. Codes 0..63 minus a centre, 16 sub-blocks of 16 elements with a scale each (Q4_K, Q5_K: 8, each taken twice).
//
// Bounds. A pair of code * q with codes 0..63 lies in [2 * 63 * -128, 2 * 63 * 127], so int16 holds it; a block's sum
// of code * scale * q is at most 256 * 63 * 128 * 128 < 2^28, that of centre * scale * q half as much, the sum of
// minima 63 * 256 * 128 < 2^21.

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

HWY_INLINE uint64_t LoadWord(const uint8_t* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}
HWY_INLINE uint64_t LoadTwoWords(const uint8_t* p) {
  uint64_t words;
  std::memcpy(&words, p, 8);
  return words;
}

// The bytes of a word in all four bytes of the words of a pair.
HWY_INLINE constexpr uint64_t Both(uint32_t word) { return uint64_t{word} << 32 | word; }

// 8 bytes, each less 32.
HWY_INLINE uint64_t Minus32(uint64_t bytes) {
  return ((bytes | Both(0x80808080u)) - Both(0x20202020u)) ^ Both(0x80808080u);
}

// 16 bytes put together in a register: a vector that is read of smaller stores would wait for them.
HWY_INLINE hn::Vec<hn::FixedTag<uint8_t, 16>> SixteenBytes(uint64_t low, uint64_t high) {
  const hn::FixedTag<uint64_t, 2> d;
  return hn::BitCast(hn::FixedTag<uint8_t, 16>(), hn::OddEven(hn::Set(d, high), hn::Set(d, low)));
}

template <Block kType>
struct BlocksOf256 {
  static constexpr BlockLayout kLayout = LayoutOf(kType);
  static constexpr uint8_t kCentre = kType == Block::kQ6_K ? 32 : kType == Block::kQ3_K ? 4 : 0;
  static constexpr bool kSixBits = kType == Block::kQ4_K || kType == Block::kQ5_K;

  HWY_ALIGN int16_t sums[kChunkColumns / 16];  // of q over sub-blocks, where there are minima or a centre

  HWY_INLINE void Prepare(const int8_t* HWY_RESTRICT q, size_t n) {
    if constexpr (kLayout.has_min || kCentre != 0) {
      for (size_t s = 0; s < n / 16; ++s) {
        int sum = 0;
        for (size_t i = 0; i < 16; ++i) sum += q[16 * s + i];
        sums[s] = static_cast<int16_t>(sum);
      }
    }
  }

  // The scales of the 16 sub-blocks as int8.
  HWY_INLINE static void SubScales(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT out) {
    if constexpr (kType == Block::kQ6_K) {
      std::memcpy(out, block + 192, 16);
    } else if constexpr (kType == Block::kQ2_K) {
      Store(SixteenBytes(LoadTwoWords(block) & Both(0x0f0f0f0fu), LoadTwoWords(block + 8) & Both(0x0f0f0f0fu)), out);
    } else if constexpr (kType == Block::kQ3_K) {
      const uint64_t low = LoadTwoWords(block + 96), high = LoadWord(block + 104);
      const auto eight = [&](uint32_t i) BITNET_INLINE_LAMBDA {  // scales 8i .. 8i + 7
        const uint64_t two_bits = high >> (4 * i) | high >> (4 * i + 2) << 32;
        return Minus32((low >> (4 * i) & Both(0x0f0f0f0fu)) | (two_bits & Both(0x03030303u)) << 4);
      };
      Store(SixteenBytes(eight(0), eight(1)), out);
    } else {
      const uint64_t first = LoadWord(block + 4), last = LoadWord(block + 12);
      TakeTwice((first & 0x3f3f3f3fu) | ((last & 0x0f0f0f0fu) | (first >> 6 & 0x03030303u) << 4) << 32, out);
    }
  }

  // The minima of the 16 sub-blocks as int8.
  HWY_INLINE static void SubMinima(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT out) {
    if constexpr (kType == Block::kQ2_K) {
      Store(
          SixteenBytes(LoadTwoWords(block) >> 4 & Both(0x0f0f0f0fu), LoadTwoWords(block + 8) >> 4 & Both(0x0f0f0f0fu)),
          out);
    } else {
      const uint64_t second = LoadWord(block + 8), last = LoadWord(block + 12);
      TakeTwice((second & 0x3f3f3f3fu) | ((last >> 4 & 0x0f0f0f0fu) | (second >> 6 & 0x03030303u) << 4) << 32, out);
    }
  }

  HWY_INLINE static void Store(hn::Vec<hn::FixedTag<uint8_t, 16>> bytes, int8_t* HWY_RESTRICT out) {
    hn::StoreU(bytes, hn::FixedTag<uint8_t, 16>(), reinterpret_cast<uint8_t*>(out));
  }
  // Eight bytes, each twice.
  HWY_INLINE static void TakeTwice(uint64_t bytes, int8_t* HWY_RESTRICT out) {
    const auto eight = SixteenBytes(bytes, bytes);
    Store(hn::InterleaveLower(hn::FixedTag<uint8_t, 16>(), eight, eight), out);
  }

  // Lanes that add up to sum of factor * q over the block, each sub-block with its own factor.
  HWY_INLINE VI32 SumOfSubBlocks(const int8_t* HWY_RESTRICT factors, size_t column) const {
    VI32 sum = hn::Zero(DI32());
    Unroll<32 / kBytes>([&](auto v) BITNET_INLINE_LAMBDA {
      constexpr size_t at = decltype(v)::value * kBytes / 2;
      const VI16 factor = hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), factors + at));
      sum = AddWidePairs(sum, factor, hn::Load(DI16(), sums + column / 16 + at));
    });
    return sum;
  }

  // Lanes that add up to the block's sum.
  HWY_INLINE VI32 Product(const uint8_t* HWY_RESTRICT block, const int8_t* HWY_RESTRICT q, size_t column) const {
    // A 128-bit block of pairs is one sub-block of 16 elements; its scale, 16 bits wide, goes to every lane.
    HWY_ALIGN static constexpr uint8_t kFirst[32] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
                                                     2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3};
    HWY_ALIGN int8_t sub_scales[16];
    HWY_ALIGN int16_t wide_scales[16];
    SubScales(block, sub_scales);
    VI32 sum = hn::Zero(DI32());
    if constexpr (kCentre != 0) {
      sum = hn::Neg(hn::ShiftLeft<hwy::CeilLog2(kCentre)>(SumOfSubBlocks(sub_scales, column)));
    }
    for (size_t i = 0; i < 16; i += kBytes / 2) {
      hn::Store(hn::PromoteTo(DI16(), hn::LoadU(hn::Half<DI8>(), sub_scales + i)), DI16(), wide_scales + i);
    }
    const DU8 d8;
    const VU8 first = hn::Load(d8, kFirst);
    Unroll<256 / kBytes>([&](auto v) BITNET_INLINE_LAMBDA {
      constexpr size_t at = decltype(v)::value * kBytes;
      const VI16 pair = MulSmallPairs(CodesAt<kType, at>(block), hn::LoadU(DI8(), q + at));
      const VU8 scales = hn::LoadDup128(d8, reinterpret_cast<const uint8_t*>(wide_scales + at / 128 * 8));
      const VU8 index = hn::Add(first, hn::Set(d8, at / 16 % 8 * 2));
      sum = AddWidePairs(sum, pair, hn::BitCast(DI16(), hn::TableLookupBytes(scales, index)));
    });
    return sum;
  }

  // What the chain adds for the minima of each block, its sign turned.
  HWY_INLINE void MinimumSums(const uint8_t* HWY_RESTRICT row, size_t n_blocks, float* HWY_RESTRICT out) const {
    SumBlocks(n_blocks, out, [&](size_t b) BITNET_INLINE_LAMBDA {
      HWY_ALIGN int8_t minima[16];
      SubMinima(row + b * kLayout.bytes, minima);
      return SumOfSubBlocks(minima, b * 256);
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
