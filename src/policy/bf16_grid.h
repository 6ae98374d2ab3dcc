// Evidence of a scale: norms are trained in BF16, so the values of a healthy one have 8 significant bits. What a
// converter multiplied them by is still in the values, but for a power of two.
#ifndef BITNET_POLICY_BF16_GRID_H_
#define BITNET_POLICY_BF16_GRID_H_

#include <optional>
#include <span>

namespace bitnet::policy {

// The f in [1, 2) for which every finite value of x is a BF16 number times f times one power of two, but for the
// rounding of the product to binary32; 1 for values that are BF16 numbers themselves. None when there is no such f, or
// more than one: few different values fit many.
std::optional<double> Bf16Factor(std::span<const float> x);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_BF16_GRID_H_
