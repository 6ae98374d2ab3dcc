// The grid of kernels/cuda/grid.h on the CPU: blocks and threads are loops, shared memory and registers start as
// garbage, and the threads run in the order that the caller chooses. Two kinds of mistake give themselves away: a step
// that reads what another thread of the same step writes (threads of a step in rising, falling or strided order), and a
// barrier that is missing (warps one after the other, each from barrier to barrier before the next one moves).
#ifndef BITNET_TESTS_SUPPORT_EMULATED_GRID_H_
#define BITNET_TESTS_SUPPORT_EMULATED_GRID_H_

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cuda/gpu.h"
#include "kernels/cuda/grid.h"

namespace bitnet_test {

namespace kernels = bitnet::kernels;

// Rising, falling, strided (by 37, coprime to every block size here): all threads make a step, then the next step.
// kWarpsRising, kWarpsFalling: a warp makes all steps up to a barrier, then the next warp.
enum class LaneOrder { kRising, kFalling, kStrided, kWarpsRising, kWarpsFalling };

// Lets the warps of a block run one at a time, in turns that end at barriers.
class Turns {
 public:
  Turns(uint32_t n_warps, bool rising) : n_(n_warps), rising_(rising), barriers_(n_warps, 0) {}

  // Waits for the first turn of `warp`.
  void Start(uint32_t warp) {
    std::unique_lock<std::mutex> lock(mutex_);
    moved_.wait(lock, [&] { return turn_ == Place(warp); });
  }
  // Ends a turn at a barrier and waits for the next one.
  void Barrier(uint32_t warp) {
    std::unique_lock<std::mutex> lock(mutex_);
    ++barriers_[warp];
    turn_ = (turn_ + 1) % n_;
    moved_.notify_all();
    moved_.wait(lock, [&] { return turn_ == Place(warp); });
  }
  // The last turn of `warp`.
  void End() {
    const std::lock_guard<std::mutex> lock(mutex_);
    turn_ = (turn_ + 1) % n_;
    moved_.notify_all();
  }
  // Every warp met the same barriers.
  bool Even() const {
    return std::all_of(barriers_.begin(), barriers_.end(), [this](uint64_t n) { return n == barriers_[0]; });
  }

 private:
  uint32_t Place(uint32_t warp) const { return rising_ ? warp : n_ - 1 - warp; }
  const uint32_t n_;
  const bool rising_;
  std::mutex mutex_;
  std::condition_variable moved_;
  uint32_t turn_ = 0;
  std::vector<uint64_t> barriers_;
};

// What a block of threads shares.
template <class Kernel>
struct EmulatedBlock {
  typename Kernel::Shared shared;
  std::vector<typename Kernel::Lane> lanes{Kernel::kThreads};

  void Clear() {
    std::memset(static_cast<void*>(&shared), 0xa5, sizeof shared);
    std::memset(static_cast<void*>(lanes.data()), 0xa5, lanes.size() * sizeof lanes[0]);
  }
};

// The grid as all warps of a block see it, or one warp of it.
template <class Kernel>
class EmulatedGrid {
 public:
  using Lane = typename Kernel::Lane;
  static constexpr uint32_t kThreads = Kernel::kThreads;
  static_assert(kThreads % kernels::gpu::kWarp == 0);

  // All threads.
  EmulatedGrid(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, LaneOrder order)
      : block_(block), at_(at), order_(order), begin_(0), end_(kThreads) {}
  // The threads of one warp, which takes turns with the others.
  EmulatedGrid(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, uint32_t warp, Turns& turns)
      : block_(block),
        at_(at),
        order_(LaneOrder::kRising),
        begin_(warp * kernels::gpu::kWarp),
        end_(begin_ + kernels::gpu::kWarp),
        turns_(&turns) {}

  uint32_t x() const { return at_.x; }
  uint32_t y() const { return at_.y; }
  uint32_t z() const { return at_.z; }
  typename Kernel::Shared& shared() { return block_.shared; }

  template <class F>
  void Lanes(F f) {
    for (uint32_t i = begin_; i < end_; ++i) {
      const uint32_t t = order_ == LaneOrder::kRising    ? i
                         : order_ == LaneOrder::kFalling ? kThreads - 1 - i
                                                         : i * 37 % kThreads;
      f(t, block_.lanes[t]);
    }
  }
  template <class F>
  void Phase(F f) {
    Lanes(f);
    if (turns_ != nullptr) turns_->Barrier(begin_ / kernels::gpu::kWarp);
  }

  void Converge() {}

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

  // mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32: where each register's elements stand (PTX ISA, "Matrix Fragments
  // for mma.m16n8k32", 8-bit types). With group = lane / 4 and quad = lane % 4:
  // a[r] byte i: row group + 8 (r odd), column 4 quad + i + 16 (r >= 2); b[r] byte i: row 4 quad + i + 16 (r = 1),
  // column group; c[r]: row group + 8 (r >= 2), column 2 quad + r % 2.
  template <class A, class B, class C>
  void Mma(A get_a, B get_b, C get_c) {
    ForEachWarp([&](Lane* warp) {
      int32_t a[16][32], b[32][8];
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        const uint32_t group = l / 4, quad = l % 4;
        for (uint32_t i = 0; i < 4; ++i) {
          for (uint32_t r = 0; r < 4; ++r) {
            a[group + 8 * (r % 2)][4 * quad + i + 16 * (r / 2)] = static_cast<int8_t>(get_a(warp[l])[r] >> (8 * i));
          }
          for (uint32_t r = 0; r < 2; ++r) {
            b[4 * quad + i + 16 * r][group] = static_cast<int8_t>(get_b(warp[l])[r] >> (8 * i));
          }
        }
      }
      for (uint32_t l = 0; l < kernels::gpu::kWarp; ++l) {
        for (uint32_t r = 0; r < 4; ++r) {
          int32_t& c = get_c(warp[l])[r];
          for (uint32_t k = 0; k < 32; ++k) c += a[l / 4 + 8 * (r / 2)][k] * b[k][2 * (l % 4) + r % 2];
        }
      }
    });
  }

 private:
  template <class F>
  void ForEachWarp(F f) {
    for (uint32_t t = begin_; t < end_; t += kernels::gpu::kWarp) f(block_.lanes.data() + t);
  }

  EmulatedBlock<Kernel>& block_;
  kernels::gpu::GpuGrid at_;
  LaneOrder order_;
  uint32_t begin_, end_;  // threads
  Turns* turns_ = nullptr;
};

template <class Kernel>
void RunBlock(EmulatedBlock<Kernel>& block, kernels::gpu::GpuGrid at, const typename Kernel::Args& args,
              LaneOrder order) {
  block.Clear();
  if (order != LaneOrder::kWarpsRising && order != LaneOrder::kWarpsFalling) {
    EmulatedGrid<Kernel> grid(block, at, order);
    return Kernel::Run(grid, args);
  }
  constexpr uint32_t kWarps = Kernel::kThreads / kernels::gpu::kWarp;
  Turns turns(kWarps, order == LaneOrder::kWarpsRising);
  std::vector<std::thread> warps;
  for (uint32_t w = 0; w < kWarps; ++w) {
    warps.emplace_back([&, w] {
      turns.Start(w);
      EmulatedGrid<Kernel> grid(block, at, w, turns);
      Kernel::Run(grid, args);
      turns.End();
    });
  }
  for (std::thread& warp : warps) warp.join();
  if (!turns.Even()) std::abort();  // on a GPU such a block never ends
}

// Runs every block of a kernel.
template <class Kernel>
void RunEmulated(kernels::gpu::GpuGrid size, const typename Kernel::Args& args, LaneOrder order) {
  EmulatedBlock<Kernel> block;
  for (uint32_t z = 0; z < size.z; ++z) {
    for (uint32_t y = 0; y < size.y; ++y) {
      for (uint32_t x = 0; x < size.x; ++x) RunBlock(block, {x, y, z}, args, order);
    }
  }
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_EMULATED_GRID_H_
