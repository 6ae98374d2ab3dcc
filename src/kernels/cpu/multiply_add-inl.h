// The integer products' peak rate, in the namespace of one table: no include guard, included once for each.

// Rounds of the inner step of the ternary products, on registers alone; returns the products made and added.
uint64_t MultiplyAdd(uint64_t n_rounds) noexcept {
  constexpr size_t kSums = kBytes == 32 ? 8 : 16;  // independent chains, within the registers
  constexpr size_t kSteps = 4096 / (kSums * kBytes);
  VU8 codes = hn::Set(DU8(), 1);
  VI8 q = hn::Set(DI8(), 1);
  TernarySum sum[kSums];
  Unroll<kSums>([&](auto i) BITNET_INLINE_LAMBDA {
    sum[i] = hn::Set(hn::DFromV<TernarySum>(), static_cast<int>(i));  // all different: no two chains are one
  });
  for (uint64_t round = 0; round < n_rounds * kSteps; ++round) {
    Unroll<kSums>([&](auto i) BITNET_INLINE_LAMBDA {
      KeepInRegister(q);  // unknown again, so that no product is made once for all
      sum[i] = AddProducts(sum[i], codes, q);
      KeepInRegister(sum[i]);
    });
  }
  Unroll<kSums>([&](auto i) BITNET_INLINE_LAMBDA { Consume(sum[i]); });
  return n_rounds * kSteps * kSums * kBytes;
}
