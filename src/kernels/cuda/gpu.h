// THE contract between the graph and a GPU: memory, copies, launches and recordings of one device, as a table of
// functions without a GPU's own types. The kernels are those of kernel_list.h, in grid.h's form, so a table is a way to
// run them: CUDA's (device.cu; none when the library is built without it), and an emulation in the tests.
//
// C++17, pointers and sizes only. Functions are noexcept and say what failed; after kFailed a device is not to be
// used again, only closed. Pointers that a function calls `device` are memory of that device.
#ifndef BITNET_KERNELS_CUDA_GPU_H_
#define BITNET_KERNELS_CUDA_GPU_H_

#include <cstddef>
#include <cstdint>

namespace bitnet::kernels::gpu {

enum class GpuKernel : uint32_t;  // kernel_list.h
struct GpuGrid {
  uint32_t x = 1, y = 1, z = 1;  // blocks; y and z at most 65535
};

enum class GpuFault : uint32_t { kNone, kNoMemory, kFailed };
struct GpuStatus {
  GpuFault fault = GpuFault::kNone;
  char message[240] = "";  // one lower-case line: the kernel or call, and the device's own words
  bool ok() const { return fault == GpuFault::kNone; }
};

struct GpuInfo {
  char name[128];
  uint32_t capability_major, capability_minor;
  uint32_t driver_version, runtime_version;  // 1000 * major + 10 * minor
  uint32_t n_multiprocessors;
  uint64_t memory_bytes, free_bytes;
};

// What a device can do at most, measured on it.
struct GpuLimits {
  double read_bytes_per_s;     // summing a large array
  double multiply_adds_per_s;  // int8, with the instruction of TernaryMma
};

// A device as one user sees it: a queue of work of its own. Used by one thread at a time.
struct GpuQueue;
struct GpuRecording;

struct GpuTable {
  const char* name;  // "CUDA": the table's part of a kernel id

  // Devices that this process can use; with 0, *why says what is missing ("no driver"), static.
  uint32_t (*count)(const char** why) noexcept;
  GpuStatus (*info)(uint32_t device, GpuInfo* out) noexcept;
  GpuStatus (*open)(uint32_t device, GpuQueue** out) noexcept;
  void (*close)(GpuQueue* queue) noexcept;  // waits for its work; null is legal

  // Memory aligned to 256 bytes, usable by every queue of the device. Not initialised.
  GpuStatus (*allocate)(GpuQueue* queue, size_t bytes, void** device) noexcept;
  void (*release)(GpuQueue* queue, void* device) noexcept;  // waits; null is legal

  // In the queue's order. copy_in returns when `host` may change, copy_out when `host` is filled, copy at once: two
  // queues know nothing of each other, so what one makes for another has to be waited for.
  GpuStatus (*copy_in)(GpuQueue* queue, void* device, const void* host, size_t bytes) noexcept;
  GpuStatus (*copy_out)(GpuQueue* queue, void* host, const void* device, size_t bytes) noexcept;
  GpuStatus (*copy)(GpuQueue* queue, void* to_device, const void* from_device, size_t bytes) noexcept;
  GpuStatus (*wait)(GpuQueue* queue) noexcept;

  // Puts a kernel into the queue; `args` is its Args, copied.
  GpuStatus (*launch)(GpuQueue* queue, GpuKernel kernel, GpuGrid grid, const void* args) noexcept;

  // Launches between begin and end are recorded, not run; no copies, allocations or waits meanwhile. A recording that
  // was begun is ended, also after a failure. It replays the launches with the same arguments.
  GpuStatus (*record_begin)(GpuQueue* queue) noexcept;
  GpuStatus (*record_end)(GpuQueue* queue, GpuRecording** out) noexcept;
  GpuStatus (*replay)(GpuQueue* queue, GpuRecording* recording) noexcept;
  void (*record_free)(GpuRecording* recording) noexcept;  // null is legal

  GpuStatus (*measure)(GpuQueue* queue, GpuLimits* out) noexcept;
};

// CUDA's table, or null when the library was built without it. Static storage.
const GpuTable* CudaTable() noexcept;

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_GPU_H_
