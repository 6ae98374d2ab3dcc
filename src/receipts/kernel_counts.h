// How many rows each operation must have produced in a run: the table that ties a receipt's kernel counts to its model,
// options and evaluations. It says of src/core/graph what a reader would count by hand there.
#ifndef BITNET_RECEIPTS_KERNEL_COUNTS_H_
#define BITNET_RECEIPTS_KERNEL_COUNTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "receipts/record.h"

namespace bitnet::receipts {

struct ExpectedRows {
  std::vector<std::string_view> operations;  // the rows of these together
  uint64_t rows;
};

// One entry for each operation that the graph knows, in its order; those that must not have run with 0 rows.
std::vector<ExpectedRows> ExpectedKernelRows(const Shape& shape, const Inference& inference);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_KERNEL_COUNTS_H_
