// The few words by which one source is arithmetic for a CPU and for a GPU, so that each rule of docs/numerics.md is
// written once. C++17; nvcc compiles it with --fmad=false --ftz=false --prec-div=true --prec-sqrt=true.
#ifndef BITNET_KERNELS_HOST_DEVICE_H_
#define BITNET_KERNELS_HOST_DEVICE_H_

// BN_HD: a function for both. Inlined always, so that on a CPU it takes the instructions of its caller.
#if defined(__CUDACC__)
#define BN_HD __host__ __device__ __forceinline__
#else
#define BN_HD [[gnu::always_inline]] inline
#endif

namespace bitnet::kernels {

// Each is one correctly rounded operation; Rint rounds to nearest even.
#if defined(__CUDA_ARCH__)
BN_HD float FusedMultiplyAdd(float a, float b, float c) { return __fmaf_rn(a, b, c); }
BN_HD float Rint(float x) { return rintf(x); }
BN_HD float SquareRoot(float x) { return __fsqrt_rn(x); }
BN_HD float Quotient(float a, float b) { return __fdiv_rn(a, b); }
#else
BN_HD float FusedMultiplyAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
BN_HD float Rint(float x) { return __builtin_rintf(x); }
BN_HD float SquareRoot(float x) { return __builtin_sqrtf(x); }
BN_HD float Quotient(float a, float b) { return a / b; }
#endif

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_HOST_DEVICE_H_
