// What the machine can do at most, measured here and now, and the clock that all measurements use.
#ifndef BITNET_TESTS_BENCH_LIMITS_H_
#define BITNET_TESTS_BENCH_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "kernels/kernel_table.h"

namespace bitnet_bench {

// CPU seconds of this thread: what other programs do on the machine takes no part of it, as far as they share no
// memory or cache.
double CpuSeconds();

// Bytes a second that n threads read from memory together, each from its own 256 MiB. Measured once and kept.
double ReadRate(int n_threads);
// Products of bytes a second that n threads make and add with the table's instructions, on registers alone.
double MultiplyAddRate(const bitnet::kernels::KernelTable& table, int n_threads);

// Memory of `bytes` bytes that holds random ternary codes, valid f16 values of either sign, and small int8; the same
// at each call, never freed. Thread-safe.
const uint8_t* RandomMemory(size_t bytes);

// Collects the work of one thread and reports "GB/s" or "GMAC/s", and "%limit" of the limit for all threads.
class Meter {
 public:
  explicit Meter(benchmark::State& state) : state_(state) {}
  void Start() { start_ = CpuSeconds(); }
  void Stop(double amount) {
    seconds_ += CpuSeconds() - start_;
    amount_ += amount;
  }
  // `limit` 0: none to compare with.
  void Report(const std::string& unit, double limit);

 private:
  benchmark::State& state_;
  double start_ = 0, seconds_ = 0, amount_ = 0;
};

void RegisterProducts(const bitnet::kernels::KernelTable& table);
void RegisterRows(const bitnet::kernels::KernelTable& table);

}  // namespace bitnet_bench

#endif  // BITNET_TESTS_BENCH_LIMITS_H_
