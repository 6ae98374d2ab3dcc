// Products of dense and of block-quantised matrices, and embedding rows, over an emulated grid against the reference
// table, bit for bit, in several orders of the threads.
#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/pack.h"
#include "unit/gpu/emulated_kernels.h"

namespace bitnet_test {
namespace {

struct Size {
  size_t n, rows, n_tokens;
};

// Embedding rows 0, the last and one between, by one launch.
void CheckEmbed(EmbedType type, const void* w, const uint8_t* scale, size_t n, size_t rows,
                const std::vector<float>& all, LaneOrder order) {
  const size_t wanted[] = {rows - 1, 0, rows / 2};
  std::vector<Row> list;
  std::vector<float> expected, x(3 * n, kUnset);
  for (const size_t r : wanted) {
    list.push_back({static_cast<int32_t>(r), 0, nullptr, nullptr, 0, nullptr, nullptr});
    expected.insert(expected.end(), all.begin() + static_cast<ptrdiff_t>(r * n),
                    all.begin() + static_cast<ptrdiff_t>((r + 1) * n));
  }
  unsigned long long word = kNoFailure;
  RunEmulated<Embed>({3, Blocks(n, Embed::kColumns), 1},
                     {type, w, scale, list.data(), static_cast<uint32_t>(n), x.data(), {&word, 1}}, order);
  CheckSame(x, expected);
  REQUIRE(word == kNoFailure);
}

// The products of all tokens by kernels of one token and of several, plain and added to with a bias.
template <class One, class Several>
void CheckProducts(ProductArgs args, const Size& size, uint32_t several, const std::vector<float>& expected,
                   LaneOrder order) {
  const std::vector<float> bias = Values(7, size.rows);
  std::vector<float> added(expected.size());
  for (size_t i = 0; i < added.size(); ++i) added[i] = 0.25f + (expected[i] + bias[i % size.rows]);
  args.n = static_cast<uint32_t>(size.n), args.rows = static_cast<uint32_t>(size.rows);
  args.n_tokens = static_cast<uint32_t>(size.n_tokens);
  for (const bool add : {false, true}) {
    args.add = add;
    args.bias = add ? bias.data() : nullptr;
    std::vector<float> y(expected.size(), add ? 0.25f : kUnset);
    args.y = y.data();
    RunEmulated<One>({Blocks(size.rows, One::kRows) * args.n_tokens, 1, 1}, args, order);
    CheckSame(y, add ? added : expected);
    y.assign(expected.size(), add ? 0.25f : kUnset);
    RunEmulated<Several>({Blocks(size.rows, Several::kRows) * Blocks(size.n_tokens, several), 1, 1}, args, order);
    CheckSame(y, add ? added : expected);
  }
}

template <class T>
void CheckDense(Dense type, const Size& size, const std::string& kind) {
  const auto [n, rows, n_tokens] = size;
  DeviceArray<T> w(DenseWeights<T>(41, rows * n));
  DeviceArray<float> x(Values(42, n_tokens * n, kind));
  std::vector<float> expected(n_tokens * rows), embedded(rows * n);
  for (size_t t = 0; t < n_tokens; ++t) {
    Ref().dense_rows(type, w.data(), n, x.data() + t * n, 0, rows, expected.data() + t * rows);
  }
  for (size_t r = 0; r < rows; ++r) Ref().dense_row_to_f32(type, w.data(), n, r, embedded.data() + r * n);
  for (const LaneOrder order : Orders()) {
    ProductArgs args{};
    args.w = w.data(), args.x = x.data();
    CheckProducts<DenseProduct<T, 1>, DenseProduct<T, 4>>(args, size, 4, expected, order);
    const EmbedType embed = type == Dense::kF32   ? EmbedType::kF32
                            : type == Dense::kF16 ? EmbedType::kF16
                                                  : EmbedType::kBF16;
    CheckEmbed(embed, w.data(), nullptr, n, rows, embedded, order);
  }
}

// One row, rows that fill no block; rows that are aligned to no load; columns that fill no chunk, no batch of chunks,
// and more than shared memory holds at a time. Denormal activations: a product of zero too many changes -0 to +0.
TEST_CASE("gpu: dense products and rows give the reference's bits") {
  for (const Size size :
       {Size{1, 1, 1}, {5, 19, 1}, {64, 37, 5}, {130, 19, 2}, {321, 3, 4}, {520, 33, 3}, {1000, 5, 1}, {4172, 2, 5}}) {
    for (const char* kind : {"plain", "tiny"}) {
      INFO(size.n << " columns, " << size.rows << " rows, " << size.n_tokens << " tokens, " << kind);
      CheckDense<float>(Dense::kF32, size, kind);
      CheckDense<gpu::F16>(Dense::kF16, size, kind);
      CheckDense<gpu::BF16>(Dense::kBF16, size, kind);
    }
  }
}

// A matrix as a file has it, and as the GPU does.
struct BlockMatrix {
  BlockMatrix(Block t, size_t n, size_t n_rows, const std::vector<uint8_t>& bytes)
      : type(t),
        rows(n_rows),
        n_blocks(n / BlockElements(t)),
        file(bytes),
        codes(TileCount(t, n_rows, n) * TileBytes(t)),
        scales(TileCount(t, n_rows, n) * TileScaleBytes(t)) {
    const size_t block_bytes = BlockBytes(t), row_bytes = n_blocks * block_bytes;
    for (size_t b = 0; b < rows * n_blocks; ++b) {
      const uint16_t d = F32ToF16(Values(b, 1)[0]);
      std::memcpy(file.data() + b * block_bytes + (t == Block::kQ8_0 ? 0 : 208), &d, 2);
    }
    for (size_t tile = 0; tile < TileCount(t, rows, n); ++tile) {
      const size_t row = tile / n_blocks * kTileRows, column = tile % n_blocks;
      PackTile(t, file.data() + row * row_bytes + column * block_bytes, row_bytes,
               static_cast<uint32_t>(std::min<size_t>(kTileRows, rows - row)), codes.data() + tile * TileBytes(t),
               scales.data() + tile * TileScaleBytes(t));
    }
  }
  Block type;
  size_t rows, n_blocks;
  std::vector<uint8_t> file;
  DeviceArray<uint8_t> codes, scales;
};

// The quantised activations of a product, by the reference.
struct BlockInput {
  BlockInput(const std::vector<float>& x, size_t n_tokens, size_t n, size_t block)
      : q(n_tokens * n), d_a(n_tokens * (n / block)) {
    for (size_t t = 0; t < n_tokens; ++t) {
      REQUIRE(Ref().quantise_blocks(x.data() + t * n, n, block, q.data() + t * n, d_a.data() + t * (n / block)));
    }
  }
  std::vector<int8_t> q;
  std::vector<float> d_a;
};

template <class One, class Several>
void CheckBlocks(BlockMatrix& w, const Size& size, BlockInput& in) {
  const auto [n, rows, n_tokens] = size;
  std::vector<float> expected(n_tokens * rows), embedded(rows * n);
  for (size_t t = 0; t < n_tokens; ++t) {
    Ref().block_rows(w.type, w.file.data(), n, in.q.data() + t * n, in.d_a.data() + t * w.n_blocks, 0, rows,
                     expected.data() + t * rows);
  }
  for (size_t r = 0; r < rows; ++r) Ref().block_row_to_f32(w.type, w.file.data(), n, r, embedded.data() + r * n);
  DeviceArray<int8_t> q(in.q);
  for (const LaneOrder order : Orders()) {
    ProductArgs args{};
    args.w = w.codes.data(), args.scale = w.scales.data(), args.q = q.data(), args.d_a = in.d_a.data();
    CheckProducts<One, Several>(args, size, 16, expected, order);
    const EmbedType embed = w.type == Block::kQ8_0 ? EmbedType::kQ8_0 : EmbedType::kQ6_K;
    CheckEmbed(embed, w.codes.data(), w.scales.data(), n, rows, embedded, order);
  }
}

void CheckBlocks(Block type, const Size& size, int least, int most, const std::vector<float>& x) {
  const size_t n_bytes = size.rows * (size.n / BlockElements(type)) * BlockBytes(type);
  BlockMatrix w(type, size.n, size.rows,
                Ints<uint8_t>(51, n_bytes, static_cast<uint8_t>(least), static_cast<uint8_t>(most)));
  BlockInput in(x, size.n_tokens, size.n, BlockElements(type));
  if (type == Block::kQ8_0) CheckBlocks<BlockQ8_0x1, BlockQ8_0x16>(w, size, in);
  if (type == Block::kQ6_K) CheckBlocks<BlockQ6_Kx1, BlockQ6_Kx16>(w, size, in);
}

// One row, rows that fill no tile and no block; blocks that fill no unit of four, and more columns than shared memory
// holds at a time; tokens that fill no tile.
TEST_CASE("gpu: block-quantised products and rows give the reference's bits") {
  const auto check = [](Block type, const Size& size) {
    INFO(size.n << " columns, " << size.rows << " rows, " << size.n_tokens << " tokens");
    CheckBlocks(type, size, 0, 255, Values(52, size.n_tokens * size.n, "wide"));
  };
  for (const Size size : {Size{32, 1, 1}, {96, 16, 9}, {32 * 70, 37, 2}, {8192 + 96, 3, 1}, {160, 70, 17}}) {
    check(Block::kQ8_0, size);
  }
  for (const Size size : {Size{256, 1, 1}, {256 * 3, 37, 2}, {256, 16, 9}, {8192 + 256, 3, 1}, {512, 70, 17}}) {
    check(Block::kQ6_K, size);
  }
}

// The largest integer sums: codes of 0 and scales of -128 (Q6_K: 256 * 32 * 128 * 127; codes of four times that size
// are added up), int8 of -128.
TEST_CASE("gpu: the largest sums of block-quantised products give the reference's bits") {
  for (const Block type : {Block::kQ8_0, Block::kQ6_K}) {
    const Size size = {512, 17, 2};
    std::vector<float> x(size.n_tokens * size.n, 3.0f);
    std::fill(x.begin() + 512, x.end(), -3.0f);
    const size_t bytes = BlockBytes(type), n_blocks = size.rows * (size.n / BlockElements(type));
    for (const uint8_t scale : {0x80, 0x7f}) {
      std::vector<uint8_t> file(n_blocks * bytes, type == Block::kQ8_0 ? 0x80 : 0);
      for (size_t b = 0; b < n_blocks && type == Block::kQ6_K; ++b) {
        std::fill_n(file.begin() + static_cast<ptrdiff_t>(b * bytes + 192), 16, scale);
      }
      BlockMatrix w(type, size.n, size.rows, file);
      BlockInput in(x, size.n_tokens, size.n, BlockElements(type));
      std::fill(in.q.begin(), in.q.begin() + 512, int8_t{-128});  // not made by the quantisation, but exact too
      if (type == Block::kQ8_0) CheckBlocks<BlockQ8_0x1, BlockQ8_0x16>(w, size, in);
      if (type == Block::kQ6_K) CheckBlocks<BlockQ6_Kx1, BlockQ6_Kx16>(w, size, in);
    }
  }
}

TEST_CASE("gpu: activations of block-quantised products give the reference's bits") {
  const size_t n_tokens = 2;
  for (const size_t block : {32u, 256u}) {
    const size_t n = block * 11, n_blocks = n / block;
    DeviceArray<float> x(Values(52, n_tokens * n, "wide"));
    const BlockInput expected(x.values(), n_tokens, n, block);
    for (const LaneOrder order : Orders()) {
      DeviceArray<int8_t> q(n_tokens * n);
      std::vector<float> d_a(n_tokens * n_blocks, kUnset);
      unsigned long long word = kNoFailure;
      const QuantiseBlocks::Args args = {
          x.data(), static_cast<uint32_t>(n), static_cast<uint32_t>(block), q.data(), d_a.data(), {&word, 6}};
      RunEmulated<QuantiseBlocks>({n_tokens, 1, 1}, args, order);
      REQUIRE(q.values() == expected.q);
      CheckSame(d_a, expected.d_a);
      REQUIRE(word == kNoFailure);
      const float before = std::exchange(x.data()[n + 3], std::numeric_limits<float>::infinity());
      RunEmulated<QuantiseBlocks>({n_tokens, 1, 1}, args, order);
      REQUIRE(word == (uint64_t{6} << 32 | 1));
      x.data()[n + 3] = before;
    }
  }
}

TEST_CASE("gpu: an embedding that is not finite is reported with its row") {
  DeviceArray<float> w(Values(61, 4 * 1100));
  w.data()[3 * 1100 + 1050] = std::numeric_limits<float>::quiet_NaN();
  std::vector<Row> list;
  for (const int32_t r : {0, 3, 2}) list.push_back({r, 0, nullptr, nullptr, 0, nullptr, nullptr});
  std::vector<float> x(3 * 1100);
  unsigned long long word = kNoFailure;
  RunEmulated<Embed>({3, Blocks(1100, Embed::kColumns), 1},
                     {EmbedType::kF32, w.data(), nullptr, list.data(), 1100, x.data(), {&word, 9}}, LaneOrder::kRising);
  REQUIRE(word == (uint64_t{9} << 32 | 1));
}

}  // namespace
}  // namespace bitnet_test
