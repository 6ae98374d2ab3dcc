// All reference kernels as one table, in the namespace that the including file names: docs/numerics.md to the letter.
#ifndef BITNET_KERNELS_REF_TABLE_INL_H_
#define BITNET_KERNELS_REF_TABLE_INL_H_

#include "kernels/ref/attention-inl.h"
#include "kernels/ref/block-inl.h"
#include "kernels/ref/cache_store-inl.h"
#include "kernels/ref/dense-inl.h"
#include "kernels/ref/elementwise-inl.h"
#include "kernels/ref/head-inl.h"
#include "kernels/ref/quantise-inl.h"
#include "kernels/ref/reference.h"
#include "kernels/ref/rms_norm-inl.h"
#include "kernels/ref/rope-inl.h"
#include "kernels/ref/select_top-inl.h"
#include "kernels/ref/ternary-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

constinit const KernelTable kTable = {
    .name = "portable",
    .gemv_tokens = 4,
    .rms_norm = RmsNorm,
    .quantise_row = QuantiseRow,
    .ternary_gemv = TernaryGemv,
    .ternary_gemm = TernaryGemm,
    .ternary_scratch_bytes = TernaryScratchBytes,
    .ternary_blocks = TernaryBlocks,
    .dense_rows = DenseRows,
    .dense_tokens = DenseTokens,
    .quantise_blocks = QuantiseBlocks,
    .block_rows = BlockRows,
    .block_tokens = BlockTokens,
    .dense_row_to_f32 = DenseRowToF32,
    .block_row_to_f32 = BlockRowToF32,
    .rope = Rope,
    .cache_store = CacheStore,
    .attention_block = AttentionBlock,
    .attention_combine = AttentionCombine,
    .relu2_gate = Relu2Gate,
    .silu_gate = SiluGate,
    .add = Add,
    .select_top = SelectTop,
    .head_copy_rows = HeadCopyRows,
    .head_query = ComputeHeadQuery,
    .head_bounds = HeadBounds,
    .head_survivors = HeadSurvivors,
};

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_TABLE_INL_H_
