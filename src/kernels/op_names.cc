#include "kernels/kernel_table.h"

namespace bitnet::kernels {

const char* OpName(Op op) noexcept {
  switch (op) {
    case Op::kEmbed: return "embed";
    case Op::kRmsNorm: return "rms_norm";
    case Op::kQuantiseRow: return "quantise_row";
    case Op::kTernaryGemv: return "ternary_gemv";
    case Op::kTernaryGemm: return "ternary_gemm";
    case Op::kTernaryBlocks: return "ternary_blocks";
    case Op::kDense: return "dense";
    case Op::kQuantiseBlocks: return "quantise_blocks";
    case Op::kBlockProduct: return "block_product";
    case Op::kRope: return "rope";
    case Op::kCacheStore: return "cache_store";
    case Op::kAttention: return "attention";
    case Op::kGate: return "gate";
    case Op::kAdd: return "add";
    case Op::kSelectTop: return "select_top";
    case Op::kHeadShortcut: return "head_shortcut";
    case Op::kCount: break;
  }
  return "unknown";
}

}  // namespace bitnet::kernels
