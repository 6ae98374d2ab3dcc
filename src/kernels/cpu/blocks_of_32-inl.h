// The block types of 32 elements (Q4_0, Q4_1, Q5_0, Q5_1, Q8_0), in the namespace of a target: no include guard,
// included once for each. [f16 d][f16 m][u32 fifth bits][16 bytes of nibbles, or 32 int8], m and fifth bits where the
// type has them; low nibbles are elements 0..15, high ones 16..31.
//
// Bounds: int16 products of int8, 32 of them: at most 32 * 2^14.

// Byte i of entry b is 16 where bit i of b is set: the fifth bits of eight codes.
inline constexpr auto kFifthBits = [] {
  std::array<uint64_t, 256> table{};
  for (size_t b = 0; b < 256; ++b) {
    for (size_t i = 0; i < 8; ++i) table[b] |= uint64_t{b >> i & 1} << (8 * i + 4);
  }
  return table;
}();

template <Block kType>
struct BlocksOf32 {
  static constexpr BlockLayout kLayout = LayoutOf(kType);
  static constexpr bool kFifth = kType == Block::kQ5_0 || kType == Block::kQ5_1;
  static constexpr int8_t kCentre = kType == Block::kQ4_0 ? 8 : kType == Block::kQ5_0 ? 16 : 0;
  static constexpr size_t kStep = kBytes / 2;  // elements a vector of int16 holds
  using Half8 = hn::Half<DI8>;

  HWY_ALIGN int16_t wide[kChunkColumns];
  HWY_ALIGN float q_sum[kChunkColumns / 32 + 3];  // of each block, where the type has minima

  HWY_INLINE void Prepare(const int8_t* HWY_RESTRICT q, size_t n) {
    for (size_t i = 0; i < n; i += kStep) {
      hn::Store(hn::PromoteTo(DI16(), hn::LoadU(Half8(), q + i)), DI16(), wide + i);
    }
    if constexpr (kLayout.has_min) {
      for (size_t b = 0; b < n / 32; ++b) {
        int32_t sum = 0;
        for (size_t i = 0; i < 32; ++i) sum += q[32 * b + i];
        q_sum[b] = static_cast<float>(sum);
      }
    }
  }

  // The fifth bits of a block as bytes.
  HWY_INLINE static void LoadFifth(const uint8_t* HWY_RESTRICT block, uint64_t* HWY_RESTRICT fifth) {
    if constexpr (kFifth) {
      const uint8_t* const bits = block + kLayout.bytes - 20;
      for (size_t i = 0; i < 4; ++i) fifth[i] = kFifthBits[bits[i]];
    }
  }

  // Elements [i, i + kStep) as int8.
  HWY_INLINE static hn::Vec<Half8> WeightsAt(const uint8_t* HWY_RESTRICT block, const uint64_t* HWY_RESTRICT fifth,
                                             size_t i) {
    if constexpr (kType == Block::kQ8_0) {
      return hn::LoadU(Half8(), reinterpret_cast<const int8_t*>(block) + 2 + i);
    } else {
      const hn::Half<DU8> d;
      const hn::RepartitionToWide<hn::Half<DU8>> words;
      const auto packed = hn::LoadU(d, block + kLayout.bytes - 16 + i % 16);
      const auto nibbles = i < 16 ? packed : hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(words, packed)));
      auto codes = hn::And(nibbles, hn::Set(d, 15));
      if constexpr (kFifth) {
        // Put together in a register: a vector that is read of smaller stores would wait for them.
        const hn::Repartition<uint64_t, hn::Half<DU8>> d64;
        auto bits = hn::Set(d64, fifth[i / 8]);
        if constexpr (kStep == 16) bits = hn::OddEven(hn::Set(d64, fifth[i / 8 + 1]), bits);
        codes = hn::Or(codes, hn::BitCast(d, bits));
      }
      const auto weights = hn::BitCast(Half8(), codes);
      if constexpr (kCentre == 0) return weights;
      return hn::Sub(weights, hn::Set(Half8(), kCentre));
    }
  }

  // Lanes that add up to the block's sum.
  HWY_INLINE VI32 Product(const uint8_t* HWY_RESTRICT block, const int8_t*, size_t column) const {
    uint64_t fifth[4];
    LoadFifth(block, fifth);
    VI32 sum = hn::Zero(DI32());
    Unroll<32 / kStep>([&](auto v) BITNET_INLINE_LAMBDA {
      const VI16 w = hn::PromoteTo(DI16(), WeightsAt(block, fifth, v * kStep));
      sum = AddWidePairs(sum, w, hn::Load(DI16(), wide + column + v * kStep));
    });
    return sum;
  }

  HWY_INLINE void MinimumSums(const uint8_t*, size_t n_blocks, float* HWY_RESTRICT out) const {
    std::memcpy(out, q_sum, n_blocks * sizeof(float));
  }

  HWY_INLINE static void Weights(const uint8_t* HWY_RESTRICT block, int8_t* HWY_RESTRICT q) {
    uint64_t fifth[4];
    LoadFifth(block, fifth);
    for (size_t i = 0; i < 32; i += kStep) hn::StoreU(WeightsAt(block, fifth, i), Half8(), q + i);
  }

  // The factor of the block's codes and what is added to each product.
  HWY_INLINE static void Scales(const uint8_t*, float d, float m, float* scale, float* minimum) {
    scale[0] = d;
    minimum[0] = m;
  }
};
