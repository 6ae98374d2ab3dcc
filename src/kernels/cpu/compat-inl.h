// Integer products that Highway 1.0.3 lacks: pairs (maddubs) and quads (dpbusd, sdot), per target with intrinsics, and
// each with its portable twin, which a test compares (tests/unit/kernels/compat_test.cc). The only file with raw
// intrinsics.
//
// Also opens the namespaces of the two tables that a CPU feature adds to a target:
//   BITNET_BEFORE_DOT_NAMESPACE(); namespace bitnet::kernels::BITNET_DOT_NAMESPACE { ... } HWY_AFTER_NAMESPACE();
// under #if BITNET_HAS_DOT_TABLE, and in the same way under #if BITNET_HAS_HALF_TABLE the namespace
// BITNET_HALF_NAMESPACE: vectors of 256 bits with the instructions of AVX3_VNNI. The AVX3_VNNI code is compiled with
// avx512vnni and without avxvnni, so a compiler can only give the EVEX form: the VEX form is an illegal instruction on
// Ice Lake and Zen 4.
#include "kernels/cpu/targets.h"

#if defined(BITNET_KERNELS_CPU_COMPAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITNET_KERNELS_CPU_COMPAT_INL_H_
#undef BITNET_KERNELS_CPU_COMPAT_INL_H_
#else
#define BITNET_KERNELS_CPU_COMPAT_INL_H_
#endif

#include <hwy/highway.h>

#undef BITNET_HAS_DOT_TABLE
#undef BITNET_DOT_NAMESPACE
#undef BITNET_BEFORE_DOT_NAMESPACE
#if HWY_TARGET == HWY_AVX3
#define BITNET_HAS_DOT_TABLE 1
#define BITNET_DOT_NAMESPACE N_AVX3_VNNI
#define BITNET_BEFORE_DOT_NAMESPACE() \
  HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni") static_assert(true, "For requiring trailing semicolon")
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64 && HWY_COMPILER_GCC_ACTUAL
#define BITNET_HAS_DOT_TABLE 1
#define BITNET_DOT_NAMESPACE N_NEON_DOTPROD
#define BITNET_BEFORE_DOT_NAMESPACE()                  \
  HWY_PUSH_ATTRIBUTES("arch=armv8.2-a+crypto+dotprod") \
  static_assert(true, "For requiring trailing semicolon")
#else
#define BITNET_HAS_DOT_TABLE 0
#endif
#undef BITNET_HAS_HALF_TABLE
#define BITNET_HAS_HALF_TABLE (HWY_TARGET == HWY_AVX3)
#define BITNET_HALF_NAMESPACE N_AVX3_VNNI_256
#undef BITNET_VECTOR_BYTES
#define BITNET_VECTOR_BYTES HWY_MAX_BYTES  // of the namespace that is open

#undef BITNET_INLINE_LAMBDA
#define BITNET_INLINE_LAMBDA __attribute__((always_inline))

#if BITNET_HAS_TABLE

HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Full vectors: 64, 32 or 16 bytes.
using DU8 = hn::ScalableTag<uint8_t>;
using DI8 = hn::ScalableTag<int8_t>;
using DU16 = hn::ScalableTag<uint16_t>;
using DI16 = hn::ScalableTag<int16_t>;
using DU32 = hn::ScalableTag<uint32_t>;
using DI32 = hn::ScalableTag<int32_t>;
using DF32 = hn::ScalableTag<float>;
using VU8 = hn::Vec<DU8>;
using VI8 = hn::Vec<DI8>;
using VU16 = hn::Vec<DU16>;
using VI16 = hn::Vec<DI16>;
using VU32 = hn::Vec<DU32>;
using VI32 = hn::Vec<DI32>;
using VF32 = hn::Vec<DF32>;
constexpr size_t kBytes = HWY_MAX_BYTES;  // of a full vector
constexpr size_t kLanes = kBytes / 4;     // of 32 bits

#include "kernels/cpu/unroll-inl.h"

namespace portable {

// Lane k: a[2k] * b[2k] + a[2k + 1] * b[2k + 1], wrapping.
HWY_INLINE VI16 MulPairs(VU8 a, VI8 b) {
  const DU16 du16;
  const DI16 di16;
  const VU16 a16 = hn::BitCast(du16, a);
  const VI16 b16 = hn::BitCast(di16, b);
  const VI16 even =
      hn::Mul(hn::BitCast(di16, hn::And(a16, hn::Set(du16, 255))), hn::ShiftRight<8>(hn::ShiftLeft<8>(b16)));
  const VI16 odd = hn::Mul(hn::BitCast(di16, hn::ShiftRight<8>(a16)), hn::ShiftRight<8>(b16));
  return hn::Add(even, odd);
}

// Lane k: acc[k] + a[2k] * b[2k] + a[2k + 1] * b[2k + 1].
HWY_INLINE VI32 AddWidePairs(VI32 acc, VI16 a, VI16 b) {
  const DI32 di32;
  const VI32 a32 = hn::BitCast(di32, a);
  const VI32 b32 = hn::BitCast(di32, b);
  const VI32 even = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a32)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b32)));
  return hn::Add(acc, hn::Add(even, hn::Mul(hn::ShiftRight<16>(a32), hn::ShiftRight<16>(b32))));
}

// Lane k: acc[k] + sum of a[4k + i] * b[4k + i], i < 4.
HWY_INLINE VI32 AddQuads(VI32 acc, VU8 a, VI8 b) {
  const DI32 di32;
  const DU32 du32;
  const VU32 a32 = hn::BitCast(du32, a);
  const VI32 b32 = hn::BitCast(di32, b);
  const VU32 byte = hn::Set(du32, 255);
  acc = hn::Add(acc, hn::Mul(hn::BitCast(di32, hn::And(a32, byte)), hn::ShiftRight<24>(hn::ShiftLeft<24>(b32))));
  acc = hn::Add(acc, hn::Mul(hn::BitCast(di32, hn::And(hn::ShiftRight<8>(a32), byte)),
                             hn::ShiftRight<24>(hn::ShiftLeft<16>(b32))));
  acc = hn::Add(acc, hn::Mul(hn::BitCast(di32, hn::And(hn::ShiftRight<16>(a32), byte)),
                             hn::ShiftRight<24>(hn::ShiftLeft<8>(b32))));
  return hn::Add(acc, hn::Mul(hn::BitCast(di32, hn::ShiftRight<24>(a32)), hn::ShiftRight<24>(b32)));
}

}  // namespace portable

// As the portable twin where no pair leaves int16, which the caller proves: x86 saturates where the twin wraps.
HWY_INLINE VI16 MulPairs(VU8 a, VI8 b) {
#if HWY_TARGET == HWY_AVX3
  return VI16{_mm512_maddubs_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return VI16{_mm256_maddubs_epi16(a.raw, b.raw)};
#else
  const int16x8_t low = vmulq_s16(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a.raw))), vmovl_s8(vget_low_s8(b.raw)));
  const int16x8_t high = vmulq_s16(vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(a.raw))), vmovl_s8(vget_high_s8(b.raw)));
  return VI16(vpaddq_s16(low, high));
#endif
}

// The same for a <= 127.
HWY_INLINE VI16 MulSmallPairs(VU8 a, VI8 b) {
#if HWY_TARGET == HWY_NEON
  const int8x16_t s = vreinterpretq_s8_u8(a.raw);
  return VI16(vpaddq_s16(vmull_s8(vget_low_s8(s), vget_low_s8(b.raw)), vmull_s8(vget_high_s8(s), vget_high_s8(b.raw))));
#else
  return MulPairs(a, b);
#endif
}

HWY_INLINE VI32 AddWidePairs(VI32 acc, VI16 a, VI16 b) {
#if HWY_TARGET == HWY_AVX3
  return VI32{_mm512_add_epi32(acc.raw, _mm512_madd_epi16(a.raw, b.raw))};
#elif HWY_TARGET == HWY_AVX2
  return VI32{_mm256_add_epi32(acc.raw, _mm256_madd_epi16(a.raw, b.raw))};
#else
  const int32x4_t low = vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw));
  const int32x4_t high = vmull_s16(vget_high_s16(a.raw), vget_high_s16(b.raw));
  return VI32(vaddq_s32(acc.raw, vpaddq_s32(low, high)));
#endif
}

// Lane k: acc[k] + a[2k] + a[2k + 1].
HWY_INLINE VI32 AddWide(VI32 acc, VI16 a) {
#if HWY_TARGET == HWY_NEON
  return VI32(vpadalq_s16(acc.raw, a.raw));
#else
  return AddWidePairs(acc, a, hn::Set(DI16(), 1));
#endif
}

#if HWY_MAX_BYTES == 64
// 32 bytes from p in both halves.
HWY_INLINE VI8 LoadHalfTwice(const int8_t* p) {
  return VI8{_mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
#endif

// Leaves v as it is, in one register: without it g++ 12 gives a sum that changes between vector types two registers
// and a copy, and a kernel that fills the register file spills.
template <class V>
HWY_INLINE void KeepInRegister(V& v) {
#if HWY_TARGET == HWY_NEON
  asm("" : "+w"(v.raw));
#elif HWY_TARGET == HWY_AVX3
  asm("" : "+v"(v.raw));
#else
  asm("" : "+x"(v.raw));
#endif
}

// Uses v, so that what made it is not left out.
template <class V>
HWY_INLINE void Consume(V v) {
#if HWY_TARGET == HWY_NEON
  asm volatile("" : : "w"(v.raw));
#elif HWY_TARGET == HWY_AVX3
  asm volatile("" : : "v"(v.raw));
#else
  asm volatile("" : : "x"(v.raw));
#endif
}

// Whether AddQuads is one instruction, so that no int16 sums are needed.
constexpr bool kHasQuads = false;

// As the portable twin; a <= 127 and no pair leaves int16.
HWY_INLINE VI32 AddQuads(VI32 acc, VU8 a, VI8 b) { return AddWide(acc, MulSmallPairs(a, b)); }

// The same for signed a, and b > -128.
HWY_INLINE VI16 MulSignedPairs(VI8 a, VI8 b) {
#if HWY_TARGET == HWY_NEON
  return VI16(
      vpaddq_s16(vmull_s8(vget_low_s8(a.raw), vget_low_s8(b.raw)), vmull_s8(vget_high_s8(a.raw), vget_high_s8(b.raw))));
#elif HWY_TARGET == HWY_AVX2
  return VI16{_mm256_maddubs_epi16(_mm256_abs_epi8(a.raw), _mm256_sign_epi8(b.raw, a.raw))};
#else
  return MulPairs(hn::BitCast(DU8(), hn::Abs(a)), hn::IfThenElse(hn::Lt(a, hn::Zero(DI8())), hn::Neg(b), b));
#endif
}

// Lane k: sum of a[4k + i] * b[4k + i], i < 4; b > -128 and no pair leaves int16.
HWY_INLINE VI32 SignedQuads(VI8 a, VI8 b) { return AddWide(hn::Zero(DI32()), MulSignedPairs(a, b)); }

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if BITNET_HAS_DOT_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_DOT_NAMESPACE {
using namespace bitnet::kernels::HWY_NAMESPACE;  // NOLINT: the table is this target's, but for the products below

#include "kernels/cpu/unroll-inl.h"

constexpr bool kHasQuads = true;

// As the portable twin; a <= 127 on NEON_DOTPROD.
HWY_INLINE VI32 AddQuads(VI32 acc, VU8 a, VI8 b) {
#if HWY_TARGET == HWY_AVX3
  return VI32{_mm512_dpbusd_epi32(acc.raw, a.raw, b.raw)};
#else
  return VI32(vdotq_s32(acc.raw, vreinterpretq_s8_u8(a.raw), b.raw));
#endif
}

#if HWY_TARGET == HWY_AVX3
HWY_INLINE VI32 AddWidePairs(VI32 acc, VI16 a, VI16 b) { return VI32{_mm512_dpwssd_epi32(acc.raw, a.raw, b.raw)}; }
#endif

}  // namespace bitnet::kernels::BITNET_DOT_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_DOT_TABLE

#if BITNET_HAS_HALF_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_HALF_NAMESPACE {
using namespace bitnet::kernels::HWY_NAMESPACE;  // NOLINT: the table is this target's, but for vectors and products

using DU8 = hn::CappedTag<uint8_t, 32>;
using DI8 = hn::CappedTag<int8_t, 32>;
using DU16 = hn::CappedTag<uint16_t, 16>;
using DI16 = hn::CappedTag<int16_t, 16>;
using DI32 = hn::CappedTag<int32_t, 8>;
using DF32 = hn::CappedTag<float, 8>;
using VU8 = hn::Vec<DU8>;
using VI8 = hn::Vec<DI8>;
using VU16 = hn::Vec<DU16>;
using VI16 = hn::Vec<DI16>;
using VI32 = hn::Vec<DI32>;
using VF32 = hn::Vec<DF32>;
constexpr size_t kBytes = 32;
constexpr size_t kLanes = 8;
constexpr bool kHasQuads = true;

#include "kernels/cpu/unroll-inl.h"

HWY_INLINE VI32 AddQuads(VI32 acc, VU8 a, VI8 b) { return VI32{_mm256_dpbusd_epi32(acc.raw, a.raw, b.raw)}; }
HWY_INLINE VI32 AddWidePairs(VI32 acc, VI16 a, VI16 b) { return VI32{_mm256_dpwssd_epi32(acc.raw, a.raw, b.raw)}; }

}  // namespace bitnet::kernels::BITNET_HALF_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // BITNET_HAS_HALF_TABLE

#endif  // BITNET_HAS_TABLE
#endif  // BITNET_KERNELS_CPU_COMPAT_INL_H_
