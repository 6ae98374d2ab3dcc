// The largest logits, sorted.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"
#include "kernels/cpu/top_buffer.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/select_top.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/floats-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// Scans in rising order of ids and keeps what beats the k-th largest so far: an equal logit has a higher id than those
// already there, so it loses the tie. Nearly all vectors hold nothing to keep.
bool SelectTop(const float* logits, size_t n, size_t k, TopEntry* top) noexcept {
  if (!AllFinite(logits, n)) return false;
  if (k == 0) return true;
  constexpr size_t kStep = 4 * kLanes;
  TopBuffer buffer(k);
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const VF32 bound = hn::Set(DF32(), buffer.bound());
    VF32 max = LoadF32(logits + i);
    for (size_t v = 1; v < 4; ++v) max = hn::Max(max, LoadF32(logits + i + v * kLanes));
    if (hn::AllFalse(DF32(), hn::Gt(max, bound))) continue;
    buffer.Add(logits, i, i + kStep);
  }
  buffer.Add(logits, i, n);
  buffer.Finish(top);
  return true;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_TABLE
