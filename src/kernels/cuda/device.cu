// The kernels on an NVIDIA GPU, and its queues. The only file that knows CUDA.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>

#include "kernels/cuda/kernel_list.h"

namespace bitnet::kernels::gpu {

struct GpuQueue {
  int device = 0;
  cudaStream_t stream = nullptr;
  bool overlaps = false;      // a kernel may start before the one in front of it is done
  bool after_launch = false;  // what is in front of the next launch is a launch
  // Locked memory of the host, by which small copies go: in, then out. Whoever calls gives memory of any kind.
  uint8_t* staged = nullptr;
  cudaEvent_t staged_in = nullptr;  // behind the last copy from it
  const char* last = "nothing";     // what was put into the queue last: errors of a GPU show themselves later
};
struct GpuRecording {
  int device;
  cudaGraphExec_t graph;
};

namespace {

// ---- The grid of grid.h ----

template <class Kernel>
struct DeviceGrid {
  typename Kernel::Shared& shared_memory;
  typename Kernel::Lane& lane;

  __device__ __forceinline__ uint32_t x() const { return blockIdx.x; }
  __device__ __forceinline__ uint32_t y() const { return blockIdx.y; }
  __device__ __forceinline__ uint32_t z() const { return blockIdx.z; }
  __device__ __forceinline__ typename Kernel::Shared& shared() const { return shared_memory; }

  template <class F>
  __device__ __forceinline__ void Lanes(F f) {
    f(threadIdx.x, lane);
  }
  template <class F>
  __device__ __forceinline__ void Phase(F f) {
    f(threadIdx.x, lane);
    __syncthreads();
  }
  __device__ __forceinline__ void Converge() { __syncwarp(); }
  // Programmatic dependent launch: until all launches before are complete and their writes seen. Without it nothing.
  __device__ __forceinline__ void AwaitPrevious() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
  }
  // Past the first-level cache: what a block copies, it reads from shared memory.
  __device__ __forceinline__ void CopyAsync(uint32_t, void* to, const void* from, bool live) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(to))), "l"(__cvta_generic_to_global(from)),
                   "r"(live ? 16u : 0u)
                 : "memory");
  }
  __device__ __forceinline__ void CommitCopies(uint32_t) { asm volatile("cp.async.commit_group;" : : : "memory"); }
  template <int N>
  __device__ __forceinline__ void AwaitCopies(uint32_t) {
    asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
  }
  template <uint32_t N, class From, class To>
  __device__ __forceinline__ void ShuffleDown(From from, To to, uint32_t delta) {
#pragma unroll
    for (uint32_t i = 0; i < N; ++i) to(lane)[i] = __shfl_down_sync(0xffffffffu, from(lane)[i], delta);
  }
  template <class Value>
  __device__ __forceinline__ void WarpMax(Value value) {
    value(lane) = __reduce_max_sync(0xffffffffu, value(lane));
  }
  template <class A, class B, class C>
  __device__ __forceinline__ void Mma(A get_a, B get_b, C get_c) {
    const uint32_t* const a = get_a(lane);
    const uint32_t* const b = get_b(lane);
    int32_t* const c = get_c(lane);
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
  template <class A, class B, class C>
  __device__ __forceinline__ void MmaK16(A get_a, B get_b, C get_c) {
    const uint32_t* const a = get_a(lane);
    const uint32_t* const b = get_b(lane);
    int32_t* const c = get_c(lane);
    asm volatile("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(b[0]));
  }
};

// More shared memory than a kernel may declare is given at its launch, if it was asked for before (Open).
constexpr size_t kMaxDeclaredShared = 48 << 10;
constexpr size_t kMaxShared = 99 << 10;  // of a block, on the GPUs from sm_80 on that have least
template <class Kernel>
constexpr size_t kGivenShared = sizeof(typename Kernel::Shared) > kMaxDeclaredShared ? sizeof(typename Kernel::Shared)
                                                                                     : 0;
extern __shared__ Words4 given_shared[];

template <class Kernel>
__device__ __forceinline__ void RunBlock(const typename Kernel::Args& args, typename Kernel::Shared& shared) {
  typename Kernel::Lane lane;
  DeviceGrid<Kernel> grid{shared, lane};
#if __CUDA_ARCH__ >= 900
  // The next kernel may start when all blocks of this one have: none of them waits for its place.
  asm volatile("griddepcontrol.launch_dependents;");
#endif
  if constexpr (!ReadsAhead<Kernel>::value) grid.AwaitPrevious();
  Kernel::Run(grid, args);
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, BlocksAtOnce<Kernel>::kValue)
    Run(const __grid_constant__ typename Kernel::Args args) {
  if constexpr (kGivenShared<Kernel> != 0) {
    RunBlock<Kernel>(args, *reinterpret_cast<typename Kernel::Shared*>(given_shared));
  } else {
    __shared__ typename Kernel::Shared shared;
    RunBlock<Kernel>(args, shared);
  }
}

// ---- Errors ----

GpuStatus StatusOf(cudaError_t error, const char* what) noexcept {
  GpuStatus s;
  if (error == cudaSuccess) return s;
  (void)cudaGetLastError();  // clears an error that is no loss of the device
  s.fault = error == cudaErrorMemoryAllocation ? GpuFault::kNoMemory : GpuFault::kFailed;
  (void)std::snprintf(s.message, sizeof s.message, "cuda: %s: %s", what, cudaGetErrorString(error));
  return s;
}

// An error that may be of what stands in the queue.
GpuStatus StatusOf(cudaError_t error, const char* what, const GpuQueue* q) noexcept {
  GpuStatus s = StatusOf(error, what);
  if (s.ok()) return s;
  (void)std::snprintf(s.message, sizeof s.message, "cuda: %s, last in the queue %s: %s", what, q->last,
                      cudaGetErrorString(error));
  return s;
}

// Makes a device the calling thread's for a while: the host may have another one in use.
class OnDevice {
 public:
  explicit OnDevice(int device) noexcept {
    const cudaError_t error = cudaGetDevice(&before_);
    if (error != cudaSuccess) before_ = device;
    changed_ = before_ != device;
    status_ = error != cudaSuccess || changed_ ? StatusOf(cudaSetDevice(device), "set device") : GpuStatus{};
  }
  ~OnDevice() {
    if (changed_) (void)cudaSetDevice(before_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  const GpuStatus& status() const { return status_; }

 private:
  int before_ = 0;
  bool changed_ = false;
  GpuStatus status_;
};

// ---- Devices ----

uint32_t Count(const char** why) noexcept {
  *why = "";
  int n = 0;
  const cudaError_t error = cudaGetDeviceCount(&n);
  if (error != cudaSuccess) {
    (void)cudaGetLastError();
    int driver = 0;
    const bool none = cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0;
    *why = none                                   ? "no driver"
           : error == cudaErrorInsufficientDriver ? "the driver is older than this build needs"
           : error == cudaErrorNoDevice           ? "no device"
                                                  : cudaGetErrorString(error);
    return 0;
  }
  if (n <= 0) *why = "no device";
  return n > 0 ? static_cast<uint32_t>(n) : 0;
}

GpuStatus Info(uint32_t device, GpuInfo* out) noexcept {
  *out = GpuInfo{};
  cudaDeviceProp p;
  GpuStatus s = StatusOf(cudaGetDeviceProperties(&p, static_cast<int>(device)), "device properties");
  if (!s.ok()) return s;
  (void)std::snprintf(out->name, sizeof out->name, "%s", p.name);
  out->capability_major = static_cast<uint32_t>(p.major);
  out->capability_minor = static_cast<uint32_t>(p.minor);
  out->n_multiprocessors = static_cast<uint32_t>(p.multiProcessorCount);
  out->memory_bytes = p.totalGlobalMem;
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess) out->driver_version = static_cast<uint32_t>(version);
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) out->runtime_version = static_cast<uint32_t>(version);
  if (p.major < 8) {
    s.fault = GpuFault::kFailed;
    (void)std::snprintf(s.message, sizeof s.message, "cuda: %s has compute capability %d.%d, needed is 8.0", p.name,
                        p.major, p.minor);
    return s;
  }
  const OnDevice on(static_cast<int>(device));
  s = on.status();
  size_t free_bytes = 0, total = 0;
  if (s.ok()) s = StatusOf(cudaMemGetInfo(&free_bytes, &total), "memory info");
  out->free_bytes = free_bytes;
  return s;
}

constexpr size_t kStagedBytes = 64 << 10;  // of each direction

void Close(GpuQueue* q) noexcept {
  if (q == nullptr) return;
  const OnDevice on(q->device);
  if (q->stream != nullptr) {
    (void)cudaStreamSynchronize(q->stream);
    (void)cudaStreamDestroy(q->stream);
  }
  if (q->staged_in != nullptr) (void)cudaEventDestroy(q->staged_in);
  if (q->staged != nullptr) (void)cudaFreeHost(q->staged);
  (void)cudaGetLastError();
  delete q;
}

// Loads a kernel, which a recording need not do then. Lets it have the shared memory it needs, as much as a
// multiprocessor has: more of its blocks fit.
template <class Kernel>
GpuStatus Prepare(GpuQueue* q, const char* name) noexcept {
  cudaFuncAttributes found{};
  cudaError_t error = cudaFuncGetAttributes(&found, reinterpret_cast<const void*>(&Run<Kernel>));
  if (error == cudaSuccess && found.ptxVersion < 90) q->overlaps = false;  // compiled without the wait of AwaitPrevious
  if constexpr (kGivenShared<Kernel> != 0) {
    if (error == cudaSuccess) {
      error = cudaFuncSetAttribute(Run<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize, kGivenShared<Kernel>);
    }
    if (error == cudaSuccess) {
      error = cudaFuncSetAttribute(Run<Kernel>, cudaFuncAttributePreferredSharedMemoryCarveout,
                                   cudaSharedmemCarveoutMaxShared);
    }
  }
  return StatusOf(error, name);
}

GpuStatus Open(uint32_t device, GpuQueue** out) noexcept {
  *out = nullptr;
  const OnDevice on(static_cast<int>(device));
  GpuStatus s = on.status();
  if (!s.ok()) return s;
  auto* const q = new (std::nothrow) GpuQueue;
  if (q == nullptr) return StatusOf(cudaErrorMemoryAllocation, "make a queue");
  q->device = static_cast<int>(device);
  int major = 0;
  s = StatusOf(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, q->device), "device attribute");
  q->overlaps = major >= 9;
  if (s.ok()) s = StatusOf(cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking), "make a stream");
  if (s.ok()) s = StatusOf(cudaEventCreateWithFlags(&q->staged_in, cudaEventDisableTiming), "make an event");
  if (s.ok()) {
    void* memory = nullptr;
    s = StatusOf(cudaHostAlloc(&memory, 2 * kStagedBytes, cudaHostAllocDefault), "lock memory of the host");
    q->staged = static_cast<uint8_t*>(memory);
  }
#define BN_X(name) \
  if (s.ok()) s = Prepare<name>(q, "prepare kernel " #name);
  BN_GPU_KERNELS(BN_X)
#undef BN_X
  if (!s.ok()) {
    Close(q);
    return s;
  }
  *out = q;
  return s;
}

// ---- Memory ----

GpuStatus Allocate(GpuQueue* q, size_t bytes, void** device) noexcept {
  *device = nullptr;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  return s.ok() ? StatusOf(cudaMalloc(device, bytes), "allocate", q) : s;
}

void Release(GpuQueue* q, void* device) noexcept {
  if (device == nullptr) return;
  const OnDevice on(q->device);
  (void)cudaStreamSynchronize(q->stream);
  (void)cudaFree(device);
  (void)cudaGetLastError();
}

GpuStatus Wait(GpuQueue* q) noexcept {
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  return s.ok() ? StatusOf(cudaStreamSynchronize(q->stream), "wait for the queue", q) : s;
}

// When cudaMemcpyAsync returns, memory of the host may still be in use: always where it is locked, and on some systems
// else too. So small copies take the bytes over first, and large ones wait.
GpuStatus CopyIn(GpuQueue* q, void* device, const void* host, size_t bytes) noexcept {
  q->after_launch = false;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  const bool small = bytes <= kStagedBytes;
  if (s.ok() && small) {
    s = StatusOf(cudaEventSynchronize(q->staged_in), "copy in", q);
    if (!s.ok()) return s;
    std::memcpy(q->staged, host, bytes);
    host = q->staged;
  }
  if (s.ok()) s = StatusOf(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, q->stream), "copy in", q);
  if (!s.ok()) return s;
  return small ? StatusOf(cudaEventRecord(q->staged_in, q->stream), "copy in", q) : Wait(q);
}

GpuStatus CopyOut(GpuQueue* q, void* host, const void* device, size_t bytes) noexcept {
  q->after_launch = false;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  const bool small = bytes <= kStagedBytes;
  void* const to = small ? q->staged + kStagedBytes : host;
  if (s.ok()) s = StatusOf(cudaMemcpyAsync(to, device, bytes, cudaMemcpyDeviceToHost, q->stream), "copy out", q);
  if (s.ok()) s = StatusOf(cudaStreamSynchronize(q->stream), "copy out", q);
  if (s.ok() && small) std::memcpy(host, to, bytes);
  return s;
}

GpuStatus Copy(GpuQueue* q, void* to, const void* from, size_t bytes) noexcept {
  q->after_launch = false;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  if (s.ok()) s = StatusOf(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, q->stream), "copy", q);
  return s;
}

// ---- Launches ----

template <class Kernel>
GpuStatus LaunchKernel(GpuQueue* q, GpuGrid grid, const void* args, const char* name) noexcept {
  static_assert(sizeof(typename Kernel::Shared) <= kMaxShared, "shared memory");
  static_assert(sizeof(typename Kernel::Args) <= 4096, "kernel parameters");
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return {};
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(grid.x, grid.y, grid.z);
  config.blockDim = dim3(Kernel::kThreads);
  config.dynamicSmemBytes = kGivenShared<Kernel>;
  config.stream = q->stream;
  config.attrs = &overlap;
  config.numAttrs = q->overlaps && q->after_launch ? 1 : 0;
  void* parameters[] = {const_cast<void*>(args)};  // copied
  q->last = name;
  q->after_launch = true;
  return StatusOf(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(&Run<Kernel>), parameters), name);
}

GpuStatus LaunchById(GpuQueue* q, GpuKernel kernel, GpuGrid grid, const void* args) noexcept {
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  if (!s.ok()) return s;
  switch (kernel) {
#define BN_X(name) \
  case GpuKernel::k##name: return LaunchKernel<name>(q, grid, args, "kernel " #name);
    BN_GPU_KERNELS(BN_X)
#undef BN_X
    case GpuKernel::kCount: break;
  }
  return StatusOf(cudaErrorInvalidValue, "kernel without a name");
}

// ---- Recordings ----

GpuStatus RecordBegin(GpuQueue* q) noexcept {
  q->after_launch = false;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  // Thread-local: other threads may allocate meanwhile.
  return s.ok() ? StatusOf(cudaStreamBeginCapture(q->stream, cudaStreamCaptureModeThreadLocal), "begin a recording")
                : s;
}

GpuStatus RecordEnd(GpuQueue* q, GpuRecording** out) noexcept {
  *out = nullptr;
  q->after_launch = false;
  const OnDevice on(q->device);
  cudaGraph_t graph = nullptr;
  GpuStatus s = StatusOf(cudaStreamEndCapture(q->stream, &graph), "end a recording");
  if (!s.ok()) return s;
  cudaGraphExec_t exec = nullptr;
  s = StatusOf(cudaGraphInstantiate(&exec, graph, 0), "make a recording");
  (void)cudaGraphDestroy(graph);
  if (!s.ok()) return s;
  *out = new (std::nothrow) GpuRecording{q->device, exec};
  if (*out == nullptr) {
    (void)cudaGraphExecDestroy(exec);
    s = StatusOf(cudaErrorMemoryAllocation, "make a recording");
  }
  return s;
}

GpuStatus Replay(GpuQueue* q, GpuRecording* r) noexcept {
  q->after_launch = false;
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  q->last = "replay of a pass";
  return s.ok() ? StatusOf(cudaGraphLaunch(r->graph, q->stream), "replay of a pass") : s;
}

void RecordFree(GpuRecording* r) noexcept {
  if (r == nullptr) return;
  const OnDevice on(r->device);
  (void)cudaGraphExecDestroy(r->graph);
  (void)cudaGetLastError();
  delete r;
}

// ---- Limits ----

__global__ void ReadAll(const Words4* from, size_t n, uint32_t* out) {
  constexpr uint32_t kAtOnce = 8;  // reads in flight
  uint32_t sum = 0;
  const size_t step = size_t{gridDim.x} * blockDim.x;
  size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + (kAtOnce - 1) * step < n; i += kAtOnce * step) {
    Words4 x[kAtOnce];
#pragma unroll
    for (uint32_t k = 0; k < kAtOnce; ++k) x[k] = from[i + k * step];
#pragma unroll
    for (uint32_t k = 0; k < kAtOnce; ++k) sum += x[k].w[0] ^ x[k].w[1] ^ x[k].w[2] ^ x[k].w[3];
  }
  for (; i < n; i += step) sum += from[i].w[0] ^ from[i].w[1] ^ from[i].w[2] ^ from[i].w[3];
  if (sum == 0x9e3779b9u) *out = sum;  // keeps the reads alive
}

// Independent products on registers: 8 accumulator tiles hide the latency of the instruction.
__global__ void MultiplyAll(uint32_t turns, int32_t* out) {
  constexpr int kChains = 8;
  uint32_t a[4], b[2];
  int32_t c[kChains][4] = {};
  for (int i = 0; i < 4; ++i) a[i] = threadIdx.x * 0x01010101u + static_cast<uint32_t>(i);
  for (int i = 0; i < 2; ++i) b[i] = blockIdx.x * 0x01010101u + static_cast<uint32_t>(i);
  for (uint32_t turn = 0; turn < turns; ++turn) {
#pragma unroll
    for (int k = 0; k < kChains; ++k) {
      asm volatile(
          "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
          "{%0, %1, %2, %3};"
          : "+r"(c[k][0]), "+r"(c[k][1]), "+r"(c[k][2]), "+r"(c[k][3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
  }
  int32_t sum = 0;
  for (int k = 0; k < kChains; ++k) sum ^= c[k][0] ^ c[k][1] ^ c[k][2] ^ c[k][3];
  if (sum == 0x1234567) *out = sum;
}

// Seconds of one call of `work`, the best of five.
template <class Work>
cudaError_t BestSeconds(cudaStream_t stream, Work work, double* seconds) {
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaError_t error = cudaEventCreate(&begin);
  if (error == cudaSuccess) error = cudaEventCreate(&end);
  *seconds = 1e30;
  for (int i = 0; i < 6 && error == cudaSuccess; ++i) {  // the first one warms up
    float ms = 0;
    error = cudaEventRecord(begin, stream);
    if (error == cudaSuccess) work();
    if (error == cudaSuccess) error = cudaGetLastError();
    if (error == cudaSuccess) error = cudaEventRecord(end, stream);
    if (error == cudaSuccess) error = cudaEventSynchronize(end);
    if (error == cudaSuccess) error = cudaEventElapsedTime(&ms, begin, end);
    if (i > 0 && ms > 0 && ms / 1e3 < *seconds) *seconds = ms / 1e3;
  }
  if (begin != nullptr) (void)cudaEventDestroy(begin);
  if (end != nullptr) (void)cudaEventDestroy(end);
  return error;
}

GpuStatus Measure(GpuQueue* q, GpuLimits* out) noexcept {
  *out = GpuLimits{};
  const OnDevice on(q->device);
  GpuStatus s = on.status();
  if (!s.ok()) return s;
  int sm = 0;
  s = StatusOf(cudaDeviceGetAttribute(&sm, cudaDevAttrMultiProcessorCount, q->device), "device attribute");
  constexpr size_t kBytes = size_t{1} << 30;  // far above every second-level cache
  void* memory = nullptr;
  if (s.ok()) s = Allocate(q, kBytes + 256, &memory);
  if (!s.ok()) return s;
  auto* const result = reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(memory) + kBytes);
  const auto blocks = static_cast<unsigned>(sm);
  double seconds = 0;
  s = StatusOf(cudaMemsetAsync(memory, 1, kBytes, q->stream), "measure");
  if (s.ok()) {
    const auto read = [&] {
      ReadAll<<<blocks * 16, 512, 0, q->stream>>>(static_cast<const Words4*>(memory), kBytes / sizeof(Words4), result);
    };
    s = StatusOf(BestSeconds(q->stream, read, &seconds), "measure reading");
    out->read_bytes_per_s = static_cast<double>(kBytes) / seconds;
  }
  if (s.ok()) {
    constexpr uint32_t kTurns = 4096;
    constexpr unsigned kBlocksEach = 4, kThreads = 256;
    const auto multiply = [&] {
      MultiplyAll<<<blocks * kBlocksEach, kThreads, 0, q->stream>>>(kTurns, reinterpret_cast<int32_t*>(result));
    };
    s = StatusOf(BestSeconds(q->stream, multiply, &seconds), "measure multiplying");
    const double products = static_cast<double>(blocks) * kBlocksEach * (kThreads / kWarp) * kTurns * 8;
    out->multiply_adds_per_s = products * 16 * 8 * 32 / seconds;
  }
  Release(q, memory);
  return s;
}

constexpr GpuTable kTable = {
    /*name=*/"CUDA", Count,     Info,    Open,       Close,   Allocate,
    Release,         CopyIn,    CopyOut, Copy,       Wait,    LaunchById,
    RecordBegin,     RecordEnd, Replay,  RecordFree, Measure,
};

}  // namespace

const GpuTable* CudaTable() noexcept { return &kTable; }

}  // namespace bitnet::kernels::gpu
