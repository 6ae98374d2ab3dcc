// One block of a block-quantised type as integers and its f16 numbers. Layouts: docs/formats.md, "Block layouts,
// exactly".
#ifndef BITNET_KERNELS_REF_UNPACK_BLOCK_INL_H_
#define BITNET_KERNELS_REF_UNPACK_BLOCK_INL_H_

#include <cstring>

#include "kernels/pack.h"
#include "kernels/ref/striped-inl.h"

namespace bitnet::kernels::BN_REF_NAMESPACE {

// w = (d * scale[i / sub]) * q[i], with minima less m * minimum[i / sub] or, with add_min, plus it; sub = elements /
// n_scales.
struct Unpacked {
  int8_t q[256];
  int8_t scale[16];
  int8_t minimum[16];
  size_t n_scales;
  bool has_min, add_min;
  float d, m;
};

inline float LoadF16(const uint8_t* bytes) { return F16ToF32(static_cast<uint16_t>(bytes[0] | bytes[1] << 8)); }

// Q4_0, Q4_1, Q5_0, Q5_1: [f16 d][f16 m][u32 fifth bits][16 bytes of nibbles], m and fifth bits where the type has
// them.
inline void UnpackNibbles(Block type, const uint8_t* bytes, Unpacked* block) {
  const bool fifth = type == Block::kQ5_0 || type == Block::kQ5_1;
  const int centre = block->has_min ? 0 : fifth ? 16 : 8;
  const uint8_t* const nibbles = bytes + BlockBytes(type) - 16;
  const uint8_t* const fifth_bits = nibbles - 4;
  for (size_t i = 0; i < 32; ++i) {
    const int low = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
    const int high = fifth ? fifth_bits[i / 8] >> (i % 8) & 1 : 0;
    block->q[i] = static_cast<int8_t>((low | high << 4) - centre);
  }
}

// Bits 2 group .. 2 group + 1 of the 64 bytes of Q2_K and Q3_K that hold element i.
inline int TwoBits(const uint8_t* bytes, size_t i) { return bytes[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3; }

// [16 bytes: scale in the low nibble, minimum in the high one][64 bytes of 2 bits][f16 d][f16 dmin]
inline void UnpackQ2_K(const uint8_t* bytes, Unpacked* block) {
  for (size_t s = 0; s < 16; ++s) {
    block->scale[s] = static_cast<int8_t>(bytes[s] & 15);
    block->minimum[s] = static_cast<int8_t>(bytes[s] >> 4);
  }
  for (size_t i = 0; i < 256; ++i) block->q[i] = static_cast<int8_t>(TwoBits(bytes + 16, i));
}

// [32 bytes of high bits][64 bytes of 2 bits][12 bytes of 16 scales][f16 d]. Element i has bit i / 32 of high[i % 32];
// weights are minus 4. Scale s, minus 32, has four bits in nibble s / 8 of byte s % 8 and two above them in bits
// 2 (s / 4) .. of byte 8 + s % 4.
inline void UnpackQ3_K(const uint8_t* bytes, Unpacked* block) {
  const uint8_t* const packed = bytes + 96;
  for (size_t s = 0; s < 16; ++s) {
    const int low = s < 8 ? packed[s] & 15 : packed[s - 8] >> 4;
    const int high = packed[8 + s % 4] >> (s / 4 * 2) & 3;
    block->scale[s] = static_cast<int8_t>((low | high << 4) - 32);
  }
  for (size_t i = 0; i < 256; ++i) {
    const int high = bytes[i % 32] >> (i / 32) & 1;
    block->q[i] = static_cast<int8_t>((TwoBits(bytes + 32, i) | high << 2) - 4);
  }
}

// The 8 scales and 8 minima of six bits in the 12 bytes of Q4_K and Q5_K: the first four of each lie whole in bits 5..0
// of bytes 0..3 and 4..7; the others have four bits in the nibbles of bytes 8..11 and two in the top bits of those.
inline void UnpackSixBits(const uint8_t* packed, Unpacked* block) {
  for (size_t s = 0; s < 4; ++s) {
    block->scale[s] = static_cast<int8_t>(packed[s] & 63);
    block->minimum[s] = static_cast<int8_t>(packed[s + 4] & 63);
    block->scale[s + 4] = static_cast<int8_t>((packed[s + 8] & 15) | packed[s] >> 6 << 4);
    block->minimum[s + 4] = static_cast<int8_t>(packed[s + 8] >> 4 | packed[s + 4] >> 6 << 4);
  }
}

// [f16 d][f16 dmin][12 bytes of scales][Q5_K: 32 bytes of fifth bits][128 bytes of nibbles]. 64 elements in 32 bytes of
// nibbles, the low ones first; element i has bit i / 32 of fifth[i % 32].
inline void UnpackQ4_K(Block type, const uint8_t* bytes, Unpacked* block) {
  UnpackSixBits(bytes + 4, block);
  const uint8_t* const fifth = bytes + 16;
  const uint8_t* const nibbles = bytes + BlockBytes(type) - 128;
  for (size_t i = 0; i < 256; ++i) {
    const int low = nibbles[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15;
    const int high = type == Block::kQ5_K ? fifth[i % 32] >> (i / 32) & 1 : 0;
    block->q[i] = static_cast<int8_t>(low | high << 4);
  }
}

// [128 bytes of low nibbles][64 bytes of 2 high bits][16 int8 scales][f16 d]; weights are minus 32.
inline void UnpackQ6_K(const uint8_t* bytes, Unpacked* block) {
  for (size_t half = 0; half < 2; ++half) {
    const uint8_t* const ql = bytes + 64 * half;
    const uint8_t* const qh = bytes + 128 + 32 * half;
    int8_t* const q = block->q + 128 * half;
    for (size_t l = 0; l < 32; ++l) {
      const int low[4] = {ql[l] & 15, ql[l + 32] & 15, ql[l] >> 4, ql[l + 32] >> 4};
      for (size_t g = 0; g < 4; ++g) {
        const int high = qh[l] >> (2 * g) & 3;
        q[l + 32 * g] = static_cast<int8_t>((low[g] | high << 4) - 32);
      }
    }
  }
  std::memcpy(block->scale, bytes + 192, 16);
}

inline void UnpackBlockOf(Block type, const uint8_t* bytes, Unpacked* block) {
  const BlockLayout& layout = LayoutOf(type);
  block->n_scales = layout.n_scales;
  block->has_min = layout.has_min;
  block->add_min = layout.has_min && layout.elements == 32;
  block->d = LoadF16(bytes + layout.d_at);
  block->m = layout.has_min ? LoadF16(bytes + layout.min_at) : 0.0f;
  block->scale[0] = 1;
  std::memset(block->minimum, 1, sizeof block->minimum);
  switch (type) {
    case Block::kQ4_0:
    case Block::kQ4_1:
    case Block::kQ5_0:
    case Block::kQ5_1: return UnpackNibbles(type, bytes, block);
    case Block::kQ8_0: std::memcpy(block->q, bytes + 2, 32); return;
    case Block::kQ2_K: return UnpackQ2_K(bytes, block);
    case Block::kQ3_K: return UnpackQ3_K(bytes, block);
    case Block::kQ4_K:
    case Block::kQ5_K: return UnpackQ4_K(type, bytes, block);
    case Block::kQ6_K: return UnpackQ6_K(bytes, block);
    case Block::kCount: break;
  }
}

}  // namespace bitnet::kernels::BN_REF_NAMESPACE

#endif  // BITNET_KERNELS_REF_UNPACK_BLOCK_INL_H_
