// What this machine can do at most, measured here and now: the yardstick of bench.
#ifndef BITNET_EXAMPLES_BITNET_MACHINE_LIMITS_H_
#define BITNET_EXAMPLES_BITNET_MACHINE_LIMITS_H_

#include <cstdint>
#include <string>

namespace bitnet::tool {

struct MachineLimits {
  double read_bytes_per_s = 0;     // of memory, far beyond the caches
  double multiply_adds_per_s = 0;  // of unsigned by signed bytes, with the instructions of the target
};

// With `n_threads` threads at once. Takes about a second.
MachineLimits MeasureLimits(const std::string& target, uint32_t n_threads);

// The most memory that this process had at once between Start() and Stop(), over all such spans.
class PeakMemory {
 public:
  void Start();
  void Stop();
  uint64_t bytes() const { return known_ ? bytes_ : 0; }  // 0: this system does not say

 private:
  uint64_t bytes_ = 0;
  bool known_ = true;
};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_MACHINE_LIMITS_H_
