// A queue of a GPU and memory of it, for C++ owners. kernels/cuda/gpu.h is the contract beneath.
#ifndef BITNET_CORE_GRAPH_GPU_MEMORY_H_
#define BITNET_CORE_GRAPH_GPU_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/allocator.h"
#include "core/base/status.h"
#include "kernels/cuda/gpu.h"

namespace bitnet::core {

// Memory was refused: kNoMemory. Anything else: the device is lost for the owner, kTargetUnavailable.
Status StatusOfGpu(const kernels::gpu::GpuStatus& status);

// One queue. Buffers from allocator() point to it and must go first. Used by one thread at a time.
class GpuContext {
 public:
  static Result<std::shared_ptr<GpuContext>> Open(const kernels::gpu::GpuTable& table, uint32_t device);
  ~GpuContext();
  GpuContext(const GpuContext&) = delete;
  GpuContext& operator=(const GpuContext&) = delete;

  const kernels::gpu::GpuTable& table() const { return table_; }
  kernels::gpu::GpuQueue* queue() const { return queue_; }
  // Device memory behind the interface of the host's: a Buffer of it is never read or written by the CPU.
  Allocator allocator() { return {&Alloc, &Free, this}; }
  // The first failure of the device; then nothing more is launched.
  const Status& status() const { return status_; }
  // Keeps a failure; whether there is none.
  bool Check(const kernels::gpu::GpuStatus& status);

 private:
  GpuContext(const kernels::gpu::GpuTable& table, kernels::gpu::GpuQueue* queue) : table_(table), queue_(queue) {}
  static void* Alloc(void* self, size_t bytes, size_t align) noexcept;
  static void Free(void* self, void* p, size_t bytes) noexcept;

  const kernels::gpu::GpuTable& table_;
  kernels::gpu::GpuQueue* queue_;
  Status status_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_GPU_MEMORY_H_
