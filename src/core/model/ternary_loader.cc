#include "core/model/ternary_loader.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/base/system_info.h"
#include "core/model/dense_decode.h"
#include "core/model/master.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace {

constexpr size_t kTileBytes = size_t{64} << 10;  // of codes a thread takes at a time: a few tiles fit its cache
constexpr uint8_t kFourZeros = 0x55;             // code 1 four times: weight 0

// Which packed codes the scales of a matrix cover.
class ScaleUnits {
 public:
  explicit ScaleUnits(const TernarySource& s) : row_bytes_(kernels::PackedRowBytes(kernels::PadTernary(s.cols))) {
    switch (ScaleKindOf(s.layout)) {
      case ScaleKind::kTensor: unit_bytes_ = s.rows * row_bytes_; break;
      case ScaleKind::kRow: count_ = s.rows, unit_bytes_ = row_bytes_; break;
      case ScaleKind::kBlock:
        per_row_ = s.cols / ScaleBlock(s.layout);
        count_ = s.rows * per_row_;
        halves_ = ScaleBlock(s.layout) < kernels::kTernaryPad;
        unit_bytes_ = kernels::PackedRowBytes(kernels::PadTernary(ScaleBlock(s.layout)));
        break;
    }
  }

  size_t count() const { return count_; }  // scales
  size_t unit_bytes() const { return unit_bytes_; }
  // True when a weight under scale `unit` is not 0.
  bool HasWeight(const uint8_t* packed, size_t unit) const {
    const size_t block = unit % per_row_;
    // Of 64 columns that share their bytes with 64 others, the first are the high four bits.
    const uint8_t mask = !halves_ ? 0xff : block % 2 == 0 ? 0xf0 : 0x0f;
    const uint8_t* const first =
        packed + (per_row_ == 1 ? unit * unit_bytes_
                                : unit / per_row_ * row_bytes_ + (halves_ ? block / 2 : block) * unit_bytes_);
    return std::any_of(first, first + unit_bytes_, [mask](uint8_t b) { return ((b ^ kFourZeros) & mask) != 0; });
  }

 private:
  size_t row_bytes_;
  size_t count_ = 1;
  size_t per_row_ = 1;
  size_t unit_bytes_ = 0;  // of codes under each scale
  bool halves_ = false;    // two scales share these bytes
};

Status BadScale(const GgufTensor& tensor, const TernarySource& source, size_t index, std::string_view problem) {
  return Status(Code::kBadFormat,
                Cat("tensor ", Quoted(tensor.name), " has ", problem, "; fetch or convert the model again"),
                std::string(tensor.name), tensor.offset + ScaleOffset(source, index));
}

size_t PackedBytes(const Matrix& m) { return m.rows * kernels::PackedRowBytes(kernels::PadTernary(m.cols)); }

}  // namespace

uint64_t RepackedBytes(TernaryLayout layout, uint64_t rows, uint64_t cols) {
  return layout == TernaryLayout::kI2S ? 0 : rows * kernels::PackedRowBytes(kernels::PadTernary(cols));
}

Status TernaryLoader::Load(const GgufTensor& tensor, TernaryLayout layout, bool copy, const float* factor,
                           Matrix& out) {
  const TernarySource source{layout, tensor.data.data(), out.rows, out.cols};
  if (layout == TernaryLayout::kI2S) {
    const size_t n_bytes = source.rows * source.cols / 4;
    std::byte* to = nullptr;
    if (copy) {
      BN_ASSIGN_OR_RETURN(to, weights_.Allocate(n_bytes));
    }
    BN_RETURN_IF_ERROR(CheckCodes(tensor, n_bytes, reinterpret_cast<uint8_t*>(to)));
    out.data = copy ? to : source.data;
  } else {
    BN_RETURN_IF_ERROR(Repack(tensor, source, out));
  }
  return LoadScales(tensor, source, factor, out);
}

Status TernaryLoader::CheckCodes(const GgufTensor& tensor, size_t n_bytes, uint8_t* to) {
  const auto* codes = reinterpret_cast<const uint8_t*>(tensor.data.data());
  std::atomic<bool> valid{true};
  pool_.ParallelFor(n_bytes, kTileBytes, [&](size_t begin, size_t end, uint32_t) {
    const uint8_t* read = codes + begin;
    if (to != nullptr) read = static_cast<const uint8_t*>(std::memcpy(to + begin, read, end - begin));
    if (!kernels::TernaryCodesValid(read, end - begin)) valid.store(false, std::memory_order_relaxed);
  });
  if (valid.load()) return {};
  const uint8_t* bad = std::find_if(codes, codes + n_bytes, [](uint8_t b) { return (b & (b >> 1) & 0x55) != 0; });
  const auto at = static_cast<uint64_t>(bad - codes);
  return Status(Code::kBadFormat,
                Cat("tensor ", Quoted(tensor.name), " has code 3 in byte ", at,
                    ", expected codes 0 to 2; quantise the model again, with one thread"),
                std::string(tensor.name), tensor.offset + at);
}

Status TernaryLoader::Repack(const GgufTensor& tensor, const TernarySource& source, Matrix& out) {
  const size_t group = RowGroup(source.layout);
  const size_t row_bytes = kernels::PackedRowBytes(kernels::PadTernary(source.cols));
  BN_ASSIGN_OR_RETURN(std::byte* const memory, weights_.Allocate(source.rows * row_bytes));
  auto* const packed = reinterpret_cast<uint8_t*>(memory);
  BN_RETURN_IF_ERROR(ReserveScratch(group * source.cols));
  std::atomic<size_t> bad_row{source.rows};
  const size_t tile = std::max<size_t>(1, kTileBytes / (group * source.cols));
  pool_.ParallelFor(source.rows / group, tile, [&](size_t begin, size_t end, uint32_t thread) {
    auto* codes = Scratch<uint8_t>(thread);
    for (size_t g = begin; g < end; ++g) {
      DecodeGroup(source, g, codes);
      for (size_t k = 0; k < group; ++k) {
        const size_t row = g * group + k;
        uint8_t* to = packed + row * row_bytes;
        kernels::PackTernaryRow(codes + k * source.cols, source.cols, to);
        if (kernels::TernaryCodesValid(to, row_bytes)) continue;
        size_t lowest = bad_row.load();
        while (row < lowest && !bad_row.compare_exchange_weak(lowest, row)) {
        }
      }
    }
  });
  if (const size_t row = bad_row.load(); row < source.rows) {
    if (source.layout == TernaryLayout::kQ2_0 || source.layout == TernaryLayout::kQ2_0Long) {
      return Status(Code::kUnsupported,
                    Cat("tensor ", Quoted(tensor.name), " is Q2_0 with a weight of +2 (code 3) in row ", row,
                        ", so it is not ternary; use a ternary file of the model"),
                    std::string(tensor.name), tensor.offset);
    }
    return Status(Code::kBadFormat,
                  Cat("tensor ", Quoted(tensor.name), " has code 3 in row ", row,
                      ", expected codes 0 to 2; quantise the model again"),
                  std::string(tensor.name), tensor.offset);
  }
  out.data = packed;
  return {};
}

Status TernaryLoader::ReserveScratch(size_t bytes_per_thread) {
  const size_t stride = (bytes_per_thread + Buffer::kAlign - 1) / Buffer::kAlign * Buffer::kAlign;
  scratch_stride_ = std::max(scratch_stride_, stride);
  if (scratch_.size() >= pool_.size() * scratch_stride_) return {};
  BN_ASSIGN_OR_RETURN(scratch_, Buffer::Allocate(allocator_, pool_.size() * scratch_stride_));
  return {};
}

Result<float> TernaryLoader::MasterScale(const GgufTensor& tensor, const Matrix& m) {
  std::vector<double> sums(m.rows);
  const size_t groups = (m.rows + kMasterRows - 1) / kMasterRows;
  pool_.ParallelFor(groups, std::max<size_t>(1, kTileBytes / (kMasterRows * tensor.n_bytes / m.rows)),
                    [&](size_t begin, size_t end, uint32_t thread) {
                      for (size_t g = begin; g < end; ++g) {
                        const size_t first = g * kMasterRows;
                        SumMasterRows(tensor, m.cols, first, std::min(kMasterRows, m.rows - first),
                                      Scratch<float>(thread), sums.data() + first);
                      }
                    });
  return MasterFactor(tensor, m.cols, sums);
}

template <typename CodeOf>
Result<bool> TernaryLoader::PackDense(const GgufTensor& tensor, float scale, uint8_t* packed, Matrix& out,
                                      CodeOf code_of) {
  const size_t row_bytes = tensor.n_bytes / out.rows;
  const size_t packed_bytes = kernels::PackedRowBytes(kernels::PadTernary(out.cols));
  std::atomic<bool> ternary{true};
  pool_.ParallelFor(out.rows, std::max<size_t>(1, kTileBytes / row_bytes),
                    [&](size_t begin, size_t end, uint32_t thread) {
                      auto* w = Scratch<float>(thread);
                      auto* codes = reinterpret_cast<uint8_t*>(w + out.cols);
                      for (size_t r = begin; r < end && ternary.load(std::memory_order_relaxed); ++r) {
                        DecodeToF32(tensor.type, tensor.data.subspan(r * row_bytes, row_bytes), out.cols, w);
                        unsigned highest = 0;
                        for (size_t c = 0; c < out.cols; ++c) {
                          codes[c] = static_cast<uint8_t>(code_of(w[c]));
                          highest = std::max<unsigned>(highest, codes[c]);
                        }
                        if (highest > 2) ternary.store(false, std::memory_order_relaxed);
                        kernels::PackTernaryRow(codes, out.cols, packed + r * packed_bytes);
                      }
                    });
  if (!ternary.load()) return false;
  BN_ASSIGN_OR_RETURN(float* const stored, floats_.Allocate(1));
  *stored = scale;
  out.kind = Matrix::Kind::kTernary;
  out.data = packed;
  out.scale = stored;
  out.scale_stride = 0;
  return true;
}

Status TernaryLoader::LoadMaster(const GgufTensor& tensor, Matrix& out) {
  BN_RETURN_IF_ERROR(ReserveScratch(out.cols * kMasterRows * sizeof(float)));
  BN_ASSIGN_OR_RETURN(const float s, MasterScale(tensor, out));
  BN_ASSIGN_OR_RETURN(std::byte* const to, weights_.Allocate(PackedBytes(out)));
  const auto packed =
      PackDense(tensor, 1.0f / s, reinterpret_cast<uint8_t*>(to), out, [s](float w) { return MasterCode(w, s); });
  return packed.ok() ? Status() : packed.status();
}

Result<bool> TernaryLoader::LoadExact(const GgufTensor& tensor, Matrix& out) {
  BN_RETURN_IF_ERROR(ReserveScratch(out.cols * (sizeof(float) + 1)));
  const float scale = ExactScale(tensor, out.cols, Scratch<float>(0));
  if (!std::isfinite(scale)) return false;
  BN_ASSIGN_OR_RETURN(Buffer to, Buffer::Allocate(allocator_, PackedBytes(out)));
  AskForHugePages(to.data(), to.size());
  BN_ASSIGN_OR_RETURN(const bool ternary, PackDense(tensor, scale, to.as<uint8_t>(), out,
                                                    [scale](float x) { return ExactCode(x, scale); }));
  if (ternary) buffers_.push_back(std::move(to));
  return ternary;
}

// The rules for scales: finite, not negative, and 0 only where every weight is 0. Block scales become one scale where
// all blocks that have a weight agree (docs/numerics.md).
Status TernaryLoader::LoadScales(const GgufTensor& tensor, const TernarySource& source, const float* factor,
                                 Matrix& out) {
  const ScaleUnits units(source);
  const auto* packed = static_cast<const uint8_t*>(out.data);
  const bool is_block = ScaleKindOf(source.layout) == ScaleKind::kBlock;
  std::vector<float> scales(units.count());
  std::vector<uint8_t> used(is_block ? units.count() : 0);
  if (is_block) {
    pool_.ParallelFor(units.count(), kTileBytes / units.unit_bytes(), [&](size_t begin, size_t end, uint32_t) {
      for (size_t u = begin; u < end; ++u) used[u] = units.HasWeight(packed, u) ? 1 : 0;
    });
  }
  for (size_t u = 0; u < units.count(); ++u) scales[u] = ScaleAt(source, u);

  size_t common = units.count();  // the first block that has a weight
  bool differ = false;
  for (size_t u = 0; u < units.count(); ++u) {
    const float scale = scales[u];
    const auto has_weight = [&] { return is_block ? used[u] != 0 : units.HasWeight(packed, u); };
    if (!std::isfinite(scale) || scale < 0) {
      return BadScale(tensor, source, u, Cat("scale ", scale, ", expected a finite number that is not negative"));
    }
    const float effective = factor != nullptr ? scale * *factor : scale;
    if (!std::isfinite(effective)) {
      return BadScale(tensor, source, u, Cat("scale ", scale, ", which times its .scale tensor is ", effective));
    }
    // Q1_0 has no other way to say that a block is 0.
    if (effective == 0 && source.layout != TernaryLayout::kQ1_0 && has_weight()) {
      return BadScale(tensor, source, u, "scale 0 beside weights that are not 0, expected more than 0");
    }
    if (is_block && used[u] != 0) {
      if (common == units.count()) common = u;
      differ = differ || scale != scales[common];  // as the file has them, before the .scale tensor
    }
  }
  if (is_block && !differ) {
    scales = {scales[common == units.count() ? 0 : common]};
  }
  BN_ASSIGN_OR_RETURN(float* const stored, floats_.Allocate(scales.size()));
  for (size_t u = 0; u < scales.size(); ++u) stored[u] = factor != nullptr ? scales[u] * *factor : scales[u];
  out.scale = stored;
  out.kind = is_block && differ ? Matrix::Kind::kTernaryBlocks : Matrix::Kind::kTernary;
  if (out.kind == Matrix::Kind::kTernaryBlocks) {
    out.block = static_cast<uint32_t>(ScaleBlock(source.layout));
    out.scale_stride = static_cast<uint32_t>(source.cols / out.block);
  } else {
    out.scale_stride = ScaleKindOf(source.layout) == ScaleKind::kRow ? 1 : 0;
  }
  return {};
}

}  // namespace bitnet::core
