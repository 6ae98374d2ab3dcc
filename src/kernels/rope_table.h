// RoPE frequencies and angles as docs/numerics.md defines them: correctly rounded, no libm.
#ifndef BITNET_KERNELS_ROPE_TABLE_H_
#define BITNET_KERNELS_ROPE_TABLE_H_

#include <cstddef>
#include <cstdint>

namespace bitnet::kernels {

// out[rot / 2]: base^(-2k / rot) correctly rounded to binary64 from the exact exponent (base is an f32 key widened),
// then divided by rope_freqs[k] where `rope_freqs` is not null, then by `linear_factor` (1: none). rot even, > 0. A
// base that is not positive and finite gives NaN.
void RopeInverseFrequencies(double base, size_t rot, const float* rope_freqs, double linear_factor,
                            double* out) noexcept;

// cos[k], sin[k] of the binary64 product position * inv_freq[k], each correctly rounded to f32, however large; NaN
// where the product is not finite.
void RopeAngles(uint64_t position, const double* inv_freq, size_t n, float* cos, float* sin) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_ROPE_TABLE_H_
