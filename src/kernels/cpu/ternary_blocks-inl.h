// Ternary product with block scales that differ, in the namespace of one table: no include guard, included once for
// each. For files that are rare: four rows share the loads, and a fifth row of code 1 gives the sum of the activations.

// acc[r] = fma chain over the blocks of rows r, r + 1, ... of one token.
template <size_t kRows>
HWY_INLINE void BlockChain(const TernaryJob& job, size_t block, size_t row, size_t token, float (&acc)[kRows]) {
  const size_t row_bytes = job.cols / 4;
  const float* const scale = job.scale + row * job.scale_stride;
  for (size_t r = 0; r < kRows; ++r) acc[r] = 0.0f;
  for (size_t b = 0; b < job.cols / block; ++b) {
    const int8_t* const q = job.q + token * job.q_stride + b * block;
    VI32 total[kRows][1];
    SumRows(job.w + row * row_bytes + b * (block / 4), row_bytes, block / 4, q, job.q_stride, total);
    VI32 q_lanes = hn::Zero(DI32());
    for (size_t i = 0; i < block; i += kBytes) {
      q_lanes = AddQuads(q_lanes, hn::Set(DU8(), 1), hn::LoadU(DI8(), q + i));
    }
    Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
      const int32_t isum = hn::GetLane(hn::SumOfLanes(DI32(), hn::Sub(total[r][0], q_lanes)));
      acc[r] = __builtin_fmaf(static_cast<float>(isum), scale[r * job.scale_stride + b] * job.d[token], acc[r]);
    });
  }
}

template <size_t kRows>
HWY_NOINLINE void BlockChains(const TernaryJob& job, size_t block, size_t row, size_t token) {
  float acc[kRows];
  BlockChain<kRows>(job, block, row, token, acc);
  for (size_t r = 0; r < kRows; ++r) job.y[token * job.y_stride + row + r] = acc[r];
}

void TernaryBlocks(const TernaryJob& job, size_t block, size_t row_begin, size_t row_end) noexcept {
  size_t r = row_begin;
  for (; r + 4 <= row_end; r += 4) {
    for (size_t t = 0; t < job.n_tokens; ++t) BlockChains<4>(job, block, r, t);
  }
  for (; r < row_end; ++r) {
    for (size_t t = 0; t < job.n_tokens; ++t) BlockChains<1>(job, block, r, t);
  }
}
