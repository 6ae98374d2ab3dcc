// The 8-bit copy of a dense head, for the head shortcut (kernel_table.h, docs/kernels.md). Made once a model, shared by
// its sessions.
#ifndef BITNET_CORE_MODEL_HEAD_COPY_H_
#define BITNET_CORE_MODEL_HEAD_COPY_H_

#include <cstdint>
#include <mutex>

#include "core/base/allocator.h"
#include "core/base/thread_pool.h"
#include "core/model/weights.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

struct HeadCopy {
  // [head.rows, HeadCopyRowBytes(head.cols)], aligned to 64; on a GPU kernels/cuda/head_copy_kernel.h's layout.
  Buffer rows;

  // Whether a head can have one: dense, more rows than a sampler looks at, columns within the kernels' limit.
  static bool Possible(const Matrix& head);
  // Whether it pays: reading half of the head saves more than the bounds cost.
  static bool Worthwhile(const Matrix& head);
  static uint64_t Bytes(const Matrix& head);
  static Result<HeadCopy> Make(const Matrix& head, const kernels::KernelTable& table, ThreadPool& pool,
                               const Allocator& allocator);
};

// The copy of one model, made when the first session asks for it; safe from any thread.
class SharedHeadCopy {
 public:
  Result<const HeadCopy*> Get(const Matrix& head, const kernels::KernelTable& table, ThreadPool& pool,
                              const Allocator& allocator);

 private:
  std::mutex mutex_;
  HeadCopy copy_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_HEAD_COPY_H_
