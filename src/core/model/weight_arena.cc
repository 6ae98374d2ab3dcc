#include "core/model/weight_arena.h"

#include <algorithm>
#include <utility>

#include "core/base/system_info.h"

namespace bitnet::core {

Result<std::byte*> WeightArena::Allocate(size_t n) {
  const uint64_t taken = Taken(n);
  if (taken > left_) {
    BN_RETURN_IF_ERROR(AddBlock(std::max(taken, std::min(std::max(kLeastBlock, given_), expected_))));
  }
  expected_ -= std::min(expected_, taken);
  given_ += taken;
  left_ -= taken;
  return std::exchange(next_, next_ + taken);
}

// Touches the block's pages by all threads: two that met in one huge page later would both clear it.
Status WeightArena::AddBlock(size_t n) {
  constexpr size_t kPage = 4096, kTile = size_t{2} << 20;
  BN_ASSIGN_OR_RETURN(Buffer block, Buffer::Allocate(allocator_, n));
  AskForHugePages(block.data(), block.size());
  next_ = block.as<std::byte>();
  left_ = block.size();
  const size_t lead = reinterpret_cast<uintptr_t>(next_) % kTile;  // tiles are whole huge pages
  pool_.ParallelFor((lead + left_ + kTile - 1) / kTile, 1, [&](size_t begin, size_t end, uint32_t) {
    for (size_t at = begin == 0 ? 0 : begin * kTile - lead; at < std::min(left_, end * kTile - lead); at += kPage) {
      next_[at] = std::byte{0};
    }
  });
  buffers_.push_back(std::move(block));
  return {};
}

}  // namespace bitnet::core
