// The quick check of a table finds one wrong function, whichever it is.
#include "kernels/self_test.h"

#include <cstring>
#include <string>

#include "support/catch.h"

namespace bitnet::kernels {
namespace {

// Wrong in one bit of one value.
void Disturb(float* y) {
  uint32_t bits;
  std::memcpy(&bits, y, sizeof bits);
  bits ^= 1;
  std::memcpy(y, &bits, sizeof bits);
}

TEST_CASE("the self test passes every available table", "[kernels]") {
  size_t n = 0;
  const KernelTable* const* tables = AvailableTables(&n);
  REQUIRE(n > 0);
  for (size_t i = 0; i < n; ++i) {
    const SelfTestResult result = SelfTest(*tables[i]);
    INFO(tables[i]->name << " " << (result.first_different == nullptr ? "" : result.first_different));
    CHECK(result.n_different == 0);
    CHECK(result.n_checks > 50);
  }
}

TEST_CASE("the self test names the function that differs", "[kernels]") {
  const auto finds = [](auto member, auto wrong, const char* name) {
    KernelTable table = ReferenceTable();
    table.*member = wrong;
    const SelfTestResult result = SelfTest(table);
    INFO(name);
    REQUIRE(result.n_different > 0);
    CHECK(std::string(result.first_different) == name);
  };
  finds(
      &KernelTable::add,
      +[](float* x, const float* y, size_t n) noexcept {
        ReferenceTable().add(x, y, n);
        Disturb(x + n - 1);
      },
      "add");
  finds(
      &KernelTable::rms_norm,
      +[](const float* x, const float* gamma, float eps, size_t n, float* y) noexcept {
        const bool ok = ReferenceTable().rms_norm(x, gamma, eps, n, y);
        Disturb(y);
        return ok;
      },
      "rms_norm");
  finds(
      &KernelTable::ternary_gemv,
      +[](const TernaryJob& job, size_t begin, size_t end) noexcept {
        ReferenceTable().ternary_gemv(job, begin, end);
        Disturb(job.y + end - 1);
      },
      "ternary_gemv");
  finds(
      &KernelTable::attention_block,
      +[](const AttentionBlockJob& job) noexcept {
        const bool ok = ReferenceTable().attention_block(job);
        Disturb(job.o + job.n_queries * job.head_dim - 1);
        return ok;
      },
      "attention_block");
  finds(
      &KernelTable::quantise_row,
      +[](const float* x, size_t n, int8_t* q, float* d, int32_t* q_sum) noexcept {
        const bool ok = ReferenceTable().quantise_row(x, n, q, d, q_sum);
        ++*q_sum;
        return ok;
      },
      "quantise_row");
  finds(
      &KernelTable::cache_store, +[](const float*, size_t, Dense, void*) noexcept { return true; }, "cache_store");
  finds(
      &KernelTable::head_bounds,
      +[](const uint8_t* copy, size_t n, const HeadQuery& query, const int8_t* digits, size_t begin, size_t end,
          float* lower, float* upper) noexcept {
        ReferenceTable().head_bounds(copy, n, query, digits, begin, end, lower, upper);
        for (size_t r = begin; r < end; ++r) upper[r] = lower[r] - 1;
      },
      "head_bounds");
}

}  // namespace
}  // namespace bitnet::kernels
