#include "core/model/master.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/text.h"
#include "core/model/dense_decode.h"

namespace bitnet::core {

void DecodeDenseRow(const GgufTensor& tensor, size_t cols, size_t row, float* out) {
  const size_t row_bytes = tensor.n_bytes / tensor.ne[1];
  DecodeToF32(tensor.type, tensor.data.subspan(row * row_bytes, row_bytes), cols, out);
}

void SumMasterRows(const GgufTensor& tensor, size_t cols, size_t first, size_t n, float* scratch, double* sums) {
  for (size_t r = 0; r < n; ++r) DecodeDenseRow(tensor, cols, first + r, scratch + r * cols);
  if (n != kMasterRows) {
    for (size_t r = 0; r < n; ++r) {
      double sum = 0;
      for (size_t c = 0; c < cols; ++c) sum += std::fabs(static_cast<double>(scratch[r * cols + c]));
      sums[r] = sum;
    }
    return;
  }
  double s[kMasterRows] = {};
  for (size_t c = 0; c < cols; ++c) {
    for (size_t r = 0; r < kMasterRows; ++r) s[r] += std::fabs(static_cast<double>(scratch[r * cols + c]));
  }
  std::copy(s, s + kMasterRows, sums);
}

Result<float> MasterFactor(const GgufTensor& tensor, size_t cols, std::span<const double> sums) {
  double total = 0;
  for (size_t r = 0; r < sums.size(); ++r) {
    if (!std::isfinite(sums[r])) {
      return Status(Code::kBadFormat,
                    Cat("tensor ", Quoted(tensor.name), " holds infinity or nan in row ", r,
                        ", expected finite numbers; fetch or convert the model again"),
                    std::string(tensor.name), tensor.offset + r * (tensor.n_bytes / sums.size()));
    }
    total += sums[r];
  }
  const auto mean = static_cast<float>(total / (static_cast<double>(sums.size()) * static_cast<double>(cols)));
  return 1.0f / std::max(mean, 1e-5f);
}

float ExactScale(const GgufTensor& tensor, size_t cols, float* scratch) {
  for (size_t r = 0; r < tensor.ne[1]; ++r) {
    DecodeDenseRow(tensor, cols, r, scratch);
    for (size_t c = 0; c < cols; ++c) {
      if (scratch[c] != 0) return std::fabs(scratch[c]);
    }
  }
  return 0;
}

}  // namespace bitnet::core
