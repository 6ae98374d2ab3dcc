// A tensor of any form row by row: codes and scales where it is ternary, values else. For comparisons; the loader packs
// whole matrices.
#ifndef BITNET_CORE_MODEL_TENSOR_ROWS_H_
#define BITNET_CORE_MODEL_TENSOR_ROWS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/model/hparams.h"
#include "core/model/tensor_table.h"
#include "core/model/ternary_decode.h"

namespace bitnet::core {

class TensorRows {
 public:
  enum class Kind : uint32_t {
    kTernary,  // codes and scales: a ternary type, packed U8, a master weight, or dense values {-s, 0, s}
    kValues,   // a dense or block type
    kBytes     // a type that is not decoded here
  };

  // Reads all of a tensor that must be seen whole before its codes are known. `table` and `tensor` must live as long
  // as this. `hparams`: where they are known, rows come in the order of Hugging Face.
  TensorRows(const TensorTable& table, const GgufTensor& tensor, const HParams* hparams, bool i2s_arm_layout);
  TensorRows(const TensorRows&) = delete;
  TensorRows& operator=(const TensorRows&) = delete;

  Kind kind() const { return kind_; }
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  std::span<const std::byte> bytes() const { return tensor_.data; }
  // True when equal bytes and equal factor() mean equal weights.
  bool SameEncoding(const TensorRows& other) const;

  // kTernary. Codes 0..3 of a row (3: a broken file), valid until the next call.
  std::span<const uint8_t> Codes(size_t row);
  // kTernary. What the weight of this column is multiplied by; every scale covers runs of scale_block() columns or,
  // where that is 0, whole rows.
  float Scale(size_t row, size_t col) const;
  size_t scale_block() const { return source_ ? ScaleBlock(source_->layout) : 0; }
  // kTernary: one scale for all of it.
  bool has_one_scale() const { return !source_ || ScaleKindOf(source_->layout) == ScaleKind::kTensor; }
  // Of a `.scale` tensor; 1 without one.
  float factor() const { return factor_; }

  // kTernary and kValues. Values of columns [col, col + out.size()); col is a multiple of every block.
  void Values(size_t row, size_t col, std::span<float> out);

 private:
  void OpenLinear(const TensorTable& table, const std::string& graph_name, bool i2s_arm_layout);
  void OpenMaster();
  void OpenDenseTernary();
  void DecodeRow(size_t file_row, size_t col, std::span<float> out) const;

  const GgufTensor& tensor_;
  Kind kind_ = Kind::kBytes;
  size_t rows_ = 0, cols_ = 0;
  size_t heads_ = 0;                     // whose rows are reordered; 0: none
  std::optional<TernarySource> source_;  // of codes that are stored; else they are made from dense values
  float multiplier_ = 0;                 // of dense values, before they are rounded to codes
  float dense_scale_ = 0;                // of codes that are made from dense values
  float factor_ = 1;
  std::vector<uint8_t> codes_;  // of a group of rows
  size_t decoded_group_ = SIZE_MAX;
  std::vector<float> row_;  // of a dense row
};

// True for a name of the graph that a ternary matrix has ("blk.0.attn_q.weight").
bool IsLinearName(std::string_view graph_name);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_TENSOR_ROWS_H_
