// An engine: one kernel table, one thread pool, an allocator and a log. Shared by models and sessions; no globals.
#ifndef BITNET_CORE_RUNTIME_ENGINE_H_
#define BITNET_CORE_RUNTIME_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

enum class LogLevel : int32_t { kError = 0, kWarning = 1, kInfo = 2, kDebug = 3 };

struct EngineOptions {
  std::string target;    // kernel table by name; "" = the best that this CPU runs
  uint32_t threads = 0;  // 0 = UsableCores()
  Allocator allocator = DefaultAllocator();
  std::function<void(LogLevel, std::string_view)> log;  // may be empty; called on the thread that made the call
};

class Engine {
 public:
  // kInvalidArgument for a target that does not exist, kTargetUnavailable for one that this CPU lacks.
  static Result<std::shared_ptr<Engine>> Create(EngineOptions options);

  const kernels::KernelTable& table() const { return *table_; }
  ThreadPool& pool() const { return *pool_; }
  uint32_t threads() const { return pool_->size(); }
  const Allocator& allocator() const { return options_.allocator; }
  void Log(LogLevel level, std::string_view message) const {
    if (options_.log) options_.log(level, message);
  }

 private:
  Engine() = default;
  EngineOptions options_;
  const kernels::KernelTable* table_ = nullptr;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_ENGINE_H_
