// The kernels of this program are those of the file BITNET_TEST_PTX, as nvcc compiled them.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/emulated_grid.h"
#include "support/ptx_machine.h"

namespace bitnet_test {

void RunCompiled(const char* type, kernels::gpu::GpuGrid size, uint32_t n_threads, size_t shared_bytes,
                 const void* args, size_t args_bytes, LaneOrder order) {
  const char* const path = std::getenv("BITNET_TEST_PTX");
  if (path == nullptr) {
    std::fprintf(stderr, "BITNET_TEST_PTX is not set\n");
    std::abort();
  }
  static const PtxMachine machine(ReadPtx(path));
  // "N6bitnet7kernels3gpu" and the kernel's own name: in that of Run<Kernel> the namespaces are a substitution.
  constexpr size_t kNamespaces = sizeof "N6bitnet7kernels3gpu" - 1;
  const std::string name(type);
  const std::string key = "RunINS1_" + name.substr(kNamespaces, name.size() - kNamespaces - 1) + "EEEvNT_4ArgsE";
  constexpr size_t kMaxDeclared = 48 << 10;  // of device.cu: more shared memory is given at the launch
  machine.Run(key, size, n_threads, args, args_bytes, shared_bytes > kMaxDeclared ? shared_bytes : 0,
              order == LaneOrder::kFalling || order == LaneOrder::kAloneFalling);
}

}  // namespace bitnet_test
