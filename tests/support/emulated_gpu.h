// A GpuTable whose devices are loops on the CPU (emulated_grid.h): what GpuOps launches, runs. For tests alone.
//
// Queues are lazy: what is put into one happens when somebody waits for it, and no sooner. So whoever reads what
// another queue makes, without having waited for that queue, reads what was there before; and memory that is released
// while another queue still works on it gives itself away.
#ifndef BITNET_TESTS_SUPPORT_EMULATED_GPU_H_
#define BITNET_TESTS_SUPPORT_EMULATED_GPU_H_

#include <cstdint>
#include <functional>
#include <map>

#include "kernels/cuda/gpu.h"
#include "support/emulated_grid.h"

namespace bitnet_test {

// What the devices are like, and what was seen; one for the process, reset by each test.
struct EmulatedGpus {
  uint32_t n_devices = 1;
  uint64_t memory_bytes = uint64_t{2} << 30;  // of each
  LaneOrder order = LaneOrder::kRising;
  int64_t fail_launch = -1;    // this many launches run, then the device is lost; -1: never
  int64_t refuse_launch = -1;  // this many launches are taken, recorded ones too, then one is refused; -1: never
  int64_t fail_allocate = -1;  // this many allocations succeed, then memory is short; -1: never
  int64_t at_launch = -1;      // when this many were taken, `call` is called
  std::function<void()> call;
  uint64_t n_launches = 0, n_taken = 0, n_taken_early = 0, n_replays = 0, n_recordings = 0, n_allocations = 0;
  std::map<bitnet::kernels::gpu::GpuKernel, uint64_t> taken;  // of which kernels
  uint64_t bytes_in = 0, bytes_out = 0;                       // copied to and from the devices
  uint64_t n_waits = 0;                                       // of the host, for a queue
  uint64_t allocated_bytes = 0;                               // now, all devices together
  uint32_t open_queues = 0, open_recordings = 0;
  // What a GPU forbids: copies, waits, allocations and ends inside a recording, launches with bad grids; and bytes
  // written behind a piece of memory.
  uint32_t misuse = 0;
};
EmulatedGpus& Gpus();
const bitnet::kernels::gpu::GpuTable& EmulatedTable();

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_EMULATED_GPU_H_
