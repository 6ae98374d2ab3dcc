// Which Highway targets get a kernel table, and the names of their namespaces. Include before any <hwy/...>.
//
// Built: AVX2, AVX3 (AVX-512 as in Skylake-X) and NEON. Not built: SSE targets and the scalar fallbacks, whose
// Highway has no fused multiply-add (docs/numerics.md asks for one), AVX3_DL (wants more than Cascade Lake has, and
// Highway 1.0.3 names the wrong VNNI feature for it) and SVE. Two more tables share a target's functions and replace
// its integer products: AVX3_VNNI (vpdpbusd, EVEX form) and NEON_DOTPROD (sdot).
#ifndef BITNET_KERNELS_CPU_TARGETS_H_
#define BITNET_KERNELS_CPU_TARGETS_H_

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// In #if, inside a file that foreach_target.h includes again: whether this pass builds a table.
#define BITNET_HAS_TABLE ((HWY_TARGET & (HWY_AVX2 | HWY_AVX3 | HWY_NEON)) != 0)

#endif  // BITNET_KERNELS_CPU_TARGETS_H_
