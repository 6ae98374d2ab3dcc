// Matrices of weights side by side in large blocks of the model's allocator, in huge pages where the kernel gives them.
#ifndef BITNET_CORE_MODEL_WEIGHT_ARENA_H_
#define BITNET_CORE_MODEL_WEIGHT_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/allocator.h"
#include "core/base/thread_pool.h"

namespace bitnet::core {

// Most matrices are smaller than a huge page: one block a matrix would leave them in small ones. Appends its blocks to
// `buffers`, which own them.
class WeightArena {
 public:
  WeightArena(const Allocator& allocator, ThreadPool& pool, std::vector<Buffer>& buffers)
      : allocator_(allocator), pool_(pool), buffers_(buffers) {}

  // What a matrix takes of a block.
  static constexpr uint64_t Taken(uint64_t bytes) {
    return (bytes + Buffer::kAlign - 1) / Buffer::kAlign * Buffer::kAlign;
  }

  // How much will be asked for in all, as Taken() has it: blocks are no larger.
  void Expect(uint64_t bytes) { expected_ = bytes; }
  // n bytes, not initialised, aligned to a cache line.
  Result<std::byte*> Allocate(size_t n);

 private:
  // A block is as large as all before it: a file that is refused half way has not taken the memory of all of it, and
  // few blocks begin and end within a huge page.
  static constexpr uint64_t kLeastBlock = uint64_t{64} << 20;

  Status AddBlock(size_t n);

  const Allocator& allocator_;
  ThreadPool& pool_;
  std::vector<Buffer>& buffers_;
  uint64_t expected_ = 0;  // still
  uint64_t given_ = 0;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_WEIGHT_ARENA_H_
