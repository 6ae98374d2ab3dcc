// How a kernel is written so that a GPU and an emulation on the CPU run the same text.
//
// A kernel is a struct with Args (plain values and device pointers), Shared (one for a block of threads), Lane (the
// values that a thread keeps between two steps), kThreads, if need be kBlocksEach (how many blocks are to fit a
// multiprocessor), and
//   template <class Grid> static void Run(Grid& g, const Args& a);
// Run is the program of one block. Its own control flow is the same for all threads; what a thread does stands in
// lambdas (thread, lane) given to
//   g.Lanes(f)   every thread runs f
//   g.Phase(f)   the same, then a barrier: what one thread wrote to shared memory, the others may read afterwards
// in which thread t may ask for asynchronous copies,
//   g.CopyAsync(t, to, from, live)        16 bytes of the GPU's memory to shared memory, or zeros if not live
//   g.CommitCopies(t)                     makes a group of those since the last one
//   g.template AwaitCopies<N>(t)          waits for all groups of this thread but the last N; a barrier then shows the
//                                         bytes to the others. Before, what stands at `to` is undefined
// and what a warp does together in
//   g.template ShuffleDown<N>(from, to, delta)   to(lane)[i] = from(lane of thread + delta)[i], its own past the end
//   g.WarpMax(value)                             value(lane) = the largest of the warp
//   g.Mma(a, b, c)                               c += a * b, the tile product of mma.sync.m16n8k32.s8
//   g.MmaK16(a, b, c)                            the same of mma.sync.m16n8k16.s8
//   g.Converge()                                 before Mma, after a step whose threads took different ways
// A kernel may start while those launched before it still run. What they write may be read, and what they read be
// written, only after
//   g.AwaitPrevious()
// which every kernel begins with, unless its kReadsAhead is true: then it calls it itself, in all blocks, and may read
// weights before it.
// On the GPU (device.cu) Lanes is a plain call and the lanes live in registers. In the tests
// (tests/support/emulated_grid.h) threads are a loop, run in several orders, and memory starts as garbage.
#ifndef BITNET_KERNELS_CUDA_GRID_H_
#define BITNET_KERNELS_CUDA_GRID_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/half.h"
#include "kernels/host_device.h"

// In front of loops whose arrays must live in registers, and of those that are to be unrolled so often, or not (1).
#if defined(__CUDA_ARCH__)
#define BN_UNROLL _Pragma("unroll")
#define BN_PRAGMA(text) _Pragma(#text)
#define BN_UNROLL_BY(n) BN_PRAGMA(unroll n)
#else
#define BN_UNROLL
#define BN_UNROLL_BY(n)
#endif

namespace bitnet::kernels::gpu {

inline constexpr uint32_t kWarp = 32;

// Whether a kernel calls AwaitPrevious itself.
template <class Kernel, class = void>
struct ReadsAhead : std::false_type {};
template <class Kernel>
struct ReadsAhead<Kernel, std::void_t<decltype(Kernel::kReadsAhead)>> : std::bool_constant<Kernel::kReadsAhead> {};

// Blocks of a kernel that a multiprocessor must have registers for at a time: its kBlocksEach. 0: as the compiler
// likes. It may then take few registers for the sake of more blocks, ask late for what a loop reads ahead, or spill.
template <class Kernel, class = void>
struct BlocksAtOnce {
  static constexpr int kValue = 0;
};
template <class Kernel>
struct BlocksAtOnce<Kernel, std::void_t<decltype(Kernel::kBlocksEach)>> {
  static constexpr int kValue = Kernel::kBlocksEach;
};

// Elements of dense matrices and of the cache.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
BN_HD float ToF32(float x) { return x; }
BN_HD float ToF32(F16 x) {
#if defined(__CUDA_ARCH__)
  float y;  // exact, as the function below is
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  return F16ToF32(x.bits);
#endif
}
BN_HD float ToF32(BF16 x) { return BF16ToF32(x.bits); }

BN_HD bool IsFinite(float x) { return (BitsOf(x) & 0x7f800000u) != 0x7f800000u; }
// Magnitudes of floats order as the integers that their bits are; infinity and, above it, NaN come last.
BN_HD uint32_t Magnitude(float x) { return BitsOf(x) & 0x7fffffffu; }
inline constexpr uint32_t kInfinity = 0x7f800000u;

// 16 and 8 bytes that are moved by one instruction; pointers to them are aligned to their size.
struct alignas(16) Words4 {
  uint32_t w[4];
};
struct alignas(8) Words2 {
  uint32_t w[2];
};

// Memory of one type read or written as another, aligned to it: where it is not, a GPU faults, and so does the
// emulation.
BN_HD void CheckAligned([[maybe_unused]] const void* p, [[maybe_unused]] size_t to) {
#if !defined(__CUDA_ARCH__)
  if (reinterpret_cast<uintptr_t>(p) % to != 0) __builtin_trap();
#endif
}
template <class T>
BN_HD T Load(const void* from) {
  CheckAligned(from, alignof(T));
#if defined(__CUDA_ARCH__)
  return *static_cast<const T*>(from);
#else
  T x;
  std::memcpy(&x, from, sizeof x);
  return x;
#endif
}
template <class T>
BN_HD void Write(const T& x, void* to) {
  CheckAligned(to, alignof(T));
#if defined(__CUDA_ARCH__)
  *static_cast<T*>(to) = x;
#else
  std::memcpy(to, &x, sizeof x);
#endif
}

// 16 bytes of weights, which a launch reads once and nothing writes: the first-level cache is left to others.
BN_HD Words4 LoadOnce(const void* from) {
#if defined(__CUDA_ARCH__)
  Words4 x;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(x.w[0]), "=r"(x.w[1]), "=r"(x.w[2]), "=r"(x.w[3])
               : "l"(__cvta_generic_to_global(from)));
  return x;
#else
  return Load<Words4>(from);
#endif
}

// sum + a[0] * b[0] + ... + a[3] * b[3] over the signed bytes of two words.
BN_HD int32_t DotBytes(uint32_t a, uint32_t b, int32_t sum) {
#if defined(__CUDA_ARCH__)
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
#else
  for (uint32_t i = 0; i < 4; ++i) {
    sum += static_cast<int8_t>(a >> (8 * i) & 0xff) * static_cast<int8_t>(b >> (8 * i) & 0xff);
  }
  return sum;
#endif
}

// Exact and without order, so that atomics change no result.
BN_HD void AtomicMax(uint32_t* to, uint32_t x) {
#if defined(__CUDA_ARCH__)
  atomicMax(to, x);
#else
  if (x > *to) *to = x;
#endif
}
BN_HD void AtomicAdd(int32_t* to, int32_t x) {
#if defined(__CUDA_ARCH__)
  atomicAdd(to, x);
#else
  *to += x;
#endif
}
// Counts up by n: the number before.
BN_HD uint32_t AtomicTake(uint32_t* count, uint32_t n) {
#if defined(__CUDA_ARCH__)
  return atomicAdd(count, n);
#else
  const uint32_t before = *count;
  *count += n;
  return before;
#endif
}
BN_HD uint32_t AtomicNext(uint32_t* count) { return AtomicTake(count, 1); }

// Where a kernel reports a value that is not finite: the word keeps the least (mark, row), so the first operation of
// the pass and its first row win, as on a CPU. `mark` numbers the operations of a pass.
inline constexpr uint64_t kNoFailure = ~uint64_t{0};
struct FailSlot {
  unsigned long long* word;
  uint32_t mark;
};
BN_HD void Fail(const FailSlot& f, uint32_t row) {
  const unsigned long long failure = static_cast<unsigned long long>(f.mark) << 32 | row;
#if defined(__CUDA_ARCH__)
  atomicMin(f.word, failure);
#else
  if (failure < *f.word) *f.word = failure;
#endif
}

// The tree of docs/numerics.md over the 64 stripes of each warp, thread l holding stripes 2l and 2l + 1: afterwards
// [0] of each warp's first thread is the sum. stripes(lane) and other(lane) are float[2 * N]: N sums at once.
template <uint32_t N, class Grid, class Stripes, class Other>
BN_HD void SumStripes(Grid& g, Stripes stripes, Other other) {
  BN_UNROLL
  for (uint32_t delta = 16; delta > 0; delta /= 2) {
    g.template ShuffleDown<2 * N>(stripes, other, delta);
    g.Lanes([&](uint32_t, auto& lane) {
      BN_UNROLL
      for (uint32_t i = 0; i < 2 * N; ++i) stripes(lane)[i] = stripes(lane)[i] + other(lane)[i];
    });
  }
  g.Lanes([&](uint32_t, auto& lane) {
    BN_UNROLL
    for (uint32_t i = 0; i < N; ++i) stripes(lane)[2 * i] = stripes(lane)[2 * i] + stripes(lane)[2 * i + 1];
  });
}

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_GRID_H_
