// A quick check that a table gives the reference's bits on this very machine; the tests do the thorough one.
#ifndef BITNET_KERNELS_SELF_TEST_H_
#define BITNET_KERNELS_SELF_TEST_H_

#include <cstdint>

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

struct SelfTestResult {
  uint32_t n_checks = 0;                  // comparisons made
  uint32_t n_different = 0;               // those where a bit differed or a proven bound did not hold
  const char* first_different = nullptr;  // name of the operation; static
};

// Runs every operation of `table` on small random problems, the same ones at each call. Milliseconds; allocates.
SelfTestResult SelfTest(const KernelTable& table);

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_SELF_TEST_H_
