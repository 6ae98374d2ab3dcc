// Norm vectors as f32, whatever type the file gives them, and the corrections on the loader's own copy.
#ifndef BITNET_CORE_MODEL_NORMS_H_
#define BITNET_CORE_MODEL_NORMS_H_

#include <cstddef>
#include <optional>
#include <span>

#include "core/base/status.h"
#include "core/format/gguf.h"
#include "core/model/corrections.h"
#include "core/model/ternary_decode.h"

namespace bitnet::core {

// The ternary layout of a tensor of a file; nullopt for types that are not read as ternary here.
std::optional<TernaryLayout> TernaryLayoutOf(const GgufTensor& tensor, bool i2s_arm_layout);

// True for a norm stored in a quantised type, which no trained model means to have.
bool IsQuantised(QuantType type);

// The values of a vector [n] in any dense, block or ternary type that is read here; kUnsupported for other types.
// Values are not judged: they may be infinite or NaN.
Status ReadVector(const GgufTensor& tensor, bool i2s_arm_layout, std::span<float> out);

// sqrt(mean(x^2)) in binary64, elements in index order (docs/policy.md).
double RootMeanSquare(std::span<const float> x);

// gamma' = gamma * factor, then the postcondition: kPolicyPostcondition when it does not hold.
Status ApplyNormScale(const NormScale& correction, std::span<float> gamma);

// kBadFormat when a value is infinite or NaN.
Status CheckFinite(const GgufTensor& tensor, std::span<const float> x);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_NORMS_H_
