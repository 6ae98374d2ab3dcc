// Candidates for the k largest logits. Compiled for the plain CPU: it meets few of the logits.
#ifndef BITNET_KERNELS_CPU_TOP_BUFFER_H_
#define BITNET_KERNELS_CPU_TOP_BUFFER_H_

#include <cstddef>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

class TopBuffer {
 public:
  // 1 <= k <= kMaxTop.
  explicit TopBuffer(size_t k);

  // What a later logit must exceed to be among the k largest.
  float bound() const { return bound_; }
  // Takes logits[begin .. end), finite; ids rise from call to call.
  void Add(const float* logits, size_t begin, size_t end);
  // Writes the k largest of at least k logits taken, descending, ties by lower id.
  void Finish(TopEntry* top);

 private:
  static constexpr size_t kCapacity = 4 * kMaxTop;
  void Cut();

  size_t k_;
  size_t size_ = 0;
  float bound_;
  TopEntry entries_[kCapacity];
};

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_CPU_TOP_BUFFER_H_
