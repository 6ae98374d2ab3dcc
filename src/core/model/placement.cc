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

// A linear of which only loading tells whether it is ternary.
bool IsDenseLinear(const PlannedTensor& t, const LoadSpec& spec) {
  return t.role == PlannedTensor::Role::kLinear && DenseTypeOf(t.tensor->type) &&
         !TernaryLayoutOf(*t.tensor, spec.i2s_arm_layout);
}

// Of a matrix whose form is not the file's, 0 where the products can read it as the file has it.
uint64_t ChangedBytes(const PlannedTensor& t, const LoadSpec& spec) {
  const uint64_t rows = t.matrix->rows, cols = t.matrix->cols;
  if (t.role == PlannedTensor::Role::kTable) {
    const auto dense = DenseTypeOf(t.tensor->type);
    if (t.tensor->type == QuantType::kF64) return rows * cols * sizeof(float);
    const bool aligned =
        !dense || reinterpret_cast<uintptr_t>(t.tensor->data.data()) % kernels::DenseBytes(*dense) == 0;
    return aligned ? 0 : t.tensor->n_bytes;
  }
  const auto layout = TernaryLayoutOf(*t.tensor, spec.i2s_arm_layout);
  if (!layout && BlockTypeOf(t.tensor->type)) return 0;
  return RepackedBytes(layout.value_or(TernaryLayout::kHfPacked), rows, cols);
}

Placement Place(const TensorPlan& plan, const LoadSpec& spec, bool copies, const Matrix* head) {
  Placement out{copies, head};
  for (const PlannedTensor& t : plan.tensors) {
    const uint64_t elements = t.matrix != nullptr ? uint64_t{t.matrix->rows} * t.matrix->cols : t.tensor->ne[0];
    const bool dense = IsDenseLinear(t, spec) && !plan.master_linears;
    if (t.vector != nullptr) {
      out.other_bytes += elements * sizeof(float);
    } else if (dense && spec.allow_dense_linears) {  // at most, where it is not ternary
      out.other_bytes += t.tensor->type == QuantType::kF64 ? elements * sizeof(float) : 0;
      continue;
    } else if (const uint64_t changed = ChangedBytes(t, spec); changed != 0) {
      (dense ? out.other_bytes : out.arena_bytes) += WeightArena::Taken(changed);
    } else if (out.Copies(t, spec)) {
      out.arena_bytes += WeightArena::Taken(t.tensor->n_bytes);
    } else {
      continue;
    }
    out.replaced_bytes += BytesInFile(*t.tensor);
  }
  return out;
}

}  // namespace

uint64_t BytesInFile(const GgufTensor& tensor) { return tensor.offset == 0 ? 0 : tensor.n_bytes; }

bool Placement::Copies(const PlannedTensor& t, const LoadSpec& spec) const {
  if (!copies || t.matrix == nullptr) return false;
  return t.role == PlannedTensor::Role::kLinear ? !IsDenseLinear(t, spec) : t.matrix == head;
}

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
    if (copied.arena_bytes <= SpareMemory() / 2) return copied;
  }
  return Place(plan, spec, false, nullptr);
}

}  // namespace bitnet::core
