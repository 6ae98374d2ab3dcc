// An engine: one kernel table, one thread pool, an allocator and a log. Shared by models and sessions; no globals.
#ifndef BITNET_CORE_RUNTIME_ENGINE_H_
#define BITNET_CORE_RUNTIME_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/graph/gpu_weights.h"
#include "core/model/model.h"
#include "kernels/cuda/gpu.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

enum class LogLevel : int32_t { kError = 0, kWarning = 1, kInfo = 2, kDebug = 3 };

// Where sessions compute. kAuto: on GPUs where the model fits them, else on the CPU, said once; kCuda: on GPUs alone;
// kHybrid: as many layers on GPUs as fit, the rest on the CPU.
enum class DeviceMode : uint32_t { kCpu, kAuto, kCuda, kHybrid };
// "cpu", "auto", "cuda", "hybrid".
std::string_view DeviceModeName(DeviceMode mode);

struct EngineOptions {
  std::string target;    // kernel table by name; "" = the best that this CPU runs
  uint32_t threads = 0;  // 0 = UsableCores()
  DeviceMode device = DeviceMode::kCpu;
  uint64_t gpu_memory_limit = 0;  // bytes of each GPU that a session may take, 0 = what is free
  const kernels::gpu::GpuTable* gpu = kernels::gpu::CudaTable();  // null: this build has none
  Allocator allocator = DefaultAllocator();
  std::function<void(LogLevel, std::string_view)> log;  // may be empty; called on the thread that made the call
};

class Engine {
 public:
  // kInvalidArgument for a target that does not exist, kTargetUnavailable for one that this CPU lacks, and for kCuda or
  // kHybrid without a GPU.
  static Result<std::shared_ptr<Engine>> Create(EngineOptions options);

  const kernels::KernelTable& table() const { return *table_; }
  ThreadPool& pool() const { return *pool_; }
  uint32_t threads() const { return pool_->size(); }
  const Allocator& allocator() const { return options_.allocator; }

  DeviceMode device() const { return options_.device; }
  const kernels::gpu::GpuTable* gpu_table() const { return options_.gpu; }
  // GPUs that sessions may use; empty under kCpu.
  const std::vector<kernels::gpu::GpuInfo>& gpus() const { return gpus_; }
  // Why kAuto found no GPU, "" otherwise.
  const std::string& fallback_reason() const { return fallback_reason_; }
  // Bytes of each GPU that a session may take now.
  Result<std::vector<uint64_t>> GpuRoom() const;
  // The weights of `part` on a GPU: uploaded for the first session that asks, shared while one lives. Any thread.
  Result<std::shared_ptr<const GpuWeights>> WeightsOnGpu(uint32_t gpu, const std::shared_ptr<const Model>& model,
                                                         const GpuPart& part) const;

  void Log(LogLevel level, std::string_view message) const {
    if (options_.log) options_.log(level, message);
  }

 private:
  Engine() = default;
  Status FindGpus();

  struct Uploaded {
    uint32_t gpu;
    std::weak_ptr<const Model> model;
    std::weak_ptr<const GpuWeights> weights;
  };
  EngineOptions options_;
  std::vector<kernels::gpu::GpuInfo> gpus_;
  std::string fallback_reason_;
  mutable std::mutex uploaded_mutex_;
  mutable std::vector<Uploaded> uploaded_;
  const kernels::KernelTable* table_ = nullptr;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_ENGINE_H_
