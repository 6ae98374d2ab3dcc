// Every kernel of this folder, with the number that GpuTable::launch knows it by.
#ifndef BITNET_KERNELS_CUDA_KERNEL_LIST_H_
#define BITNET_KERNELS_CUDA_KERNEL_LIST_H_

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_prompt_kernels.h"
#include "kernels/cuda/block_kernels.h"
#include "kernels/cuda/gpu.h"
#include "kernels/cuda/head_kernels.h"
#include "kernels/cuda/matrix_kernels.h"
#include "kernels/cuda/norm_kernels.h"
#include "kernels/cuda/row_kernels.h"
#include "kernels/cuda/select_kernels.h"
#include "kernels/cuda/tensor_core_kernels.h"
#include "kernels/cuda/ternary_kernels.h"

namespace bitnet::kernels::gpu {

using NormQuantiseWhole = NormQuantise<true>;
using NormQuantiseAny = NormQuantise<false>;
using TernaryGemv1 = TernaryGemv<1, false>;
using TernaryGemv4 = TernaryGemv<4, false>;
using TernaryGate1 = TernaryGemv<1, true>;
using TernaryGate4 = TernaryGemv<4, true>;
using TernaryNormGemv1 = TernaryNormGemv<false>;
using TernaryNormGate1 = TernaryNormGemv<true>;
using TernaryMma128x64 = TernaryMma<4, 4, 2, 2, 1>;  // rows x tokens of a block
using TernaryMma64x32 = TernaryMma<4, 4, 1, 1, 4>;
using TernaryMma128x16 = TernaryMma<4, 2, 2, 1, 4>;
using TernaryMma32x16 = TernaryMma<2, 2, 1, 1, 4>;
using RopeStoreF32 = RopeStore<float>;
using RopeStoreF16 = RopeStore<F16>;
using AttentionBlockF32x1 = AttentionBlock<float, 1>;
using AttentionBlockF32x4 = AttentionBlock<float, 4>;
using AttentionBlockF16x1 = AttentionBlock<F16, 1>;
using AttentionBlockF16x4 = AttentionBlock<F16, 4>;
using AttentionPromptF32 = AttentionPrompt<float>;
using AttentionPromptF16 = AttentionPrompt<F16>;
using DenseF32x1 = DenseProduct<float, 1>;
using DenseF32x4 = DenseProduct<float, 4>;
using DenseF16x1 = DenseProduct<F16, 1>;
using DenseF16x4 = DenseProduct<F16, 4>;
using DenseBF16x1 = DenseProduct<BF16, 1>;
using DenseBF16x4 = DenseProduct<BF16, 4>;
using DenseListedF32 = DenseProduct<float, 1, true>;
using DenseListedF16 = DenseProduct<F16, 1, true>;
using DenseListedBF16 = DenseProduct<BF16, 1, true>;
using HeadCopyF32 = HeadCopyRows<float>;
using HeadCopyF16 = HeadCopyRows<F16>;
using HeadCopyBF16 = HeadCopyRows<BF16>;
using BlockQ8_0x1 = BlockProduct<Block::kQ8_0, 1>;
using BlockQ8_0x16 = BlockProduct<Block::kQ8_0, 16>;
using BlockQ6_Kx1 = BlockProduct<Block::kQ6_K, 1>;
using BlockQ6_Kx16 = BlockProduct<Block::kQ6_K, 16>;

// BN_GPU_KERNELS(X): X(kernel) for each.
// clang-format off
#define BN_GPU_KERNELS(X) \
  X(Embed) X(NormQuantiseWhole) X(NormQuantiseAny) X(QuantiseBlocks) X(TernaryGemv1) \
  X(TernaryGemv4) X(TernaryGate1) X(TernaryGate4) X(TernaryNormGemv1) X(TernaryNormGate1) \
  X(TernaryMma128x64) X(TernaryMma64x32) X(TernaryMma128x16) X(TernaryMma32x16) \
  X(TernaryBlocks) X(RopeStoreF32) X(RopeStoreF16) X(AttentionBlockF32x1) X(AttentionBlockF32x4) \
  X(AttentionBlockF16x1) X(AttentionBlockF16x4) X(AttentionPromptF32) X(AttentionPromptF16) \
  X(AttentionCombine) X(Gate) X(DenseF32x1) \
  X(DenseF32x4) X(DenseF16x1) X(DenseF16x4) X(DenseBF16x1) \
  X(DenseBF16x4) X(BlockQ8_0x1) X(BlockQ8_0x16) X(BlockQ6_Kx1) \
  X(BlockQ6_Kx16) X(SelectMaxima) X(SelectTop) \
  X(HeadCopyF32) X(HeadCopyF16) X(HeadCopyBF16) X(HeadDigits) X(HeadBounds) X(HeadSurvivors) \
  X(DenseListedF32) X(DenseListedF16) X(DenseListedBF16)
// clang-format on

enum class GpuKernel : uint32_t {
#define BN_X(kernel) k##kernel,
  BN_GPU_KERNELS(BN_X)
#undef BN_X
      kCount
};

// IdOfKernel<Embed>::kId
template <class Kernel>
struct IdOfKernel;
#define BN_X(kernel)                                       \
  template <>                                              \
  struct IdOfKernel<kernel> {                              \
    static constexpr GpuKernel kId = GpuKernel::k##kernel; \
  };
BN_GPU_KERNELS(BN_X)
#undef BN_X

template <class Kernel>
GpuStatus Launch(const GpuTable& table, GpuQueue* queue, GpuGrid grid, const typename Kernel::Args& args) {
  return table.launch(queue, IdOfKernel<Kernel>::kId, grid, &args);
}

}  // namespace bitnet::kernels::gpu

#endif  // BITNET_KERNELS_CUDA_KERNEL_LIST_H_
