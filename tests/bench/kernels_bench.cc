// Every operation of every table that this CPU runs, as a rate and as a share of the machine's limit, which is measured
// in the same run: memory read rate for what streams weights, rate of multiply-adds of bytes for tiles of tokens.
//
// usage: bitnet_kernels_bench [--benchmark_filter=AVX2.ternary_gemv] [--benchmark_repetitions=5] ...
// A name is TABLE.OPERATION/SIZES/threads:N. Times are CPU times of the threads.
#include <cstdio>

#include "bench/limits.h"
#include "kernels/cpu/cpu_info.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  size_t count = 0;
  const bitnet::kernels::KernelTable* const* tables = bitnet::kernels::AvailableTables(&count);
  std::printf("CPU: %s\nbuild: %s\n", bitnet::kernels::CpuFeatures(), bitnet::kernels::BuildInfo());
  for (const int threads : {1, 2})
    std::printf("read, %d threads: %.1f GB/s\n", threads, bitnet_bench::ReadRate(threads) / 1e9);
  for (size_t i = 0; i < count; ++i) {
    std::printf("%s: %.1f GMAC/s on one thread\n", tables[i]->name, bitnet_bench::MultiplyAddRate(*tables[i], 1) / 1e9);
    bitnet_bench::RegisterProducts(*tables[i]);
    bitnet_bench::RegisterRows(*tables[i]);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
