// Selection of the largest logits over an emulated grid against the reference table, bit for bit, in several orders of
// the threads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "unit/gpu/emulated_kernels.h"

namespace bitnet_test {
namespace {

struct Selected {
  std::vector<TopEntry> top;
  unsigned long long failure = kNoFailure;
};

Selected Select(std::vector<float> logits, size_t k, LaneOrder order) {
  Selected s;
  s.top.assign(k, {0xdeadbeef, kUnset});
  const auto n = static_cast<uint32_t>(logits.size());
  std::vector<uint64_t> maxima(GroupCount(n));
  const SelectArgs args = {logits.data(), n, static_cast<uint32_t>(k), maxima.data(), s.top.data(), {&s.failure, 5}};
  RunEmulated<SelectMaxima>({Blocks(GroupCount(n), SelectMaxima::kGroups), 1, 1}, args, order);
  RunEmulated<SelectTop>({1, 1, 1}, args, order);
  return s;
}

void CheckSelect(const std::vector<float>& logits, size_t k) {
  std::vector<TopEntry> expected(k);
  REQUIRE(Ref().select_top(logits.data(), logits.size(), k, expected.data()));
  for (const LaneOrder order : Orders()) {
    const Selected found = Select(logits, k, order);
    INFO(logits.size() << " logits, k " << k);
    REQUIRE(found.failure == kNoFailure);
    for (size_t i = 0; i < k; ++i) {
      REQUIRE(found.top[i].id == expected[i].id);
      REQUIRE(bitnet::kernels::BitsOf(found.top[i].logit) == bitnet::kernels::BitsOf(expected[i].logit));
    }
  }
}

TEST_CASE("gpu: the largest logits are the reference's, ties by lower id") {
  for (const size_t n : {1u, 3u, 31u, 33u, 256u, 300u, 2049u, 9000u, 40000u}) {
    std::vector<float> logits = Values(81 + n, n);
    for (size_t i = 0; i + 7 < n; i += 5) logits[i + 7] = logits[i];  // ties
    for (size_t i = 0; i < n; i += 3) logits[i] = -std::abs(logits[i]);
    logits[0] = -0.0f;
    if (n > 2) logits[2] = 0.0f;
    CheckSelect(logits, std::min(kMaxTop, n));
    CheckSelect(logits, 1);
    if (n > 100) CheckSelect(logits, 100);
  }
}

TEST_CASE("gpu: each of some rows of logits has its own largest") {
  constexpr size_t kRows = 3;
  for (const size_t n : {7u, 40000u}) {
    const size_t k = std::min(kMaxTop, n);
    const std::vector<float> logits = Values(11 + n, kRows * n);
    std::vector<uint64_t> maxima(kRows * GroupCount(static_cast<uint32_t>(n)));
    std::vector<TopEntry> top(kRows * k), expected(k);
    unsigned long long failure = kNoFailure;
    SelectArgs args = {logits.data(), static_cast<uint32_t>(n), static_cast<uint32_t>(k), maxima.data(), top.data(),
                       {&failure, 5}};
    const auto run = [&] {
      RunEmulated<SelectMaxima>({Blocks(GroupCount(args.n), SelectMaxima::kGroups), kRows, 1}, args,
                                LaneOrder::kFalling);
      RunEmulated<SelectTop>({1, kRows, 1}, args, LaneOrder::kFalling);
    };
    run();
    CHECK(failure == kNoFailure);
    for (size_t row = 0; row < kRows; ++row) {
      REQUIRE(Ref().select_top(logits.data() + row * n, n, k, expected.data()));
      INFO(n << " logits, row " << row);
      for (size_t i = 0; i < k; ++i) {
        REQUIRE(top[row * k + i].id == expected[i].id);
        REQUIRE(bitnet::kernels::BitsOf(top[row * k + i].logit) == bitnet::kernels::BitsOf(expected[i].logit));
      }
    }
    std::vector<float> bad = logits;
    bad[2 * n + 3] = std::numeric_limits<float>::infinity();
    args.logits = bad.data();
    run();
    CHECK(failure == (uint64_t{5} << 32 | 2));
  }
}

// All candidates are equal, or in a few groups: more of them than can be sorted at a time.
TEST_CASE("gpu: the largest of logits in any order are the reference's") {
  for (const size_t n : {5u, 3000u, 40000u}) {
    const size_t k = std::min(kMaxTop, n);
    CheckSelect(std::vector<float>(n, -1.5f), k);
    std::vector<float> logits(n);
    for (size_t i = 0; i < n; ++i) logits[i] = static_cast<float>(i);
    CheckSelect(logits, k);
    std::reverse(logits.begin(), logits.end());
    CheckSelect(logits, k);
    for (size_t i = 0; i < n; ++i) logits[i] = i % 2 == 0 ? 0.0f : -0.0f;
    CheckSelect(logits, k);
    std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::lowest());
    logits[n - 1] = -std::numeric_limits<float>::denorm_min();
    CheckSelect(logits, k);
  }
}

TEST_CASE("gpu: a logit that is not finite is reported wherever it stands") {
  for (const size_t n : {1u, 2049u, 40000u}) {
    for (const size_t at : {size_t{0}, n / 2, n - 1}) {
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        std::vector<float> logits = Values(n, n);
        logits[at] = bad;
        REQUIRE(Select(logits, std::min(kMaxTop, n), LaneOrder::kFalling).failure == uint64_t{5} << 32);
      }
    }
  }
}

TEST_CASE("gpu: groups cover every vocabulary and are never too many to sort") {
  for (const uint32_t n : {1u, 32u, 33u, 32768u, 32769u, 65536u, 65537u, 128256u, 262144u, 262145u, 0x7fffffffu}) {
    const uint64_t size = uint64_t{1} << GroupShift(n), count = GroupCount(n);
    REQUIRE(count <= kMaxGroups);
    REQUIRE(count * size >= n);
    REQUIRE((count - 1) * size < n);
  }
}

}  // namespace
}  // namespace bitnet_test
