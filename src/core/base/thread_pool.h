// A fixed set of threads that run one loop at a time, with tiles handed out dynamically.
#ifndef BITNET_CORE_BASE_THREAD_POOL_H_
#define BITNET_CORE_BASE_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/status.h"

namespace bitnet::core {

class ThreadPool {
 public:
  // `n_threads` >= 1 counts the calling thread: 1 starts none.
  static Result<std::unique_ptr<ThreadPool>> Create(uint32_t n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  uint32_t size() const { return n_threads_; }

  // Calls fn(begin, end, thread) on ranges that cover [0, n) exactly once, each range of `tile` items but the last;
  // thread < size(). Returns when all are done. `fn` must not throw; results must not depend on the split.
  // Several callers may use one pool: they take turns. Allocates nothing.
  template <typename F>
  void ParallelFor(size_t n, size_t tile, F&& fn) {
    using Fn = std::remove_reference_t<F>;
    Run(
        n, tile == 0 ? 1 : tile,
        [](void* f, size_t begin, size_t end, uint32_t thread) noexcept { (*static_cast<Fn*>(f))(begin, end, thread); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using RangeFn = void (*)(void* f, size_t begin, size_t end, uint32_t thread) noexcept;
  struct State;
  explicit ThreadPool(uint32_t n_threads);
  void Run(size_t n, size_t tile, RangeFn fn, void* f);

  uint32_t n_threads_;
  std::unique_ptr<State> state_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_THREAD_POOL_H_
