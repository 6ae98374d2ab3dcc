// Encoders of the ternary file layouts, written from docs/formats.md and apart from the library's decoders.
#ifndef BITNET_TESTS_SUPPORT_TERNARY_ENCODERS_H_
#define BITNET_TESTS_SUPPORT_TERNARY_ENCODERS_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/half.h"
#include "support/gguf_builder.h"

namespace bitnet::test {

// Weights -1, 0, 1 of a matrix [rows, cols].
struct TernaryMatrix {
  size_t rows;
  size_t cols;
  std::vector<int8_t> weights;

  int8_t At(size_t r, size_t c) const { return weights[r * cols + c]; }
  unsigned Code(size_t r, size_t c) const { return static_cast<unsigned>(At(r, c) + 1); }
};

inline TernaryMatrix RandomTernary(size_t rows, size_t cols, uint32_t seed) {
  std::mt19937 random(seed);
  TernaryMatrix m{rows, cols, std::vector<int8_t>(rows * cols)};
  for (int8_t& w : m.weights) w = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  return m;
}

enum class TernaryFile : uint32_t {
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kI2_S = 36,
  kI2_S_Arm = 1036,
  kQ1_0 = 41,
  kQ2_0 = 42,
  kQ2_0_Long = 1042,
  kIQ1_BN = 134,
  kIQ2_BN = 135,
  kIQ2_BN_R4 = 335
};

// The id in a file: the old Arm layout of I2_S and the longer block of Q2_0 have no ids of their own.
inline uint32_t FileId(TernaryFile type) { return static_cast<uint32_t>(type) % 1000; }

// Columns under one scale; 0 where the tensor or the row has one.
inline size_t ScaleColumns(TernaryFile type) {
  switch (type) {
    case TernaryFile::kTQ1_0:
    case TernaryFile::kTQ2_0: return 256;
    case TernaryFile::kQ1_0:
    case TernaryFile::kQ2_0_Long: return 128;
    case TernaryFile::kQ2_0: return 64;
    default: return 0;
  }
}

// Scales of a file of this type: one, one a row, or one a block.
inline size_t ScaleCount(TernaryFile type, const TernaryMatrix& m) {
  if (type == TernaryFile::kI2_S || type == TernaryFile::kI2_S_Arm) return 1;
  return ScaleColumns(type) != 0 ? m.rows * m.cols / ScaleColumns(type) : m.rows;
}

namespace encode_detail {

inline std::string Half(float x) { return Bytes(kernels::F32ToF16(x)); }

// A number of base 3 with five digits, the missing last ones 0, scaled so that the decoder finds its digits again.
inline char Trits(const std::vector<unsigned>& most_significant_first) {
  unsigned value = 0;
  for (unsigned t : most_significant_first) value = value * 3 + t;
  for (size_t i = most_significant_first.size(); i < 5; ++i) value *= 3;
  return static_cast<char>((value * 256 + 242) / 243);
}

inline std::string I2S(const TernaryMatrix& m, size_t lanes, float scale) {
  std::string out;
  for (size_t r = 0; r < m.rows; ++r) {
    for (size_t c = 0; c < m.cols; c += 4 * lanes) {
      for (size_t p = 0; p < lanes; ++p) {
        out += static_cast<char>(m.Code(r, c + p) << 6 | m.Code(r, c + p + lanes) << 4 |
                                 m.Code(r, c + p + 2 * lanes) << 2 | m.Code(r, c + p + 3 * lanes));
      }
    }
  }
  return out + Bytes(scale) + std::string(28, '\0');
}

inline std::string TQ1(const TernaryMatrix& m, const std::vector<float>& scales) {
  std::string out;
  for (size_t b = 0; b < m.rows * m.cols / 256; ++b) {
    const int8_t* w = m.weights.data() + 256 * b;
    const auto byte = [&](size_t first, size_t step, size_t n) {
      std::vector<unsigned> trits;
      for (size_t i = 0; i < n; ++i) trits.push_back(static_cast<unsigned>(w[first + i * step] + 1));
      return Trits(trits);
    };
    for (size_t p = 0; p < 32; ++p) out += byte(p, 32, 5);
    for (size_t p = 0; p < 16; ++p) out += byte(160 + p, 16, 5);
    for (size_t p = 0; p < 4; ++p) out += byte(240 + p, 4, 4);
    out += Half(scales[b]);
  }
  return out;
}

inline std::string TQ2(const TernaryMatrix& m, const std::vector<float>& scales) {
  std::string out;
  for (size_t b = 0; b < m.rows * m.cols / 256; ++b) {
    const int8_t* w = m.weights.data() + 256 * b;
    for (size_t half = 0; half < 2; ++half) {
      for (size_t p = 0; p < 32; ++p) {
        unsigned byte = 0;
        for (size_t l = 0; l < 4; ++l) byte |= static_cast<unsigned>(w[128 * half + 32 * l + p] + 1) << (2 * l);
        out += static_cast<char>(byte);
      }
    }
    out += Half(scales[b]);
  }
  return out;
}

// `bits` bits a weight, from the lowest, after the f16 scale of each block. Q1_0 (1 bit) writes a weight of 0 as -1.
inline std::string Q(const TernaryMatrix& m, const std::vector<float>& scales, size_t block, size_t bits) {
  std::string out;
  for (size_t b = 0; b < m.rows * m.cols / block; ++b) {
    out += Half(scales[b]);
    for (size_t first = 0; first < block; first += 8 / bits) {
      unsigned byte = 0;
      for (size_t i = 0; i < 8 / bits; ++i) {
        const int w = m.weights[b * block + first + i];
        byte |= static_cast<unsigned>(bits == 2 ? w + 1 : w > 0 ? 1 : 0) << (bits * i);
      }
      out += static_cast<char>(byte);
    }
  }
  return out;
}

inline std::string IQ1(const TernaryMatrix& m, const std::vector<float>& scales) {
  std::string out;
  for (size_t r = 0; r < m.rows; ++r) {
    out += Half(scales[r]);
    for (size_t c = 0; c < m.cols; c += 64) {
      const auto byte = [&](size_t first, size_t step, size_t n) {
        // Trit j is found by the multiplier 3^(4 - j), so the last one is the most significant.
        unsigned value = 0, power = 1;
        for (size_t j = 0; j < n; ++j, power *= 3) value += power * m.Code(r, c + first + j * step);
        return static_cast<char>((value * 256 + 242) / 243);
      };
      for (size_t g = 0; g < 4; ++g) {
        for (size_t k = 0; k < 3; ++k) out += byte(16 * g + 5 * k, 1, 5);
      }
      out += byte(15, 16, 4);
    }
  }
  return out;
}

inline std::string IQ2(const TernaryMatrix& m, const std::vector<float>& scales) {
  std::string out;
  for (size_t r = 0; r < m.rows; ++r) {
    out += Bytes(scales[r]);
    for (size_t c = 0; c < m.cols; c += 64) {
      for (size_t j = 0; j < 16; ++j) {
        out += static_cast<char>(m.Code(r, c + j) | m.Code(r, c + j + 16) << 2 | m.Code(r, c + j + 32) << 4 |
                                 m.Code(r, c + j + 48) << 6);
      }
    }
  }
  return out;
}

inline std::string IQ2R4(const TernaryMatrix& m, const std::vector<float>& scales) {
  std::string out;
  for (size_t r = 0; r < m.rows; r += 4) {
    for (size_t k = 0; k < 4; ++k) out += Bytes(scales[r + k]);
    for (size_t c = 0; c < m.cols; c += 64) {
      std::string block(64, '\0');
      for (size_t k = 0; k < 4; ++k) {
        for (size_t l = 0; l < 4; ++l) {
          for (size_t i = 0; i < 4; ++i) {
            unsigned byte = 0;
            for (size_t s = 0; s < 4; ++s) byte |= m.Code(r + k, c + 16 * l + i + 4 * s) << (2 * s);
            block[16 * l + 4 * k + i] = static_cast<char>(byte);
          }
        }
      }
      out += block;
    }
  }
  return out;
}

}  // namespace encode_detail

// `scales` has ScaleCount entries.
inline std::string Encode(TernaryFile type, const TernaryMatrix& m, const std::vector<float>& scales) {
  switch (type) {
    case TernaryFile::kTQ1_0: return encode_detail::TQ1(m, scales);
    case TernaryFile::kTQ2_0: return encode_detail::TQ2(m, scales);
    case TernaryFile::kQ1_0: return encode_detail::Q(m, scales, 128, 1);
    case TernaryFile::kQ2_0: return encode_detail::Q(m, scales, 64, 2);
    case TernaryFile::kQ2_0_Long: return encode_detail::Q(m, scales, 128, 2);
    case TernaryFile::kI2_S: return encode_detail::I2S(m, 32, scales[0]);
    case TernaryFile::kI2_S_Arm: return encode_detail::I2S(m, 16, scales[0]);
    case TernaryFile::kIQ1_BN: return encode_detail::IQ1(m, scales);
    case TernaryFile::kIQ2_BN: return encode_detail::IQ2(m, scales);
    case TernaryFile::kIQ2_BN_R4: return encode_detail::IQ2R4(m, scales);
  }
  return {};
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_TERNARY_ENCODERS_H_
