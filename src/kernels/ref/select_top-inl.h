// The largest logits, sorted.
#ifndef BITNET_KERNELS_REF_SELECT_TOP_INL_H_
#define BITNET_KERNELS_REF_SELECT_TOP_INL_H_

#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

// Insertion into a sorted list: an id comes in rising order, so an equal logit stays behind those already there.
inline bool SelectTop(const float* logits, size_t n, size_t k, TopEntry* top) noexcept {
  if (!AllFinite(logits, n)) return false;
  size_t size = 0;
  for (size_t id = 0; id < n; ++id) {
    if (size == k && (k == 0 || !(logits[id] > top[k - 1].logit))) continue;
    size_t place = size < k ? size++ : k - 1;
    for (; place > 0 && logits[id] > top[place - 1].logit; --place) top[place] = top[place - 1];
    top[place] = {static_cast<uint32_t>(id), logits[id]};
  }
  return true;
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_SELECT_TOP_INL_H_
