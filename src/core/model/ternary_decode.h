// Ternary file layouts (docs/formats.md) to the packed layout of kernels/pack.h.
#ifndef BITNET_CORE_MODEL_TERNARY_DECODE_H_
#define BITNET_CORE_MODEL_TERNARY_DECODE_H_

#include <cstddef>
#include <cstdint>

#include "core/format/quant_type.h"

namespace bitnet::core {

enum class TernaryLayout : uint32_t {
  kI2S,
  kI2SArm,
  kTQ1_0,
  kTQ2_0,
  kIQ1_BN,
  kIQ2_BN,
  kIQ2_BN_R4,
  kQ1_0,      // binary: no weight is 0
  kQ2_0,      // blocks of 64
  kQ2_0Long,  // blocks of 128
  kHfPacked   // U8 [rows / 4, cols] of SafeTensors; its scale is a tensor of its own
};

// How many f32 scales a matrix of the layout has in the file.
enum class ScaleKind : uint32_t { kTensor, kRow, kBlock };
ScaleKind ScaleKindOf(TernaryLayout layout);

// Columns that one block scale covers, where ScaleKindOf is kBlock; else 0.
size_t ScaleBlock(TernaryLayout layout);

// A ternary matrix as the file holds it.
struct TernarySource {
  TernaryLayout layout;
  const std::byte* data;
  size_t rows;
  size_t cols;  // a multiple of the layout's block
};

// Rows come in groups of this many: 4 for IQ2_BN_R4, else 1.
size_t RowGroup(TernaryLayout layout);

// Codes of the rows of group `group`, one byte 0..3 a weight: codes [RowGroup, cols]. 3 is a broken file.
void DecodeGroup(const TernarySource& source, size_t group, uint8_t* codes);

// Scales are numbered [1], [rows] or [rows, cols / ScaleBlock] by ScaleKindOf: where one lies in the data, and
// its value.
size_t ScaleOffset(const TernarySource& source, size_t index);
// kHfPacked has none there: 1.
float ScaleAt(const TernarySource& source, size_t index);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_TERNARY_DECODE_H_
