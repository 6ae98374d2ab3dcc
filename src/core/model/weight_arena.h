// Matrices of weights in one block of the model's allocator, in huge pages where the kernel gives them.
#ifndef BITNET_CORE_MODEL_WEIGHT_ARENA_H_
#define BITNET_CORE_MODEL_WEIGHT_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/allocator.h"
#include "core/base/thread_pool.h"

namespace bitnet::core {

// Matrices lie side by side, most of them smaller than a huge page: one block a matrix would leave them in small ones.
// Appends its blocks to `buffers`, which own them.
class WeightArena {
 public:
  WeightArena(const Allocator& allocator, std::vector<Buffer>& buffers) : allocator_(allocator), buffers_(buffers) {}

  // What a matrix takes of the block.
  static constexpr uint64_t Taken(uint64_t bytes) {
    return (bytes + Buffer::kAlign - 1) / Buffer::kAlign * Buffer::kAlign;
  }

  // Takes the block that the next matrices lie in. Its pages are touched here, by all threads: two that met in one page
  // later would both clear it.
  Status Reserve(uint64_t bytes, ThreadPool& pool);
  // n bytes, not initialised, aligned to a cache line: of the block, or one of their own where it is full.
  Result<std::byte*> Allocate(size_t n);

 private:
  const Allocator& allocator_;
  std::vector<Buffer>& buffers_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_WEIGHT_ARENA_H_
