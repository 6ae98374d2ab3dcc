#include "core/graph/gpu_memory.h"

#include <string>

namespace bitnet::core {

using kernels::gpu::GpuFault;
using kernels::gpu::GpuStatus;

Status StatusOfGpu(const GpuStatus& status) {
  switch (status.fault) {
    case GpuFault::kNone: return {};
    case GpuFault::kNoMemory: return Status(Code::kNoMemory, status.message, "gpu");
    case GpuFault::kFailed: break;
  }
  return Status(Code::kTargetUnavailable, Cat(status.message, "; what was on this device cannot be used any more"),
                "gpu");
}

Result<std::shared_ptr<GpuContext>> GpuContext::Open(const kernels::gpu::GpuTable& table, uint32_t device) {
  kernels::gpu::GpuQueue* queue = nullptr;
  BN_RETURN_IF_ERROR(StatusOfGpu(table.open(device, &queue)));
  return std::shared_ptr<GpuContext>(new GpuContext(table, queue));
}

GpuContext::~GpuContext() { table_.close(queue_); }

bool GpuContext::Check(const GpuStatus& status) {
  if (!status.ok() && status_.ok()) status_ = StatusOfGpu(status);
  return status_.ok();
}

void* GpuContext::Alloc(void* self, size_t bytes, size_t) noexcept {
  auto& c = *static_cast<GpuContext*>(self);
  void* p = nullptr;
  return c.table_.allocate(c.queue_, bytes, &p).ok() ? p : nullptr;
}

void GpuContext::Free(void* self, void* p, size_t) noexcept {
  auto& c = *static_cast<GpuContext*>(self);
  c.table_.release(c.queue_, p);
}

}  // namespace bitnet::core
