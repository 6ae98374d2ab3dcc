// Declares the functions of the tables, once in each table's namespace; tables.cc puts them together.
#ifndef BITNET_KERNELS_CPU_FUNCTIONS_H_
#define BITNET_KERNELS_CPU_FUNCTIONS_H_

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

// At most kWideColumns columns of a row of blocks: (code - centre) * scale of its sub-block, the minimum of each 16
// columns (1 for Q4_1 and Q5_1), and the numbers of each block.
constexpr size_t kWideColumns = 256;
struct WideBlocks {
  int16_t w[kWideColumns];
  int16_t minima[kWideColumns / 16];
  float d[kWideColumns / 32];
  float m[kWideColumns / 32];
};

}  // namespace bitnet::kernels

// The products that the dot tables replace.
#define BITNET_DECLARE_PRODUCTS(NS)                                                                   \
  namespace bitnet::kernels::NS {                                                                     \
  void TernaryGemv(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept;                 \
  void TernaryGemm(const TernaryJob& job, size_t row_begin, size_t row_end, void* scratch) noexcept;  \
  uint64_t MultiplyAdd(uint64_t n_rounds) noexcept;                                                   \
  size_t TernaryScratchBytes(size_t cols) noexcept;                                                   \
  void TernaryBlocks(const TernaryJob& job, size_t block, size_t row_begin, size_t row_end) noexcept; \
  void BlockTokens(const BlockTokensJob& job, size_t row_begin, size_t row_end) noexcept;             \
  } /* namespace bitnet::kernels::NS */

// The products that stream a matrix: 256-bit ones on x86.
#define BITNET_DECLARE_STREAMS(NS)                                                                               \
  namespace bitnet::kernels::NS {                                                                                \
  void DenseRows(Dense type, const void* w, size_t n, const float* x, size_t row_begin, size_t row_end,          \
                 float* y) noexcept;                                                                             \
  void BlockRows(Block type, const void* w, size_t n, const int8_t* q, const float* d_a, size_t row_begin,       \
                 size_t row_end, float* y) noexcept;                                                             \
  void BlockRowToF32(Block type, const void* w, size_t n, size_t row, float* y) noexcept;                        \
  void WidenBlocks(Block type, const uint8_t* w, size_t n_blocks, WideBlocks* out) noexcept;                     \
  void HeadBounds(const uint8_t* copy, size_t n, const HeadQuery& query, const int8_t* digits, size_t row_begin, \
                  size_t row_end, float* lower, float* upper) noexcept;                                          \
  } /* namespace bitnet::kernels::NS */

#define BITNET_DECLARE_KERNELS(NS)                                                                                  \
  BITNET_DECLARE_PRODUCTS(NS)                                                                                       \
  namespace bitnet::kernels::NS {                                                                                   \
  bool RmsNorm(const float* x, const float* gamma, float eps, size_t n, float* y) noexcept;                         \
  bool QuantiseRow(const float* x, size_t n, int8_t* q, float* d, int32_t* q_sum) noexcept;                         \
  bool QuantiseBlocks(const float* x, size_t n, size_t block, int8_t* q, float* d_a) noexcept;                      \
  void DenseTokens(const DenseTokensJob& job, size_t row_begin, size_t row_end) noexcept;                           \
  void DenseRowToF32(Dense type, const void* w, size_t n, size_t row, float* y) noexcept;                           \
  void Rope(float* x, size_t n_heads, size_t head_dim, size_t rot, const float* cos, const float* sin,              \
            bool adjacent) noexcept;                                                                                \
  bool CacheStore(const float* x, size_t n, Dense type, void* out) noexcept;                                        \
  bool AttentionBlock(const AttentionBlockJob& job) noexcept;                                                       \
  bool AttentionCombine(const float* m, const float* s, size_t stride_m, const float* o, size_t stride_o,           \
                        size_t n_blocks, size_t head_dim, float* y) noexcept;                                       \
  void Relu2Gate(const float* g, const float* u, size_t n, float* y) noexcept;                                      \
  void SiluGate(const float* g, const float* u, size_t n, float* y) noexcept;                                       \
  void Add(float* x, const float* y, size_t n) noexcept;                                                            \
  bool SelectTop(const float* logits, size_t n, size_t k, TopEntry* top) noexcept;                                  \
  void HeadCopyRows(Dense type, const void* w, size_t n, size_t row_begin, size_t row_end, uint8_t* copy) noexcept; \
  bool ComputeHeadQuery(const float* x, size_t n, int8_t* digits, HeadQuery* query) noexcept;                       \
  size_t HeadSurvivors(const float* upper, size_t n, float threshold, uint32_t* ids, size_t max) noexcept;          \
  } /* namespace bitnet::kernels::NS */

#if defined(__x86_64__)
BITNET_DECLARE_KERNELS(N_AVX2)
BITNET_DECLARE_STREAMS(N_AVX2)
BITNET_DECLARE_KERNELS(N_AVX3)
BITNET_DECLARE_PRODUCTS(N_AVX3_VNNI)
namespace bitnet::kernels {
namespace streams = N_AVX2;
}  // namespace bitnet::kernels
namespace bitnet::kernels::N_AVX3_VNNI_256 {
void TernaryGemv(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept;
void BlockTokens(const BlockTokensJob& job, size_t row_begin, size_t row_end) noexcept;
}  // namespace bitnet::kernels::N_AVX3_VNNI_256
#elif defined(__aarch64__)
BITNET_DECLARE_KERNELS(N_NEON)
BITNET_DECLARE_STREAMS(N_NEON)
BITNET_DECLARE_PRODUCTS(N_NEON_DOTPROD)
namespace bitnet::kernels {
namespace streams = N_NEON;
}  // namespace bitnet::kernels
#endif

#endif  // BITNET_KERNELS_CPU_FUNCTIONS_H_
