// The reference kernels for the CPU that the library is compiled for; on x86-64 std::fma is a call then.
#define BN_REF_NAMESPACE ref_plain
#include "kernels/ref/table-inl.h"
