// The yardstick of bench: how fast this CPU multiplies and adds bytes with the instructions of a table's products.
#ifndef BITNET_KERNELS_MULTIPLY_ADD_H_
#define BITNET_KERNELS_MULTIPLY_ADD_H_

#include <cstdint>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

// Runs n_rounds rounds of those instructions on data in registers or the first cache, on this thread, and returns how
// many products of a u8 by an i8 were made and added.
uint64_t MultiplyAddRounds(const KernelTable& table, uint64_t n_rounds) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_MULTIPLY_ADD_H_
