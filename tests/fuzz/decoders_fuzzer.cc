// Any bytes as a tensor of any type: every kernel table decodes and multiplies block types as the reference does, the
// reference as the element-wise decoder; ternary layouts give the codes of the element-wise decoder, and survive
// packing.
//
// Input: the type, the size, then the bytes of the tensor; what is missing is 0.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/model/ternary_decode.h"
#include "kernels/pack.h"
#include "naive_decoders.h"

using namespace bitnet;  // NOLINT: a program of one file

namespace {

constexpr size_t kRows = 4;  // a multiple of every row group

// The bits of floats; all NaNs count as one, since which operand's payload survives is the compiler's choice.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] && b[i] != b[i]) continue;
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return true;
}

void Require(bool holds) {
  if (!holds) std::abort();
}

void Blocks(kernels::Block type, size_t n, std::vector<uint8_t> bytes, size_t n_given) {
  const size_t size = kernels::BlockBytes(type), elements = kernels::BlockElements(type), per_row = n / elements;
  bytes.resize(kRows * per_row * size);  // to the byte, so that a read beyond the end is found
  // Activations from the same bytes, so that they vary with the input.
  std::vector<int8_t> q(n);
  std::vector<float> d_a(per_row);
  for (size_t i = 0; i < n; ++i) q[i] = static_cast<int8_t>(bytes[(7 * i + n_given) % bytes.size()]);
  for (size_t b = 0; b < per_row; ++b) d_a[b] = static_cast<float>(q[b]) / 64;

  const kernels::KernelTable& reference = kernels::ReferenceTable();
  size_t n_tables = 0;
  const kernels::KernelTable* const* tables = kernels::AvailableTables(&n_tables);
  for (size_t r = 0; r < kRows; ++r) {
    std::vector<float> row(n), naive(n), ours(n);
    reference.block_row_to_f32(type, bytes.data(), n, r, row.data());
    for (size_t i = 0; i < n; ++i) {
      naive[i] = test::BlockElement(type, bytes.data() + (r * per_row + i / elements) * size, i % elements);
    }
    Require(SameBits(row, naive));
    for (size_t t = 0; t < n_tables; ++t) {
      tables[t]->block_row_to_f32(type, bytes.data(), n, r, ours.data());
      Require(SameBits(row, ours));
    }
  }
  std::vector<std::max_align_t> memory(kernels::TokenGroup::Bytes(n, elements) / sizeof(std::max_align_t) + 1);
  const auto group = kernels::TokenGroup::Make(q.data(), d_a.data(), n, elements, 1, memory.data());
  std::vector<float> y(kRows), ours(kRows);
  reference.block_rows(type, bytes.data(), n, q.data(), d_a.data(), 0, kRows, y.data());
  for (size_t t = 0; t < n_tables; ++t) {
    tables[t]->block_rows(type, bytes.data(), n, q.data(), d_a.data(), 0, kRows, ours.data());
    Require(SameBits(y, ours));
    tables[t]->block_tokens({type, bytes.data(), n, group, 1, ours.data(), kRows}, 0, kRows);
    Require(SameBits(y, ours));
  }
}

size_t TensorBytes(core::TernaryLayout layout, size_t cols) {
  using core::TernaryLayout;
  switch (layout) {
    case TernaryLayout::kI2S:
    case TernaryLayout::kI2SArm: return kRows * cols / 4 + 32;
    case TernaryLayout::kTQ1_0: return kRows * cols / 256 * 54;
    case TernaryLayout::kTQ2_0: return kRows * cols / 256 * 66;
    case TernaryLayout::kIQ1_BN: return kRows * (2 + cols / 64 * 13);
    case TernaryLayout::kIQ2_BN:
    case TernaryLayout::kIQ2_BN_R4: return kRows * (4 + cols / 4);
    case TernaryLayout::kQ1_0: return kRows * cols / 128 * 18;
    case TernaryLayout::kQ2_0: return kRows * cols / 64 * 18;
    case TernaryLayout::kQ2_0Long: return kRows * cols / 128 * 34;
    case TernaryLayout::kHfPacked: return kRows / 4 * cols;
  }
  return 0;
}

void Ternary(core::TernaryLayout layout, size_t cols, std::vector<uint8_t> bytes) {
  bytes.resize(TensorBytes(layout, cols));
  const core::TernarySource source{layout, reinterpret_cast<const std::byte*>(bytes.data()), kRows, cols};
  const size_t group = core::RowGroup(layout);
  std::vector<uint8_t> codes(group * cols), packed(kernels::PackedRowBytes(kernels::PadTernary(cols))), again(cols);
  for (size_t g = 0; g < kRows / group; ++g) {
    core::DecodeGroup(source, g, codes.data());
    for (size_t k = 0; k < group; ++k) {
      const uint8_t* const row = codes.data() + k * cols;
      bool valid = true;
      for (size_t c = 0; c < cols; ++c) {
        Require(row[c] == test::TernaryCode(source, g * group + k, c));
        valid = valid && row[c] < 3;
      }
      kernels::PackTernaryRow(row, cols, packed.data());
      kernels::UnpackTernaryRow(packed.data(), cols, again.data());
      Require(std::equal(again.begin(), again.end(), row));
      Require(kernels::TernaryCodesValid(packed.data(), packed.size()) == valid);
    }
  }
  size_t n_scales = 1;
  if (core::ScaleKindOf(layout) == core::ScaleKind::kRow) n_scales = kRows;
  if (core::ScaleKindOf(layout) == core::ScaleKind::kBlock) n_scales = kRows * (cols / core::ScaleBlock(layout));
  for (size_t i = 0; i < n_scales; ++i) {
    Require(SameBits({core::ScaleAt(source, i)}, {test::TernaryScale(source, i)}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBlocks = static_cast<size_t>(kernels::Block::kCount);
  constexpr size_t kLayouts = static_cast<size_t>(core::TernaryLayout::kHfPacked) + 1;
  if (size < 2) return 0;
  const size_t type = data[0] % (kBlocks + kLayouts);
  // Mostly a block or two of 256, which is quick; now and then more than one chunk of the block products.
  const size_t n = 256 * (data[1] < 8 ? 17 : 1 + data[1] % 2);
  std::vector<uint8_t> bytes(data + 2, data + size);
  if (type < kBlocks) {
    Blocks(static_cast<kernels::Block>(type), n, std::move(bytes), size);
  } else {
    Ternary(static_cast<core::TernaryLayout>(type - kBlocks), n, std::move(bytes));
  }
  return 0;
}
