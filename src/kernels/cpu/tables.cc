#include "kernels/cpu/tables.h"

#include "kernels/cpu/functions.h"
#include "kernels/cpu/targets.h"

#include <hwy/highway.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace bitnet::kernels {
namespace {

// The functions of namespace NS, the integer products from DOT, and from STREAM those that only stream a matrix: on
// x86 the 256-bit ones, which are measured to keep more of memory in flight than 512-bit ones (docs/kernels.md).
#define BITNET_TABLE(TABLE_NAME, GEMV_TOKENS, NS, DOT, STREAM)                                                     \
  {                                                                                                                \
    .name = TABLE_NAME, .gemv_tokens = GEMV_TOKENS, .rms_norm = NS::RmsNorm, .quantise_row = NS::QuantiseRow,      \
    .ternary_gemv = DOT::TernaryGemv, .ternary_gemm = DOT::TernaryGemm,                                            \
    .ternary_scratch_bytes = DOT::TernaryScratchBytes, .ternary_blocks = DOT::TernaryBlocks,                       \
    .dense_rows = STREAM::DenseRows, .dense_tokens = NS::DenseTokens, .quantise_blocks = NS::QuantiseBlocks,       \
    .block_rows = STREAM::BlockRows, .block_tokens = DOT::BlockTokens, .dense_row_to_f32 = NS::DenseRowToF32,      \
    .block_row_to_f32 = STREAM::BlockRowToF32, .rope = NS::Rope, .cache_store = NS::CacheStore,                    \
    .attention_block = NS::AttentionBlock, .attention_combine = NS::AttentionCombine, .relu2_gate = NS::Relu2Gate, \
    .silu_gate = NS::SiluGate, .add = NS::Add, .select_top = NS::SelectTop, .head_copy_rows = NS::HeadCopyRows,    \
    .head_query = NS::ComputeHeadQuery, .head_bounds = STREAM::HeadBounds, .head_survivors = NS::HeadSurvivors,    \
  }

struct Entry {
  KernelTable table;
  bool (*runs_here)() noexcept;
  MultiplyAddFn multiply_add;
};

#if defined(__x86_64__)

bool HasAvx2() noexcept { return (hwy::SupportedTargets() & HWY_AVX2) != 0; }
bool HasAvx3() noexcept { return (hwy::SupportedTargets() & HWY_AVX3) != 0; }
bool HasVnni() noexcept { return HasAvx3() && __builtin_cpu_supports("avx512vnni"); }

constexpr Entry kEntries[] = {
    {BITNET_TABLE("AVX3_VNNI", 48, N_AVX3, N_AVX3_VNNI, N_AVX2), HasVnni, N_AVX3_VNNI::MultiplyAdd},
    {BITNET_TABLE("AVX3", 16, N_AVX3, N_AVX3, N_AVX2), HasAvx3, N_AVX3::MultiplyAdd},
    {BITNET_TABLE("AVX2", 16, N_AVX2, N_AVX2, N_AVX2), HasAvx2, N_AVX2::MultiplyAdd},
};

#elif defined(__aarch64__)

bool HasNeon() noexcept { return true; }  // Advanced SIMD is part of the architecture
bool HasDotProduct() noexcept { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }

constexpr Entry kEntries[] = {
#if HWY_COMPILER_GCC_ACTUAL
    {BITNET_TABLE("NEON_DOTPROD", 16, N_NEON, N_NEON_DOTPROD, N_NEON), HasDotProduct, N_NEON_DOTPROD::MultiplyAdd},
#endif
    {BITNET_TABLE("NEON", 16, N_NEON, N_NEON, N_NEON), HasNeon, N_NEON::MultiplyAdd},
};

#else
#error "no kernel table for this architecture: build src/kernels without cpu/"
#endif

constexpr size_t kCount = sizeof(kEntries) / sizeof(kEntries[0]);

}  // namespace

size_t CpuTables(const KernelTable** out, size_t max) noexcept {
  size_t n = 0;
  for (const Entry& entry : kEntries) {
    if (n < max && entry.runs_here()) out[n++] = &entry.table;
  }
  return n;
}

const char* const* CpuTableNames(size_t* count) noexcept {
  struct Names {
    const char* name[kCount];
  };
  static constexpr Names kNames = [] {
    Names names{};
    for (size_t i = 0; i < kCount; ++i) names.name[i] = kEntries[i].table.name;
    return names;
  }();
  *count = kCount;
  return kNames.name;
}

MultiplyAddFn CpuMultiplyAdd(const KernelTable& table) noexcept {
  for (const Entry& entry : kEntries) {
    if (&entry.table == &table) return entry.multiply_add;
  }
  return nullptr;
}

}  // namespace bitnet::kernels
