#include "core/convert/ternary_encode.h"

#include <cstring>

#include "kernels/pack.h"

namespace bitnet::core {

namespace {

constexpr size_t kBlock = 256;

// `n` trits of each of `lanes` bytes, trit-major: digits of base 3, the first the highest of five, as a fraction of
// 256, rounded up so that the decoder's multiplications find every digit again.
void PackTrits(const uint8_t* codes, size_t lanes, size_t n, uint8_t* out) {
  for (size_t p = 0; p < lanes; ++p) {
    unsigned value = 0;
    for (size_t t = 0; t < 5; ++t) value = value * 3 + (t < n ? codes[t * lanes + p] : 0u);
    out[p] = static_cast<uint8_t>((value * 256 + 242) / 243);
  }
}

void EncodeTQ1(const uint8_t* codes, uint8_t* out) {
  PackTrits(codes, 32, 5, out);
  PackTrits(codes + 160, 16, 5, out + 32);
  PackTrits(codes + 240, 4, 4, out + 48);
}

void EncodeTQ2(const uint8_t* codes, uint8_t* out) {
  for (size_t half = 0; half < 2; ++half, codes += 128, out += 32) {
    for (size_t p = 0; p < 32; ++p) {
      out[p] = static_cast<uint8_t>(codes[p] | codes[p + 32] << 2 | codes[p + 64] << 4 | codes[p + 96] << 6);
    }
  }
}

}  // namespace

bool IsTernaryTarget(QuantType type) {
  return type == QuantType::kI2_S || type == QuantType::kTQ1_0 || type == QuantType::kTQ2_0;
}

void EncodeTernaryRow(QuantType type, const uint8_t* codes, size_t cols, BlockScales scales, std::byte* out) {
  auto* to = reinterpret_cast<uint8_t*>(out);
  if (type == QuantType::kI2_S) return kernels::PackTernaryRow(codes, cols, to);
  const bool five = type == QuantType::kTQ1_0;
  const size_t code_bytes = FindQuantType(static_cast<uint32_t>(type))->block_bytes - sizeof(uint16_t);
  for (size_t b = 0; b < cols / kBlock; ++b, codes += kBlock, to += sizeof(uint16_t)) {
    five ? EncodeTQ1(codes, to) : EncodeTQ2(codes, to);
    to += code_bytes;
    std::memcpy(to, scales + b, sizeof(uint16_t));
  }
}

}  // namespace bitnet::core
