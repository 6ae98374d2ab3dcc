// The kernel tables made with Highway. No process-wide state of Highway's is touched: one table for each target, and
// the caller holds the one that it chose.
#ifndef BITNET_KERNELS_CPU_TABLES_H_
#define BITNET_KERNELS_CPU_TABLES_H_

#include <cstddef>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

// Writes the tables that this CPU can run to out[max], best first; returns how many.
size_t CpuTables(const KernelTable** out, size_t max) noexcept;
// Names of all tables built in, best first, whether this CPU can run them or not. `*count` entries.
const char* const* CpuTableNames(size_t* count) noexcept;

// The inner step of the table's integer products, n_rounds times on registers alone: returns how many products of bytes
// were made and added. Null for a table that is not one of these.
using MultiplyAddFn = uint64_t (*)(uint64_t n_rounds) noexcept;
MultiplyAddFn CpuMultiplyAdd(const KernelTable& table) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_CPU_TABLES_H_
