#include "core/model/dense_decode.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/half.h"
#include "kernels/kernel_table.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace {

template <typename T>
T Load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// The first element whose exponent bits are all ones, which is infinity or NaN in every IEEE format.
template <typename T>
std::optional<uint64_t> FindFullExponent(std::span<const std::byte> data, T exponent, size_t first, size_t stride) {
  constexpr size_t kChunk = 4096;  // elements between two looks at the flag: the inner loop stays branchless
  const size_t n = data.size() / stride;
  for (size_t begin = 0; begin < n; begin += kChunk) {
    const size_t end = begin + kChunk < n ? begin + kChunk : n;
    unsigned found = 0;
    for (size_t i = begin; i < end; ++i) {
      found |= static_cast<unsigned>((Load<T>(data.data() + i * stride + first) & exponent) == exponent);
    }
    for (size_t i = begin; found != 0 && i < end; ++i) {
      if ((Load<T>(data.data() + i * stride + first) & exponent) == exponent) return i;
    }
  }
  return std::nullopt;
}

// The default rounding of IEEE 754, to nearest even.
float RoundedF64(const std::byte* p) { return static_cast<float>(Load<double>(p)); }

std::optional<uint64_t> FindBeyondF32(std::span<const std::byte> data) {
  for (size_t i = 0; i < data.size() / sizeof(double); ++i) {
    if (!std::isfinite(RoundedF64(data.data() + i * sizeof(double)))) return i;
  }
  return std::nullopt;
}

constexpr uint32_t kF32Exponent = 0x7f800000;
constexpr uint16_t kF16Exponent = 0x7c00;
constexpr uint16_t kBf16Exponent = 0x7f80;

}  // namespace

std::optional<kernels::Dense> DenseTypeOf(QuantType type) {
  switch (type) {
    case QuantType::kF32:
    case QuantType::kF64: return kernels::Dense::kF32;
    case QuantType::kF16: return kernels::Dense::kF16;
    case QuantType::kBF16: return kernels::Dense::kBF16;
    default: return std::nullopt;
  }
}

std::optional<kernels::Block> BlockTypeOf(QuantType type) {
  switch (type) {
    case QuantType::kQ4_0: return kernels::Block::kQ4_0;
    case QuantType::kQ4_1: return kernels::Block::kQ4_1;
    case QuantType::kQ5_0: return kernels::Block::kQ5_0;
    case QuantType::kQ5_1: return kernels::Block::kQ5_1;
    case QuantType::kQ8_0: return kernels::Block::kQ8_0;
    case QuantType::kQ2_K: return kernels::Block::kQ2_K;
    case QuantType::kQ3_K: return kernels::Block::kQ3_K;
    case QuantType::kQ4_K: return kernels::Block::kQ4_K;
    case QuantType::kQ5_K: return kernels::Block::kQ5_K;
    case QuantType::kQ6_K: return kernels::Block::kQ6_K;
    default: return std::nullopt;
  }
}

void DecodeToF32(QuantType type, std::span<const std::byte> data, size_t n, float* out) {
  if (const auto block = BlockTypeOf(type)) {
    kernels::ReferenceTable().block_row_to_f32(*block, data.data(), n, 0, out);
    return;
  }
  if (type == QuantType::kF32) {
    std::memcpy(out, data.data(), n * sizeof(float));
    return;
  }
  if (type == QuantType::kF64) {
    for (size_t i = 0; i < n; ++i) out[i] = RoundedF64(data.data() + i * sizeof(double));
    return;
  }
  const bool f16 = type == QuantType::kF16;
  if (reinterpret_cast<uintptr_t>(data.data()) % alignof(uint16_t) == 0) {  // SafeTensors have odd addresses too
    size_t count = 0;
    const kernels::KernelTable& table = *kernels::AvailableTables(&count)[0];  // each gives the same bits
    return table.dense_row_to_f32(f16 ? kernels::Dense::kF16 : kernels::Dense::kBF16, data.data(), n, 0, out);
  }
  for (size_t i = 0; i < n; ++i) {
    const auto bits = Load<uint16_t>(data.data() + 2 * i);
    out[i] = f16 ? kernels::F16ToF32(bits) : kernels::BF16ToF32(bits);
  }
}

std::optional<uint64_t> FindNonFinite(QuantType type, std::span<const std::byte> data) {
  if (const auto block = BlockTypeOf(type)) {
    const kernels::BlockLayout& layout = kernels::LayoutOf(*block);
    const auto scale = FindFullExponent<uint16_t>(data, kF16Exponent, layout.d_at, layout.bytes);
    if (!layout.has_min) return scale;
    const auto minimum = FindFullExponent<uint16_t>(data, kF16Exponent, layout.min_at, layout.bytes);
    return scale && minimum ? std::min(*scale, *minimum) : scale ? scale : minimum;
  }
  switch (type) {
    case QuantType::kF32: return FindFullExponent<uint32_t>(data, kF32Exponent, 0, 4);
    case QuantType::kF16: return FindFullExponent<uint16_t>(data, kF16Exponent, 0, 2);
    case QuantType::kF64: return FindBeyondF32(data);
    case QuantType::kBF16: return FindFullExponent<uint16_t>(data, kBf16Exponent, 0, 2);
    default: return std::nullopt;
  }
}

}  // namespace bitnet::core
