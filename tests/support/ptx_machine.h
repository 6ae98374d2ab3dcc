// Runs compiled kernels on the CPU: an interpreter of the PTX that nvcc makes of device.cu, in the terms of the PTX ISA
// (docs.nvidia.com/cuda/parallel-thread-execution, version 9.0). What the emulation of emulated_grid.h takes from the
// source, this takes from the text that a GPU's driver gets: inline assembly with its operands, fragments of matrix
// instructions, addresses and their alignment, predicates, barriers in branches.
//
// Threads run one after the other from one point where they must wait to the next. A thread that waits where others of
// its warp or block do not, an address that is not aligned to its access, an instruction that is not known here, end
// the program with a line that says where. Launches do not overlap.
#ifndef BITNET_TESTS_SUPPORT_PTX_MACHINE_H_
#define BITNET_TESTS_SUPPORT_PTX_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "kernels/cuda/gpu.h"
#include "support/ptx_text.h"

namespace bitnet_test {

class PtxMachine {
 public:
  explicit PtxMachine(std::map<std::string, PtxKernel> kernels) : kernels_(std::move(kernels)) {}

  // Runs the kernel of which `key` is a part of the mangled name, block after block. The threads of a block come in
  // rising or falling order. given_shared: bytes of shared memory that the launch gives.
  void Run(const std::string& key, bitnet::kernels::gpu::GpuGrid grid, uint32_t n_threads, const void* args,
           size_t args_bytes, size_t given_shared, bool falling) const;

 private:
  const PtxKernel& Find(const std::string& key) const;

  std::map<std::string, PtxKernel> kernels_;
  mutable std::map<std::string, const PtxKernel*> found_;
};

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_PTX_MACHINE_H_
