// Ternary product for few tokens, in the namespace of one table: no include guard, included once for each.
//
// Several rows at once share the loads of the activations; the packed weights are read where they lie. Codes 0..2
// multiply the activations, and the sum of the activations goes off at the end: sum (code - 1) q = sum code q - sum q.
//
// Bound of the int16 sums (tables without quads): one pair code0 q0 + code1 q1 lies in [2 * 2 * -128, 2 * 2 * 127] =
// [-512, 508], so 64 of them lie in [-32768, 32512] and fit, and not one more. A step adds 4 pairs to each lane.

// Activations that belong to Codes<quarter>(bytes [o, o + kBytes) of a row).
HWY_INLINE VI8 LoadActivations(const int8_t* HWY_RESTRICT q, size_t o, size_t quarter) {
#if HWY_MAX_BYTES == 64  // two blocks
  const hn::Half<DI8> half;
  const int8_t* const first = q + 4 * o + 32 * quarter;
  return hn::Combine(DI8(), hn::LoadU(half, first + kTernaryPad), hn::LoadU(half, first));
#else  // one block, or half of one
  return hn::LoadU(DI8(), q + 4 * (o - o % 32) + o % 32 + 32 * quarter);
#endif
}

template <int kQuarter, size_t kRows, size_t kTokens>
HWY_INLINE void AddQuarter(const VU8 (&packed)[kRows], const VI8 (&q)[kTokens], TernarySum (&sum)[kRows][kTokens]) {
  Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
    const VU8 codes = Codes<kQuarter>(packed[r]);
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
      sum[r][t] = AddProducts(sum[r][t], codes, q[t]);
      KeepInRegister(sum[r][t]);
    });
  });
}

template <int kQuarter, size_t kRows, size_t kTokens>
HWY_INLINE void AddQuarterAt(const VU8 (&packed)[kRows], const int8_t* HWY_RESTRICT q, size_t q_stride, size_t o,
                             TernarySum (&sum)[kRows][kTokens]) {
  VI8 x[kTokens];
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { x[t] = LoadActivations(q + t * q_stride, o, kQuarter); });
  AddQuarter<kQuarter>(packed, x, sum);
}

#if HWY_MAX_BYTES == 64
// The last 32 bytes of rows with an odd number of blocks; the upper halves are zero codes and zero activations.
template <int kQuarter, size_t kRows, size_t kTokens>
HWY_INLINE void AddLastQuarter(const VU8 (&packed)[kRows], const int8_t* HWY_RESTRICT q, size_t q_stride, size_t o,
                               TernarySum (&sum)[kRows][kTokens]) {
  VI8 x[kTokens];
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
    x[t] = hn::ZeroExtendVector(DI8(), hn::LoadU(hn::Half<DI8>(), q + t * q_stride + 4 * o + 32 * kQuarter));
  });
  AddQuarter<kQuarter>(packed, x, sum);
}
#endif

// Rows lie one after the other, so what is needed next is what lies behind. Asked for in the order of addresses: four
// rows read at once look like four streams to the hardware, which alone reaches half of the bandwidth.
constexpr size_t kPrefetchBytes = 8192;

// total[r][t] = lanes that add up to the sum of code * q of row r and token t.
template <size_t kRows, size_t kTokens>
HWY_INLINE void SumRows(const uint8_t* HWY_RESTRICT w, size_t stride_bytes, size_t row_bytes,
                        const int8_t* HWY_RESTRICT q, size_t q_stride, VI32 (&total)[kRows][kTokens]) {
  constexpr size_t kStepsPerWiden = kHasQuads ? ~size_t{0} / kBytes : kMaxPairSums / 4;
  Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { total[r][t] = hn::Zero(DI32()); });
  });
  size_t o = 0;
  while (o < row_bytes) {
    TernarySum sum[kRows][kTokens];
    Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
      Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { sum[r][t] = hn::Zero(hn::DFromV<TernarySum>()); });
    });
    const size_t steps = HWY_MIN((row_bytes - o) / kBytes, kStepsPerWiden);
    for (const size_t end = o + steps * kBytes; o < end; o += kBytes) {
      VU8 packed[kRows];
      Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
        packed[r] = hn::LoadU(DU8(), w + r * stride_bytes + o);
        hwy::Prefetch(w + kPrefetchBytes + o * kRows + r * kBytes);
      });
      AddQuarterAt<0>(packed, q, q_stride, o, sum);
      AddQuarterAt<1>(packed, q, q_stride, o, sum);
      AddQuarterAt<2>(packed, q, q_stride, o, sum);
      AddQuarterAt<3>(packed, q, q_stride, o, sum);
    }
#if HWY_MAX_BYTES == 64
    if (steps < kStepsPerWiden && o < row_bytes) {
      VU8 packed[kRows];
      Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
        packed[r] = hn::ZeroExtendVector(DU8(), hn::LoadU(hn::Half<DU8>(), w + r * stride_bytes + o));
      });
      AddLastQuarter<0>(packed, q, q_stride, o, sum);
      AddLastQuarter<1>(packed, q, q_stride, o, sum);
      AddLastQuarter<2>(packed, q, q_stride, o, sum);
      AddLastQuarter<3>(packed, q, q_stride, o, sum);
      o = row_bytes;
    }
#endif
    Unroll<kRows>([&](auto r) BITNET_INLINE_LAMBDA {
      Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { total[r][t] = Widen(total[r][t], sum[r][t]); });
    });
  }
}

// Rows row..row + 3 of kTokens tokens from `token` on.
template <size_t kTokens>
HWY_INLINE void FourRows(const TernaryJob& job, size_t row, size_t token) {
  const size_t row_bytes = job.cols / 4;
  VI32 total[4][kTokens];
  SumRows(job.w + row * row_bytes, row_bytes, row_bytes, job.q + token * job.q_stride, job.q_stride, total);
  const D4F df;
  const auto scale = job.scale_stride == 0 ? hn::Set(df, *job.scale) : hn::LoadU(df, job.scale + row);
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
    const auto acc =
        hn::Sub(SumOfFour(total[0][t], total[1][t], total[2][t], total[3][t]), hn::Set(D4I(), job.q_sum[token + t]));
    const auto y = hn::Mul(hn::ConvertTo(df, acc), hn::Mul(hn::Set(df, job.d[token + t]), scale));
    hn::StoreU(y, df, job.y + (token + t) * job.y_stride + row);
  });
}

template <size_t kTokens>
HWY_INLINE void OneRow(const TernaryJob& job, size_t row, size_t token) {
  const size_t row_bytes = job.cols / 4;
  VI32 total[1][kTokens];
  SumRows(job.w + row * row_bytes, row_bytes, row_bytes, job.q + token * job.q_stride, job.q_stride, total);
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
    const int32_t acc = hn::GetLane(hn::SumOfLanes(DI32(), total[0][t])) - job.q_sum[token + t];
    job.y[(token + t) * job.y_stride + row] =
        static_cast<float>(acc) * (job.d[token + t] * job.scale[row * job.scale_stride]);
  });
}

template <size_t kTokens>
HWY_NOINLINE void AllRows(const TernaryJob& job, size_t row_begin, size_t row_end, size_t token) {
  size_t r = row_begin;
  for (; r + 4 <= row_end; r += 4) FourRows<kTokens>(job, r, token);
  for (; r < row_end; ++r) OneRow<kTokens>(job, r, token);
}

void TernaryGemv(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept {
  for (size_t t = 0; t < job.n_tokens; t += 4) {
    switch (job.n_tokens - t) {
      case 1: AllRows<1>(job, row_begin, row_end, t); break;
      case 2: AllRows<2>(job, row_begin, row_end, t); break;
      case 3: AllRows<3>(job, row_begin, row_end, t); break;
      default: AllRows<4>(job, row_begin, row_end, t);
    }
  }
}
