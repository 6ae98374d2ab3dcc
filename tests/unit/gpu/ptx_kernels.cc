// With BITNET_TEST_PTX=FILE the kernels of this program are those of that file, as nvcc compiled them, and not their
// source over an emulated grid.
#include <cstdlib>
#include <string>

#include "support/emulated_grid.h"
#include "support/ptx_machine.h"

namespace bitnet_test {
namespace {

// Of device.cu: what fits in what a kernel may declare is not given at its launch.
constexpr size_t kMaxDeclaredShared = 48 << 10;

void RunFromFile(const char* type, kernels::gpu::GpuGrid size, uint32_t n_threads, size_t shared_bytes,
                 const void* args, size_t args_bytes, LaneOrder order) {
  static const PtxMachine machine(std::getenv("BITNET_TEST_PTX"));
  // "N6bitnet7kernels3gpu" and the kernel's own name: in that of Run<Kernel> the namespaces are a substitution.
  constexpr size_t kNamespaces = sizeof "N6bitnet7kernels3gpu" - 1;
  const std::string name(type);
  const std::string key = "RunINS1_" + name.substr(kNamespaces, name.size() - kNamespaces - 1) + "EEEvNT_4ArgsE";
  machine.Run(key, size, n_threads, args, args_bytes, shared_bytes > kMaxDeclaredShared ? shared_bytes : 0,
              order == LaneOrder::kFalling || order == LaneOrder::kAloneFalling);
}

[[maybe_unused]] const bool kFromFile = [] {
  if (std::getenv("BITNET_TEST_PTX") == nullptr) return false;
  compiled_kernels = RunFromFile;
  return true;
}();

}  // namespace
}  // namespace bitnet_test
