// The reference table's two compilations. Everyone but the tests wants ReferenceTable().
#ifndef BITNET_KERNELS_REF_REFERENCE_H_
#define BITNET_KERNELS_REF_REFERENCE_H_

#include "kernels/kernel_table.h"

namespace bitnet::kernels {

namespace ref_plain {
extern const KernelTable kTable;  // for the CPU that the library is compiled for
}
#if defined(__x86_64__)
namespace ref_fma {
extern const KernelTable kTable;  // with the instructions of AVX2 and FMA
}
#endif

// The second table, or null where there is none or this CPU lacks its instructions.
const KernelTable* FmaReferenceTable() noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_REF_REFERENCE_H_
