#include "core/model/placement.h"

#include <algorithm>

#include "core/base/system_info.h"
#include "core/model/dense_decode.h"
#include "core/model/head_copy.h"
#include "core/model/norms.h"
#include "core/model/ternary_loader.h"
#include "core/model/weight_arena.h"

namespace bitnet::core {

namespace {

// Whether the products can read a linear as the file has it.
bool FitsInPlace(const PlannedTensor& t, const LoadSpec& spec) {
  const auto layout = TernaryLayoutOf(*t.tensor, spec.i2s_arm_layout);
  return layout ? *layout == TernaryLayout::kI2S : BlockTypeOf(t.tensor->type).has_value();
}

// Dense linears count as the packed codes that they become where they are exactly ternary.
uint64_t RepackedBytes(const PlannedTensor& t, const LoadSpec& spec) {
  const auto layout = TernaryLayoutOf(*t.tensor, spec.i2s_arm_layout);
  return core::RepackedBytes(layout.value_or(TernaryLayout::kHfPacked), t.matrix->rows, t.matrix->cols);
}

Placement Place(const TensorPlan& plan, const LoadSpec& spec, bool copies, const Matrix* head) {
  Placement out{copies, head, 0, 0};
  for (const PlannedTensor& t : plan.tensors) {
    if (t.role == PlannedTensor::Role::kLinear && !FitsInPlace(t, spec)) {
      out.beside_bytes += WeightArena::Taken(RepackedBytes(t, spec));
    } else if (out.Copies(t)) {
      out.beside_bytes += WeightArena::Taken(t.tensor->n_bytes);
      out.copied_bytes += t.tensor->n_bytes;
    }
  }
  return out;
}

}  // namespace

Matrix HeadOf(const TensorPlan& plan, const Weights& weights) {
  Matrix head;
  for (const PlannedTensor& t : plan.tensors) {
    if (t.role != PlannedTensor::Role::kTable || (t.matrix != &weights.output && head.rows != 0)) continue;
    head = *t.matrix;
    const auto dense = DenseTypeOf(t.tensor->type);
    head.kind = dense ? Matrix::Kind::kDense : Matrix::Kind::kBlock;
    if (dense) head.dense = *dense;
    if (const auto block = BlockTypeOf(t.tensor->type)) head.block_type = *block;
  }
  return head;
}

Placement PlaceWeights(const TensorPlan& plan, const Weights& weights, const LoadSpec& spec) {
  if (spec.mode == LoadMode::kAuto && HugePagesOffered()) {
    const bool has_output = std::any_of(plan.tensors.begin(), plan.tensors.end(),
                                        [&](const PlannedTensor& t) { return t.matrix == &weights.output; });
    const Matrix* head = has_output ? &weights.output : &weights.token_embd;
    if (HeadCopy::Worthwhile(HeadOf(plan, weights))) head = nullptr;
    const Placement copied = Place(plan, spec, true, head);
    if (copied.beside_bytes <= SpareMemory() / 2) return copied;
  }
  return Place(plan, spec, false, nullptr);
}

}  // namespace bitnet::core
