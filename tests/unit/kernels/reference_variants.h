// Both compilations of the reference table, as far as this CPU runs them.
#ifndef BITNET_TESTS_UNIT_KERNELS_REFERENCE_VARIANTS_H_
#define BITNET_TESTS_UNIT_KERNELS_REFERENCE_VARIANTS_H_

#include <vector>

#include "kernels/ref/reference.h"

namespace bitnet_test {

inline std::vector<const bitnet::kernels::KernelTable*> ReferenceVariants() {
  std::vector<const bitnet::kernels::KernelTable*> tables = {&bitnet::kernels::ref_plain::kTable};
  if (bitnet::kernels::FmaReferenceTable() != nullptr) tables.push_back(bitnet::kernels::FmaReferenceTable());
  return tables;
}

}  // namespace bitnet_test

#endif  // BITNET_TESTS_UNIT_KERNELS_REFERENCE_VARIANTS_H_
