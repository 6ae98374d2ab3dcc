// The reference kernels once more, with the instructions of AVX2 and FMA: a call to fma costs ten times as much.
#if defined(__x86_64__)

// What both compilations share comes first, so that no shared inline function is compiled for AVX2.
#include "kernels/exp_c.h"
#include "kernels/half.h"
#include "kernels/head_math.h"
#include "kernels/pack.h"
#include "kernels/ref/reference.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define BN_REF_NAMESPACE ref_fma
#include "kernels/ref/table-inl.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif  // __x86_64__
