// Rows of embeddings and heads in the types that a conversion writes.
#ifndef BITNET_CORE_CONVERT_TABLE_ENCODE_H_
#define BITNET_CORE_CONVERT_TABLE_ENCODE_H_

#include <cstddef>

#include "core/format/quant_type.h"

namespace bitnet::core {

// kF16, kBF16, kQ8_0 or kQ6_K.
bool IsTableTarget(QuantType type);

// n values, a multiple of the type's block, to the bytes that QuantTypeInfo says. False where one of them is not
// finite, or is beyond what the type holds. The same values give the same bytes on every machine.
//
// Q8_0: d = f16(max |x| / 127), q = rint(x / d). Q6_K: for each 16 values the scale of least squared error among 19
// that put the largest value near -32, each fitted by least squares; f16 d from the largest of these scales; then each
// integer scale and its two neighbours are tried with that d, again by squared error.
bool EncodeTableRow(QuantType type, const float* x, size_t n, std::byte* out);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_TABLE_ENCODE_H_
