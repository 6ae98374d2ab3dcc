#include "core/model/tensor_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/format/limits.h"
#include "core/model/dense_decode.h"
#include "core/model/master.h"
#include "core/model/norms.h"
#include "core/model/row_order.h"

namespace bitnet::core {

namespace {

constexpr std::string_view kLinears[] = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};

// "attn_q" of "blk.0.attn_q.weight"; "" of another name.
std::string_view PartOf(std::string_view graph_name) {
  if (!graph_name.starts_with("blk.")) return {};
  const size_t first = graph_name.find('.', 4), last = graph_name.rfind('.');
  if (first == std::string_view::npos || first == last) return {};
  return graph_name.substr(first + 1, last - first - 1);
}

// Heads whose rows stand in another order than Hugging Face's.
size_t ReorderedHeads(const HParams* h, std::string_view graph_name, size_t rows) {
  if (h == nullptr || !h->rope_adjacent) return 0;
  const std::string_view part = PartOf(graph_name);
  const size_t heads = part == "attn_q" ? h->n_heads : part == "attn_k" ? h->n_heads_kv : 0;
  return heads != 0 && rows == heads * h->head_dim && h->head_dim % 2 == 0 ? heads : 0;
}

bool IsDecoded(QuantType type) { return DenseTypeOf(type).has_value() || BlockTypeOf(type).has_value(); }

}  // namespace

bool IsLinearName(std::string_view graph_name) {
  return graph_name.ends_with(".weight") &&
         std::find(std::begin(kLinears), std::end(kLinears), PartOf(graph_name)) != std::end(kLinears);
}

TensorRows::TensorRows(const TensorTable& table, const GgufTensor& tensor, const HParams* hparams, bool i2s_arm_layout)
    : tensor_(tensor), rows_(tensor.ne[1] * tensor.ne[2] * tensor.ne[3]), cols_(tensor.ne[0]) {
  const std::string name = table.GraphName(tensor.name);
  if (IsDecoded(tensor.type)) kind_ = Kind::kValues;
  // Rows of ternary matrices are decoded whole, so they have the limit that the loader sets to columns. An empty or
  // deeper tensor is no matrix of any graph.
  if (IsLinearName(name) && rows_ != 0 && cols_ != 0 && cols_ <= kMaxFeedForward && tensor.n_dims <= 2) {
    OpenLinear(table, name, i2s_arm_layout);
  }
  if (tensor.n_dims == 1 && name.ends_with(".bias") && ReorderedHeads(hparams, name, cols_) != 0) {
    std::swap(rows_, cols_);  // a bias follows the rows of its matrix
  }
  heads_ = ReorderedHeads(hparams, name, rows_);
}

void TensorRows::OpenLinear(const TensorTable& table, const std::string& graph_name, bool i2s_arm_layout) {
  const QuantType type = tensor_.type;
  std::optional<TernaryLayout> layout;
  if (table.linears() == TensorTable::Linears::kPacked && type == QuantType::kU8) {
    layout = TernaryLayout::kHfPacked;
    rows_ *= 4;
  } else if (table.linears() == TensorTable::Linears::kGguf) {
    layout = TernaryLayoutOf(tensor_, i2s_arm_layout);
  }
  if (!layout) {
    if (!DenseTypeOf(type)) return;
    return table.linears() == TensorTable::Linears::kMaster ? OpenMaster() : OpenDenseTernary();
  }
  kind_ = Kind::kTernary;
  source_ = TernarySource{*layout, tensor_.data.data(), rows_, cols_};
  codes_.resize(RowGroup(*layout) * cols_);
  const std::string scale_name = graph_name.substr(0, graph_name.rfind('.')) + ".scale";
  const GgufTensor* scale = table.Find(scale_name);
  if (scale == nullptr || !DenseTypeOf(scale->type) || scale->ne[0] * scale->ne[1] * scale->ne[2] * scale->ne[3] != 1)
    return;
  DecodeToF32(scale->type, scale->data, 1, &factor_);
  if (table.reciprocal_scale()) factor_ = 1.0f / factor_;
}

void TensorRows::OpenMaster() {
  std::vector<float> scratch(kMasterRows * cols_);
  std::vector<double> sums(rows_);
  for (size_t first = 0; first < rows_; first += kMasterRows) {
    SumMasterRows(tensor_, cols_, first, std::min(kMasterRows, rows_ - first), scratch.data(), sums.data() + first);
  }
  const Result<float> factor = MasterFactor(tensor_, cols_, sums);
  if (!factor.ok()) return;  // no master weight: compared as the values that it has
  kind_ = Kind::kTernary;
  multiplier_ = *factor;
  dense_scale_ = 1.0f / multiplier_;
  row_.resize(cols_);
  codes_.resize(cols_);
}

// Ternary only where every value is -s, 0 or s.
void TensorRows::OpenDenseTernary() {
  row_.resize(cols_);
  float scale = 0;
  for (size_t r = 0; r < rows_; ++r) {
    DecodeRow(r, 0, row_);
    for (const float w : row_) {
      const float magnitude = std::fabs(w);
      if (magnitude == 0) continue;
      if (scale == 0) scale = magnitude;
      if (magnitude != scale) return;
    }
  }
  if (!std::isfinite(scale)) return;
  kind_ = Kind::kTernary;
  multiplier_ = scale == 0 ? 0 : 1.0f / scale;  // codes by sign: the product need not be exactly 1
  dense_scale_ = scale;
  codes_.resize(cols_);
}

bool TensorRows::SameEncoding(const TensorRows& other) const {
  const bool same_layout =
      source_.has_value() == other.source_.has_value() && (!source_ || source_->layout == other.source_->layout);
  return kind_ == other.kind_ && tensor_.type == other.tensor_.type && same_layout && heads_ == other.heads_ &&
         bytes().size() == other.bytes().size() && rows_ == other.rows_ && cols_ == other.cols_ &&
         std::memcmp(&factor_, &other.factor_, sizeof factor_) == 0;
}

std::span<const uint8_t> TensorRows::Codes(size_t row) {
  const size_t file_row = FileRow(row, rows_, heads_);
  if (!source_) {
    DecodeRow(file_row, 0, row_);
    for (size_t c = 0; c < cols_; ++c) codes_[c] = static_cast<uint8_t>(MasterCode(row_[c], multiplier_));
    return codes_;
  }
  const size_t group_rows = RowGroup(source_->layout);
  const size_t group = file_row / group_rows;
  if (group != decoded_group_) DecodeGroup(*source_, group, codes_.data());
  decoded_group_ = group;
  return std::span<const uint8_t>(codes_).subspan(file_row % group_rows * cols_, cols_);
}

float TensorRows::Scale(size_t row, size_t col) const {
  if (!source_) return dense_scale_;
  const size_t file_row = FileRow(row, rows_, heads_);
  size_t index = 0;
  switch (ScaleKindOf(source_->layout)) {
    case ScaleKind::kTensor: break;
    case ScaleKind::kRow: index = file_row; break;
    case ScaleKind::kBlock: index = file_row * (cols_ / scale_block()) + col / scale_block(); break;
  }
  return ScaleAt(*source_, index) * factor_;
}

void TensorRows::Values(size_t row, size_t col, std::span<float> out) {
  if (kind_ == Kind::kValues) return DecodeRow(FileRow(row, rows_, heads_), col, out);
  const std::span<const uint8_t> codes = Codes(row).subspan(col, out.size());
  for (size_t c = 0; c < codes.size(); ++c) {
    out[c] = static_cast<float>(static_cast<int>(codes[c]) - 1) * Scale(row, col + c);
  }
}

void TensorRows::DecodeRow(size_t file_row, size_t col, std::span<float> out) const {
  const QuantTypeInfo& info = *FindQuantType(static_cast<uint32_t>(tensor_.type));  // a type that is decoded
  const size_t row_bytes = cols_ / info.block * info.block_bytes;
  DecodeToF32(tensor_.type,
              tensor_.data.subspan(file_row * row_bytes + col / info.block * info.block_bytes,
                                   (out.size() + info.block - 1) / info.block * info.block_bytes),
              out.size(), out.data());
}

}  // namespace bitnet::core
