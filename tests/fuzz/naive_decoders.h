// One element of a tensor at a time, straight from docs/formats.md: slow, and apart from the library's decoders.
#ifndef BITNET_TESTS_FUZZ_NAIVE_DECODERS_H_
#define BITNET_TESTS_FUZZ_NAIVE_DECODERS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/model/ternary_decode.h"
#include "kernels/half.h"
#include "kernels/kernel_table.h"

namespace bitnet::test {

inline float HalfAt(const uint8_t* p) { return kernels::F16ToF32(static_cast<uint16_t>(p[0] | p[1] << 8)); }

// The bits [first, first + n) of a little-endian byte.
inline int Field(uint8_t byte, size_t first, size_t n) { return byte >> first & ((1 << n) - 1); }

// The 6-bit scale (or minimum) s of eight in the 12 bytes of Q4_K and Q5_K.
inline int SixBits(const uint8_t* p, size_t s, bool minimum) {
  const size_t own = (minimum ? 4 : 0) + s % 4;
  if (s < 4) return Field(p[own], 0, 6);
  return Field(p[8 + s % 4], minimum ? 4 : 0, 4) | Field(p[own], 6, 2) << 4;
}

// Element i of a block: an integer times a product of scales, and for some types a minimum.
inline float BlockElement(kernels::Block type, const uint8_t* b, size_t i) {
  using kernels::Block;
  const auto value = [](float d, int scale, int q) { return (d * static_cast<float>(scale)) * static_cast<float>(q); };
  const size_t nibble = i / 16 * 4;  // of the types of 32
  switch (type) {
    case Block::kQ4_0: return value(HalfAt(b), 1, Field(b[2 + i % 16], nibble, 4) - 8);
    case Block::kQ4_1: return value(HalfAt(b), 1, Field(b[4 + i % 16], nibble, 4)) + HalfAt(b + 2);
    case Block::kQ5_0:
      return value(HalfAt(b), 1, (Field(b[6 + i % 16], nibble, 4) | Field(b[2 + i / 8], i % 8, 1) << 4) - 16);
    case Block::kQ5_1:
      return value(HalfAt(b), 1, Field(b[8 + i % 16], nibble, 4) | Field(b[4 + i / 8], i % 8, 1) << 4) + HalfAt(b + 2);
    case Block::kQ8_0: return value(HalfAt(b), 1, static_cast<int8_t>(b[2 + i]));
    case Block::kQ2_K: {
      const int q = Field(b[16 + i / 128 * 32 + i % 32], i % 128 / 32 * 2, 2);
      const float minimum = HalfAt(b + 82) * static_cast<float>(Field(b[i / 16], 4, 4));
      return value(HalfAt(b + 80), Field(b[i / 16], 0, 4), q) - minimum;
    }
    case Block::kQ3_K: {
      const size_t s = i / 16;
      const int scale = Field(b[96 + s % 8], s / 8 * 4, 4) | Field(b[104 + s % 4], s / 4 * 2, 2) << 4;
      const int q = Field(b[32 + i / 128 * 32 + i % 32], i % 128 / 32 * 2, 2) - (Field(b[i % 32], i / 32, 1) ? 0 : 4);
      return value(HalfAt(b + 108), scale - 32, q);
    }
    case Block::kQ4_K:
    case Block::kQ5_K: {
      const bool five = type == Block::kQ5_K;
      int q = Field(b[(five ? 48 : 16) + i / 64 * 32 + i % 32], i % 64 / 32 * 4, 4);
      if (five) q |= Field(b[16 + i % 32], i / 32, 1) << 4;
      const float minimum = HalfAt(b + 2) * static_cast<float>(SixBits(b + 4, i / 32, true));
      return value(HalfAt(b), SixBits(b + 4, i / 32, false), q) - minimum;
    }
    case Block::kQ6_K: {
      const size_t g = i % 128 / 32;
      const int low = Field(b[i / 128 * 64 + g % 2 * 32 + i % 32], g / 2 * 4, 4);
      const int high = Field(b[128 + i / 128 * 32 + i % 32], 2 * g, 2);
      return value(HalfAt(b + 208), static_cast<int8_t>(b[192 + i / 16]), (low | high << 4) - 32);
    }
    case Block::kCount: break;
  }
  return 0;
}

// Trit j of a byte by multiplication with a power of three.
inline unsigned Trit(uint8_t byte, unsigned power) { return ((byte * power & 255u) * 3u) >> 8; }

// The code of weight (r, c).
inline unsigned TernaryCode(const core::TernarySource& s, size_t r, size_t c) {
  using core::TernaryLayout;
  constexpr unsigned kPower[5] = {1, 3, 9, 27, 81};
  const auto* const b = reinterpret_cast<const uint8_t*>(s.data);
  const auto bits = [](uint8_t byte, size_t first) { return static_cast<unsigned>(Field(byte, first, 2)); };
  switch (s.layout) {
    case TernaryLayout::kI2S: return bits(b[(r * s.cols + c / 128 * 128) / 4 + c % 32], 6 - c % 128 / 32 * 2);
    case TernaryLayout::kI2SArm: return bits(b[(r * s.cols + c / 64 * 64) / 4 + c % 16], 6 - c % 64 / 16 * 2);
    case TernaryLayout::kTQ1_0: {
      const uint8_t* const block = b + (r * s.cols + c) / 256 * 54;
      const size_t i = c % 256;
      if (i < 160) return Trit(block[i % 32], kPower[i / 32]);
      if (i < 240) return Trit(block[32 + i % 16], kPower[(i - 160) / 16]);
      return Trit(block[48 + i % 4], kPower[(i - 240) / 4]);
    }
    case TernaryLayout::kTQ2_0: {
      const uint8_t* const block = b + (r * s.cols + c) / 256 * 66;
      return bits(block[c % 256 / 128 * 32 + c % 32], c % 128 / 32 * 2);
    }
    case TernaryLayout::kIQ1_BN: {
      const uint8_t* const block = b + r * (2 + s.cols / 64 * 13) + 2 + c / 64 * 13;
      const size_t group = c % 64 / 16, i = c % 16;
      if (i == 15) return Trit(block[12], kPower[4 - group]);
      return Trit(block[3 * group + i / 5], kPower[4 - i % 5]);
    }
    case TernaryLayout::kIQ2_BN: return bits(b[r * (4 + s.cols / 4) + 4 + c / 64 * 16 + c % 16], c % 64 / 16 * 2);
    case TernaryLayout::kIQ2_BN_R4: {
      const uint8_t* const block = b + r / 4 * (16 + s.cols) + 16 + c / 64 * 64;
      return bits(block[c % 64 / 16 * 16 + r % 4 * 4 + c % 4], c % 16 / 4 * 2);
    }
    case TernaryLayout::kQ1_0: {
      const uint8_t* const block = b + (r * s.cols + c) / 128 * 18;
      return static_cast<unsigned>(Field(block[2 + c % 128 / 8], c % 8, 1)) * 2;
    }
    case TernaryLayout::kQ2_0: return bits(b[(r * s.cols + c) / 64 * 18 + 2 + c % 64 / 4], c % 4 * 2);
    case TernaryLayout::kQ2_0Long: return bits(b[(r * s.cols + c) / 128 * 34 + 2 + c % 128 / 4], c % 4 * 2);
    case TernaryLayout::kHfPacked: return bits(b[r % (s.rows / 4) * s.cols + c], r / (s.rows / 4) * 2);
  }
  return 0;
}

// Scale `index` of the file.
inline float TernaryScale(const core::TernarySource& s, size_t index) {
  using core::TernaryLayout;
  const auto* const b = reinterpret_cast<const uint8_t*>(s.data);
  const auto single = [&](size_t at) {
    float value;
    std::memcpy(&value, b + at, sizeof value);
    return value;
  };
  switch (s.layout) {
    case TernaryLayout::kI2S:
    case TernaryLayout::kI2SArm: return single(s.rows * s.cols / 4);
    case TernaryLayout::kTQ1_0: return HalfAt(b + index * 54 + 52);
    case TernaryLayout::kTQ2_0: return HalfAt(b + index * 66 + 64);
    case TernaryLayout::kIQ1_BN: return HalfAt(b + index * (2 + s.cols / 64 * 13));
    case TernaryLayout::kIQ2_BN: return single(index * (4 + s.cols / 4));
    case TernaryLayout::kIQ2_BN_R4: return single(index / 4 * (16 + s.cols) + index % 4 * 4);
    case TernaryLayout::kQ1_0:
    case TernaryLayout::kQ2_0: return HalfAt(b + index * 18);
    case TernaryLayout::kQ2_0Long: return HalfAt(b + index * 34);
    case TernaryLayout::kHfPacked: break;
  }
  return 1;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_FUZZ_NAIVE_DECODERS_H_
