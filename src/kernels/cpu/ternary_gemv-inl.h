// Ternary product for few tokens, in the namespace of one table: no include guard, included once for each.
//
// A group of rows shares the loads of the activations; the packed weights are read where they lie, 32 bytes of a row at
// a time: a 512-bit vector holds two rows, since a mapped file is aligned to 32 bytes and 64-byte loads would straddle
// cache lines. Codes 0..2 multiply the activations, and the sum of the activations goes off at the end:
// sum (code - 1) q = sum code q - sum q.
//
// Bound of the int16 sums (tables without quads): one pair code0 q0 + code1 q1 lies in [2 * 2 * -128, 2 * 2 * 127] =
// [-512, 508], so 64 of them lie in [-32768, 32512] and fit, and not one more. A step adds 4 pairs to each lane.

constexpr size_t kRowsPerVector = kBytes == 64 ? 2 : 1;
constexpr size_t kStepBytes = kBytes / kRowsPerVector;  // of each row
constexpr size_t kGroupVectors = 4;
constexpr size_t kGroupRows = kGroupVectors * kRowsPerVector;
// Tokens of one pass: as many sums as the registers hold.
constexpr size_t kPassTokens = kBytes == 32 ? 2 : 4;
// Sums of a row that take turns, so that a product does not wait for the one before: a quad takes 4 cycles and a step
// adds 4 of them to each row.
template <size_t kTokens>
constexpr size_t kChains = (kTokens == 1 && kHasQuads) ? 2 : 1;
// Rows lie one after the other, so what is needed next is what lies behind. Asked for in the order of addresses: rows
// read at once look like so many streams to the hardware, which alone reaches half of the bandwidth.
constexpr size_t kPrefetchBytes = 8192;

// The rows of a group; the last one stands in for those beyond the range.
struct RowGroup {
  const uint8_t* row[kGroupRows];

  HWY_INLINE RowGroup(const uint8_t* w, size_t stride_bytes, size_t n_rows) {
    for (size_t r = 0; r < kGroupRows; ++r) row[r] = w + HWY_MIN(r, n_rows - 1) * stride_bytes;
  }
  template <size_t v>
  HWY_INLINE VU8 Load(size_t o) const {
#if BITNET_VECTOR_BYTES == 64
    const hn::Half<DU8> half;
    return hn::Combine(DU8(), hn::LoadU(half, row[2 * v + 1] + o), hn::LoadU(half, row[2 * v] + o));
#else
    return hn::LoadU(DU8(), row[v] + o);
#endif
  }
};

// Activations that belong to Codes<quarter>(bytes [o, o + kStepBytes) of a row), once for each row of a vector.
HWY_INLINE VI8 LoadActivations(const int8_t* HWY_RESTRICT q, size_t o, size_t quarter) {
  const int8_t* const from = q + 4 * (o - o % 32) + o % 32 + 32 * quarter;
#if BITNET_VECTOR_BYTES == 64
  return LoadHalfTwice(from);
#else
  return hn::LoadU(DI8(), from);
#endif
}

template <int kQuarter, size_t kTokens>
HWY_INLINE void AddQuarter(const VU8 (&packed)[kGroupVectors], const int8_t* HWY_RESTRICT q, size_t q_stride, size_t o,
                           TernarySum (&sum)[kGroupVectors][kTokens]) {
  VI8 x[kTokens];
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { x[t] = LoadActivations(q + t * q_stride, o, kQuarter); });
  Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA {
    const VU8 codes = Codes<kQuarter>(packed[v]);
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
      sum[v][t] = AddProducts(sum[v][t], codes, x[t]);
      KeepInRegister(sum[v][t]);
    });
  });
}

// total[v][t] = lanes that add up to the sums of code * q of the rows of vector v and token t.
template <size_t kTokens>
HWY_INLINE void SumRows(const RowGroup& rows, size_t row_bytes, const int8_t* HWY_RESTRICT q, size_t q_stride,
                        VI32 (&total)[kGroupVectors][kTokens]) {
  constexpr size_t kSums = kChains<kTokens>;
  constexpr size_t kBytesPerWiden = kHasQuads ? ~size_t{0} : kMaxPairSums / 4 * kStepBytes;
  Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA {
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { total[v][t] = hn::Zero(DI32()); });
  });
  for (size_t o = 0; o < row_bytes;) {
    TernarySum sum[kSums][kGroupVectors][kTokens];
    Unroll<kSums * kGroupVectors * kTokens>([&](auto i) BITNET_INLINE_LAMBDA {
      sum[i / kTokens / kGroupVectors][i / kTokens % kGroupVectors][i % kTokens] = hn::Zero(hn::DFromV<TernarySum>());
    });
    for (const size_t end = o + HWY_MIN(row_bytes - o, kBytesPerWiden); o < end; o += kStepBytes) {
      VU8 packed[kGroupVectors];
      Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA {
        packed[v] = rows.template Load<v>(o);
        if constexpr (v * kBytes % 64 == 0) hwy::Prefetch(rows.row[0] + kPrefetchBytes + o * kGroupRows + v * kBytes);
      });
      AddQuarter<0>(packed, q, q_stride, o, sum[0]);
      AddQuarter<1>(packed, q, q_stride, o, sum[1 % kSums]);
      AddQuarter<2>(packed, q, q_stride, o, sum[2 % kSums]);
      AddQuarter<3>(packed, q, q_stride, o, sum[3 % kSums]);
    }
    Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA {
      Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
        Unroll<kSums>([&](auto i) BITNET_INLINE_LAMBDA { total[v][t] = Widen(total[v][t], sum[i][v][t]); });
      });
    });
  }
}

// Sums of rows 4 * kFour .. 4 * kFour + 3 of the group.
template <size_t kFour, size_t kTokens>
HWY_INLINE V4I RowSums(const VI32 (&total)[kGroupVectors][kTokens], size_t t) {
#if BITNET_VECTOR_BYTES == 64
  const hn::Half<DI32> half;
  const VI32 first = total[2 * kFour][t];
  const VI32 second = total[2 * kFour + 1][t];
  return TransposeAddFour(D4I(), FoldToFour(half, hn::LowerHalf(half, first)),
                          FoldToFour(half, hn::UpperHalf(half, first)), FoldToFour(half, hn::LowerHalf(half, second)),
                          FoldToFour(half, hn::UpperHalf(half, second)));
#else
  return SumOfFour(total[0][t], total[1][t], total[2][t], total[3][t]);
#endif
}

// n_rows <= kGroupRows rows from `row` on, kTokens tokens from `token` on.
template <size_t kTokens>
HWY_INLINE void GroupProduct(const TernaryJob& job, size_t row, size_t n_rows, size_t token) {
  const size_t row_bytes = job.cols / 4;
  const RowGroup rows(job.w + row * row_bytes, row_bytes, n_rows);
  VI32 total[kGroupVectors][kTokens];
  SumRows(rows, row_bytes, job.q + token * job.q_stride, job.q_stride, total);
  float scale[kGroupRows] = {};
  for (size_t r = 0; r < n_rows; ++r) scale[r] = job.scale[(row + r) * job.scale_stride];
  const D4F df;
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
    float y[kGroupRows];
    Unroll<kRowsPerVector>([&](auto four) BITNET_INLINE_LAMBDA {
      const V4I acc = hn::Sub(RowSums<four>(total, t), hn::Set(D4I(), job.q_sum[token + t]));
      const V4F factor = hn::Mul(hn::Set(df, job.d[token + t]), hn::LoadU(df, scale + 4 * four));
      hn::StoreU(hn::Mul(hn::ConvertTo(df, acc), factor), df, y + 4 * four);
    });
    std::memcpy(job.y + (token + t) * job.y_stride + row, y, n_rows * sizeof(float));
  });
}

template <size_t kTokens>
HWY_NOINLINE void AllRows(const TernaryJob& job, size_t row_begin, size_t row_end, size_t token) {
  size_t r = row_begin;
  for (; r + kGroupRows <= row_end; r += kGroupRows) GroupProduct<kTokens>(job, r, kGroupRows, token);
  if (r < row_end) GroupProduct<kTokens>(job, r, row_end - r, token);
}

void TernaryGemv(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept {
#if BITNET_VECTOR_BYTES == 64
  // Memory is the limit, and 256-bit loads are measured to keep more of it in flight (docs/kernels.md).
  if (job.n_tokens <= 2) return NarrowGemv(job, row_begin, row_end);
#endif
  size_t t = 0;
  if constexpr (kPassTokens == 4) {
    for (; t + 4 <= job.n_tokens; t += 4) AllRows<4>(job, row_begin, row_end, t);
  }
  for (; t + 2 <= job.n_tokens; t += 2) AllRows<2>(job, row_begin, row_end, t);
  for (; t < job.n_tokens; ++t) AllRows<1>(job, row_begin, row_end, t);
}
