#include "core/model/ternary_decode.h"

#include <array>
#include <cstring>

#include "kernels/half.h"

namespace bitnet::core {

namespace {

template <typename T>
T LoadAs(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

const uint8_t* Bytes(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

// `lanes` bytes hold 4 * lanes weights, lane-major from the bits at `first_shift` in steps of `step`.
void UnpackLanes(const uint8_t* in, size_t lanes, int first_shift, int step, uint8_t* codes) {
  for (size_t g = 0; g < 4; ++g) {
    const int shift = first_shift + static_cast<int>(g) * step;
    for (size_t p = 0; p < lanes; ++p) codes[g * lanes + p] = (in[p] >> shift) & 3;
  }
}

// `n` trits of each of `lanes` bytes, trit-major: trit t of byte b is ((b * 3^t mod 256) * 3) >> 8.
void UnpackTrits(const uint8_t* in, size_t lanes, size_t n, uint8_t* codes) {
  unsigned power = 1;
  for (size_t t = 0; t < n; ++t, power *= 3) {
    for (size_t p = 0; p < lanes; ++p) {
      codes[t * lanes + p] = static_cast<uint8_t>((((in[p] * power) & 255u) * 3u) >> 8);
    }
  }
}

constexpr size_t kTQBlock = 256, kTQ1Bytes = 54, kTQ2Bytes = 66;
constexpr size_t kQ1Block = 128, kQ1Bytes = 18;
constexpr size_t kQ2Block = 64, kQ2Bytes = 18;
constexpr size_t kIQBlock = 64, kIQ1Bytes = 13, kIQ2Bytes = 16;

// The five trits of every byte of IQ1_BN.
constexpr auto kFiveTrits = [] {
  std::array<std::array<uint8_t, 5>, 256> table{};
  constexpr unsigned kMultiplier[5] = {81, 27, 9, 3, 1};
  for (unsigned b = 0; b < 256; ++b) {
    for (unsigned j = 0; j < 5; ++j) table[b][j] = static_cast<uint8_t>((3 * ((b * kMultiplier[j]) & 255)) >> 8);
  }
  return table;
}();

size_t RowBytes(const TernarySource& s) {
  switch (s.layout) {
    case TernaryLayout::kI2S:
    case TernaryLayout::kI2SArm: return s.cols / 4;
    case TernaryLayout::kTQ1_0: return s.cols / kTQBlock * kTQ1Bytes;
    case TernaryLayout::kTQ2_0: return s.cols / kTQBlock * kTQ2Bytes;
    case TernaryLayout::kIQ1_BN: return 2 + s.cols / kIQBlock * kIQ1Bytes;
    case TernaryLayout::kIQ2_BN:
    case TernaryLayout::kIQ2_BN_R4: return 4 + s.cols / kIQBlock * kIQ2Bytes;
    case TernaryLayout::kQ1_0: return s.cols / kQ1Block * kQ1Bytes;
    case TernaryLayout::kQ2_0: return s.cols / kQ2Block * kQ2Bytes;
    case TernaryLayout::kQ2_0Long: return s.cols / kQ2_0LongBlock * kQ2_0LongBlockBytes;
    case TernaryLayout::kHfPacked: return s.cols / 4;  // rows are interleaved
  }
  return 0;
}

void DecodeTQ1(const uint8_t* row, size_t cols, uint8_t* codes) {
  for (size_t c = 0; c < cols; c += kTQBlock, row += kTQ1Bytes, codes += kTQBlock) {
    UnpackTrits(row, 32, 5, codes);
    UnpackTrits(row + 32, 16, 5, codes + 160);
    UnpackTrits(row + 48, 4, 4, codes + 240);
  }
}

void DecodeTQ2(const uint8_t* row, size_t cols, uint8_t* codes) {
  for (size_t c = 0; c < cols; c += kTQBlock, row += kTQ2Bytes, codes += kTQBlock) {
    UnpackLanes(row, 32, 0, 2, codes);
    UnpackLanes(row + 32, 32, 0, 2, codes + 128);
  }
}

void DecodeIQ1(const uint8_t* row, size_t cols, uint8_t* codes) {
  row += 2;
  for (size_t c = 0; c < cols; c += kIQBlock, row += kIQ1Bytes) {
    for (size_t group = 0; group < 4; ++group, codes += 16) {
      for (size_t k = 0; k < 3; ++k) std::memcpy(codes + 5 * k, kFiveTrits[row[3 * group + k]].data(), 5);
      codes[15] = kFiveTrits[row[12]][group];
    }
  }
}

void DecodeIQ2R4(const uint8_t* group, size_t cols, uint8_t* codes) {
  group += 16;
  for (size_t c = 0; c < cols; c += kIQBlock, group += 4 * kIQ2Bytes) {
    for (size_t l = 0; l < 4; ++l) {
      for (size_t k = 0; k < 4; ++k) UnpackLanes(group + 16 * l + 4 * k, 4, 0, 2, codes + k * cols + c + 16 * l);
    }
  }
}

// An f16 scale, then one bit a weight, from the lowest: 1 is +1, 0 is -1.
void DecodeQ1(const uint8_t* row, size_t cols, uint8_t* codes) {
  for (size_t c = 0; c < cols; c += kQ1Block, row += kQ1Bytes, codes += kQ1Block) {
    for (size_t j = 0; j < kQ1Block; ++j) codes[j] = static_cast<uint8_t>((row[2 + j / 8] >> (j % 8) & 1) * 2);
  }
}

// An f16 scale, then two bits a weight, from the lowest: the code.
void DecodeQ2(const uint8_t* row, size_t cols, size_t block, uint8_t* codes) {
  for (size_t c = 0; c < cols; c += block, row += 2 + block / 4, codes += block) {
    for (size_t j = 0; j < block; ++j) codes[j] = row[2 + j / 4] >> (2 * (j % 4)) & 3;
  }
}

// Byte row r holds the rows r, r + rows / 4, ... in its bits from the lowest.
void DecodeHfRow(const TernarySource& s, size_t row, uint8_t* codes) {
  const size_t quarter = s.rows / 4;
  const uint8_t* bytes = Bytes(s.data) + row % quarter * s.cols;
  const auto shift = static_cast<int>(2 * (row / quarter));
  for (size_t c = 0; c < s.cols; ++c) codes[c] = bytes[c] >> shift & 3;
}

}  // namespace

ScaleKind ScaleKindOf(TernaryLayout layout) {
  switch (layout) {
    case TernaryLayout::kI2S:
    case TernaryLayout::kI2SArm:
    case TernaryLayout::kHfPacked: return ScaleKind::kTensor;
    case TernaryLayout::kTQ1_0:
    case TernaryLayout::kTQ2_0:
    case TernaryLayout::kQ1_0:
    case TernaryLayout::kQ2_0:
    case TernaryLayout::kQ2_0Long: return ScaleKind::kBlock;
    default: return ScaleKind::kRow;
  }
}

size_t ScaleBlock(TernaryLayout layout) {
  switch (layout) {
    case TernaryLayout::kTQ1_0:
    case TernaryLayout::kTQ2_0: return kTQBlock;
    case TernaryLayout::kQ1_0: return kQ1Block;
    case TernaryLayout::kQ2_0: return kQ2Block;
    case TernaryLayout::kQ2_0Long: return kQ2_0LongBlock;
    default: return 0;
  }
}

size_t RowGroup(TernaryLayout layout) { return layout == TernaryLayout::kIQ2_BN_R4 ? 4 : 1; }

void DecodeGroup(const TernarySource& s, size_t group, uint8_t* codes) {
  const uint8_t* row = Bytes(s.data) + group * RowGroup(s.layout) * RowBytes(s);
  switch (s.layout) {
    case TernaryLayout::kI2S:
      for (size_t c = 0; c < s.cols; c += 128) UnpackLanes(row + c / 4, 32, 6, -2, codes + c);
      return;
    case TernaryLayout::kI2SArm:
      for (size_t c = 0; c < s.cols; c += 64) UnpackLanes(row + c / 4, 16, 6, -2, codes + c);
      return;
    case TernaryLayout::kTQ1_0: return DecodeTQ1(row, s.cols, codes);
    case TernaryLayout::kTQ2_0: return DecodeTQ2(row, s.cols, codes);
    case TernaryLayout::kIQ1_BN: return DecodeIQ1(row, s.cols, codes);
    case TernaryLayout::kIQ2_BN:
      for (size_t c = 0; c < s.cols; c += kIQBlock) UnpackLanes(row + 4 + c / 4, 16, 0, 2, codes + c);
      return;
    case TernaryLayout::kIQ2_BN_R4: return DecodeIQ2R4(row, s.cols, codes);
    case TernaryLayout::kQ1_0: return DecodeQ1(row, s.cols, codes);
    case TernaryLayout::kQ2_0:
    case TernaryLayout::kQ2_0Long: return DecodeQ2(row, s.cols, ScaleBlock(s.layout), codes);
    case TernaryLayout::kHfPacked: return DecodeHfRow(s, group, codes);
  }
}

size_t ScaleOffset(const TernarySource& s, size_t index) {
  switch (s.layout) {
    case TernaryLayout::kI2S:
    case TernaryLayout::kI2SArm: return s.rows * s.cols / 4;
    case TernaryLayout::kTQ1_0: return (index + 1) * kTQ1Bytes - 2;  // the scale ends a block
    case TernaryLayout::kTQ2_0: return (index + 1) * kTQ2Bytes - 2;
    case TernaryLayout::kIQ1_BN:
    case TernaryLayout::kIQ2_BN: return index * RowBytes(s);  // and begins a row
    case TernaryLayout::kIQ2_BN_R4: return index / 4 * 4 * RowBytes(s) + index % 4 * sizeof(float);
    case TernaryLayout::kQ1_0: return index * kQ1Bytes;  // and a block
    case TernaryLayout::kQ2_0: return index * kQ2Bytes;
    case TernaryLayout::kQ2_0Long: return index * kQ2_0LongBlockBytes;
    case TernaryLayout::kHfPacked: break;
  }
  return 0;
}

float ScaleAt(const TernarySource& s, size_t index) {
  if (s.layout == TernaryLayout::kHfPacked) return 1.0f;
  const std::byte* at = s.data + ScaleOffset(s, index);
  const bool is_half = ScaleKindOf(s.layout) == ScaleKind::kBlock || s.layout == TernaryLayout::kIQ1_BN;
  return is_half ? kernels::F16ToF32(LoadAs<uint16_t>(at)) : LoadAs<float>(at);
}

}  // namespace bitnet::core
