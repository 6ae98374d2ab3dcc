// The head shortcut over an emulated grid: copy, digits, bounds, survivors and exact rows against the reference table,
// bit for bit, in several orders of the threads.
#include <algorithm>
#include <limits>
#include <string>

#include "kernels/pack.h"
#include "unit/gpu/emulated_kernels.h"

namespace bitnet_test {
namespace {

// A head [rows, n] of elements T, and a normed row, on the device.
template <class T>
struct Head {
  Head(const std::vector<float>& values, const std::vector<float>& row, size_t n_rows)
      : w(values.size()), x(row), rows(static_cast<uint32_t>(n_rows)), n(static_cast<uint32_t>(row.size())) {
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, float>) w.data()[i] = values[i];
      if constexpr (std::is_same_v<T, gpu::F16>) w.data()[i].bits = F32ToF16(values[i]);
      if constexpr (std::is_same_v<T, gpu::BF16>) w.data()[i].bits = F32ToBF16(values[i]);
    }
  }
  static constexpr Dense kType = std::is_same_v<T, float>      ? Dense::kF32
                                 : std::is_same_v<T, gpu::F16> ? Dense::kF16
                                                               : Dense::kBF16;
  DeviceArray<T> w;
  DeviceArray<float> x;
  uint32_t rows, n;
};

// All that the shortcut leaves behind.
struct Found {
  std::vector<uint8_t> copy;  // as the reference has it
  std::vector<int8_t> digits;
  HeadQuery query{};
  std::vector<float> lower, upper;
  uint32_t n_survivors = 0;
  std::vector<uint32_t> ids;  // sorted
  std::vector<float> logits;  // of the survivors
  std::vector<TopEntry> top;
  unsigned long long failure = kNoFailure;
};

// Of a row with infinite bounds nothing but them is looked at.
void ForgetCodes(uint8_t* row, size_t n) {
  float error;
  std::memcpy(&error, row + HeadCopyRowBytes(n) - 8, 4);
  if (!IsFinite(error)) std::memset(row, 0, HeadCopyRowBytes(n) - 8);
}

template <class T>
Found Reference(Head<T>& head, size_t k, size_t max) {
  Found f;
  const size_t n = head.n, rows = head.rows;
  f.copy.resize(rows * HeadCopyRowBytes(n));
  f.digits.resize(2 * PadHead(n));
  f.lower.resize(rows), f.upper.resize(rows), f.ids.resize(rows);
  Ref().head_copy_rows(head.kType, head.w.data(), n, 0, rows, f.copy.data());
  REQUIRE(Ref().head_query(head.x.data(), n, f.digits.data(), &f.query));
  Ref().head_bounds(f.copy.data(), n, f.query, f.digits.data(), 0, rows, f.lower.data(), f.upper.data());
  for (size_t r = 0; r < rows; ++r) ForgetCodes(f.copy.data() + r * HeadCopyRowBytes(n), n);
  f.top.resize(k);
  REQUIRE(Ref().select_top(f.lower.data(), rows, k, f.top.data()));
  f.n_survivors =
      static_cast<uint32_t>(Ref().head_survivors(f.upper.data(), rows, f.top[k - 1].logit, f.ids.data(), rows));
  f.ids.resize(f.n_survivors <= max ? f.n_survivors : 0);
  std::vector<float> logits(rows);
  Ref().dense_rows(head.kType, head.w.data(), n, head.x.data(), 0, rows, logits.data());
  if (!Ref().select_top(logits.data(), rows, k, f.top.data())) f.failure = uint64_t{4} << 32;
  for (const uint32_t id : f.ids) f.logits.push_back(logits[id]);
  return f;
}

// The device's copy as the reference has it.
std::vector<uint8_t> Unpacked(DeviceArray<uint8_t>& copy, const HeadLayout& layout, uint32_t rows, uint32_t n) {
  std::vector<uint8_t> out(rows * HeadCopyRowBytes(n));
  for (uint32_t r = 0; r < rows; ++r) {
    uint8_t* const row = out.data() + r * HeadCopyRowBytes(n);
    std::memcpy(row + HeadCopyRowBytes(n) - 8, copy.data() + layout.Ends(r), 8);
    for (uint32_t b = 0; b < layout.blocks; ++b) {
      std::memcpy(row + kHeadBlock * b, copy.data() + layout.Code(r, b), kHeadBlock);
      std::memcpy(row + PadHead(n) + 2 * b, copy.data() + layout.Scales(r, b / 8) + b % 8 * 2, 2);
    }
    ForgetCodes(row, n);
  }
  return out;
}

// As GpuOps::HeadTop launches it.
template <class T>
Found RunShortcut(Head<T>& head, uint32_t k, uint32_t max, LaneOrder order) {
  Found f;
  const uint32_t n = head.n, rows = head.rows;
  const HeadLayout layout(rows, n);
  const FailSlot fail = {&f.failure, 4};
  DeviceArray<uint8_t> copy(layout.Bytes());
  RunEmulated<HeadCopyRows<T>>({Blocks(rows, HeadCopyRows<T>::kRows)}, {head.w.data(), n, rows, copy.data()}, order);
  f.copy = Unpacked(copy, layout, rows, n);
  DeviceArray<int8_t> digits(2 * PadHead(n));
  f.n_survivors = 77;
  RunEmulated<HeadDigits>({1}, {head.x.data(), n, digits.data(), &f.query, &f.n_survivors, {&f.failure, 3}}, order);
  f.digits = digits.values();
  DeviceArray<float> logits(rows), upper(rows);
  RunEmulated<HeadBounds>({Blocks(rows, HeadBounds::kRows)},
                          {copy.data(), n, rows, digits.data(), &f.query, logits.data(), upper.data()}, order);
  f.lower = logits.values(), f.upper = upper.values();
  f.top.assign(k, {0xdeadbeef, kUnset});
  std::vector<uint64_t> maxima(GroupCount(rows));
  const SelectArgs select = {logits.data(), rows, k, maxima.data(), f.top.data(), fail};
  const auto run_select = [&] {
    RunEmulated<SelectMaxima>({Blocks(GroupCount(rows), SelectMaxima::kGroups)}, select, LaneOrder::kRising);
    RunEmulated<SelectTop>({1}, select, LaneOrder::kRising);
  };
  run_select();
  DeviceArray<uint32_t> ids(max);
  RunEmulated<HeadSurvivors>({Blocks(rows, HeadSurvivors::kRows)},
                             {upper.data(), rows, k, f.top.data(), ids.data(), max, &f.n_survivors}, order);
  ListedProductArgs exact{};
  exact.w = head.w.data(), exact.x = head.x.data(), exact.y = logits.data();
  exact.n = n, exact.rows = rows, exact.n_tokens = 1;
  exact.ids = ids.data(), exact.n_ids = &f.n_survivors, exact.max = max;
  using Listed = DenseProduct<T, 1, true>;
  RunEmulated<Listed>({Blocks(max, Listed::kRows)}, exact, order);
  run_select();
  if (f.n_survivors > max) {
    REQUIRE(BitsOf(logits.values()) == BitsOf(f.lower));  // nothing was computed
    return f;
  }
  f.ids.assign(ids.data(), ids.data() + f.n_survivors);
  std::sort(f.ids.begin(), f.ids.end());
  for (const uint32_t id : f.ids) f.logits.push_back(logits.data()[id]);
  return f;
}

uint32_t Bits(float x) { return bitnet::kernels::BitsOf(x); }

// The number of survivors.
template <class T>
uint32_t Check(const std::string& what, const std::vector<float>& values, const std::vector<float>& x, size_t rows,
               uint32_t k, uint32_t max = ~uint32_t{0}) {
  INFO(what << ": " << rows << " rows of " << x.size() << " elements of " << sizeof(T) << " bytes");
  Head<T> head(values, x, rows);
  max = std::min<uint32_t>(max, head.rows);
  const Found expected = Reference(head, k, max);
  for (const LaneOrder order : Orders()) {
    const Found found = RunShortcut(head, k, max, order);
    REQUIRE(found.copy == expected.copy);
    REQUIRE(found.digits == expected.digits);
    REQUIRE(std::memcmp(&found.query, &expected.query, sizeof found.query) == 0);
    CheckSame(found.lower, expected.lower);
    CheckSame(found.upper, expected.upper);
    REQUIRE(found.n_survivors == expected.n_survivors);
    if (found.n_survivors > max) continue;
    REQUIRE(found.ids == expected.ids);
    CheckSame(found.logits, expected.logits);
    REQUIRE(found.failure == expected.failure);
    for (size_t i = 0; i < k && found.failure == kNoFailure; ++i) {
      REQUIRE(found.top[i].id == expected.top[i].id);
      REQUIRE(Bits(found.top[i].logit) == Bits(expected.top[i].logit));
    }
  }
  return expected.n_survivors;
}

// Rows that fill no tile and no block; columns that fill no block and no group of blocks, and more than shared memory
// holds at a time.
TEST_CASE("gpu: the head shortcut gives the reference's bits at every size") {
  const auto check = [](size_t rows, size_t n, uint32_t k) {
    const std::vector<float> values = Values(n, rows * n), x = Values(n + 1, n);
    Check<gpu::F16>("plain", values, x, rows, k);
    if (rows * n > 8000) return;
    Check<gpu::BF16>("plain", values, x, rows, k);
    Check<float>("plain", values, x, rows, k);
  };
  check(1, 1, 1);
  check(9, 63, 2);
  check(41, 65, 5);
  check(300, 70, 256);
  check(33, 520, 4);
  check(5, 4170, 2);
  check(3, 8260, 1);
}

TEST_CASE("gpu: the head shortcut gives the reference's bits for rows and activations of any kind") {
  constexpr size_t kRows = 40, kCols = 130;
  constexpr uint32_t kTop = 5;
  const std::vector<float> plain = Values(1, kRows * kCols), x = Values(2, kCols);
  std::vector<float> equal = plain, huge = plain, ties = plain, spiky = x;
  for (size_t r = 1; r < kRows; ++r) std::copy_n(equal.begin(), kCols, equal.begin() + r * kCols);
  for (size_t i = 0; i < kCols; ++i) huge[7 * kCols + i] *= 8000.0f, huge[9 * kCols + i] *= -8000.0f;
  for (size_t r = 0; r + 3 < kRows; r += 3)
    std::copy_n(ties.begin() + r * kCols, kCols, ties.begin() + (r + 3) * kCols);
  spiky[kCols / 2] = 1e6f;
  CHECK(Check<gpu::F16>("equal rows", equal, x, kRows, kTop) == kRows);
  Check<gpu::F16>("huge rows", huge, x, kRows, kTop);
  Check<gpu::F16>("ties", ties, x, kRows, kTop);
  Check<gpu::F16>("a spike in the activations", plain, spiky, kRows, kTop);
  Check<gpu::F16>("denormal rows", Values(3, kRows * kCols, "tiny"), x, kRows, kTop);
  Check<gpu::F16>("denormal activations", plain, Values(4, kCols, "tiny"), kRows, kTop);
  Check<gpu::F16>("zero activations", plain, std::vector<float>(kCols, -0.0f), kRows, kTop);
  Check<gpu::F16>("zero rows", std::vector<float>(kRows * kCols, 0.0f), x, kRows, kTop);
  Check<float>("any bits", AnyBits(5, kRows * kCols), AnyBits(6, kCols), kRows, kTop);
  Check<float>("any rows", AnyBits(7, kRows * kCols), x, kRows, kTop);
  Check<gpu::BF16>("all exponents", Values(8, kRows * kCols, "wide"), Values(9, kCols, "wide"), kRows, kTop);
}

TEST_CASE("gpu: the survivors of several blocks are the reference's, those at the threshold too") {
  constexpr uint32_t kRows = 2 * HeadSurvivors::kRows + 70, kTop = 3;
  std::vector<float> values = Values(11, kRows);
  values[kRows - 1] = values[0];
  DeviceArray<float> upper(values);
  for (const float threshold : {values[0], -1e30f, 1e30f}) {
    std::vector<uint32_t> expected(kRows);
    expected.resize(Ref().head_survivors(values.data(), kRows, threshold, expected.data(), kRows));
    const std::vector<TopEntry> top = {{0, 2e30f}, {0, 2e30f}, {0, threshold}};
    for (const LaneOrder order : Orders()) {
      DeviceArray<uint32_t> ids(kRows);
      uint32_t n = 0;
      RunEmulated<HeadSurvivors>({Blocks(kRows, HeadSurvivors::kRows)},
                                 {upper.data(), kRows, kTop, top.data(), ids.data(), kRows, &n}, order);
      std::vector<uint32_t> found(ids.data(), ids.data() + n);
      std::sort(found.begin(), found.end());
      REQUIRE(found == expected);
    }
  }
}

TEST_CASE("gpu: more survivors than there is room for are counted and not computed") {
  constexpr size_t kRows = 200, kCols = 4;
  std::vector<float> equal(kRows * kCols, 0.25f);
  const std::vector<float> x = Values(2, kCols);
  for (const uint32_t max : {1u, 199u}) CHECK(Check<gpu::F16>("equal rows", equal, x, kRows, 3, max) == kRows);
}

TEST_CASE("gpu: few rows survive the head shortcut, and what does not survive is never chosen") {
  constexpr size_t kRows = 300, kCols = 640;
  const uint32_t n = Check<gpu::F16>("plain", Values(3, kRows * kCols), Values(4, kCols), kRows, 8);
  CHECK(n >= 8);
  CHECK(n < kRows / 10);
}

TEST_CASE("gpu: a head or a row that is not finite fails the shortcut as it fails the full product") {
  constexpr size_t kRows = 20, kCols = 100;
  const std::vector<float> x = Values(6, kCols);
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values = Values(5, kRows * kCols);
    values[15 * kCols + 70] = bad;
    Check<gpu::F16>("not finite", values, x, kRows, 4);
    Check<float>("not finite", values, x, kRows, 4);
    std::vector<float> bad_x = x;
    bad_x[kCols - 1] = bad;
    Head<gpu::F16> head(Values(5, kRows * kCols), bad_x, kRows);
    for (const LaneOrder order : Orders()) REQUIRE(RunShortcut(head, 4, kRows, order).failure == uint64_t{3} << 32);
  }
}

}  // namespace
}  // namespace bitnet_test
