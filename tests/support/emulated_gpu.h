// A GpuTable whose devices are loops on the CPU (emulated_grid.h): what GpuOps launches, runs. For tests alone.
#ifndef BITNET_TESTS_SUPPORT_EMULATED_GPU_H_
#define BITNET_TESTS_SUPPORT_EMULATED_GPU_H_

#include <cstdint>

#include "kernels/cuda/gpu.h"
#include "support/emulated_grid.h"

namespace bitnet_test {

// What the devices are like, and what was seen; one for the process, reset by each test.
struct EmulatedGpus {
  uint32_t n_devices = 1;
  uint64_t memory_bytes = uint64_t{2} << 30;  // of each
  LaneOrder order = LaneOrder::kRising;
  int64_t fail_launch = -1;  // this many launches succeed, then the device is lost; -1: never
  uint64_t n_launches = 0, n_replays = 0, n_recordings = 0;
  uint64_t bytes_in = 0, bytes_out = 0;  // copied to and from the devices
  uint64_t allocated_bytes = 0;          // now, all devices together
  uint32_t open_queues = 0;
  uint32_t misuse = 0;  // copies or waits inside a recording, launches with bad grids
};
EmulatedGpus& Gpus();
const bitnet::kernels::gpu::GpuTable& EmulatedTable();

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_EMULATED_GPU_H_
