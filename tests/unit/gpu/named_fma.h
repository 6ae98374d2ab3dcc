// Included before device.cu, and after what nvcc itself includes, by check_ptx.cmake: a fused operation that the source
// names carries a remark into the PTX, so that one without it is the compiler's own.
#ifndef BITNET_TESTS_UNIT_GPU_NAMED_FMA_H_
#define BITNET_TESTS_UNIT_GPU_NAMED_FMA_H_

__device__ __forceinline__ float NamedFma(float a, float b, float c) {
  float y;
  asm("fma.rn.f32 %0, %1, %2, %3; // by name" : "=f"(y) : "f"(a), "f"(b), "f"(c));
  return y;
}
#define __fmaf_rn NamedFma

#endif  // BITNET_TESTS_UNIT_GPU_NAMED_FMA_H_
