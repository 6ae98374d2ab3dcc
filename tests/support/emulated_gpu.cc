#include "support/emulated_gpu.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "kernels/cuda/kernel_list.h"
#include "support/emulated_grid.h"

namespace bitnet::kernels::gpu {

struct GpuLaunch {
  GpuKernel kernel;
  GpuGrid grid;
  std::vector<uint8_t> args;
  std::vector<bitnet_test::EarlyStart> starts;
};

// What a queue has to do: launches, one after the other, or something else.
struct GpuAction {
  std::vector<GpuLaunch> launches;
  std::function<GpuStatus()> call;
};

struct GpuQueue {
  uint32_t device = 0;
  GpuRecording* recording = nullptr;  // being made
  bool lost = false;
  std::vector<GpuAction> pending;
};

struct GpuRecording {
  std::vector<GpuLaunch> launches;
};

}  // namespace bitnet::kernels::gpu

namespace bitnet_test {

// For the tests of kernels too, which declare them extern.
#define BN_X(name) static_assert(kRunsCompiled<kernels::gpu::name> == kCompiled);
BN_GPU_KERNELS(BN_X)
#undef BN_X
#if !defined(BITNET_TEST_COMPILED)
#define BN_X(name)                                                                                                   \
  template void RunBlock(EmulatedBlock<kernels::gpu::name>&, kernels::gpu::GpuGrid, const kernels::gpu::name::Args&, \
                         LaneOrder, EarlyStart*);
BN_GPU_KERNELS(BN_X)
#undef BN_X
#endif

namespace {

using namespace bitnet::kernels::gpu;  // NOLINT: what is emulated

GpuStatus Failure(GpuFault fault, const char* what) {
  GpuStatus s;
  s.fault = fault;
  std::snprintf(s.message, sizeof s.message, "emulated: %s", what);
  return s;
}

template <class Kernel>
typename Kernel::Args ArgsOf(const GpuLaunch& l) {
  typename Kernel::Args args;
  std::memcpy(static_cast<void*>(&args), l.args.data(), sizeof args);
  return args;
}
template <class Kernel>
void StartKernel(GpuLaunch& l) {
  if constexpr (!kRunsCompiled<Kernel>) l.starts = StartEmulated<Kernel>(l.grid, ArgsOf<Kernel>(l), Gpus().order);
}
template <class Kernel>
void RunKernel(GpuLaunch& l) {
  if constexpr (kRunsCompiled<Kernel>) {
    RunCompiled<Kernel>(l.grid, ArgsOf<Kernel>(l), Gpus().order);
  } else {
    if (!RunStarted<Kernel>(l.grid, ArgsOf<Kernel>(l), Gpus().order, l.starts)) ++Gpus().misuse;
  }
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

// The most that a launch can be ahead: before all those that stand in front of it without anything else in between.
// Tried of every 31st launch, prime to the launches of a layer.
void Start(GpuLaunch& l) {
  l.starts.clear();
  if (Gpus().n_taken_early++ % 31 != 0) return;
  switch (l.kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: return StartKernel<name>(l);
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
}

GpuStatus Now(GpuQueue* q, GpuLaunch& l) {
  EmulatedGpus& g = Gpus();
  if (q->lost || (g.fail_launch >= 0 && static_cast<uint64_t>(g.fail_launch) <= g.n_launches)) {
    return Failure(GpuFault::kFailed, KernelName(l.kernel));
  }
  ++g.n_launches;
  switch (l.kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: RunKernel<name>(l); break;
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
  return {};
}

void CheckIdle(const GpuQueue* q) {
  if (q->recording != nullptr) ++Gpus().misuse;
}

std::vector<GpuQueue*>& OpenQueues() {
  static std::vector<GpuQueue*> queues;
  return queues;
}

GpuStatus Do(GpuQueue* q, GpuAction& action) {
  if (action.call) return action.call();
  for (GpuLaunch& l : action.launches) Start(l);
  for (GpuLaunch& l : action.launches) {
    const GpuStatus s = Now(q, l);
    if (!s.ok()) return s;
  }
  return {};
}

// Does what is pending, in order, up to the first failure.
GpuStatus Drain(GpuQueue* q) {
  for (GpuAction& action : std::exchange(q->pending, {})) {
    const GpuStatus s = Do(q, action);
    if (s.ok()) continue;
    q->lost = true;
    return s;
  }
  return {};
}

GpuStatus Later(GpuQueue* q, const char* what, std::function<GpuStatus()> call) {
  if (q->lost) return Failure(GpuFault::kFailed, what);
  q->pending.push_back({{}, std::move(call)});
  return {};
}

void DropPending(GpuQueue* q) {
  if (!Drain(q).ok()) q->pending.clear();
}

constexpr size_t kAlign = 256;
constexpr uint8_t kGuard = 0x5a;  // behind a piece of memory
constexpr uint8_t kGone = 0x3b;   // all over memory that was released

// A piece of memory: its size, from kAlign on the memory itself, and at least kAlign bytes of guard.
size_t SizeOf(const uint8_t* block) {
  size_t bytes;
  std::memcpy(&bytes, block, sizeof bytes);
  return bytes;
}
size_t BlockBytes(size_t bytes) { return (bytes + 3 * kAlign - 1) / kAlign * kAlign; }

std::map<const uint8_t*, size_t>& LivePieces() {
  static std::map<const uint8_t*, size_t> pieces;  // by their first byte
  return pieces;
}
// A copy may not pass from one allocation to another, be they neighbours.
void CheckWithin(const void* device, size_t bytes) {
  const auto* const p = static_cast<const uint8_t*>(device);
  auto piece = LivePieces().upper_bound(p);
  if (piece == LivePieces().begin() || p + bytes > std::prev(piece)->first + std::prev(piece)->second) {
    ++Gpus().misuse;
  }
}

// Released memory stays readable and writable while another queue has work: what that work reads of it is wrong, and
// what it writes to it is found at the end.
std::vector<uint8_t*>& ReleasedBlocks() {
  static std::vector<uint8_t*> blocks;
  return blocks;
}
void FreeReleased() {
  if (std::any_of(OpenQueues().begin(), OpenQueues().end(), [](const GpuQueue* q) { return !q->pending.empty(); })) {
    return;
  }
  for (uint8_t* const block : std::exchange(ReleasedBlocks(), {})) {
    const uint8_t* const end = block + BlockBytes(SizeOf(block));
    if (std::any_of<const uint8_t*>(block + kAlign, end, [](uint8_t x) { return x != kGone; })) ++Gpus().misuse;
    std::free(block);
  }
}

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
      *out = new GpuQueue;
      (*out)->device = device;
      OpenQueues().push_back(*out);
      ++Gpus().open_queues;
      return {};
    },
    [](GpuQueue* q) noexcept {
      if (q == nullptr) return;
      CheckIdle(q);
      DropPending(q);
      std::erase(OpenQueues(), q);
      FreeReleased();
      --Gpus().open_queues;
      delete q->recording;
      delete q;
    },
    [](GpuQueue* q, size_t bytes, void** device) noexcept -> GpuStatus {
      CheckIdle(q);
      EmulatedGpus& g = Gpus();
      if (g.fail_allocate >= 0 && static_cast<uint64_t>(g.fail_allocate) <= g.n_allocations) {
        return Failure(GpuFault::kNoMemory, "allocate: out of memory");
      }
      ++g.n_allocations;
      const size_t all = BlockBytes(bytes);  // what is not initialised is garbage
      auto* const block = static_cast<uint8_t*>(std::aligned_alloc(kAlign, all));
      if (block == nullptr) return Failure(GpuFault::kNoMemory, "allocate: out of memory");
      std::memcpy(block, &bytes, sizeof bytes);
      std::memset(block + kAlign, 0xc3, bytes);
      std::memset(block + kAlign + bytes, kGuard, all - kAlign - bytes);
      g.allocated_bytes += bytes;
      *device = block + kAlign;
      LivePieces()[block + kAlign] = bytes;
      return {};
    },
    [](GpuQueue* q, void* device) noexcept {
      if (device == nullptr) return;
      CheckIdle(q);
      DropPending(q);  // of others nothing: a GPU that frees memory need not wait for them
      uint8_t* const block = static_cast<uint8_t*>(device) - kAlign;
      const size_t bytes = SizeOf(block);
      uint8_t* const end = block + BlockBytes(bytes);
      if (std::any_of<const uint8_t*>(block + kAlign + bytes, end, [](uint8_t x) { return x != kGuard; })) {
        ++Gpus().misuse;
      }
      Gpus().allocated_bytes -= bytes;
      LivePieces().erase(block + kAlign);
      std::fill(block + kAlign, end, kGone);
      ReleasedBlocks().push_back(block);
      FreeReleased();
    },
    [](GpuQueue* q, void* device, const void* host, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      CheckWithin(device, bytes);
      Gpus().bytes_in += bytes;
      const auto* const from = static_cast<const uint8_t*>(host);
      return Later(q, "copy in: device lost", [device, taken = std::vector<uint8_t>(from, from + bytes)] {
        std::memcpy(device, taken.data(), taken.size());
        return GpuStatus();
      });
    },
    [](GpuQueue* q, void* host, const void* device, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      CheckWithin(device, bytes);
      if (q->lost) return Failure(GpuFault::kFailed, "copy out: device lost");
      const GpuStatus s = Drain(q);
      if (!s.ok()) return s;
      std::memcpy(host, device, bytes);
      Gpus().bytes_out += bytes;
      ++Gpus().n_waits;
      return {};
    },
    [](GpuQueue* q, void* to, const void* from, size_t bytes) noexcept -> GpuStatus {
      CheckIdle(q);
      CheckWithin(to, bytes);
      CheckWithin(from, bytes);
      return Later(q, "copy: device lost", [=] {
        std::memcpy(to, from, bytes);
        return GpuStatus();
      });
    },
    [](GpuQueue* q) noexcept -> GpuStatus {
      CheckIdle(q);
      ++Gpus().n_waits;
      return q->lost ? Failure(GpuFault::kFailed, "wait: device lost") : Drain(q);
    },
    [](GpuQueue* q, GpuKernel kernel, GpuGrid grid, const void* args) noexcept -> GpuStatus {
      EmulatedGpus& g = Gpus();
      if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
        ++g.misuse;
      }
      if (q->lost) return Failure(GpuFault::kFailed, KernelName(kernel));
      if (g.refuse_launch >= 0 && static_cast<uint64_t>(g.refuse_launch) <= g.n_taken) {
        return Failure(GpuFault::kFailed, KernelName(kernel));
      }
      if (g.at_launch >= 0 && static_cast<uint64_t>(g.at_launch) == g.n_taken) g.call();
      ++g.n_taken;
      ++g.taken[kernel];
      const auto* const from = static_cast<const uint8_t*>(args);
      GpuLaunch l = {kernel, grid, std::vector<uint8_t>(from, from + ArgsBytes(kernel)), {}};
      if (q->recording != nullptr) {
        q->recording->launches.push_back(std::move(l));
        return {};
      }
      if (q->pending.empty() || q->pending.back().call) q->pending.emplace_back();
      q->pending.back().launches.push_back(std::move(l));
      return {};
    },
    [](GpuQueue* q) noexcept -> GpuStatus {
      CheckIdle(q);
      q->recording = new GpuRecording;
      ++Gpus().n_recordings;
      return {};
    },
    [](GpuQueue* q, GpuRecording** out) noexcept -> GpuStatus {
      if (q->recording == nullptr) ++Gpus().misuse;
      *out = std::exchange(q->recording, nullptr);
      if (*out != nullptr) ++Gpus().open_recordings;
      return {};
    },
    [](GpuQueue* q, GpuRecording* r) noexcept -> GpuStatus {
      CheckIdle(q);
      ++Gpus().n_replays;
      if (q->lost) return Failure(GpuFault::kFailed, "replay: device lost");
      q->pending.push_back({r->launches, {}});
      return {};
    },
    [](GpuRecording* r) noexcept {
      if (r != nullptr) --Gpus().open_recordings;
      delete r;
    },
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
