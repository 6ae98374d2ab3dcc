// Which tensors of a file a graph needs, found and with the right shapes, in graph order.
#ifndef BITNET_CORE_MODEL_TENSOR_PLAN_H_
#define BITNET_CORE_MODEL_TENSOR_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/model/hparams.h"
#include "core/model/tensor_table.h"
#include "core/model/weights.h"

namespace bitnet::core {

// One tensor and the place in Weights where it goes.
struct PlannedTensor {
  enum class Role : uint32_t {
    kNorm,       // f32 vector that a correction may scale
    kRopeFreqs,  // f32 vector of divisors
    kTable,      // embedding or head: dense or block matrix
    kLinear,     // ternary matrix
  };
  Role role = Role::kNorm;
  std::string name = {};  // in the graph
  const GgufTensor* tensor = nullptr;
  const GgufTensor* scale = nullptr;  // `.scale` beside a linear, or null
  const GgufTensor* bias = nullptr;   // `.bias` beside a linear, or null
  const float** vector = nullptr;     // kNorm, kRopeFreqs
  Matrix* matrix = nullptr;           // kTable, kLinear: rows and cols are set
};

struct TensorPlan {
  std::vector<PlannedTensor> tensors;  // graph order
  bool master_linears = false;         // linears are dense and become ternary at load
  uint64_t n_unused = 0;               // tensors of the file that the graph does not use
  std::string_view first_unused;
};

// Errors name the tensor, its shape and the shape that the hyperparameters ask for. Fills the shapes of `weights`,
// which the plan points into.
Result<TensorPlan> PlanTensors(const TensorTable& table, const HParams& hparams, Weights& weights);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_TENSOR_PLAN_H_
