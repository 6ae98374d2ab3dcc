#include "bench/limits.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "kernels/multiply_add.h"

namespace bitnet_bench {
namespace {

using bitnet::kernels::KernelTable;

constexpr size_t kShareBytes = size_t{256} << 20;

// Work a second of n threads together: each thread's best of five, added.
template <class Work>
double TotalRate(int n_threads, Work work) {
  std::vector<double> rates(static_cast<size_t>(n_threads));
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t) {
    threads.emplace_back([&, t] {
      work(t);
      for (int pass = 0; pass < 5; ++pass) {
        const double start = CpuSeconds();
        const double amount = work(t);
        rates[static_cast<size_t>(t)] = std::max(rates[static_cast<size_t>(t)], amount / (CpuSeconds() - start));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  double total = 0;
  for (const double rate : rates) total += rate;
  return total;
}

double ReadShare(const uint8_t* share) {
  uint64_t sums[8] = {};
  const uint64_t* const words = reinterpret_cast<const uint64_t*>(share);
  for (size_t i = 0; i < kShareBytes / 8; i += 8) {
    __builtin_prefetch(words + i + 512);
    for (size_t k = 0; k < 8; ++k) sums[k] |= words[i + k];
  }
  for (const uint64_t sum : sums) benchmark::DoNotOptimize(sum);
  return kShareBytes;
}

std::mutex mutex;

template <class Key, class Measure>
double Kept(std::map<Key, double>& kept, const Key& key, Measure measure) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = kept.find(key);
  return found != kept.end() ? found->second : kept[key] = measure();
}

}  // namespace

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

const uint8_t* RandomMemory(size_t bytes) {
  static std::mutex memory_mutex;
  static std::map<size_t, std::vector<uint8_t>> memory;
  const std::lock_guard<std::mutex> lock(memory_mutex);
  std::vector<uint8_t>& m = memory[bytes];
  if (m.empty()) {
    m.resize(bytes);
    uint64_t x = 88172645463325252u;  // xorshift64, Marsaglia 2003
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      const uint64_t valid = x & ~((x & x >> 1 & 0x5555555555555555u) * 3);  // no 2-bit field is 3
      std::copy_n(reinterpret_cast<const uint8_t*>(&valid), 8, &m[i]);
    }
  }
  return m.data();
}

double ReadRate(int n_threads) {
  static std::map<int, double> kept;
  return Kept(kept, n_threads, [&] {
    const uint8_t* const memory = RandomMemory(kShareBytes * static_cast<size_t>(n_threads));
    return TotalRate(n_threads, [&](int t) { return ReadShare(memory + static_cast<size_t>(t) * kShareBytes); });
  });
}

double MultiplyAddRate(const KernelTable& table, int n_threads) {
  static std::map<std::pair<const KernelTable*, int>, double> kept;
  return Kept(kept, {&table, n_threads}, [&] {
    return TotalRate(n_threads, [&](int) {
      return static_cast<double>(bitnet::kernels::MultiplyAddRounds(table, uint64_t{1} << 15));
    });
  });
}

void Meter::Report(const std::string& unit, double limit) {
  const double rate = amount_ / seconds_;  // counters of threads are added
  state_.counters[unit] = rate / 1e9;
  if (limit > 0) state_.counters["%limit"] = 100 * rate / limit;
}

}  // namespace bitnet_bench
