#include "support/emulated_gpu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "kernels/cuda/kernel_list.h"

namespace bitnet::kernels::gpu {

struct GpuQueue {
  uint32_t device;
  GpuRecording* recording;  // being made, or null
  bool lost;
};

struct GpuRecording {
  struct Launch {
    GpuKernel kernel;
    GpuGrid grid;
    std::vector<uint8_t> args;
  };
  std::vector<Launch> launches;
};

}  // namespace bitnet::kernels::gpu

namespace bitnet_test {

namespace {

using namespace bitnet::kernels::gpu;  // NOLINT: what is emulated

GpuStatus Failure(GpuFault fault, const char* what) {
  GpuStatus s;
  s.fault = fault;
  std::snprintf(s.message, sizeof s.message, "emulated: %s", what);
  return s;
}

template <class Kernel>
void RunKernel(GpuGrid grid, const void* args) {
  typename Kernel::Args copy;
  std::memcpy(static_cast<void*>(&copy), args, sizeof copy);
  RunEmulated<Kernel>(grid, copy, Gpus().order);
}

size_t ArgsBytes(GpuKernel kernel) {
  switch (kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: return sizeof(name::Args);
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
  return 0;
}

const char* KernelName(GpuKernel kernel) {
  switch (kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: return "kernel " #name ": device lost";
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
  return "";
}

GpuStatus Now(GpuQueue* q, GpuKernel kernel, GpuGrid grid, const void* args) {
  EmulatedGpus& g = Gpus();
  if (q->lost || (g.fail_launch >= 0 && static_cast<uint64_t>(g.fail_launch) <= g.n_launches)) {
    q->lost = true;
    return Failure(GpuFault::kFailed, KernelName(kernel));
  }
  ++g.n_launches;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) ++g.misuse;
  switch (kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: RunKernel<name>(grid, args); break;
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
  return {};
}

void CheckIdle(const GpuQueue* q) {
  if (q->recording != nullptr) ++Gpus().misuse;
}

constexpr size_t kAlign = 256;

const GpuTable kTable = {
    "CUDA",
    [](const char** why) noexcept -> uint32_t {
      *why = Gpus().n_devices == 0 ? "no driver" : "";
      return Gpus().n_devices;
    },
    [](uint32_t, GpuInfo* out) noexcept -> GpuStatus {
      *out = GpuInfo{};
      std::snprintf(out->name, sizeof out->name, "emulated");
      out->capability_major = 9;
      out->driver_version = 13000;
      out->memory_bytes = Gpus().memory_bytes;
      out->free_bytes = Gpus().memory_bytes > Gpus().allocated_bytes ? Gpus().memory_bytes - Gpus().allocated_bytes : 0;
      return {};
    },
    [](uint32_t device, GpuQueue** out) noexcept -> GpuStatus {
      *out = new GpuQueue{device, nullptr, false};
      ++Gpus().open_queues;
      return {};
    },
    [](GpuQueue* q) noexcept {
      if (q == nullptr) return;
      --Gpus().open_queues;
      delete q;
    },
    [](GpuQueue* q, size_t bytes, void** device) noexcept -> GpuStatus {
      CheckIdle(q);
      // The size stands before the memory; what is not initialised is garbage.
      auto* const block = static_cast<uint8_t*>(std::aligned_alloc(kAlign, (bytes + 2 * kAlign - 1) / kAlign * kAlign));
      if (block == nullptr) return Failure(GpuFault::kNoMemory, "allocate");
      std::memcpy(block, &bytes, sizeof bytes);
      std::memset(block + kAlign, 0xc3, bytes);
      Gpus().allocated_bytes += bytes;
      *device = block + kAlign;
      return {};
    },
    [](GpuQueue*, void* device) noexcept {
      if (device == nullptr) return;
      uint8_t* const block = static_cast<uint8_t*>(device) - kAlign;
      size_t bytes;
      std::memcpy(&bytes, block, sizeof bytes);
      Gpus().allocated_bytes -= bytes;
      std::free(block);
    },
    [](GpuQueue* q, void* device, const void* host, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      if (q->lost) return Failure(GpuFault::kFailed, "copy in: device lost");
      std::memcpy(device, host, bytes);
      Gpus().bytes_in += bytes;
      return {};
    },
    [](GpuQueue* q, void* host, const void* device, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      if (q->lost) return Failure(GpuFault::kFailed, "copy out: device lost");
      std::memcpy(host, device, bytes);
      Gpus().bytes_out += bytes;
      return {};
    },
    [](GpuQueue* q, void* to, const void* from, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      if (q->lost) return Failure(GpuFault::kFailed, "copy: device lost");
      std::memcpy(to, from, bytes);
      return {};
    },
    [](GpuQueue* q) noexcept -> GpuStatus {
      CheckIdle(q);
      return {};
    },
    [](GpuQueue* q, GpuKernel kernel, GpuGrid grid, const void* args) noexcept -> GpuStatus {
      if (q->recording == nullptr) return Now(q, kernel, grid, args);
      const auto* const bytes = static_cast<const uint8_t*>(args);
      q->recording->launches.push_back({kernel, grid, std::vector<uint8_t>(bytes, bytes + ArgsBytes(kernel))});
      return {};
    },
    [](GpuQueue* q) noexcept -> GpuStatus {
      CheckIdle(q);
      q->recording = new GpuRecording;
      ++Gpus().n_recordings;
      return {};
    },
    [](GpuQueue* q, GpuRecording** out) noexcept -> GpuStatus {
      *out = q->recording;
      q->recording = nullptr;
      return {};
    },
    [](GpuQueue* q, GpuRecording* r) noexcept -> GpuStatus {
      CheckIdle(q);
      ++Gpus().n_replays;
      for (const GpuRecording::Launch& l : r->launches) {
        const GpuStatus s = Now(q, l.kernel, l.grid, l.args.data());
        if (!s.ok()) return s;
      }
      return {};
    },
    [](GpuRecording* r) noexcept { delete r; },
    [](GpuQueue*, GpuLimits* out) noexcept -> GpuStatus {
      *out = GpuLimits{};
      return Failure(GpuFault::kFailed, "an emulation has no speed");
    },
};

}  // namespace

EmulatedGpus& Gpus() {
  static EmulatedGpus gpus;
  return gpus;
}

const GpuTable& EmulatedTable() { return kTable; }

}  // namespace bitnet_test
