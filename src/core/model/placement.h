// Which weights a load leaves in the mapped file, and which it puts into memory of the model's own.
#ifndef BITNET_CORE_MODEL_PLACEMENT_H_
#define BITNET_CORE_MODEL_PLACEMENT_H_

#include <cstdint>

#include "core/model/model.h"
#include "core/model/tensor_plan.h"

namespace bitnet::core {

struct Placement {
  // Matrices that the products could read in the file are copied: linears, and the head, if any.
  bool copies = false;
  const Matrix* head = nullptr;
  uint64_t arena_bytes = 0;     // of the matrices that WeightArena takes
  uint64_t other_bytes = 0;     // of other blocks of the model's own: vectors, dense linears as packed codes
  uint64_t replaced_bytes = 0;  // of the file, that nothing reads any more

  bool Copies(const PlannedTensor& t, const LoadSpec& spec) const;
};

// LoadMode::kAuto copies where the kernel offers huge pages and half of the memory that is to spare suffices: decoding
// reads every weight for every token, and reads pages of 4 KiB, as mapped files have them, at two thirds of the speed
// (docs/kernels.md). Left in the file are an embedding that is no head, of which a token reads one row, a head that
// sessions read through an 8-bit copy (head_copy.h), of which it reads a few, and linears that are dense: whether they
// are ternary, which makes them an eighth of their size, is not known before.
Placement PlaceWeights(const TensorPlan& plan, const Weights& weights, const LoadSpec& spec);

// Of the file: none of a tensor that was computed from the configuration, whose offset is 0.
uint64_t BytesInFile(const GgufTensor& tensor);

// The head as the products will see it: kind and shape alone.
Matrix HeadOf(const TensorPlan& plan, const Weights& weights);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_PLACEMENT_H_
