#include "kernels/pack.h"

#include <algorithm>
#include <cstring>

namespace bitnet::kernels {
namespace {

constexpr size_t kBlockBytes = kTernaryPad / 4;  // bytes of 128 codes

// Where column c lies: byte c mod 32 of its block, the first quarter of the block in the highest bits.
constexpr size_t ByteOf(size_t c) { return c / kTernaryPad * kBlockBytes + c % kBlockBytes; }
constexpr unsigned ShiftOf(size_t c) { return 6 - 2 * static_cast<unsigned>(c % kTernaryPad / kBlockBytes); }

constexpr uint64_t kLowBits = 0x5555555555555555u;  // the low bit of each 2-bit field

// The low bit of each field that is 3.
constexpr uint64_t FieldsOfThree(uint64_t word) { return word & (word >> 1) & kLowBits; }

}  // namespace

void PackTernaryRow(const uint8_t* codes, size_t cols, uint8_t* out) noexcept {
  std::memset(out, 0, PackedRowBytes(PadTernary(cols)));
  for (size_t c = 0; c < PadTernary(cols); ++c) {
    const unsigned code = c < cols ? codes[c] : 1;
    out[ByteOf(c)] = static_cast<uint8_t>(out[ByteOf(c)] | code << ShiftOf(c));
  }
}

void UnpackTernaryRow(const uint8_t* packed, size_t cols, uint8_t* codes) noexcept {
  for (size_t c = 0; c < cols; ++c) codes[c] = packed[ByteOf(c)] >> ShiftOf(c) & 3;
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
