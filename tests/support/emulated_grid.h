// The grid of kernels/cuda/grid.h on the CPU: blocks and threads are loops, shared memory and registers start as
// garbage, and the blocks and threads run in the order that the caller chooses. Three kinds of mistake give themselves
// away: a block that needs what another block of its launch does; a step that reads what another thread of the same
// step writes (threads of a step in rising, falling or strided order); and a barrier that is missing, of the block or
// of a warp (each thread alone, from one point where it must wait to the next, and each warp as far ahead of the others
// as its barriers let it run). Asynchronous copies are as late as they may be, and destroy what they will overwrite as
// early as they may: a wait that is missing, and a copy to where somebody still reads, give themselves away too. Blocks
// that wait for each other for ever end the program.
#ifndef BITNET_TESTS_SUPPORT_EMULATED_GRID_H_
#define BITNET_TESTS_SUPPORT_EMULATED_GRID_H_

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "kernels/cuda/gpu.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/kernel_list.h"

namespace bitnet_test {

namespace kernels = bitnet::kernels;

// Rising, falling, strided (by 37, coprime to every block size here): all threads make a step, then the next step.
// kAlone...: a thread makes all steps up to the next point where threads wait for each other, then another thread.
enum class LaneOrder { kRising, kFalling, kStrided, kAloneRising, kAloneFalling, kAloneStrided };

inline bool Alone(LaneOrder order) { return order >= LaneOrder::kAloneRising; }
// The thread that comes i-th of n.
inline uint32_t ThreadAt(LaneOrder order, uint32_t i, uint32_t n) {
  switch (order) {
    case LaneOrder::kRising:
    case LaneOrder::kAloneRising: return i;
    case LaneOrder::kFalling:
    case LaneOrder::kAloneFalling: return n - 1 - i;
    case LaneOrder::kStrided:
    case LaneOrder::kAloneStrided: break;
  }
  return i * 37 % n;
}

// Threads of a block as coroutines, each with a stack of its own: one runs until it waits for its warp or its block.
class Fibers {
 public:
  // Runs body(thread, *this) for every thread.
  template <class Body>
  static void Run(uint32_t n_threads, LaneOrder order, Body body) {
    Fibers f(n_threads, [&](uint32_t t) { body(t, f); });
    f.Schedule(order);
  }

  // Called by a thread: waits until all threads of its warp, or of its block, waited as often.
  void WaitForWarp(uint32_t t) {
    ++fibers_[t].warp_waits;
    ++warp_waits_[t / kernels::gpu::kWarp];
    swapcontext(&fibers_[t].context, &scheduler_);
  }
  void WaitForBlock(uint32_t t) {
    ++fibers_[t].block_waits;
    ++block_waits_;
    swapcontext(&fibers_[t].context, &scheduler_);
  }

 private:
  // Sanitizers' frames are large.
  static constexpr size_t kStackBytes = 128 << 10;
  struct Fiber {
    ucontext_t context;
    uint64_t warp_waits = 0, block_waits = 0;
    bool done = false;
  };

  Fibers(uint32_t n, std::function<void(uint32_t)> body)
      : fibers_(n), warp_waits_(n / kernels::gpu::kWarp), body_(std::move(body)) {
    static std::vector<std::unique_ptr<char[]>> stacks;  // kept for the next block
    while (stacks.size() < n) stacks.emplace_back(new char[kStackBytes]);
    for (uint32_t t = 0; t < n; ++t) {
      getcontext(&fibers_[t].context);
      fibers_[t].context.uc_stack.ss_sp = stacks[t].get();
      fibers_[t].context.uc_stack.ss_size = kStackBytes;
      fibers_[t].context.uc_link = &scheduler_;
      makecontext(&fibers_[t].context, &Fibers::Enter, 0);
    }
  }
  static void Enter() {
    Fibers& f = *now_;
    const uint32_t t = f.at_;
    f.body_(t);
    f.fibers_[t].done = true;
  }
  // Whether all that thread t waits for have come as far. None gets past its k-th wait before all have met it, so it is
  // enough to count.
  bool Ready(uint32_t t) const {
    return block_waits_ >= fibers_[t].block_waits * fibers_.size() &&
           warp_waits_[t / kernels::gpu::kWarp] >= fibers_[t].warp_waits * kernels::gpu::kWarp;
  }
  // Every warp goes as far as it can before the next one moves.
  void Schedule(LaneOrder order) {
    now_ = this;
    const auto n_warps = static_cast<uint32_t>(warp_waits_.size());
    for (size_t left = fibers_.size(); left > 0;) {
      bool moved = false;
      for (uint32_t w = 0; w < n_warps; ++w) {
        while (RunWarp(order, ThreadAt(order, w, n_warps), left)) moved = true;
      }
      if (!moved) std::abort();  // on a GPU such a block never ends
    }
  }
  // Runs each thread of a warp that does not wait up to its next wait; whether there was one.
  bool RunWarp(LaneOrder order, uint32_t warp, size_t& left) {
    bool moved = false;
    for (uint32_t i = 0; i < kernels::gpu::kWarp; ++i) {
      const uint32_t t = warp * kernels::gpu::kWarp + ThreadAt(order, i, kernels::gpu::kWarp);
      if (fibers_[t].done || !Ready(t)) continue;
      at_ = t;
      swapcontext(&scheduler_, &fibers_[t].context);
      moved = true;
      if (fibers_[t].done) --left;
    }
    return moved;
  }

  inline static Fibers* now_ = nullptr;
  uint32_t at_ = 0;
  ucontext_t scheduler_{};
  std::vector<Fiber> fibers_;
  std::vector<uint64_t> warp_waits_;  // of all threads of a warp
  uint64_t block_waits_ = 0;          // of all threads
  std::function<void(uint32_t)> body_;
};

// The asynchronous copies of one thread that it did not wait for, oldest first.
class PendingCopies {
 public:
  static constexpr size_t kBytes = 16;

  void Clear() {
    copies_.clear();
    n_groups_ = 0;
  }
  void Copy(void* to, const void* from, bool live) {
    std::memset(to, 0x5a, kBytes);
    copies_.push_back({to, live ? from : nullptr, n_groups_});
  }
  void Commit() { ++n_groups_; }
  void Await(size_t n_left) {
    size_t n_done = 0;
    for (; n_done < copies_.size() && copies_[n_done].group + n_left < n_groups_; ++n_done) {
      const One& c = copies_[n_done];
      std::memset(c.to, 0, kBytes);
      if (c.from != nullptr) std::memcpy(c.to, c.from, kBytes);
    }
    copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(n_done));
  }
  // Copies that nobody waited for.
  bool any() const { return !copies_.empty(); }
  // read(from, bytes) of each of them.
  template <class F>
  void ForEachSource(F read) const {
    for (const One& c : copies_) {
      if (c.from != nullptr) read(c.from, kBytes);
    }
  }

 private:
  struct One {
    void* to;
    const void* from;  // null: zeros
    size_t group;      // n_groups_: not committed
  };
  std::vector<One> copies_;
  size_t n_groups_ = 0;  // committed
};

// What a block of threads shares.
template <class Kernel>
struct EmulatedBlock {
  typename Kernel::Shared shared;
  std::vector<typename Kernel::Lane> lanes{Kernel::kThreads};
  std::vector<PendingCopies> copies{Kernel::kThreads};

  void Clear() {
    std::memset(static_cast<void*>(&shared), 0xa5, sizeof shared);
    std::memset(static_cast<void*>(lanes.data()), 0xa5, lanes.size() * sizeof lanes[0]);
    for (PendingCopies& c : copies) c.Clear();
  }
  // A number that tells what stands there, and what asynchronous copies would bring now.
  uint64_t State() const {
    uint64_t hash = 0;
    const auto add = [&](const void* p, size_t bytes) {
      for (size_t i = 0; i + 4 <= bytes; i += 4) {
        uint32_t word;
        std::memcpy(&word, static_cast<const uint8_t*>(p) + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
      }
    };
    add(&shared, sizeof shared);
    add(lanes.data(), lanes.size() * sizeof lanes[0]);
    for (const PendingCopies& c : copies) c.ForEachSource(add);
    return hash;
  }
};

// What a block did before AwaitPrevious, when it could have started early: nothing that a launch before it made may
// have an influence on it.
struct EarlyStart {
  struct Stop {};  // thrown there when only that is run
  bool only = false;
  uint64_t state = 0;  // of registers and shared memory there
  bool differs = false;

  template <class Block>
  void At(const Block& block) {
    const uint64_t found = block.State();
    if (!only) {
      differs = differs || found != state;
      return;
    }
    state = found;
    throw Stop();
  }
};

// The grid as all threads of a block see it together, or as one thread that runs alone.
template <class Kernel>
class EmulatedGrid {
 public:
  using Lane = typename Kernel::Lane;
  static constexpr uint32_t kThreads = Kernel::kThreads;
  static_assert(kThreads % kernels::gpu::kWarp == 0);

  EmulatedGrid(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, LaneOrder order, EarlyStart* early = nullptr)
      : block_(block), at_(at), order_(order), early_(early) {}
  EmulatedGrid(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, uint32_t thread, Fibers& fibers)
      : block_(block), at_(at), thread_(thread), fibers_(&fibers) {}

  uint32_t x() const { return at_.x; }
  uint32_t y() const { return at_.y; }
  uint32_t z() const { return at_.z; }
  typename Kernel::Shared& shared() { return block_.shared; }

  template <class F>
  void Lanes(F f) {
    if (fibers_ != nullptr) return f(thread_, block_.lanes[thread_]);
    for (uint32_t i = 0; i < kThreads; ++i) {
      const uint32_t t = ThreadAt(order_, i, kThreads);
      f(t, block_.lanes[t]);
    }
  }
  template <class F>
  void Phase(F f) {
    Lanes(f);
    if (fibers_ != nullptr) fibers_->WaitForBlock(thread_);
  }

  // Launches here are done one after the other.
  void AwaitPrevious() {
    if (early_ != nullptr) early_->At(block_);
  }
  void CopyAsync(uint32_t t, void* to, const void* from, bool live) {
    kernels::gpu::CheckAligned(to, PendingCopies::kBytes);
    kernels::gpu::CheckAligned(from, PendingCopies::kBytes);
    const auto at = reinterpret_cast<uintptr_t>(to), first = reinterpret_cast<uintptr_t>(&block_.shared);
    if (at < first || at + PendingCopies::kBytes > first + sizeof block_.shared) std::abort();  // not shared memory
    block_.copies[t].Copy(to, from, live);
  }
  void CommitCopies(uint32_t t) { block_.copies[t].Commit(); }
  template <int N>
  void AwaitCopies(uint32_t t) {
    block_.copies[t].Await(N);
  }

  void Converge() {
    if (fibers_ != nullptr) fibers_->WaitForWarp(thread_);
  }

  template <uint32_t N, class From, class To>
  void ShuffleDown(From from, To to, uint32_t delta) {
    using T = std::remove_cv_t<std::remove_reference_t<decltype(from(std::declval<Lane&>())[0])>>;
    ForEachWarp([&](Lane* warp) {
      std::array<std::array<T, N>, kernels::gpu::kWarp> before;
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        for (uint32_t i = 0; i < N; ++i) before[l][i] = from(warp[l])[i];
      }
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        const uint32_t source = l + delta < kernels::gpu::kWarp ? l + delta : l;
        for (uint32_t i = 0; i < N; ++i) to(warp[l])[i] = before[source][i];
      }
    });
  }
  template <class Value>
  void WarpMax(Value value) {
    ForEachWarp([&](Lane* warp) {
      uint32_t max = 0;
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) max = value(warp[l]) > max ? value(warp[l]) : max;
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) value(warp[l]) = max;
    });
  }

  // mma.sync.aligned.m16n8k32 and .m16n8k16.row.col.s32.s8.s8.s32: where each register's elements stand (PTX ISA,
  // "Matrix Fragments for mma.m16n8k32", "m16n8k16", 8-bit types). With group = lane / 4 and quad = lane % 4: a[r] byte
  // i: row group + 8 (r odd), column 4 quad + i + 16 (r >= 2); b[r] byte i: row 4 quad + i + 16 (r = 1), column group;
  // c[r]: row group + 8 (r >= 2), column 2 quad + r % 2. m16n8k16 has the first half of the columns: two registers of a
  // and one of b.
  template <class A, class B, class C>
  void Mma(A get_a, B get_b, C get_c) {
    TileProduct<2>(get_a, get_b, get_c);
  }
  template <class A, class B, class C>
  void MmaK16(A get_a, B get_b, C get_c) {
    TileProduct<1>(get_a, get_b, get_c);
  }

 private:
  template <uint32_t kHalves, class A, class B, class C>
  void TileProduct(A get_a, B get_b, C get_c) {
    ForEachWarp([&](Lane* warp) {
      constexpr uint32_t kColumns = 16 * kHalves;
      int32_t a[16][kColumns], b[8][kColumns];  // b transposed: both are read along k
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        const uint32_t group = l / 4, quad = l % 4;
        const auto& lane_a = get_a(warp[l]);
        const auto& lane_b = get_b(warp[l]);
        for (uint32_t r = 0; r < 2 * kHalves; ++r) {
          const auto bytes = lane_a[r];
          int32_t* const to = a[group + 8 * (r % 2)] + 4 * quad + 16 * (r / 2);
          for (uint32_t i = 0; i < 4; ++i) to[i] = static_cast<int8_t>(bytes >> (8 * i));
        }
        for (uint32_t r = 0; r < kHalves; ++r) {
          const auto bytes = lane_b[r];
          int32_t* const to = b[group] + 4 * quad + 16 * r;
          for (uint32_t i = 0; i < 4; ++i) to[i] = static_cast<int8_t>(bytes >> (8 * i));
        }
      }
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        for (uint32_t r = 0; r < 4; ++r) {
          const int32_t* const row = a[l / 4 + 8 * (r / 2)];
          const int32_t* const column = b[2 * (l % 4) + r % 2];
          int32_t sum = get_c(warp[l])[r];
          for (uint32_t k = 0; k < kColumns; ++k) sum += row[k] * column[k];
          get_c(warp[l])[r] = sum;
        }
      }
    });
  }

  // What a warp does together: once for it, when all its threads are there; none goes on before it is done.
  template <class F>
  void ForEachWarp(F f) {
    if (fibers_ == nullptr) {
      for (uint32_t t = 0; t < kThreads; t += kernels::gpu::kWarp) f(block_.lanes.data() + t);
      return;
    }
    fibers_->WaitForWarp(thread_);
    if (thread_ % kernels::gpu::kWarp == 0) f(block_.lanes.data() + thread_);
    fibers_->WaitForWarp(thread_);
  }

  EmulatedBlock<Kernel>& block_;
  kernels::gpu::GpuGrid at_;
  LaneOrder order_ = LaneOrder::kRising;
  uint32_t thread_ = 0;
  Fibers* fibers_ = nullptr;  // null: all threads
  EarlyStart* early_ = nullptr;
};

template <class Kernel>
void RunBlock(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, const typename Kernel::Args& args,
              LaneOrder order, EarlyStart* early = nullptr) {
  block.Clear();
  if (Alone(order)) {
    Fibers::Run(Kernel::kThreads, order, [&](uint32_t t, Fibers& fibers) {
      EmulatedGrid<Kernel> grid(block, at, t, fibers);
      Kernel::Run(grid, args);
    });
  } else {
    EmulatedGrid<Kernel> grid(block, at, order, early);
    Kernel::Run(grid, args);
  }
  // A copy may end after its block asked for it in vain; none here is meant to.
  if (std::any_of(block.copies.begin(), block.copies.end(), [](const PendingCopies& c) { return c.any(); })) {
    std::abort();
  }
}

// The blocks of a launch one after the other, rising, falling or every other one first, as the threads go.
template <class F>
void ForEachBlock(kernels::gpu::GpuGrid size, LaneOrder order, F f) {
  const uint64_t n = uint64_t{size.x} * size.y * size.z, n_even = (n + 1) / 2;
  for (uint64_t i = 0; i < n; ++i) {
    uint64_t at = i;
    if (order == LaneOrder::kFalling || order == LaneOrder::kAloneFalling) at = n - 1 - i;
    if (order == LaneOrder::kStrided || order == LaneOrder::kAloneStrided) {
      at = i < n_even ? 2 * i : 2 * (i - n_even) + 1;
    }
    const uint64_t row = at / size.x;
    f(kernels::gpu::GpuGrid{static_cast<uint32_t>(at % size.x), static_cast<uint32_t>(row % size.y),
                            static_cast<uint32_t>(row / size.y)});
  }
}

// In a program of its own (bitnet_gpu_ptx_test) kernels run as a compiler made them, but for those that only tests
// have: the kernel by the mangled name of its type.
void RunCompiled(const char* type, kernels::gpu::GpuGrid size, uint32_t n_threads, size_t shared_bytes,
                 const void* args, size_t args_bytes, LaneOrder order);
#if defined(BITNET_TEST_COMPILED)
inline constexpr bool kCompiled = true;
#else
inline constexpr bool kCompiled = false;
#endif
template <class Kernel>
inline constexpr bool kRunsCompiled = kCompiled&& requires {
  kernels::gpu::IdOfKernel<Kernel>::kId;
};
template <class Kernel>
void RunCompiled(kernels::gpu::GpuGrid size, const typename Kernel::Args& args, LaneOrder order) {
  RunCompiled(typeid(Kernel).name(), size, Kernel::kThreads, sizeof(typename Kernel::Shared), &args, sizeof args,
              order);
}

// Runs every block of a kernel.
template <class Kernel>
void RunEmulated(kernels::gpu::GpuGrid size, const typename Kernel::Args& args, LaneOrder order) {
  if constexpr (kRunsCompiled<Kernel>) {
    RunCompiled<Kernel>(size, args, order);
  } else {
    EmulatedBlock<Kernel> block;
    ForEachBlock(size, order, [&](kernels::gpu::GpuGrid at) { RunBlock(block, at, args, order); });
  }
}

// The same for a kernel that may start before the launches in front of it are done: first what its blocks do early,
// then, when it is its turn, all of it, and whether the early part did something else this time.
template <class Kernel>
std::vector<EarlyStart> StartEmulated(kernels::gpu::GpuGrid size, const typename Kernel::Args& args, LaneOrder order) {
  std::vector<EarlyStart> starts;
  if (!kernels::gpu::ReadsAhead<Kernel>::value || Alone(order)) return starts;
  EmulatedBlock<Kernel> block;
  ForEachBlock(size, order, [&](kernels::gpu::GpuGrid at) {
    EarlyStart early;
    early.only = true;
    try {
      RunBlock(block, at, args, order, &early);
      std::abort();  // a block that never awaits the others
    } catch (const EarlyStart::Stop&) {
    }
    early.only = false;
    starts.push_back(early);
  });
  return starts;
}
template <class Kernel>
bool RunStarted(kernels::gpu::GpuGrid size, const typename Kernel::Args& args, LaneOrder order,
                std::vector<EarlyStart>& starts) {
  EmulatedBlock<Kernel> block;
  size_t i = 0;
  bool same = true;
  ForEachBlock(size, order, [&](kernels::gpu::GpuGrid at) {
    EarlyStart* const early = i < starts.size() ? &starts[i++] : nullptr;
    RunBlock(block, at, args, order, early);
    same = same && (early == nullptr || !early->differs);
  });
  return same;
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_EMULATED_GRID_H_
