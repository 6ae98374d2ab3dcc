#include "core/base/thread_pool.h"

#include <signal.h>

#include <atomic>
#include <cfenv>
#include <thread>
#include <vector>

#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("a loop covers every index once, whatever the threads and tiles", "[base][thread_pool]") {
  const uint32_t n_threads = GENERATE(1u, 2u, 3u, 7u);
  auto pool = ThreadPool::Create(n_threads);
  REQUIRE(pool.ok());
  for (const size_t n : {0, 1, 2, 63, 64, 65, 1000}) {
    for (const size_t tile : {0, 1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> seen(n);
      std::atomic<bool> thread_in_range{true};
      (*pool)->ParallelFor(n, tile, [&](size_t begin, size_t end, uint32_t thread) {
        if (thread >= n_threads || begin >= end || end > n) thread_in_range = false;
        for (size_t i = begin; i < end; ++i) seen[i].fetch_add(1);
      });
      CHECK(thread_in_range);
      for (const auto& s : seen) REQUIRE(s.load() == 1);
    }
  }
}

TEST_CASE("many short loops in a row lose no tile", "[base][thread_pool]") {
  auto pool = ThreadPool::Create(3);
  REQUIRE(pool.ok());
  size_t total = 0;
  for (int loop = 0; loop < 20000; ++loop) {
    std::atomic<size_t> sum{0};
    (*pool)->ParallelFor(7, 2, [&](size_t begin, size_t end, uint32_t) { sum += end - begin; });
    total += sum;
  }
  CHECK(total == 7 * 20000);
}

TEST_CASE("several callers share one pool and take turns", "[base][thread_pool]") {
  auto pool = ThreadPool::Create(2);
  REQUIRE(pool.ok());
  std::vector<std::thread> callers;
  std::atomic<size_t> total{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 500; ++loop) {
        (*pool)->ParallelFor(10, 1, [&](size_t begin, size_t end, uint32_t) { total += end - begin; });
      }
    });
  }
  for (auto& t : callers) t.join();
  CHECK(total == 4 * 500 * 10);
}

TEST_CASE("a pool of no threads is refused, and so is an absurd one", "[base][thread_pool]") {
  CHECK(ThreadPool::Create(0).status().code() == Code::kInvalidArgument);
  CHECK(ThreadPool::Create(1u << 20).status().code() == Code::kInvalidArgument);
}

TEST_CASE("pool threads round to nearest though the host rounds upward", "[base][thread_pool]") {
  std::fesetround(FE_UPWARD);
  auto pool = ThreadPool::Create(4);
  std::fesetround(FE_TONEAREST);
  REQUIRE(pool.ok());
  std::atomic<int> wrong{0};
  for (int loop = 0; loop < 100; ++loop) {
    (*pool)->ParallelFor(64, 1, [&](size_t, size_t, uint32_t) {
      if (std::fegetround() != FE_TONEAREST) wrong += 1;
    });
  }
  CHECK(wrong == 0);
}

TEST_CASE("pool threads leave the host's signals to the host, and faults to its handlers", "[base][thread_pool]") {
  auto pool = ThreadPool::Create(2);
  REQUIRE(pool.ok());
  sigset_t masks[2];
  std::atomic<int> arrived{0};
  (*pool)->ParallelFor(2, 1, [&](size_t, size_t, uint32_t thread) {
    pthread_sigmask(SIG_BLOCK, nullptr, &masks[thread]);
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();  // so that each thread takes a tile
  });
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGCHLD, SIGPROF}) {
    CHECK(sigismember(&masks[0], signal) == 0);
    CHECK(sigismember(&masks[1], signal) == 1);
  }
  for (const int fault : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) CHECK(sigismember(&masks[1], fault) == 0);
}

}  // namespace
}  // namespace bitnet::core
