#include "kernels/pack.h"

#include <algorithm>
#include <cstring>

namespace bitnet::kernels {
namespace {

constexpr size_t kBlockBytes = kTernaryPad / 4;  // bytes of 128 codes

// One whole block: the loops run over its bytes, which the compiler turns into vectors.
void PackBlock(const uint8_t* codes, uint8_t* out) {
  for (size_t p = 0; p < kBlockBytes; ++p) {
    out[p] = static_cast<uint8_t>(codes[p] << 6 | codes[p + 32] << 4 | codes[p + 64] << 2 | codes[p + 96]);
  }
}

void UnpackBlock(const uint8_t* packed, uint8_t* codes) {
  for (unsigned quarter = 0; quarter < 4; ++quarter) {
    for (size_t p = 0; p < kBlockBytes; ++p) codes[quarter * kBlockBytes + p] = packed[p] >> (6 - 2 * quarter) & 3;
  }
}

constexpr uint64_t kLowBits = 0x5555555555555555u;  // the low bit of each 2-bit field

// The low bit of each field that is 3.
constexpr uint64_t FieldsOfThree(uint64_t word) { return word & (word >> 1) & kLowBits; }

}  // namespace

void PackTernaryRow(const uint8_t* codes, size_t cols, uint8_t* out) noexcept {
  const size_t whole = cols / kTernaryPad * kTernaryPad;
  for (size_t c = 0; c < whole; c += kTernaryPad) PackBlock(codes + c, out + c / 4);
  if (whole == cols) return;
  uint8_t last[kTernaryPad];
  std::fill(std::copy(codes + whole, codes + cols, last), last + kTernaryPad, uint8_t{1});
  PackBlock(last, out + whole / 4);
}

void UnpackTernaryRow(const uint8_t* packed, size_t cols, uint8_t* codes) noexcept {
  const size_t whole = cols / kTernaryPad * kTernaryPad;
  for (size_t c = 0; c < whole; c += kTernaryPad) UnpackBlock(packed + c / 4, codes + c);
  if (whole == cols) return;
  uint8_t last[kTernaryPad];
  UnpackBlock(packed + whole / 4, last);
  std::copy(last, last + (cols - whole), codes + whole);
}

bool TernaryCodesValid(const uint8_t* packed, size_t n_bytes) noexcept {
  constexpr size_t kChunk = 4096;  // bytes between two looks at the result
  size_t i = 0;
  while (i + sizeof(uint64_t) <= n_bytes) {
    const size_t end = std::min(n_bytes, i + kChunk);
    uint64_t found = 0;
    for (; i + sizeof(uint64_t) <= end; i += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, packed + i, sizeof word);
      found |= FieldsOfThree(word);
    }
    if (found != 0) return false;
  }
  for (; i < n_bytes; ++i) {
    if (FieldsOfThree(packed[i]) != 0) return false;
  }
  return true;
}

}  // namespace bitnet::kernels
