// How many bytes this test program holds from operator new, and the most it held since the last look.
#ifndef BITNET_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define BITNET_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <cstddef>

namespace bitnet::test {

// Linking allocation_counter.cc replaces operator new and delete of the program.
size_t LiveBytes();
size_t PeakBytes();
void ResetPeak();

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
