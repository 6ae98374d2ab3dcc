#include <vector>

#include "kernels/pack.h"
#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"
#include "unit/kernels/reference_variants.h"

namespace bitnet::kernels {
namespace {

// y for one row and one token, with scale and d 1: the integer sum as f32.
float Product(const KernelTable& table, const std::vector<uint8_t>& w, const std::vector<int8_t>& q, bool gemm) {
  int32_t q_sum = 0;
  for (const int8_t value : q) q_sum += value;
  const float one = 1.0f;
  float y = 0.0f;
  const TernaryJob job = {w.data(), q.size(), &one, 0, q.data(), q.size(), &q_sum, &one, 1, &y, 1};
  if (!gemm) {
    table.ternary_gemv(job, 0, 1);
    return y;
  }
  std::vector<uint8_t> scratch(table.ternary_scratch_bytes(q.size()) + 64);
  table.ternary_gemm(job, 0, 1, scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64);
  return y;
}

TEST_CASE("the largest sums stay exact", "[kernels][ternary]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t cols : {2560u, 6912u, 13824u, 16384u, 4194304u}) {
      for (const bool gemm : {false, true}) {
        const std::vector<int8_t> q(cols, -128);
        CHECK(Product(*table, std::vector<uint8_t>(cols / 4, 0b10'10'10'10), q, gemm) ==
              -128.0f * static_cast<float>(cols));
        CHECK(Product(*table, std::vector<uint8_t>(cols / 4, 0), q, gemm) == 128.0f * static_cast<float>(cols));
        CHECK(Product(*table, std::vector<uint8_t>(cols / 4, 0b01'01'01'01), q, gemm) == 0.0f);
      }
    }
  }
}

TEST_CASE("each column meets its own activation", "[kernels][ternary]") {
  constexpr size_t kCols = 384;
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const bool gemm : {false, true}) {
      const std::vector<int8_t> q = bitnet_test::Ints<int8_t>(1, kCols, -128, 127);
      for (size_t c = 0; c < kCols; ++c) {
        std::vector<uint8_t> codes(kCols, 1);
        codes[c] = c % 2 == 0 ? 2 : 0;
        std::vector<uint8_t> w(kCols / 4);
        PackTernaryRow(codes.data(), kCols, w.data());
        REQUIRE(Product(*table, w, q, gemm) == static_cast<float>(c % 2 == 0 ? q[c] : -q[c]));
      }
    }
  }
}

}  // namespace
}  // namespace bitnet::kernels
