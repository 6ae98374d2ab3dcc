// Products and attention: the operations that decide the speed of decoding and of prefill.
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/limits.h"
#include "kernels/pack.h"

namespace bitnet_bench {
namespace {

using namespace bitnet::kernels;

constexpr size_t kTile = 64;  // rows a call, as the graph hands them out

struct Aligned {
  explicit Aligned(size_t bytes) : p(::operator new (bytes, std::align_val_t{64})) {}
  ~Aligned() { ::operator delete (p, std::align_val_t{64}); }
  Aligned(const Aligned&) = delete;
  void* p;
};

// This thread's part of n rows, a multiple of the tile.
std::pair<size_t, size_t> Share(const benchmark::State& state, size_t n) {
  const size_t threads = static_cast<size_t>(state.threads());
  const size_t begin = n / kTile * static_cast<size_t>(state.thread_index()) / threads * kTile;
  const size_t end = n / kTile * (static_cast<size_t>(state.thread_index()) + 1) / threads * kTile;
  return {begin, end};
}

struct Activations {
  Activations(size_t cols, size_t n_tokens) : q(cols * n_tokens), sum(n_tokens), d(n_tokens, 0.01f) {
    for (size_t i = 0; i < q.size(); ++i) {
      q[i] = static_cast<int8_t>(static_cast<int>(i * 2654435761u >> 24) - 128);
      sum[i / cols] += q[i];
    }
  }
  std::vector<int8_t> q;
  std::vector<int32_t> sum;
  std::vector<float> d;
};

void TernaryGemv(benchmark::State& state, const KernelTable& table, size_t cols, size_t n_tokens) {
  const size_t rows = (size_t{256} << 20) / (cols / 4) / kTile * kTile;
  const uint8_t* const w = RandomMemory(rows * cols / 4);
  const double limit = ReadRate(state.threads());
  const Activations a(cols, n_tokens);
  std::vector<float> y(rows * n_tokens);
  const float scale = 0.02f;
  const TernaryJob job = {w, cols, &scale, 0, a.q.data(), cols, a.sum.data(), a.d.data(), n_tokens, y.data(), rows};
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) table.ternary_gemv(job, r, r + kTile);
    meter.Stop(static_cast<double>((end - begin) * cols / 4));
  }
  meter.Report("GB/s", limit);
}

// By either product: where one overtakes the other is gemv_tokens of a table.
void TernaryTokens(benchmark::State& state, const KernelTable& table, size_t cols, size_t n_tokens, bool gemm) {
  const size_t rows = 640;
  const uint8_t* const w = RandomMemory(size_t{4} << 20);
  const double limit = MultiplyAddRate(table, state.threads());
  const Activations a(cols, n_tokens);
  std::vector<float> y(rows * n_tokens);
  const float scale = 0.02f;
  const TernaryJob job = {w, cols, &scale, 0, a.q.data(), cols, a.sum.data(), a.d.data(), n_tokens, y.data(), rows};
  const Aligned scratch(table.ternary_scratch_bytes(cols));
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) {
      if (gemm) table.ternary_gemm(job, r, r + kTile, scratch.p);
      if (!gemm) table.ternary_gemv(job, r, r + kTile);
    }
    meter.Stop(static_cast<double>((end - begin) * cols * n_tokens));
  }
  meter.Report("GMAC/s", limit);
}

void DenseF16(benchmark::State& state, const KernelTable& table) {
  const size_t n = 2560, rows = (size_t{256} << 20) / (2 * n) / kTile * kTile;
  const uint8_t* const w = RandomMemory(rows * n * 2);
  const double limit = ReadRate(state.threads());
  const std::vector<float> x(n, 0.01f);
  std::vector<float> y(rows);
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) table.dense_rows(Dense::kF16, w, n, x.data(), r, r + kTile, y.data());
    meter.Stop(static_cast<double>((end - begin) * n * 2));
  }
  meter.Report("GB/s", limit);
}

void BlockRows(benchmark::State& state, const KernelTable& table, Block type) {
  const size_t n = 2560, row_bytes = n / BlockElements(type) * BlockBytes(type);
  const size_t rows = (size_t{256} << 20) / row_bytes / kTile * kTile;
  const uint8_t* const w = RandomMemory(rows * row_bytes);
  const double limit = ReadRate(state.threads());
  const Activations a(n, 1);
  const std::vector<float> d_a(n / BlockElements(type), 0.01f);
  std::vector<float> y(rows);
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) {
      table.block_rows(type, w, n, a.q.data(), d_a.data(), r, r + kTile, y.data());
    }
    meter.Stop(static_cast<double>((end - begin) * row_bytes));
  }
  meter.Report("GB/s", limit);
}

// From memory too: with so many tokens the multiplying is what takes the time.
void BlockTokens(benchmark::State& state, const KernelTable& table, Block type, size_t n_tokens, bool each) {
  const size_t n = 2560, block = BlockElements(type), row_bytes = n / block * BlockBytes(type);
  const size_t rows = (size_t{64} << 20) / row_bytes / kTile * kTile;
  const uint8_t* const w = RandomMemory(rows * row_bytes);
  const double limit = MultiplyAddRate(table, state.threads());
  const Activations a(n, n_tokens);
  const std::vector<float> d_a(n / block * n_tokens, 0.01f);
  const Aligned memory(TokenGroup::Bytes(n, block));
  const TokenGroup group = TokenGroup::Make(a.q.data(), d_a.data(), n, block, n_tokens, memory.p);
  std::vector<float> y(rows * n_tokens);
  const BlockTokensJob job = {type, w, n, group, n_tokens, y.data(), rows};
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) {
      if (!each) table.block_tokens(job, r, r + kTile);
      for (size_t t = 0; each && t < n_tokens; ++t) {
        table.block_rows(type, w, n, a.q.data() + t * n, d_a.data() + t * (n / block), r, r + kTile,
                         y.data() + t * rows);
      }
    }
    meter.Stop(static_cast<double>((end - begin) * n * n_tokens));
  }
  meter.Report("GMAC/s", limit);
}

void DenseTokens(benchmark::State& state, const KernelTable& table, size_t n_tokens, bool each) {
  const size_t n = 2560, rows = (size_t{64} << 20) / (2 * n) / kTile * kTile;
  const uint8_t* const w = RandomMemory(rows * n * 2);
  const double limit = MultiplyAddRate(table, state.threads());
  const Aligned memory(n * n_tokens * sizeof(float));
  auto* const x = reinterpret_cast<float*>(memory.p);
  std::fill_n(x, n * n_tokens, 0.01f);
  std::vector<float> y(rows * n_tokens);
  const DenseTokensJob job = {Dense::kF16, w, n, x, n_tokens, y.data(), rows};
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) {
      if (!each) table.dense_tokens(job, r, r + kTile);
      for (size_t t = 0; each && t < n_tokens; ++t) {
        table.dense_rows(job.type, w, n, x + t * n, r, r + kTile, y.data() + t * rows);
      }
    }
    meter.Stop(static_cast<double>((end - begin) * n * n_tokens));
  }
  meter.Report("GMAC/s", limit);
}

void HeadBounds(benchmark::State& state, const KernelTable& table) {
  const size_t n = 2560, rows = (size_t{256} << 20) / HeadCopyRowBytes(n) / kTile * kTile;
  const uint8_t* const copy = RandomMemory(rows * HeadCopyRowBytes(n));
  const double limit = ReadRate(state.threads());
  const std::vector<float> x(n, 0.01f);
  std::vector<int8_t> digits(2 * n);
  HeadQuery query;
  table.head_query(x.data(), n, digits.data(), &query);
  std::vector<float> lower(rows), upper(rows);
  const auto [begin, end] = Share(state, rows);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t r = begin; r < end; r += kTile) {
      table.head_bounds(copy, n, query, digits.data(), r, r + kTile, lower.data(), upper.data());
    }
    meter.Stop(static_cast<double>((end - begin) * HeadCopyRowBytes(n)));
  }
  meter.Report("GB/s", limit);
}

void HeadCopy(benchmark::State& state, const KernelTable& table) {
  const size_t n = 2560, rows = (size_t{64} << 20) / (2 * n);
  const uint8_t* const w = RandomMemory(rows * n * 2);
  const double limit = ReadRate(1);
  std::vector<uint8_t> copy(rows * HeadCopyRowBytes(n));
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    table.head_copy_rows(Dense::kF16, w, n, 0, rows, copy.data());
    meter.Stop(static_cast<double>(rows * n * 2));
  }
  meter.Report("GB/s", limit);
}

// Blocks of 256 keys of head dimension 128; decode: the 4 heads of a group, prefill: 16 tokens more.
void Attention(benchmark::State& state, const KernelTable& table, Dense type, size_t n_queries, bool from_memory) {
  const size_t head_dim = 128, block_bytes = kKeyBlock * head_dim * DenseBytes(type);
  const size_t n_blocks = from_memory ? (size_t{256} << 20) / block_bytes : 2;
  // Small values: f16 of 0x1xxx, f32 likewise.
  static std::map<size_t, std::vector<uint8_t>> caches;
  static std::mutex mutex;
  const uint8_t* cache;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    std::vector<uint8_t>& bytes = caches[n_blocks * block_bytes];
    if (bytes.empty()) bytes.assign(n_blocks * block_bytes, 0x1c);
    cache = bytes.data();
  }
  const double limit = from_memory ? ReadRate(state.threads()) : 0;
  const std::vector<float> q(n_queries * head_dim, 0.1f);
  const std::vector<uint32_t> n_keys(n_queries, kKeyBlock);
  std::vector<float> m(n_queries), s(n_queries), o(n_queries * head_dim), z(n_queries * kKeyBlock);
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (size_t b = 0; b + 1 < n_blocks; b += 2) {
      const uint8_t* const k = cache + b * block_bytes;
      table.attention_block({q.data(), k, k + block_bytes, type, head_dim, head_dim, n_keys.data(), n_queries, 0.09f,
                             m.data(), s.data(), o.data(), z.data()});
    }
    meter.Stop(from_memory ? static_cast<double>(n_blocks * block_bytes)
                           : 2.0 * static_cast<double>(n_queries * kKeyBlock * head_dim));
  }
  meter.Report(from_memory ? "GB/s" : "GMAC/s", limit);
}

}  // namespace

void RegisterProducts(const KernelTable& table) {
  const std::string name = std::string(table.name) + ".";
  const int cores = std::max(1, static_cast<int>(std::min(2u, std::thread::hardware_concurrency())));
  const auto add = [&](const std::string& operation, auto fn) {
    benchmark::RegisterBenchmark((name + operation).c_str(), fn)->ThreadRange(1, cores)->Unit(benchmark::kMillisecond);
  };
  for (const size_t cols : {2560, 6912}) {
    for (const size_t tokens : {1, 2, 4}) {
      add("ternary_gemv/" + std::to_string(cols) + "/" + std::to_string(tokens),
          [&table, cols, tokens](benchmark::State& state) { TernaryGemv(state, table, cols, tokens); });
    }
    for (const size_t tokens : {8, 16, 32, 48, 512}) {
      for (const bool gemm : {false, true}) {
        add((gemm ? "ternary_gemm/" : "ternary_gemv/") + std::to_string(cols) + "/" + std::to_string(tokens),
            [&table, cols, tokens, gemm](benchmark::State& state) { TernaryTokens(state, table, cols, tokens, gemm); });
      }
    }
  }
  add("dense_rows/f16", [&table](benchmark::State& state) { DenseF16(state, table); });
  add("block_rows/q6_k", [&table](benchmark::State& state) { BlockRows(state, table, Block::kQ6_K); });
  add("block_rows/q8_0", [&table](benchmark::State& state) { BlockRows(state, table, Block::kQ8_0); });
  for (const auto& [type, text] : {std::pair{Block::kQ6_K, "q6_k"}, {Block::kQ8_0, "q8_0"}, {Block::kQ4_K, "q4_k"}}) {
    for (const size_t tokens : {2, 4, 8, 16}) {
      for (const bool each : {false, true}) {
        add(std::string(each ? "block_rows/" : "block_tokens/") + text + "/" + std::to_string(tokens),
            [&table, type = type, tokens, each](benchmark::State& state) {
              BlockTokens(state, table, type, tokens, each);
            });
      }
    }
  }
  for (const size_t tokens : {2, 4, 16}) {
    for (const bool each : {false, true}) {
      add(std::string(each ? "dense_rows/" : "dense_tokens/") + "f16/" + std::to_string(tokens),
          [&table, tokens, each](benchmark::State& state) { DenseTokens(state, table, tokens, each); });
    }
  }
  add("head_bounds", [&table](benchmark::State& state) { HeadBounds(state, table); });
  add("head_copy_rows/f16", [&table](benchmark::State& state) { HeadCopy(state, table); });
  for (const auto& [type, text] : {std::pair{Dense::kF16, "f16"}, {Dense::kF32, "f32"}}) {
    add(std::string("attention_block/decode/") + text,
        [&table, type = type](benchmark::State& state) { Attention(state, table, type, 4, true); });
    add(std::string("attention_block/prefill/") + text,
        [&table, type = type](benchmark::State& state) { Attention(state, table, type, 64, false); });
  }
}

}  // namespace bitnet_bench
