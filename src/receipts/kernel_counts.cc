#include "receipts/kernel_counts.h"

namespace bitnet::receipts {

std::vector<ExpectedRows> ExpectedKernelRows(const Shape& shape, const Inference& inference) {
  // All are below 2^32, so no product of two wraps.
  const uint64_t layers = shape.n_layers;
  const uint64_t tokens = inference.evaluated_tokens;  // rows through the layers
  const uint64_t draws = inference.tokens_generated;   // rows through the head
  const uint64_t dense_head = shape.head == "dense" ? draws : 0;
  const uint64_t block_head = shape.head == "block" ? draws : 0;
  return {
      {{"embed"}, tokens},
      {{"rms_norm"}, tokens * shape.norms + draws},
      {{"quantise_row"}, tokens * shape.ternary_inputs},
      {{"ternary_gemv", "ternary_gemm"}, tokens * shape.ternary},  // which of the two is a matter of chunks
      {{"ternary_blocks"}, tokens * shape.ternary_blocks},
      {{"dense", "head_shortcut"}, tokens * shape.dense + dense_head},  // a draw is answered by one of the two
      {{"quantise_blocks"}, tokens * shape.block_inputs + block_head},
      {{"block_product"}, tokens * shape.block + block_head},
      {{"rope"}, 2 * tokens * layers},         // queries and keys
      {{"cache_store"}, 2 * tokens * layers},  // keys and values
      {{"attention"}, tokens * layers},
      {{"gate"}, tokens * layers},
      {{"add"}, tokens * (2 * layers + shape.biases)},  // two residuals a layer
      {{"select_top"}, draws},
  };
}

}  // namespace bitnet::receipts
