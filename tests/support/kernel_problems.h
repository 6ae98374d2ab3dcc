// Inputs for comparisons of kernel tables, and the comparison with the reference, bit for bit.
#ifndef BITNET_TESTS_SUPPORT_KERNEL_PROBLEMS_H_
#define BITNET_TESTS_SUPPORT_KERNEL_PROBLEMS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/kernel_table.h"
#include "unit/kernels/kernel_inputs.h"

namespace bitnet_test {

// What an operation leaves, as bits. All NaNs count as one: which operand's payload survives is the compiler's choice.
using Output = std::vector<uint32_t>;
void Append(Output* out, const std::vector<float>& x);
template <class T>
void Append(Output* out, const std::vector<T>& x) {
  for (const T value : x) out->push_back(static_cast<uint32_t>(value));
}

// Checks that every table that runs here gives the reference's output; there must be one beside the reference.
void CheckTables(const std::string& what, const std::function<Output(const bitnet::kernels::KernelTable&)>& run);

// A copy that starts `elements` elements after a 64-byte boundary and ends where the allocation does.
template <class T>
class Misaligned {
 public:
  Misaligned(const std::vector<T>& values, size_t elements)
      : storage_(values.size() + elements + 64 / sizeof(T)), size_(values.size()) {
    const size_t to_boundary = (64 - reinterpret_cast<uintptr_t>(storage_.data()) % 64) % 64 / sizeof(T);
    begin_ = storage_.data() + to_boundary + elements;
    std::copy(values.begin(), values.end(), begin_);
  }
  const T* data() const { return begin_; }
  T* mutable_data() { return begin_; }
  std::vector<T> ToVector() const { return std::vector<T>(begin_, begin_ + size_); }

 private:
  std::vector<T> storage_;
  size_t size_;
  T* begin_;
};

// Any 32 bits but infinities and NaN: all exponents, denormals and zeros.
std::vector<float> AnyBits(uint64_t seed, size_t n);
// Rows of n floats of each kind: plain, wide, denormal, any bits, ties of the int8 rounding, zeros of both signs.
std::vector<std::vector<float>> Rows(size_t n);

// A ternary product with random codes 0..2, activations that start at odd addresses, and scales of any exponent.
class TernaryProblem {
 public:
  TernaryProblem(uint64_t seed, size_t n_rows, size_t cols, size_t n_tokens);
  // All packed bytes and activations the same, all scales 1.
  static TernaryProblem Constant(size_t n_rows, size_t cols, size_t n_tokens, uint8_t packed, int8_t activation);

  // y [n_tokens, n_rows] of rows begin .. end - 1; the others stay 0.
  std::vector<float> Gemv(const bitnet::kernels::KernelTable& table, size_t stride, size_t begin, size_t end) const;
  std::vector<float> Gemm(const bitnet::kernels::KernelTable& table, size_t stride, size_t begin, size_t end) const;
  // Scales of the first n_blocks blocks of each row.
  std::vector<float> Blocks(const bitnet::kernels::KernelTable& table, size_t block, size_t n_blocks, size_t begin,
                            size_t end) const;

 private:
  bitnet::kernels::TernaryJob Job(size_t stride, std::vector<float>* y) const;
  void SumActivations();

  size_t n_rows_, cols_, n_tokens_, q_stride_;
  std::vector<uint8_t> w_;
  std::vector<int8_t> q_;
  std::vector<int32_t> q_sum_;
  std::vector<float> d_, scale_;
};

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_KERNEL_PROBLEMS_H_
