// The yardstick of the integer products: kernels/multiply_add.h.
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/multiply_add.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/compat-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {
#include "kernels/cpu/ternary_sums-inl.h"

#include "kernels/cpu/multiply_add-inl.h"
}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if BITNET_HAS_DOT_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_DOT_NAMESPACE {
#include "kernels/cpu/ternary_sums-inl.h"

#include "kernels/cpu/multiply_add-inl.h"
}  // namespace bitnet::kernels::BITNET_DOT_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif  // BITNET_HAS_TABLE
