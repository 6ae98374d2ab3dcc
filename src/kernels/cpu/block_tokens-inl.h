// Block-quantised products for a group of tokens, in the namespace of one table: no include guard, included once for
// each.
//
// Codes and the integer scales of sub-blocks are multiplied when a block is unpacked, once for all tokens: what is left
// is a sum of products of int16 for every type. A lane is a token: the pairs of weights of a row are given to all
// lanes, no sum leaves its lane, and the chains of all tokens over the blocks are one vector.
//
// Bounds, of a block: |code - centre| * |scale| is at most 31 * 63 (Q5_K), 32 * 128 (Q6_K), 4 * 32 (Q3_K), 128 (Q8_0),
// so 256 products with an activation stay below 2^28; sums of minima below 256 * 128 * 63 < 2^21.

// The weights of a pair of columns for all lanes.
HWY_INLINE VI16 PairForAll(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return hn::BitCast(DI16(), hn::Set(DI32(), both));
}

// kV vectors of tokens.
template <size_t kV>
HWY_NOINLINE void BlockTokensOf(const BlockTokensJob& job, size_t row_begin, size_t row_end) {
  constexpr size_t kRows = kV == 1 ? 8 : 4;  // as many sums as hide the latency of a product
  constexpr size_t kPair = kGroupTokens * 2;
  const BlockLayout& layout = LayoutOf(job.type);
  const size_t row_bytes = job.n / layout.elements * layout.bytes;
  const auto* const w = static_cast<const uint8_t*>(job.w);
  const bool minus = layout.n_scales > 1;  // the sign of what minima add
  WideBlocks wide[kRows] = {};
  for (size_t r = row_begin; r < row_end; r += kRows) {
    const size_t n_rows = HWY_MIN(row_end - r, kRows);
    VF32 chain[kRows][kV];
    Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
      Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA { chain[i][v] = hn::Zero(DF32()); });
    });
    // Sums of `count` weights or minima of each row, from `first` on, with what the tokens have from `column` on.
    const auto sum_up = [&]<size_t kSize>(const int16_t* HWY_RESTRICT q, size_t column, size_t first, size_t count,
                                          int16_t(WideBlocks::*of)[kSize], VI32(&sum)[kRows][kV]) BITNET_INLINE_LAMBDA {
      const int16_t* HWY_RESTRICT at = q + column / 2 * kPair;
      Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
        Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA { sum[i][v] = hn::Zero(DI32()); });
      });
      for (size_t p = 0; p < count; p += 2, at += kPair) {
        VI16 pair[kV];
        Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA { pair[v] = hn::LoadU(DI16(), at + v * 2 * kLanes); });
        Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
          const VI16 both = PairForAll(wide[i].*of + first + p);
          Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA {
            sum[i][v] = AddWidePairs(sum[i][v], pair[v], both);
            KeepInRegister(sum[i][v]);
          });
        });
      }
    };
    for (size_t column = 0; column < job.n; column += kWideColumns) {
      const size_t n_blocks = HWY_MIN(job.n - column, kWideColumns) / layout.elements;
      // The rows lie one behind the other: what is asked for ahead, a share at each step, is one stream of memory.
      const uint8_t* const ahead = w + (r + kRows) * row_bytes + column / layout.elements * layout.bytes * kRows;
      for (size_t o = 0; o < n_blocks * layout.bytes * kRows; o += 64) hwy::Prefetch(ahead + o);
      for (size_t i = 0; i < n_rows; ++i) {
        streams::WidenBlocks(job.type, w + (r + i) * row_bytes + column / layout.elements * layout.bytes, n_blocks,
                             &wide[i]);
      }
      for (size_t b = 0; b < n_blocks; ++b) {
        const size_t first = b * layout.elements;
        const float* const d_a = job.group.d_a + (column + first) / layout.elements * kGroupTokens;
        VF32 scale[kV];
        Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA { scale[v] = hn::LoadU(DF32(), d_a + v * kLanes); });
        VI32 sum[kRows][kV];
        sum_up(job.group.q, column + first, first, layout.elements, &WideBlocks::w, sum);
        Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
          Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA {
            const VF32 factor = hn::Mul(hn::Set(DF32(), wide[i].d[b]), scale[v]);
            chain[i][v] = hn::MulAdd(hn::ConvertTo(DF32(), sum[i][v]), factor, chain[i][v]);
          });
        });
        if (!layout.has_min) continue;
        sum_up(job.group.sums, (column + first) / kSumElements, first / kSumElements, layout.elements / kSumElements,
               &WideBlocks::minima, sum);
        Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
          Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA {
            const VF32 factor = hn::Mul(hn::Set(DF32(), wide[i].m[b]), scale[v]);
            const VF32 msum = hn::ConvertTo(DF32(), sum[i][v]);
            chain[i][v] = hn::MulAdd(minus ? hn::Neg(msum) : msum, factor, chain[i][v]);
          });
        });
      }
    }
    HWY_ALIGN float out[kRows][kV * kLanes];
    Unroll<kRows>([&](auto i) BITNET_INLINE_LAMBDA {
      Unroll<kV>([&](auto v) BITNET_INLINE_LAMBDA { hn::Store(chain[i][v], DF32(), out[i] + v * kLanes); });
    });
    for (size_t t = 0; t < job.n_tokens; ++t) {
      for (size_t i = 0; i < n_rows; ++i) job.y[t * job.y_stride + r + i] = out[i][t];
    }
  }
}

void BlockTokens(const BlockTokensJob& job, size_t row_begin, size_t row_end) noexcept {
  if (job.n_tokens <= kGroupTokens / 2) {
#if BITNET_VECTOR_BYTES == 64
    return NarrowTokens(job, row_begin, row_end);
#else
    return BlockTokensOf<kGroupTokens / 2 / kLanes>(job, row_begin, row_end);
#endif
  }
  BlockTokensOf<kGroupTokens / kLanes>(job, row_begin, row_end);
}
