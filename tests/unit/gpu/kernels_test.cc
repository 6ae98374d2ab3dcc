// Every GPU kernel over an emulated grid against the reference table, bit for bit, in several orders of the threads.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cuda/kernel_list.h"
#include "kernels/kernel_table.h"
#include "kernels/pack.h"
#include "support/catch.h"
#include "support/emulated_grid.h"
#include "support/kernel_problems.h"

namespace bitnet_test {
namespace {

using namespace bitnet::kernels;       // NOLINT: what is under test
using namespace bitnet::kernels::gpu;  // NOLINT

constexpr std::array<LaneOrder, 6> kOrders = {LaneOrder::kRising,       LaneOrder::kFalling,
                                              LaneOrder::kStrided,      LaneOrder::kAloneRising,
                                              LaneOrder::kAloneFalling, LaneOrder::kAloneStrided};
constexpr float kUnset = 1234567.0f;

const KernelTable& Ref() { return ReferenceTable(); }

// Memory of the emulated device: aligned as cudaMalloc aligns.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& x) : DeviceArray(x.size()) {
    if (!x.empty()) std::memcpy(data(), x.data(), x.size() * sizeof(T));
  }
  explicit DeviceArray(size_t n) : bytes_(n * sizeof(T) + 256), n_(n) {}
  T* data() {
    const auto at = reinterpret_cast<uintptr_t>(bytes_.data());
    return reinterpret_cast<T*>(bytes_.data() + (256 - at % 256) % 256);
  }
  std::vector<T> values() { return std::vector<T>(data(), data() + n_); }

 private:
  std::vector<uint8_t> bytes_;
  size_t n_;
};

uint32_t Blocks(size_t n, size_t per_block) { return static_cast<uint32_t>((n + per_block - 1) / per_block); }

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

void CheckSame(const std::vector<float>& found, const std::vector<float>& expected) {
  REQUIRE(!expected.empty());
  REQUIRE(BitsOf(found) == BitsOf(expected));
}

TEST_CASE("gpu: norm and quantisation in one launch give the reference's bits") {
  for (const size_t n : {1u, 63u, 64u, 65u, 320u, 2561u}) {
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
        for (const LaneOrder order : kOrders) {
          DeviceArray<float> dx(x), dgamma(gamma), dy(rows * n), dd(rows);
          DeviceArray<int8_t> dq(rows * padded);
          DeviceArray<int32_t> dsum(rows);
          unsigned long long word = kNoFailure;
          const NormQuantise::Args args = {dx.data(),
                                           norm ? dgamma.data() : nullptr,
                                           1e-5f,
                                           static_cast<uint32_t>(n),
                                           dy.data(),
                                           dq.data(),
                                           static_cast<uint32_t>(padded),
                                           dd.data(),
                                           dsum.data(),
                                           {&word, 7},
                                           {&word, 8}};
          RunEmulated<NormQuantise>({2, 1, 1}, args, order);
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
  const uint32_t tokens = std::is_same_v<Kernel, TernaryGemv1>   ? 1
                          : std::is_same_v<Kernel, TernaryGemv4> ? 4
                          : std::is_same_v<Kernel, TernaryMma16> ? 16
                                                                 : 64;
  RunEmulated<Kernel>({blocks, Blocks(n_tokens, tokens), 1}, args, order);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<float> expected = RefProduct(weights[i], in, n_tokens, stride, i == 1);
    for (float& v : expected) v = add ? 0.25f + v : v;
    CheckSame(y[i].values(), expected);
  }
}

TEST_CASE("gpu: dp4a products of one and more tokens give the reference's bits") {
  for (const LaneOrder order : kOrders) {
    CheckTernary<TernaryGemv1>(1, {48, 16, 17}, 320, 1, 0, false, order);
    CheckTernary<TernaryGemv1>(2, {5}, 127, 3, 1, true, order);
    CheckTernary<TernaryGemv1>(3, {33}, 4096 + 640, 1, 1, false, order);
    CheckTernary<TernaryGemv4>(4, {31, 9}, 2560, 6, 0, true, order);
    CheckTernary<TernaryGemv4>(5, {16}, 1, 4, 0, false, order);
  }
}

TEST_CASE("gpu: tensor-core products give the reference's bits") {
  for (const LaneOrder order : kOrders) {
    CheckTernary<TernaryMma>(11, {64, 70, 3}, 320, 65, 0, false, order);
    CheckTernary<TernaryMma>(12, {130}, 128, 7, 1, true, order);
    CheckTernary<TernaryMma>(13, {17, 80}, 640, 130, 1, false, order);
    CheckTernary<TernaryMma16>(14, {16, 37, 3}, 640, 16, 0, false, order);
    CheckTernary<TernaryMma16>(15, {18}, 128, 5, 1, true, order);
    CheckTernary<TernaryMma16>(16, {33, 16}, 1152, 35, 1, false, order);
  }
}

TEST_CASE("gpu: gate, up and activation in one launch give the reference's bits") {
  const size_t n = 704, rows = 37, n_tokens = 5;
  const Input in(21, n_tokens, n);
  const Weights gate(22, rows, n, 1), up(23, rows, n, 0);
  DeviceArray<int8_t> q(in.q);
  DeviceArray<uint8_t> gate_w(gate.packed), up_w(up.packed);
  for (const bool silu : {false, true}) {
    std::vector<float> expected = RefProduct(gate, in, n_tokens, 1, true);
    const std::vector<float> u = RefProduct(up, in, n_tokens, 0, false);
    (silu ? Ref().silu_gate : Ref().relu2_gate)(expected.data(), u.data(), expected.size(), expected.data());
    for (const LaneOrder order : kOrders) {
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
    for (const LaneOrder order : kOrders) {
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

template <class T>
std::vector<T> DenseWeights(uint64_t seed, size_t n) {
  const std::vector<float> x = Values(seed, n);
  std::vector<T> out(n);
  for (size_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<T, float>) out[i] = x[i];
    if constexpr (std::is_same_v<T, gpu::F16>) out[i].bits = F32ToF16(x[i]);
    if constexpr (std::is_same_v<T, gpu::BF16>) out[i].bits = F32ToBF16(x[i]);
  }
  return out;
}

template <class T>
void CheckDense(Dense type, size_t n) {
  const size_t rows = 19, n_tokens = 5;
  DeviceArray<T> w(DenseWeights<T>(41, rows * n));
  DeviceArray<float> x(Values(42, n_tokens * n));
  std::vector<float> expected(n_tokens * rows), embedded(n);
  for (size_t t = 0; t < n_tokens; ++t) {
    Ref().dense_rows(type, w.data(), n, x.data() + t * n, 0, rows, expected.data() + t * rows);
  }
  Ref().dense_row_to_f32(type, w.data(), n, 7, embedded.data());
  for (const LaneOrder order : kOrders) {
    std::vector<float> one(n_tokens * rows, kUnset), four(n_tokens * rows, kUnset);
    ProductArgs args{};
    args.w = w.data(), args.x = x.data();
    args.n = static_cast<uint32_t>(n), args.rows = rows, args.n_tokens = n_tokens;
    args.y = one.data();
    RunEmulated<DenseProduct<T, 1>>({Blocks(rows, 8), n_tokens, 1}, args, order);
    CheckSame(one, expected);
    args.y = four.data();
    RunEmulated<DenseProduct<T, 4>>({Blocks(rows, 8), 2, 1}, args, order);
    CheckSame(four, expected);
    std::vector<float> y(n, kUnset);
    unsigned long long word = kNoFailure;
    const Row row = {7, 0, nullptr, nullptr, 0, nullptr, nullptr};
    const EmbedType embed = type == Dense::kF32   ? EmbedType::kF32
                            : type == Dense::kF16 ? EmbedType::kF16
                                                  : EmbedType::kBF16;
    RunEmulated<Embed>({1, 1, 1}, {embed, w.data(), nullptr, &row, static_cast<uint32_t>(n), y.data(), {&word, 1}},
                       order);
    CheckSame(y, embedded);
    REQUIRE(word == kNoFailure);
  }
}

TEST_CASE("gpu: dense products and rows give the reference's bits") {
  for (const size_t n : {64u, 130u, 321u}) {
    CheckDense<float>(Dense::kF32, n);
    CheckDense<gpu::F16>(Dense::kF16, n);
    CheckDense<gpu::BF16>(Dense::kBF16, n);
  }
}

TEST_CASE("gpu: block-quantised products and rows give the reference's bits") {
  for (const Block type : {Block::kQ8_0, Block::kQ6_K}) {
    const size_t n = type == Block::kQ8_0 ? 32 * 70 : 256 * 3, rows = 37, n_tokens = 2, block = BlockElements(type);
    const size_t n_blocks = n / block, bytes = BlockBytes(type), plane = PlaneBytes(type);
    std::vector<uint8_t> file = Ints<uint8_t>(51, rows * n_blocks * bytes, 0, 255);
    DeviceArray<uint8_t> w(rows * n_blocks * plane);
    DeviceArray<uint16_t> scale(rows * n_blocks);
    for (size_t b = 0; b < rows * n_blocks; ++b) {
      uint8_t* const from = file.data() + b * bytes;
      const uint16_t d = F32ToF16(Values(b, 1)[0]);
      const size_t at = type == Block::kQ8_0 ? 0 : 208;  // where the scale stands
      std::memcpy(from + at, &d, 2);
      std::memcpy(w.data() + b * plane, from + (at == 0 ? 2 : 0), plane);
      scale.data()[b] = d;
    }
    DeviceArray<float> x(Values(52, n_tokens * n, "wide"));
    std::vector<int8_t> q(n_tokens * n);
    std::vector<float> d_a(n_tokens * n_blocks), expected(n_tokens * rows), embedded(n);
    for (size_t t = 0; t < n_tokens; ++t) {
      REQUIRE(Ref().quantise_blocks(x.data() + t * n, n, block, q.data() + t * n, d_a.data() + t * n_blocks));
      Ref().block_rows(type, file.data(), n, q.data() + t * n, d_a.data() + t * n_blocks, 0, rows,
                       expected.data() + t * rows);
    }
    Ref().block_row_to_f32(type, file.data(), n, 11, embedded.data());
    for (const LaneOrder order : kOrders) {
      DeviceArray<int8_t> dq(n_tokens * n);
      std::vector<float> dd(n_tokens * n_blocks, kUnset), y(n_tokens * rows, kUnset), row_y(n, kUnset);
      unsigned long long word = kNoFailure;
      RunEmulated<QuantiseBlocks>(
          {n_tokens, 1, 1},
          {x.data(), static_cast<uint32_t>(n), static_cast<uint32_t>(block), dq.data(), dd.data(), {&word, 1}}, order);
      REQUIRE(dq.values() == q);
      CheckSame(dd, d_a);
      ProductArgs args{};
      args.w = w.data(), args.scale = scale.data(), args.q = dq.data(), args.d_a = dd.data();
      args.n = static_cast<uint32_t>(n), args.rows = rows, args.n_tokens = n_tokens, args.y = y.data();
      if (type == Block::kQ8_0) RunEmulated<BlockQ8_0>({Blocks(rows, 32), n_tokens, 1}, args, order);
      if (type == Block::kQ6_K) RunEmulated<BlockQ6_K>({Blocks(rows, 32), n_tokens, 1}, args, order);
      CheckSame(y, expected);
      const Row row = {11, 0, nullptr, nullptr, 0, nullptr, nullptr};
      const EmbedType embed = type == Block::kQ8_0 ? EmbedType::kQ8_0 : EmbedType::kQ6_K;
      RunEmulated<Embed>(
          {1, 1, 1}, {embed, w.data(), scale.data(), &row, static_cast<uint32_t>(n), row_y.data(), {&word, 1}}, order);
      CheckSame(row_y, embedded);
      REQUIRE(word == kNoFailure);
      x.data()[n + 3] = std::numeric_limits<float>::infinity();
      RunEmulated<QuantiseBlocks>(
          {n_tokens, 1, 1},
          {x.data(), static_cast<uint32_t>(n), static_cast<uint32_t>(block), dq.data(), dd.data(), {&word, 6}}, order);
      REQUIRE(word == (uint64_t{6} << 32 | 1));
      x.data()[n + 3] = Values(52, n_tokens * n, "wide")[n + 3];
    }
  }
}

// Keys and values of two layers of a cache, and queries at some positions; the launch takes rows from `first` on.
template <class T>
void CheckAttention(Dense type, uint32_t heads, uint32_t heads_kv, uint32_t head_dim,
                    const std::vector<uint32_t>& positions, uint32_t first = 0) {
  const uint32_t n_ctx = 600, layer = 1, group = heads / heads_kv;
  const auto n_rows = static_cast<uint32_t>(positions.size());
  const size_t cache_size = size_t{2} * heads_kv * n_ctx * head_dim;
  DeviceArray<T> keys(DenseWeights<T>(61, cache_size)), values(DenseWeights<T>(62, cache_size));
  DeviceArray<float> q(Values(63, size_t{n_rows} * heads * head_dim));
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  const size_t head_elements = size_t{n_ctx} * head_dim;

  std::vector<float> expected(size_t{n_rows} * heads * head_dim, kUnset);
  for (uint32_t r = first; r < n_rows; ++r) {
    for (uint32_t h = 0; h < heads; ++h) {
      const uint32_t n_blocks = positions[r] / 256 + 1;
      std::vector<float> m(n_blocks), s(n_blocks), o(n_blocks * head_dim), z(256);
      const size_t head_at = (size_t{layer} * heads_kv + h / group) * head_elements;
      for (uint32_t b = 0; b < n_blocks; ++b) {
        const uint32_t n_keys = std::min(256u, positions[r] + 1 - 256 * b);
        const AttentionBlockJob job = {q.data() + (size_t{r} * heads + h) * head_dim,
                                       keys.data() + head_at + size_t{256} * b * head_dim,
                                       values.data() + head_at + size_t{256} * b * head_dim,
                                       type,
                                       head_dim,
                                       head_dim,
                                       &n_keys,
                                       1,
                                       scale,
                                       &m[b],
                                       &s[b],
                                       &o[b * head_dim],
                                       z.data()};
        REQUIRE(Ref().attention_block(job));
      }
      REQUIRE(Ref().attention_combine(m.data(), s.data(), 1, o.data(), head_dim, n_blocks, head_dim,
                                      expected.data() + (size_t{r} * heads + h) * head_dim));
    }
  }

  std::vector<Row> rows(n_rows);
  for (uint32_t r = 0; r < n_rows; ++r) {
    rows[r] = {0,
               positions[r],
               reinterpret_cast<uint8_t*>(keys.data()),
               reinterpret_cast<uint8_t*>(values.data()),
               head_elements * sizeof(T),
               nullptr,
               nullptr};
  }
  const uint32_t n_blocks = 4, n = n_rows - first;  // more blocks than any row needs
  const size_t slots = size_t{n} * heads * n_blocks, from = size_t{first} * heads * head_dim;
  std::vector<float> m(slots), s(slots), o(slots * head_dim), y(expected.size());
  unsigned long long word = kNoFailure;
  const AttentionArgs args = {rows.data() + first,
                              q.data() + from,
                              n,
                              heads,
                              heads_kv,
                              head_dim,
                              layer,
                              n_blocks,
                              scale,
                              m.data(),
                              s.data(),
                              o.data(),
                              y.data() + from,
                              first,
                              {&word, 3}};
  const GpuGrid grid = {n_blocks, heads_kv, Blocks(n, AttentionBlock<T>::kRowTile)};
  for (const LaneOrder order : kOrders) {
    for (std::vector<float>* x : {&m, &s, &o, &y}) std::fill(x->begin(), x->end(), kUnset);
    RunEmulated<AttentionBlock<T>>(grid, args, order);
    RunEmulated<AttentionCombine>({heads, n, 1}, args, order);
    REQUIRE(word == kNoFailure);
    CheckSame(y, expected);
  }
  // Failures are told by the number in the pass.
  const uint64_t last = uint64_t{3} << 32 | (n_rows - 1);
  o[size_t{n - 1} * heads * n_blocks * head_dim] = std::numeric_limits<float>::infinity();
  RunEmulated<AttentionCombine>({heads, n, 1}, args, LaneOrder::kRising);
  REQUIRE(word == last);
  word = kNoFailure;
  q.data()[size_t{heads} * head_dim * (n_rows - 1)] = std::numeric_limits<float>::quiet_NaN();
  RunEmulated<AttentionBlock<T>>(grid, args, LaneOrder::kRising);
  REQUIRE(word == last);
}

TEST_CASE("gpu: attention gives the reference's bits") {
  CheckAttention<gpu::F16>(Dense::kF16, 10, 2, 64, {0, 255, 256, 599});
  CheckAttention<float>(Dense::kF32, 4, 4, 34, {511, 3});
  CheckAttention<float>(Dense::kF32, 4, 2, 32, {2, 256, 0, 300}, 2);
  CheckAttention<gpu::F16>(Dense::kF16, 2, 1, 128, {5, 6, 7, 8, 9, 10, 11, 12, 13});
}

// Five rows of three sessions, of which a launch takes those from `first` on, as GpuOps does with neighbouring rows of
// one cache type: the others stay as they are, and failures are told by the number in the pass.
template <class T>
void CheckRope(Dense type, bool adjacent, uint32_t rot, uint32_t first) {
  // Queries, keys, what RoPE leaves alone and values: each more than a block has threads.
  const uint32_t heads = 8, heads_kv = 4, head_dim = 160, layer = 1, n_rows = 5;
  const std::array<uint32_t, 3> n_ctx = {9, 5, 12};  // of the sessions
  const std::array<uint32_t, n_rows> session = {0, 0, 1, 2, 1}, position = {2, 3, 4, 11, 0};
  const size_t width = size_t{heads} * head_dim, width_kv = size_t{heads_kv} * head_dim;
  const std::vector<float> q0 = Values(71, n_rows * width), k0 = Values(72, n_rows * width_kv),
                           v0 = Values(73, k0.size()), cos = Values(74, n_rows * rot / 2), sin = Values(75, cos.size());
  using Caches = std::array<std::vector<T>, 3>;
  const auto zeros = [&] {
    Caches c;
    for (size_t i = 0; i < c.size(); ++i) c[i].resize(size_t{2} * n_ctx[i] * width_kv);
    return c;
  };
  const auto at = [&](uint32_t r, uint32_t head) {
    return ((layer * heads_kv + head) * n_ctx[session[r]] + position[r]) * size_t{head_dim};
  };
  std::vector<float> q_ref = q0, k_ref = k0;
  Caches keys_ref = zeros(), values_ref = zeros();
  for (uint32_t r = first; r < n_rows; ++r) {
    const float *c = cos.data() + r * rot / 2, *s = sin.data() + r * rot / 2;
    Ref().rope(q_ref.data() + r * width, heads, head_dim, rot, c, s, adjacent);
    Ref().rope(k_ref.data() + r * width_kv, heads_kv, head_dim, rot, c, s, adjacent);
    for (uint32_t h = 0; h < heads_kv; ++h) {
      const size_t from = r * width_kv + h * head_dim;
      REQUIRE(Ref().cache_store(k_ref.data() + from, head_dim, type, keys_ref[session[r]].data() + at(r, h)));
      REQUIRE(Ref().cache_store(v0.data() + from, head_dim, type, values_ref[session[r]].data() + at(r, h)));
    }
  }
  const auto same = [](const Caches& a, const Caches& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(T)) != 0) return false;
    }
    return true;
  };
  for (const LaneOrder order : kOrders) {
    std::vector<float> q = q0, k = k0, v = v0;
    Caches keys = zeros(), values = zeros();
    std::vector<Row> rows(n_rows);
    for (uint32_t r = 0; r < n_rows; ++r) {
      rows[r] = {0,
                 position[r],
                 reinterpret_cast<uint8_t*>(keys[session[r]].data()),
                 reinterpret_cast<uint8_t*>(values[session[r]].data()),
                 size_t{n_ctx[session[r]]} * head_dim * sizeof(T),
                 cos.data() + r * rot / 2,
                 sin.data() + r * rot / 2};
    }
    unsigned long long word = kNoFailure;
    const auto run = [&] {
      word = kNoFailure;
      RunEmulated<RopeStore<T>>({n_rows - first, 1, 1},
                                {rows.data() + first,
                                 q.data() + first * width,
                                 k.data() + first * width_kv,
                                 v.data() + first * width_kv,
                                 heads,
                                 heads_kv,
                                 head_dim,
                                 rot,
                                 layer,
                                 adjacent,
                                 first,
                                 {&word, 4}},
                                order);
    };
    run();
    REQUIRE(word == kNoFailure);
    CheckSame(q, q_ref);
    REQUIRE(same(keys, keys_ref));
    REQUIRE(same(values, values_ref));
    // Too large for the cache, in what RoPE turns, in what it leaves alone and in a value: the first row is told.
    const float bad = type == Dense::kF16 ? 1e9f : std::numeric_limits<float>::infinity();
    v[(first == 0 ? 4 : first - 1) * width_kv + 7] = bad;  // no failure where the row is not of the launch
    run();
    REQUIRE(word == (first == 0 ? uint64_t{4} << 32 | 4 : kNoFailure));
    k[4 * width_kv + head_dim - 1] = bad;
    run();
    REQUIRE(word == (uint64_t{4} << 32 | 4));
    v[3 * width_kv + width_kv - 1] = bad;
    run();
    REQUIRE(word == (uint64_t{4} << 32 | 3));
  }
}

TEST_CASE("gpu: rope and cache store give the reference's bits") {
  for (const uint32_t first : {0u, 1u, 3u}) {
    for (const bool adjacent : {false, true}) {
      for (const uint32_t rot : {160u, 72u}) {
        CheckRope<float>(Dense::kF32, adjacent, rot, first);
        CheckRope<gpu::F16>(Dense::kF16, adjacent, rot, first);
      }
    }
  }
}

TEST_CASE("gpu: the largest logits are the reference's, ties by lower id") {
  for (const size_t n : {3u, 256u, 2049u, 9000u}) {
    std::vector<float> logits = Values(81 + n, n);
    for (size_t i = 0; i + 7 < n; i += 5) logits[i + 7] = logits[i];  // ties
    for (size_t i = 0; i < n; i += 3) logits[i] = -std::abs(logits[i]);
    logits[0] = -0.0f;
    logits[2] = 0.0f;
    const size_t k = std::min(kMaxTop, n);
    std::vector<TopEntry> expected(k);
    REQUIRE(Ref().select_top(logits.data(), n, k, expected.data()));
    for (const LaneOrder order : kOrders) {
      unsigned long long word = kNoFailure;
      std::vector<uint64_t> a, b;
      std::vector<TopEntry> top(k);
      SelectTop::Args args = {logits.data(), nullptr,   static_cast<uint32_t>(n), static_cast<uint32_t>(k), nullptr,
                              nullptr,       {&word, 5}};
      for (;;) {
        const uint32_t blocks = Blocks(args.n, SelectTop::kSort);
        b.assign(blocks * k, 0);
        args.out = b.data();
        args.top = blocks == 1 ? top.data() : nullptr;
        RunEmulated<SelectTop>({blocks, 1, 1}, args, order);
        if (blocks == 1) break;
        a = b;
        args.keys = a.data();
        args.n = static_cast<uint32_t>(a.size());
      }
      REQUIRE(word == kNoFailure);
      for (size_t i = 0; i < k; ++i) {
        REQUIRE(top[i].id == expected[i].id);
        REQUIRE(bitnet::kernels::BitsOf(top[i].logit) == bitnet::kernels::BitsOf(expected[i].logit));
      }
      const float before = logits[1];
      logits[1] = std::numeric_limits<float>::quiet_NaN();
      args = {logits.data(), nullptr,   static_cast<uint32_t>(n), static_cast<uint32_t>(k), b.data(),
              nullptr,       {&word, 5}};
      b.assign(Blocks(n, SelectTop::kSort) * k, 0);
      args.out = b.data();
      RunEmulated<SelectTop>({Blocks(n, SelectTop::kSort), 1, 1}, args, order);
      REQUIRE(word == uint64_t{5} << 32);
      logits[1] = before;
    }
  }
}

}  // namespace
}  // namespace bitnet_test
