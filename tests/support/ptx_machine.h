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
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/gpu.h"

namespace bitnet_test {

// Where an operand is: a register of the thread, which constants and special registers are too.
using PtxSlot = uint32_t;

struct PtxInstruction {
  uint32_t op = 0;  // of ptx_machine.cc
  uint32_t bits = 0;
  uint32_t count = 1;  // of the elements of a vector
  bool guarded = false, guard_not = false;
  PtxSlot guard = 0;
  PtxSlot to[4] = {}, from[4] = {};  // results; a vector's elements, or the first operand's
  PtxSlot a = 0, b = 0, c = 0, d = 0;
  uint64_t offset = 0;  // of an address
  uint32_t target = 0;  // instruction that a branch goes to
  uint32_t line = 0;    // of the text
};

struct PtxKernel {
  std::string name;
  std::vector<PtxInstruction> code;
  std::vector<uint64_t> initial;  // registers of a thread as it starts: constants have their values
  size_t shared_bytes = 0;
};

class PtxMachine {
 public:
  // Reads a file of nvcc -ptx; ends the program where it cannot.
  explicit PtxMachine(const std::string& path);

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
