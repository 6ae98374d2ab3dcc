#include "core/base/thread_pool.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "core/base/fp_env.h"
#include "core/base/signal_mask.h"
#include "core/base/system_info.h"

namespace bitnet::core {

namespace {

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins about 50 us on current CPUs: longer than the gap between two operations of a token, shorter than a time slice.
// With more threads than cores a spinning thread would only take the core of one that works: none spins then.
constexpr int kSpins = 2000;
int SpinsFor(uint32_t n_threads) { return n_threads <= UsableCores() ? kSpins : 0; }

}  // namespace

// Every thread has a share of the loop's tiles, consecutive ones, and takes them in order: a product then streams
// through one region of memory a thread, which the hardware's prefetchers follow, where tiles dealt in turn would break
// every stream at each tile. A thread whose share is empty takes from the far end of another's.
//
// A share is {first, end} in one word, so one compare-and-swap claims a tile, and the loop's description is written
// only while every share is empty and no tile is in work: a thread that wakes late either claims nothing or a tile of
// the loop whose description it then reads. The caller waits only for tiles in work, never for a thread that sleeps.
struct ThreadPool::State {
  struct Share {
    alignas(64) std::atomic<uint64_t> tiles{0};  // first << 32 | end; empty when first == end
  };

  alignas(64) std::atomic<uint32_t> loop{0};  // number of the loop: changes when there are new tiles
  alignas(64) std::atomic<uint32_t> done{0};  // tiles finished
  alignas(64) std::atomic<uint32_t> sleepers{0};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<bool> stop{false};

  // The loop: stable while a tile of it is claimed.
  RangeFn fn = nullptr;
  void* f = nullptr;
  size_t n = 0;
  size_t tile = 0;
  uint32_t n_tiles = 0;
  std::vector<Share> shares;  // one for each thread

  int spins = 0;    // before a thread sleeps
  std::mutex turn;  // callers take turns
  std::vector<pthread_t> workers;
  const pid_t process = ::getpid();  // that has the workers: a child forked from it has none

  explicit State(uint32_t n_threads) : shares(n_threads) {}

  static constexpr uint64_t Range(uint64_t first, uint64_t end) { return first << 32 | end; }

  void Deal() {
    const uint64_t n_shares = shares.size();
    for (uint64_t t = 0; t < n_shares; ++t) {
      shares[t].tiles.store(Range(n_tiles * t / n_shares, n_tiles * (t + 1) / n_shares), std::memory_order_release);
    }
  }

  // Claims the first tile of a share, or its last one.
  bool Claim(Share& share, bool last, uint64_t* index) {
    uint64_t word = share.tiles.load(std::memory_order_acquire);
    for (;;) {
      const uint64_t first = word >> 32, end = word & UINT32_MAX;
      if (first == end) return false;
      const uint64_t rest = last ? Range(first, end - 1) : Range(first + 1, end);
      *index = last ? end - 1 : first;
      if (share.tiles.compare_exchange_weak(word, rest, std::memory_order_acquire)) return true;
    }
  }

  void RunTile(uint64_t index, uint32_t thread) {
    const uint32_t last = n_tiles;
    const size_t begin = index * tile;
    fn(f, begin, std::min(n, begin + tile), thread);
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == last && caller_sleeps.load()) done.notify_one();
  }

  // Works on the current loop until no tile is left to claim.
  void Work(uint32_t thread) {
    const auto n_shares = static_cast<uint32_t>(shares.size());
    uint64_t index;
    for (uint32_t k = 0; k < n_shares; ++k) {
      Share& share = shares[(thread + k) % n_shares];
      while (Claim(share, k != 0, &index)) RunTile(index, thread);
    }
  }

  void Sleep(uint32_t seen) {
    sleepers.fetch_add(1);
    if (loop.load() == seen && !stop.load()) loop.wait(seen);
    sleepers.fetch_sub(1);
  }

  void Announce() {
    loop.fetch_add(1);
    if (sleepers.load() != 0) loop.notify_all();
  }
};

namespace {

template <typename State>
struct WorkerArgument {
  State* state;
  uint32_t thread;
};

template <typename State>
void* WorkerMain(void* p) {
  const auto* argument = static_cast<WorkerArgument<State>*>(p);
  State& state = *argument->state;
  const uint32_t thread = argument->thread;
  delete argument;
  const FpScope fp;  // a new thread inherits its creator's modes
  uint32_t seen = 0;
  for (int spins = 0; !state.stop.load(std::memory_order_relaxed);) {
    if (const uint32_t loop = state.loop.load(std::memory_order_acquire); loop != seen) {
      seen = loop;
      state.Work(thread);
      spins = 0;
    } else if (++spins < state.spins) {
      Pause();
    } else {
      state.Sleep(seen);
      spins = 0;
    }
  }
  return nullptr;
}

}  // namespace

ThreadPool::ThreadPool(uint32_t n_threads) : n_threads_(n_threads), state_(std::make_unique<State>(n_threads)) {}

Result<std::unique_ptr<ThreadPool>> ThreadPool::Create(uint32_t n_threads) {
  constexpr uint32_t kMaxThreads = 1024;  // far beyond any machine; keeps a wrong number from exhausting the process
  if (n_threads == 0 || n_threads > kMaxThreads) {
    return Status(Code::kInvalidArgument, Cat("threads: found ", n_threads, ", expected 1 to ", kMaxThreads),
                  "threads");
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool(n_threads));
  pool->state_->workers.reserve(n_threads - 1);
  pool->state_->spins = SpinsFor(n_threads);
  const SignalsBlocked blocked;
  int error = 0;
  for (uint32_t t = 1; t < n_threads && error == 0; ++t) {
    auto argument = std::make_unique<WorkerArgument<State>>(WorkerArgument<State>{pool->state_.get(), t});
    pthread_t id;
    error = pthread_create(&id, nullptr, &WorkerMain<State>, argument.get());
    if (error != 0) break;
    argument.release();
    pool->state_->workers.push_back(id);
  }
  if (error != 0) return Status(Code::kNoMemory, Cat("the system refused to start ", n_threads, " threads"));
  return pool;
}

ThreadPool::~ThreadPool() {
  if (::getpid() != state_->process) return;  // nobody to wait for
  state_->stop.store(true);
  state_->Announce();
  for (pthread_t id : state_->workers) pthread_join(id, nullptr);
}

void ThreadPool::Run(size_t n, size_t tile, RangeFn fn, void* f) {
  if (n == 0) return;
  // The number of tiles fits the half word; a loop that is larger gets larger tiles.
  while ((n + tile - 1) / tile > UINT32_MAX) tile *= 2;
  const auto n_tiles = static_cast<uint32_t>((n + tile - 1) / tile);
  if (n_threads_ == 1 || n_tiles == 1) {
    for (size_t begin = 0; begin < n; begin += tile) fn(f, begin, std::min(n, begin + tile), 0);
    return;
  }
  State& s = *state_;
  const std::lock_guard<std::mutex> turn(s.turn);
  s.fn = fn;
  s.f = f;
  s.n = n;
  s.tile = tile;
  s.n_tiles = n_tiles;
  s.done.store(0, std::memory_order_relaxed);
  s.Deal();
  s.Announce();
  s.Work(0);
  for (int spins = 0; spins < s.spins; ++spins) {
    if (s.done.load(std::memory_order_acquire) == n_tiles) return;
    Pause();
  }
  s.caller_sleeps.store(true);
  for (uint32_t done = s.done.load(); done != n_tiles; done = s.done.load()) s.done.wait(done);
  s.caller_sleeps.store(false);
}

}  // namespace bitnet::core
