#include "support/kernel_problems.h"

#include <algorithm>
#include <memory>

#include "support/catch.h"

namespace bitnet_test {

using bitnet::kernels::FloatOf;
using bitnet::kernels::KernelTable;
using bitnet::kernels::TernaryJob;

void Append(Output* out, const std::vector<float>& x) {
  for (const float value : x) out->push_back(value == value ? bitnet::kernels::BitsOf(value) : 0x7fc00000u);
}

void CheckTables(const std::string& what, const std::function<Output(const KernelTable&)>& run) {
  size_t count = 0;
  const KernelTable* const* tables = bitnet::kernels::AvailableTables(&count);
  if (count < 2) BN_SKIP("no table beside the reference runs on this CPU");
  const Output expected = run(bitnet::kernels::ReferenceTable());
  REQUIRE(expected.size() > 1);
  for (size_t i = 0; i + 1 < count; ++i) {
    const Output found = run(*tables[i]);
    if (found == expected) continue;
    const size_t at = static_cast<size_t>(
        std::mismatch(found.begin(), found.begin() + static_cast<ptrdiff_t>(std::min(found.size(), expected.size())),
                      expected.begin())
            .first -
        found.begin());
    FAIL_CHECK(what << " of " << tables[i]->name << " differs at word " << at << " of " << expected.size());
  }
  CHECK(count > 1);
}

std::vector<float> AnyBits(uint64_t seed, size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(Word(seed, i));
    x[i] = (bits & 0x7f800000u) == 0x7f800000u ? 0.0f : FloatOf(bits);
  }
  return x;
}

std::vector<std::vector<float>> Rows(size_t n) {
  std::vector<float> ties(n), zeros(n);
  const std::vector<int> halves = Ints<int>(n, n, -254, 254);
  for (size_t i = 0; i < n; ++i) {
    ties[i] = static_cast<float>(halves[i]) * 0.5f;
    zeros[i] = i % 2 == 0 ? 0.0f : -0.0f;
  }
  ties[0] = 127.0f;  // then x * (127 / m) is x
  return {Values(n, n), Values(n, n, "wide"), Values(n, n, "tiny"), AnyBits(n, n), ties, zeros};
}

TernaryProblem::TernaryProblem(uint64_t seed, size_t n_rows, size_t cols, size_t n_tokens)
    : n_rows_(n_rows), cols_(cols), n_tokens_(n_tokens), q_stride_(cols + 3), w_(n_rows * cols / 4) {
  for (size_t i = 0; i < w_.size(); ++i) {
    const uint64_t word = Word(seed, i);
    for (int field = 0; field < 4; ++field) {
      w_[i] = static_cast<uint8_t>(w_[i] | (word >> (8 * field) & 0xff) % 3 << (2 * field));
    }
  }
  q_ = Ints<int8_t>(seed + 1, n_tokens * q_stride_ + 1, -128, 127);
  d_ = Values(seed + 2, n_tokens, "wide");
  scale_ = AnyBits(seed + 3, n_rows * (cols / 64));  // blocks of 64 are the smallest
  SumActivations();
}

TernaryProblem TernaryProblem::Constant(size_t n_rows, size_t cols, size_t n_tokens, uint8_t packed,
                                        int8_t activation) {
  TernaryProblem p(1, n_rows, cols, n_tokens);
  std::fill(p.w_.begin(), p.w_.end(), packed);
  std::fill(p.q_.begin(), p.q_.end(), activation);
  std::fill(p.d_.begin(), p.d_.end(), 1.0f);
  std::fill(p.scale_.begin(), p.scale_.end(), 1.0f);
  p.SumActivations();
  return p;
}

void TernaryProblem::SumActivations() {
  q_sum_.assign(n_tokens_, 0);
  for (size_t t = 0; t < n_tokens_; ++t) {
    for (size_t c = 0; c < cols_; ++c) q_sum_[t] += q_[1 + t * q_stride_ + c];
  }
}

TernaryJob TernaryProblem::Job(size_t stride, std::vector<float>* y) const {
  y->assign(n_tokens_ * n_rows_, 0.0f);
  return {w_.data(),     cols_,     scale_.data(), stride,    q_.data() + 1, q_stride_,
          q_sum_.data(), d_.data(), n_tokens_,     y->data(), n_rows_};
}

std::vector<float> TernaryProblem::Gemv(const KernelTable& table, size_t stride, size_t begin, size_t end) const {
  std::vector<float> y;
  table.ternary_gemv(Job(stride, &y), begin, end);
  return y;
}

std::vector<float> TernaryProblem::Gemm(const KernelTable& table, size_t stride, size_t begin, size_t end) const {
  std::vector<float> y;
  const TernaryJob job = Job(stride, &y);
  std::vector<uint8_t> scratch(table.ternary_scratch_bytes(cols_) + 64);
  const size_t to_boundary = (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
  table.ternary_gemm(job, begin, end, scratch.data() + to_boundary);
  return y;
}

std::vector<float> TernaryProblem::Blocks(const KernelTable& table, size_t block, size_t n_blocks, size_t begin,
                                          size_t end) const {
  std::vector<float> y;
  table.ternary_blocks(Job(n_blocks, &y), block, begin, end);
  return y;
}

}  // namespace bitnet_test
