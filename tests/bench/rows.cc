// Operations on one row of floats: small, from the first caches.
#include "bench/limits.h"

namespace bitnet_bench {
namespace {

using namespace bitnet::kernels;

// Calls fn() over and over; it reads and writes `bytes` bytes.
template <class Fn>
void Rows(benchmark::State& state, size_t bytes, Fn fn) {
  Meter meter(state);
  for (auto _ : state) {
    meter.Start();
    for (int i = 0; i < 1000; ++i) fn();
    meter.Stop(1000.0 * static_cast<double>(bytes));
  }
  meter.Report("GB/s", 0);
}

}  // namespace

void RegisterRows(const KernelTable& table) {
  static std::vector<float> x(6912), u(6912), y(6912), logits(128256);
  static std::vector<int8_t> q(6912);
  static std::vector<uint16_t> half(6912);
  static std::vector<TopEntry> top(kMaxTop);
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>(i * 2654435761u % 100003) * 1e-4f;
    if (i < x.size()) x[i] = logits[i] - 5, u[i] = 1 - logits[i];
  }
  const auto add = [&](const char* operation, size_t bytes, auto fn) {
    benchmark::RegisterBenchmark((std::string(table.name) + "." + operation).c_str(), [=](benchmark::State& state) {
      Rows(state, bytes, fn);
    })->Unit(benchmark::kMillisecond);
  };
  const KernelTable* const t = &table;
  add("rms_norm/2560", 2560 * 16, [t] { t->rms_norm(x.data(), u.data(), 1e-5f, 2560, y.data()); });
  add("quantise_row/6912", 6912 * 9, [t] {
    float d;
    int32_t sum;
    t->quantise_row(x.data(), 6912, q.data(), &d, &sum);
  });
  add("quantise_blocks/2560", 2560 * 9, [t] {
    float d[10];
    t->quantise_blocks(x.data(), 2560, 256, q.data(), d);
  });
  add("relu2_gate/6912", 6912 * 12, [t] { t->relu2_gate(x.data(), u.data(), 6912, y.data()); });
  add("silu_gate/6912", 6912 * 12, [t] { t->silu_gate(x.data(), u.data(), 6912, y.data()); });
  add("add/2560", 2560 * 12, [t] { t->add(y.data(), x.data(), 2560); });
  add("rope/20x128", 2560 * 8, [t] { t->rope(y.data(), 20, 128, 128, x.data(), u.data(), false); });
  add("cache_store/640", 640 * 6, [t] { t->cache_store(x.data(), 640, Dense::kF16, half.data()); });
  add("select_top/128256", 128256 * 4, [t] { t->select_top(logits.data(), logits.size(), kMaxTop, top.data()); });
}

}  // namespace bitnet_bench
