// Dense and block values of a file as f32, and the search for values that are not finite.
#ifndef BITNET_CORE_MODEL_DENSE_DECODE_H_
#define BITNET_CORE_MODEL_DENSE_DECODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/format/quant_type.h"
#include "kernels/kernel_table.h"

namespace bitnet::core {

// The element or block type of the kernels; nullopt for any other type of a file. F64, which no kernel reads, becomes
// F32: each value rounded to nearest even, beyond its range infinite.
std::optional<kernels::Dense> DenseTypeOf(QuantType type);
std::optional<kernels::Block> BlockTypeOf(QuantType type);

// n values of any type that DenseTypeOf or BlockTypeOf knows, from `data` of any alignment.
void DecodeToF32(QuantType type, std::span<const std::byte> data, size_t n, float* out);

// Index of the first element (dense) or block (its f16 numbers) in `data` that is not finite, as f32 where it is F64.
// Types as for DecodeToF32.
std::optional<uint64_t> FindNonFinite(QuantType type, std::span<const std::byte> data);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_DENSE_DECODE_H_
