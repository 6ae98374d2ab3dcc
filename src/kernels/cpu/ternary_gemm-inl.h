// Ternary product for tiles of tokens, in the namespace of one table: no include guard, included once for each.
//
// A blocked int8 product. The rows of a tile are unpacked once, for all tokens of the call, into scratch that stays in
// L2: step s holds columns 4s..4s+3 of every row of the tile, four bytes a row, so that a vector is kLanes rows. The
// micro-kernel keeps kVectors x kTokens sums in registers; each token's four activations are broadcast to all rows,
// and no sum across lanes is ever needed.
//
// Bound of the int16 sums (tables without quads): a step adds one pair code0 q0 + code1 q1 in [-512, 508] to a lane,
// so 64 steps stay in [-32768, 32512].

constexpr size_t kTileVectors = kBytes == 16 ? 4 : 2;
constexpr size_t kTileRows = kTileVectors * kLanes;
constexpr size_t kTileTokens = kBytes == 64 ? 12 : kBytes == 32 ? 5 : 4;  // as the registers allow
constexpr size_t kBlockSteps = kTernaryPad / 4;

// Unpacks n_rows <= kVectors * kLanes rows; the codes of missing rows are 0.
template <size_t kVectors>
HWY_INLINE void UnpackTile(const uint8_t* HWY_RESTRICT w, size_t row_bytes, size_t n_rows, uint8_t* HWY_RESTRICT tile) {
  constexpr size_t kRows = kVectors * kLanes;
  // Words of 16 packed codes, transposed: word j of every row. Two copies: a block is read after the next is written,
  // since a vector load that follows the narrow stores at once would wait for them.
  HWY_ALIGN uint32_t words[2][8][kRows] = {};
  const size_t n_blocks = row_bytes / 32;
  for (size_t b = 0; b <= n_blocks; ++b) {
    if (b < n_blocks) {
      for (size_t r = 0; r < n_rows; ++r) {
        const uint8_t* const from = w + r * row_bytes + b * 32;
        for (size_t j = 0; j < 8; ++j) std::memcpy(&words[b % 2][j][r], from + 4 * j, 4);
      }
    }
    if (b == 0) continue;
    uint8_t* const to = tile + (b - 1) * kBlockSteps * kVectors * kBytes;
    for (size_t j = 0; j < 8; ++j) {
      for (size_t v = 0; v < kVectors; ++v) {
        const VU8 packed = hn::BitCast(DU8(), hn::Load(DU32(), words[(b - 1) % 2][j] + v * kLanes));
        hn::Store(Codes<0>(packed), DU8(), to + ((0 + j) * kVectors + v) * kBytes);
        hn::Store(Codes<1>(packed), DU8(), to + ((8 + j) * kVectors + v) * kBytes);
        hn::Store(Codes<2>(packed), DU8(), to + ((16 + j) * kVectors + v) * kBytes);
        hn::Store(Codes<3>(packed), DU8(), to + ((24 + j) * kVectors + v) * kBytes);
      }
    }
  }
}

// sum[v][t] += codes * activations over `steps` steps.
template <size_t kVectors, size_t kTokens>
HWY_INLINE void AddSteps(const uint8_t* HWY_RESTRICT tile, const int8_t* HWY_RESTRICT q, size_t q_stride, size_t steps,
                         TernarySum (&sum)[kVectors][kTokens]) {
  // Pointers to every third token: the others are one or two strides away, so few address registers are needed.
  constexpr size_t kPointers = (kTokens + 2) / 3;
  const int8_t* HWY_RESTRICT p[kPointers];
  Unroll<kPointers>([&](auto i) BITNET_INLINE_LAMBDA { p[i] = q + 3 * i * q_stride; });
  const auto step = [&](size_t s) BITNET_INLINE_LAMBDA {
    VU8 codes[kVectors];
    Unroll<kVectors>([&](auto v)
                         BITNET_INLINE_LAMBDA { codes[v] = hn::Load(DU8(), tile + (s * kVectors + v) * kBytes); });
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
      int32_t four;
      std::memcpy(&four, p[t / 3] + t % 3 * q_stride + 4 * s, 4);
      const VI8 x = hn::BitCast(DI8(), hn::Set(DI32(), four));
      Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
        sum[v][t] = AddProducts(sum[v][t], codes[v], x);
        KeepInRegister(sum[v][t]);
      });
    });
  };
  for (size_t s = 0; s < steps; s += 2) {  // an even number: columns come in blocks of kTernaryPad
    step(s);
    step(s + 1);
  }
}

template <size_t kVectors, size_t kTokens>
HWY_INLINE void ZeroSums(TernarySum (&sum)[kVectors][kTokens]) {
  Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
    Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { sum[v][t] = hn::Zero(hn::DFromV<TernarySum>()); });
  });
}

// The int32 sums of kTokens tokens over all columns.
template <size_t kVectors, size_t kTokens>
HWY_INLINE void TileSums(const uint8_t* HWY_RESTRICT tile, size_t cols, const int8_t* HWY_RESTRICT q, size_t q_stride,
                         VI32 (&total)[kVectors][kTokens]) {
  if constexpr (kHasQuads) {
    ZeroSums(total);
    AddSteps(tile, q, q_stride, cols / 4, total);
  } else {
    Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
      Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { total[v][t] = hn::Zero(DI32()); });
    });
    for (size_t s = 0; s < cols / 4; s += kMaxPairSums) {
      TernarySum sum[kVectors][kTokens];
      ZeroSums(sum);
      AddSteps(tile + s * kVectors * kBytes, q + 4 * s, q_stride, HWY_MIN(cols / 4 - s, kMaxPairSums), sum);
      Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
        Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA { total[v][t] = Widen(total[v][t], sum[v][t]); });
      });
    }
  }
}

// y of kTokens tokens from `token` on, for the n_rows rows from `row` on that the tile holds.
template <size_t kVectors, size_t kTokens>
HWY_NOINLINE void TileProduct(const TernaryJob& job, const uint8_t* HWY_RESTRICT tile, size_t row, size_t n_rows,
                              size_t token, const float* HWY_RESTRICT scale) {
  const DF32 df;
  VI32 total[kVectors][kTokens];
  TileSums(tile, job.cols, job.q + token * job.q_stride, job.q_stride, total);
  Unroll<kTokens>([&](auto t) BITNET_INLINE_LAMBDA {
    const VI32 q_sum = hn::Set(DI32(), job.q_sum[token + t]);
    const VF32 d = hn::Set(df, job.d[token + t]);
    float* const y = job.y + (token + t) * job.y_stride + row;
    Unroll<kVectors>([&](auto v) BITNET_INLINE_LAMBDA {
      const VF32 acc = hn::ConvertTo(df, hn::Sub(total[v][t], q_sum));
      const VF32 value = hn::Mul(acc, hn::Mul(d, hn::Load(df, scale + v * kLanes)));
      if ((v + 1) * kLanes <= n_rows) {
        hn::StoreU(value, df, y + v * kLanes);
      } else if (v * kLanes < n_rows) {
        hn::BlendedStore(value, hn::FirstN(df, n_rows - v * kLanes), df, y + v * kLanes);
      }
    });
  });
}

template <size_t kVectors>
HWY_INLINE void TileOfRows(const TernaryJob& job, size_t row, size_t n_rows, uint8_t* HWY_RESTRICT tile) {
  UnpackTile<kVectors>(job.w + row * (job.cols / 4), job.cols / 4, n_rows, tile);
  HWY_ALIGN float scale[kVectors * kLanes] = {};
  for (size_t r = 0; r < n_rows; ++r) scale[r] = job.scale[(row + r) * job.scale_stride];
  size_t t = 0;
  for (; t + kTileTokens <= job.n_tokens; t += kTileTokens) {
    TileProduct<kVectors, kTileTokens>(job, tile, row, n_rows, t, scale);
  }
  if constexpr (kTileTokens > 4) {
    for (; t + 4 <= job.n_tokens; t += 4) TileProduct<kVectors, 4>(job, tile, row, n_rows, t, scale);
  }
  for (; t + 2 <= job.n_tokens; t += 2) TileProduct<kVectors, 2>(job, tile, row, n_rows, t, scale);
  for (; t < job.n_tokens; ++t) TileProduct<kVectors, 1>(job, tile, row, n_rows, t, scale);
}

size_t TernaryScratchBytes(size_t cols) noexcept { return kTileRows * cols; }

void TernaryGemm(const TernaryJob& job, size_t row_begin, size_t row_end, void* scratch) noexcept {
  uint8_t* const tile = static_cast<uint8_t*>(scratch);
  for (size_t r = row_begin; r < row_end; r += kTileRows) {
    const size_t n_rows = HWY_MIN(row_end - r, kTileRows);
    if (n_rows <= kLanes) {
      TileOfRows<1>(job, r, n_rows, tile);
    } else {
      TileOfRows<kTileVectors>(job, r, n_rows, tile);
    }
  }
}
