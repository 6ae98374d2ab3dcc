// Small f32 arrays (norms, scales, biases) in few blocks of the model's allocator.
#ifndef BITNET_CORE_MODEL_FLOAT_ARENA_H_
#define BITNET_CORE_MODEL_FLOAT_ARENA_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/allocator.h"

namespace bitnet::core {

// Appends its blocks to `buffers`, which own them.
class FloatArena {
 public:
  FloatArena(const Allocator& allocator, std::vector<Buffer>& buffers) : allocator_(allocator), buffers_(buffers) {}

  // n floats, not initialised, aligned to a cache line.
  Result<float*> Allocate(size_t n) {
    constexpr size_t kLine = Buffer::kAlign / sizeof(float);
    n = (n + kLine - 1) / kLine * kLine;
    if (n > left_) {
      const size_t block = std::max(n, kBlock);
      BN_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(allocator_, block * sizeof(float)));
      next_ = buffer.as<float>();
      left_ = block;
      buffers_.push_back(std::move(buffer));
    }
    left_ -= n;
    return std::exchange(next_, next_ + n);
  }

 private:
  static constexpr size_t kBlock = size_t{64} << 10;  // floats: 256 KiB hold the norms of several layers

  const Allocator& allocator_;
  std::vector<Buffer>& buffers_;
  float* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_FLOAT_ARENA_H_
