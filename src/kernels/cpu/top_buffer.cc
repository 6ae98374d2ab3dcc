#include "kernels/cpu/top_buffer.h"

#include <algorithm>
#include <limits>

namespace bitnet::kernels {
namespace {

bool Before(const TopEntry& a, const TopEntry& b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

}  // namespace

TopBuffer::TopBuffer(size_t k) : k_(k), bound_(-std::numeric_limits<float>::infinity()) {}

void TopBuffer::Add(const float* logits, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (!(logits[i] > bound_)) continue;
    if (size_ == kCapacity) {
      Cut();
      if (!(logits[i] > bound_)) continue;
    }
    entries_[size_++] = {static_cast<uint32_t>(i), logits[i]};
  }
}

void TopBuffer::Cut() {
  std::nth_element(entries_, entries_ + (k_ - 1), entries_ + size_, Before);
  bound_ = entries_[k_ - 1].logit;
  size_ = k_;
}

void TopBuffer::Finish(TopEntry* top) {
  std::partial_sort(entries_, entries_ + k_, entries_ + size_, Before);
  std::copy(entries_, entries_ + k_, top);
}

}  // namespace bitnet::kernels
