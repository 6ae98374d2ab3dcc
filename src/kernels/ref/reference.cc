#include "kernels/ref/reference.h"

namespace bitnet::kernels {

const KernelTable* FmaReferenceTable() noexcept {
#if defined(__x86_64__)
  static const bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return runs ? &ref_fma::kTable : nullptr;
#else
  return nullptr;
#endif
}

const KernelTable& ReferenceTable() noexcept {
  const KernelTable* const with_fma = FmaReferenceTable();
  return with_fma != nullptr ? *with_fma : ref_plain::kTable;
}

}  // namespace bitnet::kernels
