// The 8-bit copy of a dense head in the memory of a GPU (head_copy.h, kernels/cuda/head_copy_kernel.h).
#ifndef BITNET_CORE_GRAPH_GPU_HEAD_H_
#define BITNET_CORE_GRAPH_GPU_HEAD_H_

#include <cstdint>

#include "core/graph/gpu_memory.h"
#include "core/model/head_copy.h"

namespace bitnet::core {

// Whether it pays: by count, not by measurement (docs/kernels.md).
bool GpuHeadCopyWorthwhile(const Matrix& head);
uint64_t GpuHeadCopyBytes(const Matrix& head);
// Coded on the device from `head`, whose data are there; waits for it. HeadCopy::Possible(head).
Result<HeadCopy> MakeGpuHeadCopy(const Matrix& head, GpuContext& context);

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_GPU_HEAD_H_
