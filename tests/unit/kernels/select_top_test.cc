#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"
#include "unit/kernels/reference_variants.h"

namespace bitnet::kernels {
namespace {

std::vector<uint32_t> Ids(const std::vector<TopEntry>& top) {
  std::vector<uint32_t> ids;
  for (const TopEntry& entry : top) ids.push_back(entry.id);
  return ids;
}

TEST_CASE("ties go to the lower id, and the two zeros tie", "[kernels][select_top]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    const std::vector<float> logits = {-0.0f, 1.0f, 0.0f, -0.0f, 1.0f, -2.0f, 0.0f};
    std::vector<TopEntry> top(5);
    REQUIRE(table->select_top(logits.data(), logits.size(), top.size(), top.data()));
    CHECK(Ids(top) == std::vector<uint32_t>{1, 4, 0, 2, 3});
    CHECK(BitsOf(top[2].logit) == 0x80000000u);  // the raw bits stay
  }
}

TEST_CASE("the selection is the head of a stable sort", "[kernels][select_top]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t n : {1u, 2u, 255u, 256u, 257u, 3000u}) {
      for (int shape = 0; shape < 4; ++shape) {
        std::vector<float> logits = bitnet_test::Values(n, n, shape == 0 ? "wide" : "plain");
        if (shape == 1) std::sort(logits.begin(), logits.end());
        if (shape == 2) std::sort(logits.rbegin(), logits.rend());
        if (shape == 3) std::fill(logits.begin(), logits.end(), -1.5f);
        std::vector<uint32_t> order(n);
        std::iota(order.begin(), order.end(), 0u);
        std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return logits[a] > logits[b]; });
        for (const size_t k : {size_t{1}, std::min(n, kMaxTop)}) {
          std::vector<TopEntry> top(k);
          REQUIRE(table->select_top(logits.data(), n, k, top.data()));
          CHECK(Ids(top) == std::vector<uint32_t>(order.begin(), order.begin() + static_cast<ptrdiff_t>(k)));
          for (const TopEntry& entry : top) REQUIRE(BitsOf(entry.logit) == BitsOf(logits[entry.id]));
        }
      }
    }
  }
}

TEST_CASE("a logit that is not finite is reported, wherever it stands", "[kernels][select_top]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
      for (const size_t at : {0u, 63u, 99u}) {
        std::vector<float> logits = bitnet_test::Values(1, 100);
        logits[at] = bad;
        std::vector<TopEntry> top(3);
        CHECK_FALSE(table->select_top(logits.data(), logits.size(), top.size(), top.data()));
      }
    }
  }
}

}  // namespace
}  // namespace bitnet::kernels
