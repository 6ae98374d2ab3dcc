// Ternary products and norms over an emulated grid against the reference table, bit for bit, in several orders of
// the threads.
#include <algorithm>

#include "kernels/pack.h"
#include "unit/gpu/emulated_kernels.h"

namespace bitnet_test {
namespace {

// The quantised rows of a product.
struct Input {
  Input(uint64_t seed, size_t n_tokens, size_t n, const std::string& kind = "plain")
      : x(Values(seed, n_tokens * n, kind)), cols(PadTernary(n)), q(n_tokens * cols), d(n_tokens), q_sum(n_tokens) {
    for (size_t t = 0; t < n_tokens; ++t) {
      REQUIRE(Ref().quantise_row(x.data() + t * n, n, q.data() + t * cols, &d[t], &q_sum[t]));
    }
  }
  std::vector<float> x;
  size_t cols;
  std::vector<int8_t> q;
  std::vector<float> d;
  std::vector<int32_t> q_sum;
};

struct Weights {
  Weights(uint64_t seed, size_t n_rows, size_t cols, size_t stride)
      : rows(n_rows), packed(n_rows * PadTernary(cols) / 4), scale(stride == 0 ? 1 : n_rows * stride), bias(n_rows) {
    for (size_t r = 0; r < rows; ++r) {
      const std::vector<uint8_t> codes = Ints<uint8_t>(seed + r, cols, 0, 2);
      PackTernaryRow(codes.data(), cols, packed.data() + r * PadTernary(cols) / 4);
    }
    scale = Values(seed + 77, scale.size());
    bias = Values(seed + 99, rows);
  }
  size_t rows;
  std::vector<uint8_t> packed;
  std::vector<float> scale, bias;
};

std::vector<float> RefProduct(const Weights& w, const Input& in, size_t n_tokens, size_t stride, bool with_bias) {
  std::vector<float> y(n_tokens * w.rows);
  const TernaryJob job = {w.packed.data(), in.cols,     w.scale.data(), stride,   in.q.data(), in.cols,
                          in.q_sum.data(), in.d.data(), n_tokens,       y.data(), w.rows};
  Ref().ternary_gemv(job, 0, w.rows);
  for (size_t t = 0; t < n_tokens && with_bias; ++t) Ref().add(y.data() + t * w.rows, w.bias.data(), w.rows);
  return y;
}

TEST_CASE("gpu: norm and quantisation in one launch give the reference's bits") {
  for (const size_t n : {1u, 63u, 64u, 65u, 320u, 2561u, 2564u}) {
    for (const std::vector<float>& row : Rows(n)) {
      const size_t rows = 2, padded = PadTernary(n);
      std::vector<float> x = row;
      x.insert(x.end(), row.rbegin(), row.rend());
      const std::vector<float> gamma = Values(n + 5, n);
      for (const bool norm : {true, false}) {
        std::vector<float> y(rows * n), d(rows);
        std::vector<int8_t> q(rows * padded);
        std::vector<int32_t> q_sum(rows);
        bool norm_ok[2] = {true, true}, input_ok[2] = {true, true};
        for (size_t t = 0; t < rows; ++t) {
          float* const to = y.data() + t * n;
          if (norm) norm_ok[t] = Ref().rms_norm(x.data() + t * n, gamma.data(), 1e-5f, n, to);
          if (!norm) std::copy_n(x.data() + t * n, n, to);
          input_ok[t] = norm_ok[t] && Ref().quantise_row(to, n, q.data() + t * padded, &d[t], &q_sum[t]);
        }
        for (const LaneOrder order : Orders()) {
          DeviceArray<float> dx(x), dgamma(gamma), dy(rows * n), dd(rows);
          DeviceArray<int8_t> dq(rows * padded);
          DeviceArray<int32_t> dsum(rows);
          unsigned long long word = kNoFailure;
          const NormArgs row_norm = {
              dx.data(), norm ? dgamma.data() : nullptr, 1e-5f, static_cast<uint32_t>(n), {&word, 7}, {&word, 8}, 0};
          const uint32_t stride = static_cast<uint32_t>(padded);
          if (n % 4 == 0) {
            RunEmulated<NormQuantiseWhole>({2, 1, 1}, {row_norm, dy.data(), dq.data(), stride, dd.data(), dsum.data()},
                                           order);
          } else {
            RunEmulated<NormQuantiseAny>({2, 1, 1}, {row_norm, dy.data(), dq.data(), stride, dd.data(), dsum.data()},
                                         order);
          }
          uint64_t expected = kNoFailure;
          for (uint32_t t = 0; t < rows; ++t) {
            if (!norm_ok[t]) expected = std::min<uint64_t>(expected, uint64_t{7} << 32 | t);
            if (norm_ok[t] && !input_ok[t]) expected = std::min<uint64_t>(expected, uint64_t{8} << 32 | t);
          }
          REQUIRE(word == expected);
          if (word != kNoFailure) continue;
          CheckSame(dy.values(), y);
          CheckSame(dd.values(), d);
          REQUIRE(dq.values() == q);
          REQUIRE(dsum.values() == q_sum);
        }
      }
    }
  }
}

// Tokens of a block.
template <class Kernel>
constexpr uint32_t kBlockTokens = Kernel::kTokens;
template <>
constexpr uint32_t kBlockTokens<TernaryGemv1> = 1;
template <>
constexpr uint32_t kBlockTokens<TernaryGemv4> = 4;

template <class Kernel>
void CheckTernary(uint64_t seed, std::vector<size_t> rows, size_t n, size_t n_tokens, size_t stride, bool add,
                  LaneOrder order) {
  const Input in(seed, n_tokens, n);
  DeviceArray<int8_t> q(in.q);
  DeviceArray<float> d(in.d);
  DeviceArray<int32_t> q_sum(in.q_sum);
  std::vector<Weights> weights;
  std::vector<DeviceArray<uint8_t>> packed;
  std::vector<DeviceArray<float>> y;
  Kernel kernel;
  (void)kernel;
  TernaryArgs args{};
  args.n_out = static_cast<uint32_t>(rows.size());
  args.cols = static_cast<uint32_t>(in.cols);
  args.q = q.data(), args.q_sum = q_sum.data(), args.d = d.data();
  args.n_tokens = static_cast<uint32_t>(n_tokens);
  args.add = add;
  for (size_t i = 0; i < rows.size(); ++i) weights.emplace_back(seed + 1000 * i, rows[i], n, stride);
  for (size_t i = 0; i < rows.size(); ++i) {
    packed.emplace_back(weights[i].packed);
    y.emplace_back(std::vector<float>(n_tokens * rows[i], 0.25f));
  }
  uint32_t blocks = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Weights& w = weights[i];
    args.out[i] = {packed[i].data(),
                   w.scale.data(),
                   static_cast<uint32_t>(stride),
                   static_cast<uint32_t>(rows[i]),
                   i == 1 ? w.bias.data() : nullptr,
                   y[i].data(),
                   blocks};
    blocks += Blocks(rows[i], Kernel::kRows);
  }
  RunEmulated<Kernel>({blocks, Blocks(n_tokens, kBlockTokens<Kernel>), 1}, args, order);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<float> expected = RefProduct(weights[i], in, n_tokens, stride, i == 1);
    for (float& v : expected) v = add ? 0.25f + v : v;
    CheckSame(y[i].values(), expected);
  }
}

TEST_CASE("gpu: dp4a products of one and more tokens give the reference's bits") {
  for (const LaneOrder order : Orders()) {
    CheckTernary<TernaryGemv1>(1, {48, 16, 17}, 320, 1, 0, false, order);
    CheckTernary<TernaryGemv1>(2, {5}, 127, 3, 1, true, order);
    CheckTernary<TernaryGemv1>(3, {33}, 4096 + 640, 1, 1, false, order);
    CheckTernary<TernaryGemv4>(4, {31, 9}, 2560, 6, 0, true, order);
    CheckTernary<TernaryGemv4>(5, {16}, 1, 4, 0, false, order);
  }
}

TEST_CASE("gpu: norm and quantisation of a row longer than a block keeps give the reference's bits") {
  for (const size_t n :
       {size_t{RowNorm<true>::kCols}, size_t{RowNorm<true>::kCols} + 4, size_t{2 * RowNorm<true>::kCols} + 515}) {
    const size_t padded = PadTernary(n);
    const std::vector<float> x = Values(n, n), gamma = Values(n + 5, n);
    std::vector<float> y(n), d(1);
    std::vector<int8_t> q(padded);
    std::vector<int32_t> q_sum(1);
    REQUIRE(Ref().rms_norm(x.data(), gamma.data(), 1e-5f, n, y.data()));
    REQUIRE(Ref().quantise_row(y.data(), n, q.data(), d.data(), q_sum.data()));
    DeviceArray<float> dx(x), dgamma(gamma);
    for (const LaneOrder order : Orders()) {
      DeviceArray<float> dy(n), dd(1);
      DeviceArray<int8_t> dq(padded);
      DeviceArray<int32_t> dsum(1);
      unsigned long long word = kNoFailure;
      const NormArgs norm = {dx.data(), dgamma.data(), 1e-5f, static_cast<uint32_t>(n), {&word, 7}, {&word, 8}, 0};
      RunEmulated<NormQuantiseAny>(
          {1, 1, 1}, {norm, dy.data(), dq.data(), static_cast<uint32_t>(padded), dd.data(), dsum.data()}, order);
      REQUIRE(word == kNoFailure);
      CheckSame(dy.values(), y);
      CheckSame(dd.values(), d);
      REQUIRE(dq.values() == q);
      REQUIRE(dsum.values() == q_sum);
    }
  }
}

// The products of one row whose norm and quantisation they make themselves, of one kind of values.
void CheckNormGemv(const std::vector<float>& x, std::vector<size_t> rows, bool norm, bool add, LaneOrder order) {
  const size_t n = x.size(), cols = PadTernary(n);
  const std::vector<float> gamma = Values(n + 5, n);
  std::vector<float> normed = x;
  Input in(1, 1, n);
  const bool norm_ok = !norm || Ref().rms_norm(x.data(), gamma.data(), 1e-5f, n, normed.data());
  const bool input_ok = norm_ok && Ref().quantise_row(normed.data(), n, in.q.data(), in.d.data(), in.q_sum.data());
  DeviceArray<float> dx(x), dgamma(gamma);
  std::vector<Weights> weights;
  std::vector<DeviceArray<uint8_t>> packed;
  std::vector<std::vector<float>> y;
  for (size_t i = 0; i < rows.size(); ++i) {
    weights.emplace_back(n + 1000 * i, rows[i], n, i % 2);
    packed.emplace_back(weights[i].packed);
    y.emplace_back(rows[i], 0.25f);
  }
  TernaryArgs args{};
  args.n_out = static_cast<uint32_t>(rows.size());
  args.cols = static_cast<uint32_t>(cols);
  args.n_tokens = 1;
  args.add = add;
  uint32_t blocks = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Weights& w = weights[i];
    args.out[i] = {packed[i].data(),
                   w.scale.data(),
                   static_cast<uint32_t>(i % 2),
                   static_cast<uint32_t>(rows[i]),
                   i == 1 ? w.bias.data() : nullptr,
                   y[i].data(),
                   blocks};
    blocks += Blocks(rows[i], TernaryNormGemv1::kRows);
  }
  unsigned long long word = kNoFailure;
  const NormArgs row_norm = {
      dx.data(), norm ? dgamma.data() : nullptr, 1e-5f, static_cast<uint32_t>(n), {&word, 7}, {&word, 8}, 3};
  RunEmulated<TernaryNormGemv1>({blocks, 1, 1}, {args, row_norm}, order);
  uint64_t expected_word = kNoFailure;
  if (!norm_ok) expected_word = uint64_t{7} << 32 | 3;
  if (norm_ok && !input_ok) expected_word = uint64_t{8} << 32 | 3;
  REQUIRE(word == expected_word);
  if (word != kNoFailure) return;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<float> expected = RefProduct(weights[i], in, 1, i % 2, i == 1);
    for (float& v : expected) v = add ? 0.25f + v : v;
    CheckSame(y[i], expected);
  }
}

TEST_CASE("gpu: products of a row that norm and quantise it give the reference's bits") {
  for (const LaneOrder order : Orders()) {
    for (const size_t n : {68u, 320u, 2564u}) {
      for (const std::vector<float>& row : Rows(n)) {
        CheckNormGemv(row, {48, 17, 33}, true, false, order);
        CheckNormGemv(row, {31}, false, true, order);
      }
    }
    CheckNormGemv(Values(9, RowNorm<true>::kCols), {40}, true, true, order);
    CheckNormGemv(Values(10, 6912), {33, 5}, true, false, order);
  }
}

// A block that counts on the one before it, which a GPU may run later or at the same time.
struct ChainProbe {
  static constexpr uint32_t kThreads = kWarp;
  struct Args {
    uint32_t* out;  // [blocks + 1]
  };
  struct Shared {
    uint32_t unused;
  };
  struct Lane {
    uint32_t unused;
  };
  template <class Grid>
  static void Run(Grid& g, const Args& a) {
    const uint32_t block = g.x() + 3 * (g.y() + 2 * g.z());
    g.Lanes([&](uint32_t t, Lane&) {
      if (t == 0) a.out[block + 1] += a.out[block] + 1;
    });
  }
};

TEST_CASE("gpu: blocks of the emulated grid run once each, in several orders, so that chains of them are found") {
  for (const LaneOrder order : kOrders) {
    std::vector<uint32_t> out(13, 0);
    RunEmulated<ChainProbe>({3, 2, 2}, {out.data()}, order);
    for (uint32_t i = 1; i < 13; ++i) CHECK((order != LaneOrder::kRising || out[i] == i));
    for (uint32_t i = 1; i < 13; ++i) CHECK((order != LaneOrder::kFalling || out[i] == 1));
    for (uint32_t i = 1; i < 13; ++i) CHECK((order != LaneOrder::kStrided || out[i] == 2 - i % 2));
  }
}

// What stands where two copies go to, one of them of zeros: when they were asked for, after a wait that is too short,
// and after one that is not.
struct CopyProbe {
  static constexpr uint32_t kThreads = kWarp;
  struct Args {
    const Words4* from;
    Words4 (*seen)[2][kThreads];  // [3]
  };
  struct Shared {
    Words4 at[2][kThreads];
  };
  struct Lane {
    uint32_t unused;
  };
  template <class Grid>
  static void Run(Grid& g, const Args& a) {
    g.Lanes([&](uint32_t t, Lane&) {
      Words4* const to[2] = {&g.shared().at[0][t], &g.shared().at[1][t]};
      const auto look = [&](uint32_t i) { a.seen[i][0][t] = *to[0], a.seen[i][1][t] = *to[1]; };
      *to[0] = *to[1] = Words4{{7, 7, 7, 7}};
      g.CopyAsync(t, to[0], a.from + t, true);
      g.CopyAsync(t, to[1], a.from + t, false);
      g.CommitCopies(t);
      look(0);
      g.template AwaitCopies<1>(t);
      look(1);
      g.template AwaitCopies<0>(t);
      look(2);
    });
  }
};

TEST_CASE(
    "gpu: an asynchronous copy of the emulated grid is there after its wait, and destroys what was there at once") {
  std::vector<Words4> from(kWarp);
  for (uint32_t t = 0; t < kWarp; ++t) from[t] = {{t, t + 100, t + 200, t + 300}};
  for (const LaneOrder order : Orders()) {
    Words4 seen[3][2][kWarp] = {};
    DeviceArray<Words4> source(from);
    RunEmulated<CopyProbe>({1, 1, 1}, {source.data(), seen}, order);
    for (uint32_t t = 0; t < kWarp; ++t) {
      for (uint32_t i = 0; i < 4; ++i) {
        for (const auto& early : {seen[0], seen[1]}) {
          CHECK((early[0][t].w[i] != 7 && early[0][t].w[i] != from[t].w[i]));
          CHECK((early[1][t].w[i] != 7 && early[1][t].w[i] != 0));
        }
        CHECK(seen[2][0][t].w[i] == from[t].w[i]);
        CHECK(seen[2][1][t].w[i] == 0);
      }
    }
  }
}

// Rows and tokens that end within a tile, one past it and with it; columns of fewer runs than a step takes, of fewer
// steps than are under way at a time, and of enough steps that every stage is used again.
TEST_CASE("gpu: tensor-core products give the reference's bits") {
  for (const LaneOrder order : Orders()) {
    CheckTernary<TernaryMma128x64>(11, {128, 129, 3}, 320, 65, 0, false, order);
    CheckTernary<TernaryMma128x64>(12, {130}, 128, 7, 1, true, order);
    CheckTernary<TernaryMma128x64>(13, {17, 80}, 1152, 64, 1, false, order);
    CheckTernary<TernaryMma64x32>(14, {64, 70, 3}, 640, 33, 0, false, order);
    CheckTernary<TernaryMma64x32>(15, {65}, 128, 17, 1, true, order);
    CheckTernary<TernaryMma64x32>(16, {33, 16}, 3072 + 384, 32, 1, false, order);
    CheckTernary<TernaryMma128x16>(17, {128, 130}, 640, 16, 0, true, order);
    CheckTernary<TernaryMma128x16>(18, {18}, 3072 + 128, 5, 1, false, order);
    CheckTernary<TernaryMma32x16>(19, {32, 37, 3}, 640, 16, 0, false, order);
    CheckTernary<TernaryMma32x16>(20, {18}, 128, 5, 1, true, order);
    CheckTernary<TernaryMma32x16>(21, {33, 16}, 3072 + 256, 18, 1, false, order);
  }
}

TEST_CASE("gpu: gate, up and activation in one launch give the reference's bits") {
  const size_t n = 704, rows = 37, n_tokens = 5;
  const Input in(21, n_tokens, n);
  const Weights gate(22, rows, n, 1), up(23, rows, n, 0);
  DeviceArray<int8_t> q(in.q);
  DeviceArray<float> x(in.x);
  DeviceArray<uint8_t> gate_w(gate.packed), up_w(up.packed);
  for (const bool silu : {false, true}) {
    std::vector<float> expected = RefProduct(gate, in, n_tokens, 1, true);
    const std::vector<float> u = RefProduct(up, in, n_tokens, 0, false);
    (silu ? Ref().silu_gate : Ref().relu2_gate)(expected.data(), u.data(), expected.size(), expected.data());
    for (const LaneOrder order : Orders()) {
      for (const uint32_t tokens : {1u, 4u}) {
        std::vector<float> y(n_tokens * rows, kUnset);
        TernaryArgs args{};
        args.out[0] = {gate_w.data(), gate.scale.data(), 1, rows, gate.bias.data(), y.data(), 0};
        args.out[1] = {up_w.data(), up.scale.data(), 0, rows, nullptr, nullptr, 0};
        args.n_out = 2;
        args.cols = static_cast<uint32_t>(in.cols);
        args.q = q.data(), args.q_sum = in.q_sum.data(), args.d = in.d.data();
        args.n_tokens = n_tokens;
        args.silu = silu;
        const GpuGrid grid = {Blocks(rows, TernaryGate1::kRows), Blocks(n_tokens, tokens), 1};
        if (tokens == 1) RunEmulated<TernaryGate1>(grid, args, order);
        if (tokens == 4) RunEmulated<TernaryGate4>(grid, args, order);
        CheckSame(y, expected);
      }
      std::vector<float> first(rows, kUnset);
      TernaryArgs args_of_row{};
      args_of_row.out[0] = {gate_w.data(), gate.scale.data(), 1, rows, gate.bias.data(), first.data(), 0};
      args_of_row.out[1] = {up_w.data(), up.scale.data(), 0, rows, nullptr, nullptr, 0};
      args_of_row.n_out = 2;
      args_of_row.cols = static_cast<uint32_t>(in.cols);
      args_of_row.n_tokens = 1;
      args_of_row.silu = silu;
      unsigned long long word = kNoFailure;
      RunEmulated<TernaryNormGate1>(
          {Blocks(rows, TernaryNormGate1::kRows), 1, 1},
          {args_of_row, {x.data(), nullptr, 0.0f, static_cast<uint32_t>(n), {&word, 1}, {&word, 2}, 0}}, order);
      CheckSame(first, {expected.begin(), expected.begin() + rows});
      std::vector<float> g = RefProduct(gate, in, n_tokens, 1, true);
      const Gate::Args args = {g.data(), u.data(), g.size(), silu};
      RunEmulated<Gate>({Blocks(g.size(), Gate::kPerBlock), 1, 1}, args, order);
      CheckSame(g, expected);
    }
  }
}

TEST_CASE("gpu: ternary products whose block scales differ give the reference's bits") {
  const size_t rows = 9, n_tokens = 2;
  for (const size_t block : {64u, 128u, 256u}) {
    const size_t n = block == 64 ? 1024 + 64 : 1024, n_blocks = n / block;
    const Input in(31, n_tokens, n);
    const Weights w(32 + block, rows, n, n_blocks);
    std::vector<float> expected(n_tokens * rows);
    const TernaryJob job = {w.packed.data(), in.cols,     w.scale.data(), n_blocks,        in.q.data(), in.cols,
                            in.q_sum.data(), in.d.data(), n_tokens,       expected.data(), rows};
    Ref().ternary_blocks(job, block, 0, rows);
    DeviceArray<uint8_t> packed(w.packed);
    DeviceArray<int8_t> q(in.q);
    for (const LaneOrder order : Orders()) {
      std::vector<float> y(n_tokens * rows, kUnset);
      const TernaryBlocks::Args args = {{packed.data(), w.scale.data(), 0, rows, nullptr, y.data(), 0},
                                        static_cast<uint32_t>(in.cols),
                                        static_cast<uint32_t>(block),
                                        static_cast<uint32_t>(n_blocks),
                                        q.data(),
                                        in.d.data(),
                                        false};
      RunEmulated<TernaryBlocks>({Blocks(rows, TernaryBlocks::kRows), n_tokens, 1}, args, order);
      CheckSame(y, expected);
    }
  }
}

}  // namespace
}  // namespace bitnet_test
