// Block-quantised products for several tokens.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"
#include "kernels/pack.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/block_tokens.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/cpu/compat-inl.h"

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3
constexpr auto* NarrowTokens = N_AVX2::BlockTokens;
#endif
#include "kernels/cpu/block_tokens-inl.h"
}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if BITNET_HAS_HALF_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_HALF_NAMESPACE {
#undef BITNET_VECTOR_BYTES
#define BITNET_VECTOR_BYTES 32
#include "kernels/cpu/block_tokens-inl.h"
#undef BITNET_VECTOR_BYTES
#define BITNET_VECTOR_BYTES HWY_MAX_BYTES
}  // namespace bitnet::kernels::BITNET_HALF_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if BITNET_HAS_DOT_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_DOT_NAMESPACE {
#if BITNET_HAS_HALF_TABLE
constexpr auto* NarrowTokens = BITNET_HALF_NAMESPACE::BlockTokens;
#endif
#include "kernels/cpu/block_tokens-inl.h"
}  // namespace bitnet::kernels::BITNET_DOT_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif  // BITNET_HAS_TABLE
