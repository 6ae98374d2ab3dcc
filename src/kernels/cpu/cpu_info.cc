#include "kernels/cpu/cpu_info.h"

#include <hwy/base.h>
#include <hwy/highway.h>

#include <cstring>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define BN_STRINGIZE_INNER(x) #x
#define BN_STRINGIZE(x) BN_STRINGIZE_INNER(x)

#if defined(__clang__)
#define BN_COMPILER "clang " __clang_version__
#else
#define BN_COMPILER "gcc " __VERSION__
#endif

// Source: Highway's release notes; WidenMulPairwiseAdd came with 1.0.5, the other two with 1.0.6.
#if HWY_MAJOR == 1 && HWY_MINOR == 0 && HWY_PATCH < 5
#define BN_HIGHWAY_LACKS " (lacks WidenMulPairwiseAdd, SatWidenMulPairwiseAdd, SumOfMulQuadAccumulate: own ones used)"
#elif HWY_MAJOR == 1 && HWY_MINOR == 0 && HWY_PATCH < 6
#define BN_HIGHWAY_LACKS " (lacks SatWidenMulPairwiseAdd, SumOfMulQuadAccumulate: own ones used)"
#else
#define BN_HIGHWAY_LACKS ""
#endif

// What some CPUs have that no table of this build uses.
#if defined(__x86_64__)
#define BN_TABLES_LACK "; AVX-VNNI without AVX-512 runs AVX2, AVX-512 beyond VNNI (VBMI, BF16, AMX) runs AVX3_VNNI"
#elif defined(__clang__)
#define BN_TABLES_LACK "; SVE runs NEON, NEON_DOTPROD needs gcc"
#else
#define BN_TABLES_LACK "; SVE runs NEON"
#endif

namespace bitnet::kernels {

namespace {

struct FeatureText {
  char text[160] = {};

  FeatureText() noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();
    Add("avx2", __builtin_cpu_supports("avx2"));
    Add("fma", __builtin_cpu_supports("fma"));
    Add("avx512f", __builtin_cpu_supports("avx512f"));
    Add("avx512bw", __builtin_cpu_supports("avx512bw"));
    Add("avx512dq", __builtin_cpu_supports("avx512dq"));
    Add("avx512vl", __builtin_cpu_supports("avx512vl"));
    Add("avx512vnni", __builtin_cpu_supports("avx512vnni"));
#elif defined(__aarch64__)
    const unsigned long hwcap = getauxval(AT_HWCAP);
    Add("asimd", (hwcap & HWCAP_ASIMD) != 0);
    Add("fphp", (hwcap & HWCAP_FPHP) != 0);
    Add("asimddp", (hwcap & HWCAP_ASIMDDP) != 0);
    Add("sve", (hwcap & HWCAP_SVE) != 0);
#endif
  }

 private:
  void Add(const char* name, bool present) noexcept {
    if (!present) return;
    if (text[0] != '\0') std::strcat(text, " ");
    std::strcat(text, name);  // all names together are shorter than `text`
  }
};

}  // namespace

const char* CpuFeatures() noexcept {
  static const FeatureText features;
  return features.text;
}

const char* BuildInfo() noexcept {
  return BN_COMPILER ", Highway " BN_STRINGIZE(HWY_MAJOR) "." BN_STRINGIZE(HWY_MINOR) "." BN_STRINGIZE(HWY_PATCH)
      BN_HIGHWAY_LACKS BN_TABLES_LACK;
}

}  // namespace bitnet::kernels
