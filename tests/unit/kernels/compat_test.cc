// The integer products made of intrinsics equal their portable twins, on every target and dot table that runs here.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cpu/targets.h"
#include "kernels/kernel_table.h"
#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unit/kernels/compat_test.cc"
// clang-format on
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "kernels/cpu/compat-inl.h"

#ifndef BITNET_TESTS_COMPAT_ONCE
#define BITNET_TESTS_COMPAT_ONCE
namespace bitnet::kernels {
// Vectors of a comparison that differ.
using CompareFn = size_t (*)(const uint8_t* a, const int8_t* b, const int16_t* c, const int16_t* d, size_t n);
}  // namespace bitnet::kernels
#endif

#if BITNET_HAS_TABLE
HWY_BEFORE_NAMESPACE();
namespace bitnet::kernels::HWY_NAMESPACE {

// a: codes and digits 0..127; b: -127..127; no pair of a * b leaves int16.
size_t ComparePairs(const uint8_t* a, const int8_t* b, const int16_t* c, const int16_t* d, size_t n) {
  size_t different = 0;
  for (size_t i = 0; i < n; i += kBytes) {
    const VU8 va = hn::LoadU(DU8(), a + i);
    const VI8 vb = hn::LoadU(DI8(), b + i);
    const VI8 signed_a = hn::BitCast(DI8(), va);
    const VI16 vc = hn::LoadU(DI16(), c + i / 2);
    const VI16 vd = hn::LoadU(DI16(), d + i / 2);
    const VI32 acc = hn::BitCast(DI32(), vd);
    const VI16 pairs = portable::MulPairs(va, vb);
    const VI32 quads = portable::AddQuads(acc, va, vb);
    const auto differs16 = [&](VI16 x, VI16 y) { return hn::AllTrue(DI16(), hn::Eq(x, y)) ? size_t{0} : size_t{1}; };
    const auto differs32 = [&](VI32 x, VI32 y) { return hn::AllTrue(DI32(), hn::Eq(x, y)) ? size_t{0} : size_t{1}; };
    different += differs16(MulPairs(va, vb), pairs);
    different += differs16(MulSmallPairs(va, vb), pairs);
    different += differs16(MulSignedPairs(signed_a, vb), pairs);
    different += differs16(MulSignedPairs(hn::Neg(signed_a), vb), hn::Neg(pairs));
    different += differs32(AddWidePairs(acc, vc, vd), portable::AddWidePairs(acc, vc, vd));
    different += differs32(AddWide(acc, vc), portable::AddWidePairs(acc, vc, hn::Set(DI16(), 1)));
    different += differs32(AddQuads(acc, va, vb), quads);
    different += differs32(hn::Add(acc, SignedQuads(signed_a, vb)), quads);
    different += differs32(hn::Sub(acc, SignedQuads(hn::Neg(signed_a), vb)), quads);
  }
  return different;
}

}  // namespace bitnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if BITNET_HAS_DOT_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_DOT_NAMESPACE {

size_t CompareDots(const uint8_t* a, const int8_t* b, const int16_t* c, const int16_t* d, size_t n) {
  size_t different = 0;
  for (size_t i = 0; i < n; i += kBytes) {
    const VU8 va = hn::LoadU(DU8(), a + i);
    const VI8 vb = hn::LoadU(DI8(), b + i);
    const VI32 acc = hn::BitCast(DI32(), hn::LoadU(DI16(), d + i / 2));
    const VI32 quads = portable::AddQuads(acc, va, vb);
    different += hn::AllTrue(DI32(), hn::Eq(AddQuads(acc, va, vb), quads)) ? 0 : 1;
    const VI16 vc = hn::LoadU(DI16(), c + i / 2), vd = hn::LoadU(DI16(), d + i / 2);
    const VI32 pairs = portable::AddWidePairs(acc, vc, vd);
    different += hn::AllTrue(DI32(), hn::Eq(AddWidePairs(acc, vc, vd), pairs)) ? 0 : 1;
  }
  return different;
}

}  // namespace bitnet::kernels::BITNET_DOT_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if BITNET_HAS_HALF_TABLE
BITNET_BEFORE_DOT_NAMESPACE();
namespace bitnet::kernels::BITNET_HALF_NAMESPACE {

// The portable twin has full vectors: its lower half is compared.
size_t CompareDots(const uint8_t* a, const int8_t* b, const int16_t* c, const int16_t* d, size_t n) {
  size_t different = 0;
  for (size_t i = 0; i + 64 <= n; i += kBytes) {
    const auto acc = hn::BitCast(HWY_NAMESPACE::DI32(), hn::LoadU(HWY_NAMESPACE::DI16(), d + i / 2));
    const auto quads =
        portable::AddQuads(acc, hn::LoadU(HWY_NAMESPACE::DU8(), a + i), hn::LoadU(HWY_NAMESPACE::DI8(), b + i));
    const VI32 half = AddQuads(hn::LowerHalf(DI32(), acc), hn::LoadU(DU8(), a + i), hn::LoadU(DI8(), b + i));
    different += hn::AllTrue(DI32(), hn::Eq(half, hn::LowerHalf(DI32(), quads))) ? 0 : 1;
    const auto pairs = portable::AddWidePairs(acc, hn::LoadU(HWY_NAMESPACE::DI16(), c + i / 2),
                                              hn::LoadU(HWY_NAMESPACE::DI16(), d + i / 2));
    const VI32 wide =
        AddWidePairs(hn::LowerHalf(DI32(), acc), hn::LoadU(DI16(), c + i / 2), hn::LoadU(DI16(), d + i / 2));
    different += hn::AllTrue(DI32(), hn::Eq(wide, hn::LowerHalf(DI32(), pairs))) ? 0 : 1;
  }
  return different;
}

}  // namespace bitnet::kernels::BITNET_HALF_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif  // BITNET_HAS_TABLE

#if HWY_ONCE
namespace bitnet::kernels {
namespace {

struct Case {
  const char* table;  // that runs where the products run
  CompareFn compare;
};

#if defined(__x86_64__)
constexpr Case kCases[] = {{"AVX2", N_AVX2::ComparePairs},
                           {"AVX3", N_AVX3::ComparePairs},
                           {"AVX3_VNNI", N_AVX3_VNNI::CompareDots},
                           {"AVX3_VNNI", N_AVX3_VNNI_256::CompareDots}};
#else
constexpr Case kCases[] = {
    {"NEON", N_NEON::ComparePairs},
#if HWY_COMPILER_GCC_ACTUAL
    {"NEON_DOTPROD", N_NEON_DOTPROD::CompareDots},
#endif
};
#endif

TEST_CASE("integer products equal their portable twins", "[kernels][cpu][compat]") {
  constexpr size_t kBytes = 1 << 16;
  const std::vector<uint8_t> a = bitnet_test::Ints<uint8_t>(1, kBytes, 0, 127);
  const std::vector<int8_t> b = bitnet_test::Ints<int8_t>(2, kBytes, -127, 127);
  const std::vector<int16_t> c = bitnet_test::Ints<int16_t>(3, kBytes / 2, -32768, 32767);
  const std::vector<int16_t> d = bitnet_test::Ints<int16_t>(4, kBytes / 2, -32767, 32767);
  const std::vector<uint8_t> codes = bitnet_test::Ints<uint8_t>(5, kBytes, 0, 2);
  std::vector<int8_t> lowest = bitnet_test::Ints<int8_t>(6, kBytes, -127, 127);
  size_t compared = 0;
  for (const Case& each : kCases) {
    if (FindTable(each.table) == nullptr) continue;
    INFO(each.table);
    CHECK(each.compare(a.data(), b.data(), c.data(), d.data(), kBytes) == 0);
    CHECK(each.compare(codes.data(), lowest.data(), c.data(), d.data(), kBytes) == 0);
    ++compared;
  }
  if (compared == 0) BN_SKIP("no table beside the reference runs on this CPU");
}

}  // namespace
}  // namespace bitnet::kernels
#endif  // HWY_ONCE
