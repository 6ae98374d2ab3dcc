#include "machine_limits.h"

#include <bitnet/experimental.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <fstream>
#include <numeric>
#include <system_error>
#include <thread>
#include <vector>

#include "api_error.h"
#include "failure.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

constexpr int kPasses = 6;  // the best one counts: anything else on the machine only makes a pass slower

// Seconds of the fastest of kPasses, each done by all threads at once. `work(thread)` is one thread's share.
template <typename Work>
double BestPass(uint32_t n_threads, Work work) {
  double start = 0, best = 1e30;
  int n_done = 0;
  std::barrier begin(n_threads, [&]() noexcept { start = Now(); });
  std::barrier end(n_threads, [&]() noexcept {
    if (n_done++ > 0) best = std::min(best, Now() - start);  // the first pass touches the pages
  });
  std::atomic<bool> too_few{false};
  const auto passes = [&](uint32_t t) {
    for (int pass = 0; pass <= kPasses; ++pass) {
      begin.arrive_and_wait();
      if (too_few) return;
      work(t);
      end.arrive_and_wait();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(n_threads);
  try {
    while (threads.size() < n_threads) threads.emplace_back(passes, static_cast<uint32_t>(threads.size()));
  } catch (const std::system_error&) {
    too_few = true;  // for those that wait at the beginning
    for (size_t t = threads.size(); t < n_threads; ++t) begin.arrive_and_drop();
  }
  for (std::thread& thread : threads) thread.join();
  if (too_few) {
    throw Failure(ExitCode::kRequestNotMet, "the system refused to start " + Counted(n_threads, "thread"));
  }
  return best;
}

// Words in huge pages where the system gives them: small ones cost more than a quarter of the bandwidth.
class Words {
 public:
  explicit Words(size_t n) : n_bytes_(n * sizeof(uint64_t)) {
    void* const p = mmap(nullptr, n_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw Failure(ExitCode::kRequestNotMet, "no memory to measure the read limit with");
    madvise(p, n_bytes_, MADV_HUGEPAGE);
    words_ = static_cast<uint64_t*>(p);
  }
  ~Words() { munmap(words_, n_bytes_); }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  uint64_t* get() const { return words_; }

 private:
  size_t n_bytes_;
  uint64_t* words_;
};

double MeasureRead(uint32_t n_threads) {
  // Eight times the last cache, and enough for a pass to take a while.
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const size_t n_words =
      std::clamp<size_t>(cache > 0 ? static_cast<size_t>(cache) * 8 : 0, size_t{256} << 20, size_t{1} << 30) /
      sizeof(uint64_t) / n_threads / 8 * 8;
  const Words all(n_words * n_threads);
  std::atomic<uint64_t> sink{0};  // what keeps the compiler from leaving the reads out
  const double seconds = BestPass(n_threads, [&](uint32_t t) {
    uint64_t* const words = all.get() + t * n_words;
    if (words[0] == 0) std::fill_n(words, n_words, t + 1);  // by its own thread: near that core's memory
    uint64_t sums[8] = {};
    for (size_t i = 0; i < n_words; i += 8) {
      for (size_t k = 0; k < 8; ++k) sums[k] += words[i + k];
    }
    sink += std::accumulate(sums, sums + 8, uint64_t{0});
  });
  return static_cast<double>(n_words * sizeof(uint64_t) * n_threads) / seconds;
}

double MeasureMultiplyAdds(const std::string& target, uint32_t n_threads) {
  constexpr uint64_t kRounds = 1 << 20;
  std::atomic<uint64_t> n_products{0};
  std::atomic<bitnet_status_t> status{BITNET_OK};
  const double seconds = BestPass(n_threads, [&](uint32_t) {
    uint64_t n = 0;
    const bitnet_status_t s = bitnet_x_multiply_add_rounds(target.c_str(), kRounds, &n);
    if (s != BITNET_OK) status = s;
    n_products = n;
  });
  if (status != BITNET_OK) Raise(Error(status, "cannot measure target " + target), Doing::kWorking);
  return static_cast<double>(n_products) * n_threads / seconds;
}

}  // namespace

void PeakMemory::Start() {
  // Source: proc(5): "5" resets the peak resident set size, VmHWM, to the current one.
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;
  if (!reset) known_ = false;
}

void PeakMemory::Stop() {
  std::ifstream status("/proc/self/status");
  uint64_t kib = 0;
  for (std::string word; status >> word;) {
    if (word == "VmHWM:" && status >> kib) break;
  }
  if (kib == 0) known_ = false;
  bytes_ = std::max(bytes_, kib * 1024);
}

MachineLimits MeasureLimits(const std::string& target, uint32_t n_threads) {
  return {MeasureRead(n_threads), MeasureMultiplyAdds(target, n_threads)};
}

}  // namespace bitnet::tool
