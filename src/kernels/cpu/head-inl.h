// Bounds of logits from the head copy, in the namespace of one table: no include guard, included once for each.

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
