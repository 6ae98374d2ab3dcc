// The codes and scales of one ternary matrix of a checkpoint, row by row, whatever form they are stored in.
#ifndef BITNET_CORE_CONVERT_CODE_READER_H_
#define BITNET_CORE_CONVERT_CODE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/model/checkpoint.h"
#include "core/model/tensor_plan.h"
#include "core/model/tensor_table.h"
#include "core/model/ternary_decode.h"

namespace bitnet::core {

// An error about a tensor of the checkpoint, which names it and where it is described.
Status TensorError(Code code, const GgufTensor& tensor, std::string_view problem);

// Where row `r` of a matrix in Hugging Face order stands when each head of `head_dim` rows is made ready for adjacent
// pairs of RoPE: row (half i, j) of a head at 2 j + i. And back. head_dim 0: rows stay where they are.
constexpr size_t InterleavedRow(size_t r, size_t head_dim) {
  if (head_dim == 0) return r;
  const size_t in_head = r % head_dim, half = head_dim / 2;
  return r - in_head + 2 * (in_head % half) + in_head / half;
}
constexpr size_t HuggingFaceRow(size_t r, size_t head_dim) {
  if (head_dim == 0) return r;
  const size_t in_head = r % head_dim, half = head_dim / 2;
  return r - in_head + in_head % 2 * half + in_head / 2;
}

class CodeReader {
 public:
  // `checkpoint` is what `table` shows, and must outlive the reader. Reads the scales; master weights twice, since
  // their scale is their mean.
  static Result<CodeReader> Open(const Checkpoint& checkpoint, const TensorTable& table, const PlannedTensor& planned,
                                 bool i2s_arm_layout, ThreadPool& pool);

  const GgufTensor& tensor() const { return *tensor_; }
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  // Rows that are read together, and floats of scratch that this takes.
  size_t group() const { return layout_ && !single_rows_ ? RowGroup(*layout_) : 1; }
  size_t scratch_floats() const { return layout_ && !single_rows_ ? 0 : cols_; }
  // Rows of a matrix in Hugging Face order come interleaved.
  void InterleaveHeads(size_t head_dim) { head_dim_ = head_dim; }
  // Rows of a matrix that stands interleaved come in Hugging Face order, one by one: rows of a group cost a read of the
  // whole group each.
  void ReadSingleRows(size_t head_dim) {
    single_rows_ = true;
    head_dim_ = head_dim;
  }

  // Codes [group, cols], values 0..3, of the rows from `first`, a multiple of group(). 3 is a broken file. Safe from
  // any thread.
  void Read(size_t first, float* scratch, uint8_t* codes) const;
  // The row of the tensor that Read(row) gives.
  size_t SourceRow(size_t row) const {
    return single_rows_ ? InterleavedRow(row, head_dim_) : HuggingFaceRow(row, head_dim_);
  }
  // Gives back the memory of mapped rows [first, end) that will not be read again.
  void Release(size_t first, size_t end) const;

  // What is wrong with a row that has code 3.
  Status BadCode(size_t row) const;

  // Scales of a row where each block has its own, else 1.
  size_t units_per_row() const { return scale_kind() == ScaleKind::kBlock ? cols_ / ScaleBlock(*layout_) : 1; }
  // What one scale covers: all, a row, or a block of columns of a row.
  ScaleKind scale_kind() const { return layout_ ? ScaleKindOf(*layout_) : ScaleKind::kTensor; }
  size_t scale_count() const { return scales_.size(); }
  // Scales by ScaleKind, a `.scale` tensor multiplied in: finite, not negative. Rows as Read() has them without
  // interleaving.
  float scale(size_t unit) const { return factor_ ? scales_[unit] * *factor_ : scales_[unit]; }
  // The scale of all units that have a weight, where they have one in common (the first of all where none has);
  // used [scale_count]. One rule with the loader: scales are compared as the file has them.
  std::optional<float> CommonScale(const std::vector<uint8_t>& used) const;
  // Frees the scales, for a reader that is kept for its codes.
  void DropScales() { std::vector<float>().swap(scales_); }

 private:
  CodeReader() = default;
  Status ReadFactor(const TensorTable& table, const GgufTensor& tensor);
  Status ReadMasterScale(ThreadPool& pool);
  Status CheckScales() const;

  const Checkpoint* checkpoint_ = nullptr;
  const GgufTensor* tensor_ = nullptr;
  std::optional<TernaryLayout> layout_;  // none: dense
  size_t rows_ = 0, cols_ = 0;
  size_t head_dim_ = 0;  // 0: rows as they stand
  bool single_rows_ = false;
  float master_factor_ = 0;
  std::optional<float> exact_scale_;  // dense and ternary already
  std::vector<float> scales_;
  std::optional<float> factor_;  // of the `.scale` tensor
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_CODE_READER_H_
