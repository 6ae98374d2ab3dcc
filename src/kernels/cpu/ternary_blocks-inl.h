// Ternary product with block scales that differ, in the namespace of one table: no include guard, included once for
// each. Only for files that have such scales: plain, not tuned.

// Sums over half of the 128 columns whose packed bytes begin at `first`: quarters kHalf * 2 and the next.
template <int kHalf>
HWY_INLINE void SumHalf(const RowGroup& rows, size_t first, const int8_t* HWY_RESTRICT q,
                        VI32 (&total)[kGroupVectors][1]) {
  TernarySum sum[kGroupVectors][1];
  Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA { sum[v][0] = hn::Zero(hn::DFromV<TernarySum>()); });
  for (size_t o = first; o < first + kTernaryPad / 4; o += kStepBytes) {
    VU8 packed[kGroupVectors];
    Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA { packed[v] = rows.template Load<v>(o); });
    AddQuarter<2 * kHalf>(packed, q, 0, o, sum);
    AddQuarter<2 * kHalf + 1>(packed, q, 0, o, sum);
  }
  Unroll<kGroupVectors>([&](auto v) BITNET_INLINE_LAMBDA { total[v][0] = Widen(hn::Zero(DI32()), sum[v][0]); });
}

// The fma chains over the blocks of n_rows <= kGroupRows rows from `row` on, of one token.
HWY_NOINLINE void BlockChains(const TernaryJob& job, size_t block, size_t row, size_t n_rows, size_t token) {
  const size_t row_bytes = job.cols / 4;
  const int8_t* const q_row = job.q + token * job.q_stride;
  const RowGroup whole(job.w + row * row_bytes, row_bytes, n_rows);
  float acc[kGroupRows] = {};
  for (size_t b = 0; b < job.scale_stride; ++b) {
    const int8_t* const q = q_row + b * block;
    VI32 total[kGroupVectors][1];
    if (block >= kTernaryPad) {
      const RowGroup rows(job.w + row * row_bytes + b * (block / 4), row_bytes, n_rows);
      SumRows(rows, block / 4, q, job.q_stride, total);
    } else if (b % 2 == 0) {
      SumHalf<0>(whole, b / 2 * (kTernaryPad / 4), q_row, total);
    } else {
      SumHalf<1>(whole, b / 2 * (kTernaryPad / 4), q_row, total);
    }
    VI32 q_lanes = hn::Zero(DI32());
    for (size_t i = 0; i < block; i += kBytes) {
      q_lanes = AddQuads(q_lanes, hn::Set(DU8(), 1), hn::LoadU(DI8(), q + i));
    }
    const V4I q_sum = hn::Set(D4I(), hn::GetLane(hn::SumOfLanes(DI32(), q_lanes)));
    float isum[kGroupRows];
    Unroll<kRowsPerVector>([&](auto four) BITNET_INLINE_LAMBDA {
      const V4I sums = hn::Sub(RowSums<four>(total, 0), q_sum);
      hn::StoreU(hn::ConvertTo(D4F(), sums), D4F(), isum + 4 * four);
    });
    for (size_t r = 0; r < n_rows; ++r) {
      acc[r] = __builtin_fmaf(isum[r], job.scale[(row + r) * job.scale_stride + b] * job.d[token], acc[r]);
    }
  }
  std::memcpy(job.y + token * job.y_stride + row, acc, n_rows * sizeof(float));
}

void TernaryBlocks(const TernaryJob& job, size_t block, size_t row_begin, size_t row_end) noexcept {
  for (size_t r = row_begin; r < row_end; r += kGroupRows) {
    for (size_t t = 0; t < job.n_tokens; ++t) BlockChains(job, block, r, HWY_MIN(row_end - r, kGroupRows), t);
  }
}
