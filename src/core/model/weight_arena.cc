#include "core/model/weight_arena.h"

#include <algorithm>
#include <utility>

#include "core/base/system_info.h"

namespace bitnet::core {

Status WeightArena::Reserve(uint64_t bytes, ThreadPool& pool) {
  if (bytes == 0) return {};
  constexpr size_t kPage = 4096, kTile = size_t{2} << 20;
  BN_ASSIGN_OR_RETURN(Buffer block, Buffer::Allocate(allocator_, bytes));
  AskForHugePages(block.data(), block.size());
  next_ = block.as<std::byte>();
  left_ = block.size();
  const auto address = reinterpret_cast<uintptr_t>(next_);
  const size_t lead = address % kTile;  // tiles are whole huge pages
  pool.ParallelFor((lead + left_ + kTile - 1) / kTile, 1, [&](size_t begin, size_t end, uint32_t) {
    for (size_t at = begin == 0 ? 0 : begin * kTile - lead; at < std::min(left_, end * kTile - lead); at += kPage) {
      next_[at] = std::byte{0};
    }
  });
  buffers_.push_back(std::move(block));
  return {};
}

Result<std::byte*> WeightArena::Allocate(size_t n) {
  if (Taken(n) > left_) {
    BN_ASSIGN_OR_RETURN(Buffer own, Buffer::Allocate(allocator_, n));
    AskForHugePages(own.data(), own.size());
    auto* const p = own.as<std::byte>();
    buffers_.push_back(std::move(own));
    return p;
  }
  left_ -= Taken(n);
  return std::exchange(next_, next_ + Taken(n));
}

}  // namespace bitnet::core
