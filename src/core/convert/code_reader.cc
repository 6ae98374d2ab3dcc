#include "core/convert/code_reader.h"

#include <algorithm>
#include <cmath>

#include "core/convert/bands.h"
#include "core/model/dense_decode.h"
#include "core/model/master.h"
#include "core/model/norms.h"

namespace bitnet::core {

Status TensorError(Code code, const GgufTensor& tensor, std::string_view problem) {
  return Status(code, Cat("tensor ", Quoted(tensor.name), " ", problem), std::string(tensor.name), tensor.info_offset);
}

namespace {

// None: dense.
Result<std::optional<TernaryLayout>> LayoutOf(TensorTable::Linears linears, const GgufTensor& t, bool i2s_arm_layout) {
  using Layout = std::optional<TernaryLayout>;
  std::string_view expected = "a ternary one, or F32, F16, BF16 or F64 that holds 0, s and -s alone";
  if (linears == TensorTable::Linears::kPacked) {
    if (t.type == QuantType::kU8) return Layout(TernaryLayout::kHfPacked);
    expected = "U8";
  } else {
    if (DenseTypeOf(t.type)) return Layout();
    if (linears == TensorTable::Linears::kMaster) {
      expected = "F32, F16, BF16 or F64";
    } else if (const auto layout = TernaryLayoutOf(t, i2s_arm_layout)) {
      return Layout(*layout);
    }
  }
  return TensorError(Code::kUnsupported, t,
                     Cat("is a linear of type ", QuantTypeName(t.type), ", expected ", expected));
}

}  // namespace

Result<CodeReader> CodeReader::Open(const Checkpoint& checkpoint, const TensorTable& table,
                                    const PlannedTensor& planned, bool i2s_arm_layout, ThreadPool& pool) {
  CodeReader out;
  out.checkpoint_ = &checkpoint;
  out.tensor_ = planned.tensor;
  out.rows_ = planned.matrix->rows;
  out.cols_ = planned.matrix->cols;
  BN_ASSIGN_OR_RETURN(out.layout_, LayoutOf(table.linears(), *planned.tensor, i2s_arm_layout));
  if (!out.layout_) {
    if (table.linears() == TensorTable::Linears::kMaster) {
      BN_RETURN_IF_ERROR(out.ReadMasterScale(pool));
      return out;
    }
    if (planned.scale != nullptr) {
      return TensorError(Code::kUnsupported, *planned.scale,
                         Cat("is a scale beside a matrix of type ", QuantTypeName(planned.tensor->type)));
    }
    std::vector<float> scratch(out.cols_);
    out.scales_ = {ExactScale(*planned.tensor, out.cols_, scratch.data())};
    out.exact_scale_ = out.scales_[0];
    BN_RETURN_IF_ERROR(out.CheckScales());
    return out;
  }
  if (planned.scale != nullptr) BN_RETURN_IF_ERROR(out.ReadFactor(table, *planned.scale));
  const TernarySource source{*out.layout_, planned.tensor->data.data(), out.rows_, out.cols_};
  switch (out.scale_kind()) {
    case ScaleKind::kTensor: out.scales_.resize(1); break;
    case ScaleKind::kRow: out.scales_.resize(out.rows_); break;
    case ScaleKind::kBlock: out.scales_.resize(out.rows_ * out.units_per_row()); break;
  }
  for (size_t u = 0; u < out.scales_.size(); ++u) out.scales_[u] = ScaleAt(source, u);
  BN_RETURN_IF_ERROR(out.CheckScales());
  return out;
}

Status CodeReader::ReadFactor(const TensorTable& table, const GgufTensor& tensor) {
  if (!DenseTypeOf(tensor.type)) {
    return TensorError(Code::kUnsupported, tensor,
                       Cat("is a scale of type ", QuantTypeName(tensor.type), ", expected F32"));
  }
  float value = 0;
  BN_RETURN_IF_ERROR(ReadVector(tensor, false, {&value, 1}));
  BN_RETURN_IF_ERROR(CheckFinite(tensor, {&value, 1}));
  const bool packed = table.linears() == TensorTable::Linears::kPacked;
  if (value < 0 || (packed && value == 0)) {
    return TensorError(Code::kBadFormat, tensor,
                       Cat("is ", value, ", expected a scale ", packed ? "above 0" : "that is not negative"));
  }
  factor_ = table.reciprocal_scale() ? 1.0f / value : value;
  return {};
}

Status CodeReader::ReadMasterScale(ThreadPool& pool) {
  const size_t row_bytes = tensor_->n_bytes / rows_;
  std::vector<double> sums(rows_);
  std::vector<float> scratch(pool.size() * kMasterRows * cols_);
  const Bands bands(rows_, row_bytes, kMasterRows, kMasterRows);
  BN_RETURN_IF_ERROR(ForEachBand(
      pool, bands,
      [&](size_t, size_t first, size_t end, uint32_t thread) {
        for (size_t r = first; r < end; r += kMasterRows) {
          SumMasterRows(*tensor_, cols_, r, std::min(kMasterRows, end - r),
                        scratch.data() + thread * kMasterRows * cols_, sums.data() + r);
        }
      },
      [](size_t) { return Status(); },
      [&](size_t band) {
        Release(bands.first(band), bands.end(band));
        return Status();
      }));
  BN_ASSIGN_OR_RETURN(master_factor_, MasterFactor(*tensor_, cols_, sums));
  scales_ = {1.0f / master_factor_};
  return {};
}

Status CodeReader::CheckScales() const {
  for (size_t u = 0; u < scales_.size(); ++u) {
    if (std::isfinite(scales_[u]) && scales_[u] >= 0 && std::isfinite(scale(u))) continue;
    return TensorError(Code::kBadFormat, *tensor_,
                       Cat("has scale ", scale(u), ", expected a finite number that is not negative"));
  }
  return {};
}

void CodeReader::Read(size_t first, float* scratch, uint8_t* codes) const {
  const size_t row = SourceRow(first);
  if (!layout_) {
    DecodeDenseRow(*tensor_, cols_, row, scratch);
    if (exact_scale_) {
      const float scale = *exact_scale_;
      for (size_t c = 0; c < cols_; ++c) codes[c] = static_cast<uint8_t>(ExactCode(scratch[c], scale));
    } else {
      const float factor = master_factor_;
      for (size_t c = 0; c < cols_; ++c) codes[c] = static_cast<uint8_t>(MasterCode(scratch[c], factor));
    }
    return;
  }
  const TernarySource source{*layout_, tensor_->data.data(), rows_, cols_};
  const size_t n = RowGroup(*layout_);
  if (group() == n) return DecodeGroup(source, row / n, codes);
  static_assert(sizeof(float) == 4, "scratch holds the codes of a group: four rows");
  auto* rows = reinterpret_cast<uint8_t*>(scratch);
  DecodeGroup(source, row / n, rows);
  std::copy(rows + row % n * cols_, rows + (row % n + 1) * cols_, codes);
}

Status CodeReader::BadCode(size_t row) const {
  if (!layout_) {
    return TensorError(Code::kUnsupported, *tensor_,
                       Cat("is a linear of type ", QuantTypeName(tensor_->type), " that holds in row ", row,
                           " other values than 0, s and -s, so it is not ternary; use a ternary file of the model"));
  }
  if (layout_ == TernaryLayout::kQ2_0 || layout_ == TernaryLayout::kQ2_0Long) {
    return TensorError(Code::kUnsupported, *tensor_,
                       Cat("is Q2_0 with a weight of +2 (code 3) in row ", row,
                           ", so it is not ternary; use a ternary file of the model"));
  }
  return TensorError(Code::kBadFormat, *tensor_,
                     Cat("has code 3 in row ", row, ", expected codes 0 to 2; quantise the model again"));
}

void CodeReader::Release(size_t first, size_t end) const {
  // Rows of packed weights lie four in a byte: the last quarter of the rows is the last that needs those bytes.
  const bool packed = layout_ == TernaryLayout::kHfPacked;
  const size_t n = packed ? rows_ / 4 : rows_;
  const size_t begin_row = packed ? std::max(first, 3 * n) - 3 * n : first;
  const size_t end_row = packed ? std::max(end, 3 * n) - 3 * n : end;
  const uint64_t row_bytes = tensor_->n_bytes / n;
  const auto part = tensor_->data.subspan(begin_row * row_bytes, (end_row - begin_row) * row_bytes);
  for (const MappedFile& file : checkpoint_->files) file.Release(part);
}

std::optional<float> CodeReader::CommonScale(const std::vector<uint8_t>& used) const {
  size_t common = scales_.size();
  for (size_t u = 0; u < scales_.size(); ++u) {
    if (used[u] == 0) continue;
    if (common == scales_.size()) common = u;
    if (scales_[u] != scales_[common]) return std::nullopt;
  }
  return scale(common == scales_.size() ? 0 : common);
}

}  // namespace bitnet::core
