// What this CPU has and how this library was built, as text for people.
#ifndef BITNET_KERNELS_CPU_CPU_INFO_H_
#define BITNET_KERNELS_CPU_CPU_INFO_H_

namespace bitnet::kernels {

// The features that kernels here are chosen by, those present: "avx2 fma f16c ...". Static.
const char* CpuFeatures() noexcept;

// Compiler, Highway version and which operations it lacks, so that ours stand in; what no table makes use of. Static.
const char* BuildInfo() noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_CPU_CPU_INFO_H_
