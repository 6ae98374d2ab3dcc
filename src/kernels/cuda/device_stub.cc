// What the library has in place of device.cu when it is built without CUDA.
#include "kernels/cuda/gpu.h"

namespace bitnet::kernels::gpu {

const GpuTable* CudaTable() noexcept { return nullptr; }

}  // namespace bitnet::kernels::gpu
