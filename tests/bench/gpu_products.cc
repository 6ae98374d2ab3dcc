// The kernels alone, launched in recordings as a decoding pass does.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/gpu_bench.h"
#include "kernels/cuda/kernel_list.h"

namespace bitnet_bench {

namespace core = bitnet::core;
namespace kernels = bitnet::kernels;
using namespace bitnet::kernels::gpu;  // NOLINT: what is measured

namespace {

// A benchmark without its device has nothing to say.
void MustBe(const core::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "gpu_bench: %s\n", std::string(status.message()).c_str());
  std::exit(17);
}

// Device memory filled with a pattern of bytes that are valid as codes, int8 and small f16 and f32 alike.
class Memory {
 public:
  Memory(const Device& device, size_t bytes) {
    core::GpuContext& c = *device.context;
    auto buffer = core::Buffer::Allocate(c.allocator(), bytes);
    MustBe(buffer.status());
    buffer_ = *std::move(buffer);
    static const std::vector<uint8_t> pattern = [] {
      std::vector<uint8_t> p(4 << 20);
      // Bytes of four codes 0..2; as the high byte of a float, 0x15 and its like are small and finite.
      for (size_t i = 0; i < p.size(); ++i)
        p[i] = static_cast<uint8_t>((i * 2654435761u >> 7 & 0x15u) | (i >> 3 & 0x02u));
      return p;
    }();
    for (size_t at = 0; at < bytes; at += pattern.size()) {
      (void)c.Check(c.table().copy_in(c.queue(), buffer_.as<uint8_t>() + at, pattern.data(),
                                      std::min(pattern.size(), bytes - at)));
    }
    MustBe(c.status());
  }
  template <class T>
  T* as() const {
    return buffer_.as<T>();
  }

 private:
  core::Buffer buffer_;
};

template <class Kernel>
void Put(const Device& device, GpuGrid grid, const typename Kernel::Args& args) {
  core::GpuContext& c = *device.context;
  (void)c.Check(Launch<Kernel>(c.table(), c.queue(), grid, args));
}

uint32_t Blocks(size_t n, size_t per_block) { return static_cast<uint32_t>((n + per_block - 1) / per_block); }

struct Result {
  const char* name;
  uint32_t rows, cols, tokens;
  double seconds, bytes, multiply_adds;
};

void Report(const Device& device, const Result& r, core::JsonWriter& json) {
  json.BeginObject().Key("kernel").String(r.name).Key("rows").Uint(r.rows).Key("cols").Uint(r.cols);
  json.Key("tokens").Uint(r.tokens).Key("us").Double(r.seconds * 1e6);
  json.Key("gb_per_s").Double(r.bytes / r.seconds / 1e9).Key("gmac_per_s").Double(r.multiply_adds / r.seconds / 1e9);
  if (device.read_bytes_per_s > 0) {
    json.Key("of_read_limit").Double(r.bytes / r.seconds / device.read_bytes_per_s);
    json.Key("of_int8_limit").Double(r.multiply_adds / r.seconds / device.multiply_adds_per_s);
  }
  json.EndObject();
}

// One matrix, or the pair of gate and up (kPair: rows of each).
template <class Kernel>
Result Ternary(const Device& device, const char* name, uint32_t rows, uint32_t cols, uint32_t tokens,
               uint32_t tokens_per_block, bool pair) {
  const size_t matrix_bytes = size_t{rows} * cols / 4, n_matrices = pair ? 2 : 1;
  const size_t n_copies = std::max<size_t>(1, device.rotated_bytes / (matrix_bytes * n_matrices));
  const Memory w(device, n_copies * n_matrices * matrix_bytes), q(device, size_t{tokens} * cols);
  const Memory y(device, size_t{tokens} * rows * sizeof(float)), d(device, size_t{tokens} * 8 + 256);
  const double seconds = SecondsOfLaunch(device, 200, [&](uint32_t i) {
    TernaryArgs a{};
    for (size_t m = 0; m < n_matrices; ++m) {
      a.out[m] = {w.as<uint8_t>() + (i % n_copies * n_matrices + m) * matrix_bytes,
                  d.as<float>(),
                  0,
                  rows,
                  nullptr,
                  y.as<float>(),
                  0};
    }
    a.n_out = static_cast<uint32_t>(n_matrices);
    a.cols = cols;
    a.q = q.as<int8_t>();
    a.d = d.as<float>() + 32;
    a.q_sum = reinterpret_cast<int32_t*>(d.as<float>() + 32 + tokens);
    a.n_tokens = tokens;
    Put<Kernel>(device, {Blocks(rows, Kernel::kRows), Blocks(tokens, tokens_per_block)}, a);
  });
  const double products = static_cast<double>(rows) * cols * static_cast<double>(n_matrices);
  return {name, rows, cols, tokens, seconds, products / 4, products * tokens};
}

// One token with the norm and quantisation of its row.
template <class Kernel>
Result TernaryOfRow(const Device& device, const char* name, uint32_t rows, uint32_t cols, uint32_t n_matrices) {
  const size_t matrix_bytes = size_t{rows} * cols / 4;
  const size_t n_copies = std::max<size_t>(1, device.rotated_bytes / (matrix_bytes * n_matrices));
  const Memory w(device, n_copies * n_matrices * matrix_bytes), x(device, size_t{cols} * 8);
  const Memory y(device, rows * sizeof(float)), scale(device, 256), fail(device, 256);
  const double seconds = SecondsOfLaunch(device, 200, [&](uint32_t i) {
    typename Kernel::Args a{};
    for (size_t m = 0; m < n_matrices; ++m) {
      a.product.out[m] = {w.as<uint8_t>() + (i % n_copies * n_matrices + m) * matrix_bytes,
                          scale.as<float>(),
                          0,
                          rows,
                          nullptr,
                          y.as<float>(),
                          0};
    }
    a.product.n_out = n_matrices;
    a.product.cols = cols;
    a.product.n_tokens = 1;
    a.norm.x = x.as<float>();
    a.norm.gamma = x.as<float>() + cols;
    a.norm.eps = 1e-5f;
    a.norm.n = cols;
    a.norm.norm_fail = a.norm.input_fail = {fail.as<unsigned long long>(), 1};
    Put<Kernel>(device, {Blocks(rows, Kernel::kRows)}, a);
  });
  const double products = static_cast<double>(rows) * cols * n_matrices;
  return {name, rows, cols, 1, seconds, products / 4, products};
}

template <class Kernel>
Result Tiles(const Device& device, const char* name, uint32_t rows, uint32_t cols, uint32_t tokens) {
  return Ternary<Kernel>(device, name, rows, cols, tokens, Kernel::kTokens, false);
}

Result Head(const Device& device, const Shape& shape, HeadType type, uint32_t tokens) {
  const uint32_t n = shape.embd, rows = shape.vocab;
  const bool dense = type == HeadType::kF16, one = tokens == 1;
  const size_t n_tiles = TileCount(kernels::Block::kQ6_K, rows, n);
  const size_t codes = n_tiles * TileBytes(kernels::Block::kQ6_K);
  const size_t bytes = dense ? size_t{rows} * n * 2 : codes + n_tiles * TileScaleBytes(kernels::Block::kQ6_K);
  const Memory w(device, bytes), x(device, size_t{tokens} * n * 8), y(device, size_t{tokens} * rows * sizeof(float));
  ProductArgs a{};
  a.w = w.as<void>();
  a.scale = w.as<uint8_t>() + codes;
  a.x = x.as<float>();
  a.q = x.as<int8_t>();
  a.d_a = x.as<float>() + size_t{tokens} * n;
  a.n = n, a.rows = rows, a.n_tokens = tokens;
  a.y = y.as<float>();
  const double seconds = SecondsOfLaunch(device, 20, [&](uint32_t) {
    if (dense && one) return Put<DenseF16x1>(device, {Blocks(rows, DenseF16x1::kRows)}, a);
    if (dense) return Put<DenseF16x4>(device, {Blocks(rows, DenseF16x4::kRows) * Blocks(tokens, 4)}, a);
    if (one) return Put<BlockQ6_Kx1>(device, {Blocks(rows, BlockQ6_Kx1::kRows)}, a);
    Put<BlockQ6_Kx16>(device, {Blocks(rows, BlockQ6_Kx16::kRows) * Blocks(tokens, 16)}, a);
  });
  const auto read = static_cast<double>(dense ? bytes : size_t{rows} * (n / 256) * 210);
  return {dense ? "head F16" : "head Q6_K", rows, n, tokens, seconds, read, static_cast<double>(rows) * n * tokens};
}

Result Selection(const Device& device, const Shape& shape) {
  const uint32_t n = shape.vocab, k = std::min<uint32_t>(kernels::kMaxTop, n);
  const Memory logits(device, size_t{n} * sizeof(float)), maxima(device, kMaxGroups * sizeof(uint64_t));
  const Memory top(device, k * sizeof(kernels::TopEntry)), fail(device, 256);
  // In no order; the pattern of Memory would repeat itself.
  std::vector<float> host(n);
  for (uint32_t i = 0; i < n; ++i) host[i] = static_cast<float>(i * 2654435761u >> 8);
  core::GpuContext& c = *device.context;
  (void)c.Check(c.table().copy_in(c.queue(), logits.as<void>(), host.data(), n * sizeof(float)));
  const SelectArgs a = {
      logits.as<float>(), n, k, maxima.as<uint64_t>(), top.as<kernels::TopEntry>(), {fail.as<unsigned long long>(), 1}};
  const double seconds = SecondsOfLaunch(device, 50, [&](uint32_t) {
    Put<SelectMaxima>(device, {Blocks(GroupCount(n), SelectMaxima::kGroups)}, a);
    Put<SelectTop>(device, {1}, a);
  });
  return {"largest logits", 1, n, 1, seconds, static_cast<double>(n) * sizeof(float), 0};
}

// A head F16 with the shortcut, the choice of the largest logits included.
Result HeadShortcut(const Device& device, const Shape& shape) {
  const uint32_t n = shape.embd, rows = shape.vocab, k = std::min<uint32_t>(kernels::kMaxTop, rows), max = rows / 8;
  const HeadLayout layout(rows, n);
  const Memory w(device, size_t{rows} * n * 2), copy(device, layout.Bytes()), x(device, n * sizeof(float));
  const Memory digits(device, 2 * size_t{layout.blocks} * HeadLayout::kBlock), logits(device, rows * sizeof(float));
  const Memory upper(device, rows * sizeof(float)), ids(device, max * sizeof(uint32_t)), words(device, 256);
  const Memory maxima(device, kMaxGroups * sizeof(uint64_t)), top(device, k * sizeof(kernels::TopEntry));
  // Numbers of both signs in no order, most of them small: how many rows survive depends on it.
  uint32_t seed = 1;
  const auto random = [&seed] {
    int32_t sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<int32_t>((seed = seed * 1664525u + 1013904223u) >> 24);
    return static_cast<float>(sum - 510) / 4096;
  };
  const size_t some_rows = std::min<size_t>(rows, 8191);
  std::vector<uint16_t> host(some_rows * n);
  for (uint16_t& e : host) e = kernels::F32ToF16(random());
  std::vector<float> row(n);
  for (float& e : row) e = random() * 16;
  core::GpuContext& c = *device.context;
  for (size_t r = 0; r < rows; r += some_rows) {
    const size_t bytes = std::min<size_t>(some_rows, rows - r) * n * sizeof(uint16_t);
    (void)c.Check(c.table().copy_in(c.queue(), w.as<uint16_t>() + r * n, host.data(), bytes));
  }
  (void)c.Check(c.table().copy_in(c.queue(), x.as<void>(), row.data(), n * sizeof(float)));
  Put<HeadCopyF16>(device, {Blocks(rows, HeadCopyF16::kRows)}, {w.as<F16>(), n, rows, copy.as<uint8_t>()});
  MustBe(c.Check(c.table().wait(c.queue())) ? core::Status() : c.status());  // HeadBounds reads the copy ahead
  const FailSlot fail = {words.as<unsigned long long>(), 1};
  auto* const n_survivors = words.as<uint32_t>() + 16;
  auto* const query = reinterpret_cast<kernels::HeadQuery*>(words.as<uint32_t>() + 32);
  const SelectArgs select = {logits.as<float>(), rows, k, maxima.as<uint64_t>(), top.as<kernels::TopEntry>(), fail};
  ListedProductArgs exact{};
  exact.w = w.as<void>(), exact.x = x.as<float>(), exact.y = logits.as<float>();
  exact.n = n, exact.rows = rows, exact.n_tokens = 1;
  exact.ids = ids.as<uint32_t>(), exact.n_ids = n_survivors, exact.max = max;
  const double seconds = SecondsOfLaunch(device, 20, [&](uint32_t) {
    Put<HeadDigits>(device, {1}, {x.as<float>(), n, digits.as<int8_t>(), query, n_survivors, fail});
    Put<HeadBounds>(device, {Blocks(rows, HeadBounds::kRows)},
                    {copy.as<uint8_t>(), n, rows, digits.as<int8_t>(), query, logits.as<float>(), upper.as<float>()});
    Put<SelectMaxima>(device, {Blocks(GroupCount(rows), SelectMaxima::kGroups)}, select);
    Put<SelectTop>(device, {1}, select);
    Put<HeadSurvivors>(device, {Blocks(rows, HeadSurvivors::kRows)},
                       {upper.as<float>(), rows, k, select.top, ids.as<uint32_t>(), max, n_survivors});
    Put<DenseListedF16>(device, {Blocks(max, DenseListedF16::kRows)}, exact);
    Put<SelectMaxima>(device, {Blocks(GroupCount(rows), SelectMaxima::kGroups)}, select);
    Put<SelectTop>(device, {1}, select);
  });
  return {"head F16 with the shortcut, and largest logits",
          rows,
          n,
          1,
          seconds,
          static_cast<double>(layout.Bytes()),
          static_cast<double>(rows) * n};
}

}  // namespace

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double SecondsOfLaunch(const Device& device, uint32_t n_launches, const std::function<void(uint32_t)>& launch) {
  n_launches = std::min(n_launches, device.most_launches);
  core::GpuContext& c = *device.context;
  launch(0);  // loads the kernel, which a recording forbids
  MustBe(c.Check(c.table().wait(c.queue())) ? core::Status() : c.status());
  (void)c.Check(c.table().record_begin(c.queue()));
  for (uint32_t i = 0; i < n_launches; ++i) launch(i);
  GpuRecording* recording = nullptr;
  (void)c.Check(c.table().record_end(c.queue(), &recording));
  double best = 1e30;
  for (uint32_t i = 0; i <= device.n_repeats && c.status().ok(); ++i) {  // the first one warms up
    const double start = Now();
    (void)c.Check(c.table().replay(c.queue(), recording));
    (void)c.Check(c.table().wait(c.queue()));
    if (i > 0) best = std::min(best, (Now() - start) / n_launches);
  }
  c.table().record_free(recording);
  MustBe(c.status());
  return best;
}

double AttentionSeconds(const Device& device, const Shape& shape, uint32_t n_rows, uint32_t depth, bool one_context) {
  const uint32_t head_dim = shape.head_dim(), n_blocks = Blocks(depth, kernels::kKeyBlock);
  const size_t head_bytes = size_t{n_blocks} * kernels::kKeyBlock * head_dim * 2;
  const size_t cache_bytes = head_bytes * shape.heads_kv;
  const size_t width = size_t{shape.heads} * head_dim, slots = size_t{n_rows} * shape.heads * n_blocks;
  const size_t n_caches = one_context ? 1 : n_rows;
  const Memory caches(device, 2 * n_caches * cache_bytes), q(device, n_rows * width * 4), y(device, n_rows * width * 4);
  const Memory partial(device, slots * (head_dim + 2) * 4), rows(device, n_rows * sizeof(Row));
  const Memory fail(device, 256);
  std::vector<Row> host(n_rows);
  for (uint32_t r = 0; r < n_rows; ++r) {
    uint8_t* const keys = caches.as<uint8_t>() + 2 * (one_context ? 0 : r) * cache_bytes;
    // Rows of one context are the last ones of a prompt of that length.
    host[r] = {0, one_context ? depth - n_rows + r : depth - 1, keys, keys + cache_bytes, head_bytes, nullptr, nullptr};
  }
  core::GpuContext& c = *device.context;
  (void)c.Check(c.table().copy_in(c.queue(), rows.as<void>(), host.data(), n_rows * sizeof(Row)));
  AttentionArgs a{};
  a.rows = rows.as<Row>();
  a.q = q.as<float>();
  a.n_rows = n_rows;
  a.heads = shape.heads, a.heads_kv = shape.heads_kv, a.head_dim = head_dim, a.n_blocks = n_blocks;
  a.scale = 0.1f;
  a.m = partial.as<float>();
  a.s = a.m + slots;
  a.o = a.s + slots;
  a.y = y.as<float>();
  a.fail = {fail.as<unsigned long long>(), 1};
  return SecondsOfLaunch(device, 10, [&](uint32_t) {
    if (one_context && n_rows >= 8 && AttentionPromptF16::Takes(a)) {
      Put<AttentionPromptF16>(device, AttentionPromptF16::GridFor(a), a);
    } else if (OneQueryEach(a)) {
      Put<AttentionBlockF16x1>(device, AttentionBlockF16x1::GridFor(a), a);
    } else {
      Put<AttentionBlockF16x4>(device, AttentionBlockF16x4::GridFor(a), a);
    }
    if (n_blocks != 1) Put<AttentionCombine>(device, AttentionCombine::GridFor(a), a);
  });
}

void MeasureKernels(const Device& device, const Shape& s, core::JsonWriter& json) {
  json.BeginArray();
  const auto report = [&](const Result& r) { Report(device, r, json); };
  report(TernaryOfRow<TernaryNormGemv1>(device, "norm and ternary, 1 token", s.embd, s.embd, 1));
  report(TernaryOfRow<TernaryNormGemv1>(device, "norm and ternary, 1 token", s.embd, s.ffn, 1));
  report(TernaryOfRow<TernaryNormGemv1>(device, "norm and ternary, 1 token", 2 * s.ffn, s.embd, 1));
  report(TernaryOfRow<TernaryNormGate1>(device, "norm, gate, up and activation, 1 token", s.ffn, s.embd, 2));
  report(Ternary<TernaryGemv1>(device, "ternary, 1 token", 2 * s.ffn, s.embd, 1, 1, false));
  report(Ternary<TernaryGemv4>(device, "ternary, 4 tokens", 2 * s.ffn, s.embd, 4, 4, false));
  // The shapes of a layer, with the tiles that GpuOps takes and with others: the choice is to be seen too.
  const uint32_t qkv = s.embd + 2 * s.heads_kv * s.head_dim();
  const uint32_t shapes[][2] = {{s.embd, s.embd}, {qkv, s.embd}, {2 * s.ffn, s.embd}, {s.embd, s.ffn}};
  for (const uint32_t tokens : {16u, 64u, 512u, 4096u}) {
    if (tokens > s.n_ctx) continue;
    for (const auto& [rows, cols] : shapes) {
      if (tokens <= TernaryMma128x16::kTokens) {
        report(Tiles<TernaryMma128x16>(device, "ternary, tiles of 128 x 16", rows, cols, tokens));
        report(Tiles<TernaryMma32x16>(device, "ternary, tiles of 32 x 16", rows, cols, tokens));
      }
      report(Tiles<TernaryMma128x64>(device, "ternary, tiles of 128 x 64", rows, cols, tokens));
      if (tokens <= 512) report(Tiles<TernaryMma64x32>(device, "ternary, tiles of 64 x 32", rows, cols, tokens));
    }
  }
  for (const uint32_t tokens : {1u, 16u}) {
    report(Head(device, s, HeadType::kQ6_K, tokens));
    report(Head(device, s, HeadType::kF16, tokens));
  }
  report(Selection(device, s));
  report(HeadShortcut(device, s));
  for (const uint32_t depth : {512u, 4096u}) {
    if (depth > s.n_ctx) continue;
    const double bytes = 4.0 * depth * s.heads_kv * s.head_dim();
    const double products = 2.0 * depth * s.heads * s.head_dim();
    report({"attention of a layer, depth in cols", 1, depth, 1, AttentionSeconds(device, s, 1, depth, true), bytes,
            products});
  }
  json.EndArray();
}

}  // namespace bitnet_bench
