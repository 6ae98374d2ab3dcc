// The head shortcut: its bounds hold, and what it selects is what the full product selects.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/half.h"
#include "kernels/pack.h"
#include "support/catch.h"
#include "support/kernel_problems.h"

namespace bitnet::kernels {
namespace {

using bitnet_test::AnyBits;
using bitnet_test::Append;
using bitnet_test::CheckTables;
using bitnet_test::Output;
using bitnet_test::Values;

// A dense head of `rows` rows as bytes of its type.
struct Head {
  Dense type;
  size_t rows, n;
  std::vector<uint8_t> w;
  const uint8_t* Row(size_t r) const { return w.data() + r * n * DenseBytes(type); }
};

Head MakeHead(Dense type, size_t rows, size_t n, const std::vector<float>& values) {
  Head head = {type, rows, n, std::vector<uint8_t>(rows * n * DenseBytes(type))};
  for (size_t i = 0; i < rows * n; ++i) {
    uint8_t* const to = head.w.data() + i * DenseBytes(type);
    const uint16_t half = type == Dense::kF16 ? F32ToF16(values[i]) : F32ToBF16(values[i]);
    if (type == Dense::kF32) std::memcpy(to, &values[i], 4);
    if (type != Dense::kF32) std::memcpy(to, &half, 2);
  }
  return head;
}

std::vector<float> FullLogits(const Head& head, const std::vector<float>& x) {
  std::vector<float> y(head.rows);
  ReferenceTable().dense_rows(head.type, head.w.data(), head.n, x.data(), 0, head.rows, y.data());
  return y;
}

struct Shortcut {
  std::vector<float> lower, upper;
  std::vector<uint32_t> ids;  // survivors
  bool ok = false;            // false: a survivor's logit is not finite
  std::vector<TopEntry> top;
};

Shortcut RunShortcut(const KernelTable& table, const Head& head, const std::vector<float>& x, size_t k) {
  Shortcut s;
  std::vector<uint8_t> copy(head.rows * HeadCopyRowBytes(head.n));
  table.head_copy_rows(head.type, head.w.data(), head.n, 0, head.rows, copy.data());
  std::vector<int8_t> digits(2 * PadHead(head.n));
  HeadQuery query;
  REQUIRE(table.head_query(x.data(), head.n, digits.data(), &query));
  s.lower.resize(head.rows);
  s.upper.resize(head.rows);
  table.head_bounds(copy.data(), head.n, query, digits.data(), 0, head.rows, s.lower.data(), s.upper.data());
  std::vector<TopEntry> best(k);
  REQUIRE(table.select_top(s.lower.data(), head.rows, k, best.data()));
  s.ids.resize(head.rows);
  s.ids.resize(table.head_survivors(s.upper.data(), head.rows, best[k - 1].logit, s.ids.data(), head.rows));
  REQUIRE(s.ids.size() >= k);
  std::vector<float> logits(s.ids.size());
  for (size_t i = 0; i < s.ids.size(); ++i) {
    table.dense_rows(head.type, head.Row(s.ids[i]), head.n, x.data(), 0, 1, &logits[i]);
  }
  s.top.resize(k);
  s.ok = table.select_top(logits.data(), logits.size(), k, s.top.data());
  for (TopEntry& entry : s.top) entry.id = s.ok ? s.ids[entry.id] : 0;
  return s;
}

// Bounds and selection against the full product; returns how many rows survived.
size_t CheckShortcut(const std::string& what, const Head& head, const std::vector<float>& x, size_t k) {
  INFO(what << " n " << head.n << " type " << static_cast<int>(head.type));
  const std::vector<float> logits = FullLogits(head, x);
  std::vector<TopEntry> top(k);
  const bool finite = ReferenceTable().select_top(logits.data(), head.rows, k, top.data());
  const Shortcut s = RunShortcut(ReferenceTable(), head, x, k);
  size_t outside = 0;
  for (size_t r = 0; r < head.rows; ++r) {
    const bool in = std::isfinite(logits[r]) ? s.lower[r] <= logits[r] && logits[r] <= s.upper[r]
                                             : s.lower[r] == std::numeric_limits<float>::lowest() &&
                                                   s.upper[r] == std::numeric_limits<float>::max();
    outside += in ? 0 : 1;
  }
  CHECK(outside == 0);
  CHECK(s.ok == finite);
  if (s.ok && finite) {
    size_t different = 0;
    for (size_t i = 0; i < k; ++i) {
      different += s.top[i].id != top[i].id || BitsOf(s.top[i].logit) != BitsOf(top[i].logit) ? 1 : 0;
    }
    CHECK(different == 0);
  }
  CheckTables(what, [&](const KernelTable& table) {
    const Shortcut other = RunShortcut(table, head, x, k);
    Output out;
    Append(&out, other.lower);
    Append(&out, other.upper);
    Append(&out, other.ids);
    return out;
  });
  return s.ids.size();
}

TEST_CASE("the bounds hold and the shortcut selects what the full product selects", "[kernels][head]") {
  for (const Dense type : {Dense::kF16, Dense::kBF16, Dense::kF32}) {
    for (const size_t n : {1, 63, 64, 65, 100, 640, 2560}) {
      const size_t rows = n > 1000 ? 200 : 300;
      const size_t k = 20;
      const std::vector<float> plain = Values(n, rows * n);
      const std::vector<float> x = Values(n + 1, n);
      CheckShortcut("plain", MakeHead(type, rows, n, plain), x, k);

      std::vector<float> equal = plain;
      for (size_t r = 1; r < rows; ++r) std::copy(equal.begin(), equal.begin() + n, equal.begin() + r * n);
      CHECK(CheckShortcut("equal rows", MakeHead(type, rows, n, equal), x, k) == rows);

      std::vector<float> huge = plain;
      for (size_t i = 0; i < n; ++i) huge[7 * n + i] *= 8000.0f, huge[9 * n + i] *= -8000.0f;
      CheckShortcut("huge rows", MakeHead(type, rows, n, huge), x, k);

      std::vector<float> spike = plain;
      for (size_t r = 0; r < rows; ++r) spike[r * n + r % n] = r % 2 == 0 ? 30000.0f : -30000.0f;
      CheckShortcut("one spike a row", MakeHead(type, rows, n, spike), x, k);
      std::vector<float> spiky_x = x;
      spiky_x[n / 2] = 1e6f;
      CheckShortcut("a spike in the activations", MakeHead(type, rows, n, plain), spiky_x, k);

      CheckShortcut("denormal rows", MakeHead(type, rows, n, Values(n, rows * n, "tiny")), x, k);
      CheckShortcut("denormal activations", MakeHead(type, rows, n, plain), Values(n, n, "tiny"), k);
      CheckShortcut("zero activations", MakeHead(type, rows, n, plain), std::vector<float>(n, -0.0f), k);
      CheckShortcut("zero rows", MakeHead(type, rows, n, std::vector<float>(rows * n, 0.0f)), x, k);
      CheckShortcut("one magnitude", MakeHead(type, rows, n, std::vector<float>(rows * n, 0.37f)), x, k);
      std::vector<float> wide = Values(n, rows * n, "wide");
      for (float& value : wide) value = std::min(60000.0f, std::max(-60000.0f, value));
      CheckShortcut("all exponents", MakeHead(type, rows, n, wide), Values(n + 2, n, "wide"), k);
    }
  }
  // f32 heads and activations of any exponent: products that overflow, where the full product fails too.
  for (const size_t n : {1, 65, 300}) {
    CheckShortcut("any bits", MakeHead(Dense::kF32, 100, n, AnyBits(n, 100 * n)), AnyBits(n + 9, n), 10);
    CheckShortcut("any head", MakeHead(Dense::kF32, 100, n, AnyBits(n, 100 * n)), Values(n + 9, n), 10);
    CheckShortcut("any activations", MakeHead(Dense::kF32, 100, n, Values(n, 100 * n)), AnyBits(n + 9, n), 10);
  }
}

TEST_CASE("few rows survive the head shortcut where rows are alike in size", "[kernels][head]") {
  const size_t rows = 4000, n = 1024;
  const Head head = MakeHead(Dense::kF16, rows, n, Values(3, rows * n));
  CHECK(CheckShortcut("plain", head, Values(4, n), 8) < rows / 10);
}

TEST_CASE("a row of the head that is not finite fails the shortcut as it fails the full product", "[kernels][head]") {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values = Values(5, 200 * 100);
    values[150 * 100 + 70] = bad;
    for (const Dense type : {Dense::kF16, Dense::kBF16, Dense::kF32}) {
      const Head head = MakeHead(type, 200, 100, values);
      CheckShortcut("not finite", head, Values(6, 100), 10);
      CHECK_FALSE(RunShortcut(ReferenceTable(), head, Values(6, 100), 10).ok);
    }
    std::vector<float> x = Values(7, 100);
    x[99] = bad;
    std::vector<int8_t> digits(2 * PadHead(100));
    HeadQuery query;
    size_t count = 0;
    const KernelTable* const* tables = AvailableTables(&count);
    for (size_t i = 0; i < count; ++i) CHECK_FALSE(tables[i]->head_query(x.data(), 100, digits.data(), &query));
  }
}

TEST_CASE("head copies and survivors of every table equal the reference", "[kernels][head]") {
  for (const size_t n : {1, 64, 70, 640}) {
    const Head head = MakeHead(Dense::kF32, 9, n, AnyBits(n, 9 * n));
    CheckTables("head_copy_rows", [&](const KernelTable& table) {
      std::vector<uint8_t> copy(9 * HeadCopyRowBytes(n), 0x55);
      table.head_copy_rows(head.type, head.w.data(), n, 2, 8, copy.data());
      Output out;
      Append(&out, copy);
      return out;
    });
  }
  for (const size_t n : {1, 63, 300}) {
    const std::vector<float> upper = Values(n, n);
    CheckTables("head_survivors", [&](const KernelTable& table) {
      Output out;
      for (const float threshold : {-9.0f, 0.0f, upper[n / 2], 9.0f}) {
        for (const size_t max : {0, 1, 20, 300}) {
          std::vector<uint32_t> ids(n, 77);
          out.push_back(static_cast<uint32_t>(table.head_survivors(upper.data(), n, threshold, ids.data(), max)));
          Append(&out, ids);
        }
      }
      return out;
    });
  }
}

}  // namespace
}  // namespace bitnet::kernels
