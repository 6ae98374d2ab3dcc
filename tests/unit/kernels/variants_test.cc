// The two compilations of the reference give the same bits on adversarial inputs, and both refuse what is not finite.
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/pack.h"
#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"
#include "unit/kernels/reference_variants.h"

namespace bitnet::kernels {
namespace {

using bitnet_test::Ints;
using bitnet_test::Values;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();

// What an operation leaves, as bits. All NaNs count as one: which operand's payload survives is the compiler's choice.
using Output = std::vector<uint32_t>;
void Append(Output* out, float x) { out->push_back(x == x ? BitsOf(x) : 0x7fc00000u); }
void Append(Output* out, const std::vector<float>& x) {
  for (const float value : x) Append(out, value);
}
template <class T>
void Append(Output* out, const std::vector<T>& x) {
  for (const T value : x) out->push_back(static_cast<uint32_t>(value));
}

void CheckSame(const std::string& what, const std::function<Output(const KernelTable&)>& run) {
  INFO(what);
  const Output plain = run(ref_plain::kTable);
  REQUIRE(plain.size() > 1);
  CHECK(run(*FmaReferenceTable()) == plain);
}

// Any 32 bits but infinities and NaN: all exponents, denormals and zeros.
std::vector<float> AnyBits(uint64_t seed, size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(bitnet_test::Word(seed, i));
    x[i] = (bits & 0x7f800000u) == 0x7f800000u ? 0.0f : FloatOf(bits);
  }
  return x;
}

// Quotients x * (127 / m) that fall on halves: rounding ties.
std::vector<float> Ties(uint64_t seed, size_t n) {
  std::vector<float> x(n);
  const std::vector<int> halves = Ints<int>(seed, n, -254, 254);
  for (size_t i = 0; i < n; ++i) x[i] = static_cast<float>(halves[i]) * 0.5f;
  x[0] = 127.0f;
  return x;
}

TEST_CASE("both compilations give the same bits for rows of any length", "[kernels][variants]") {
  if (FmaReferenceTable() == nullptr) BN_SKIP("no CPU with AVX2 and FMA");
  for (size_t n = 1; n < 200; n += n < 70 ? 1 : 13) {
    const std::vector<std::vector<float>> rows = {Values(n, n), Values(n, n, "wide"), Values(n, n, "tiny"),
                                                  AnyBits(n, n), Ties(n, n)};
    for (const std::vector<float>& x : rows) {
      const std::vector<float> u = AnyBits(n + 1000, n);
      CheckSame("rms_norm", [&](const KernelTable& table) {
        std::vector<float> y(n);
        Output out = {table.rms_norm(x.data(), u.data(), 1e-6f, n, y.data())};
        if (out[0] != 0) Append(&out, y);
        out.push_back(0);
        return out;
      });
      CheckSame("quantise_row", [&](const KernelTable& table) {
        std::vector<int8_t> q(PadTernary(n));
        float d = 0;
        int32_t sum = 0;
        Output out = {table.quantise_row(x.data(), n, q.data(), &d, &sum)};
        Append(&out, q);
        Append(&out, std::vector<float>{d, static_cast<float>(sum)});
        return out;
      });
      CheckSame("gates and add", [&](const KernelTable& table) {
        std::vector<float> y(n);
        Output out;
        table.relu2_gate(x.data(), u.data(), n, y.data());
        Append(&out, y);
        table.silu_gate(x.data(), u.data(), n, y.data());
        Append(&out, y);
        table.add(y.data(), x.data(), n);
        Append(&out, y);
        return out;
      });
      CheckSame("cache_store", [&](const KernelTable& table) {
        Output out;
        for (const Dense type : {Dense::kF16, Dense::kBF16}) {
          std::vector<uint16_t> stored(n);
          out.push_back(table.cache_store(x.data(), n, type, stored.data()));
          Append(&out, stored);
        }
        return out;
      });
      CheckSame("dense_rows", [&](const KernelTable& table) {
        const std::vector<uint16_t> half = Ints<uint16_t>(n, 3 * n, 0, 0xffff);
        std::vector<float> y(3);
        Output out;
        for (const Dense type : {Dense::kF16, Dense::kBF16}) {
          table.dense_rows(type, half.data(), n, x.data(), 0, 3, y.data());
          Append(&out, y);
          std::vector<float> row(n);
          table.dense_row_to_f32(type, half.data(), n, 1, row.data());
          Append(&out, row);
        }
        table.dense_rows(Dense::kF32, x.data(), n, u.data(), 0, 1, y.data());
        Append(&out, y);
        return out;
      });
    }
  }
}

TEST_CASE("both compilations give the same exponential", "[kernels][variants]") {
  if (FmaReferenceTable() == nullptr) BN_SKIP("no CPU with AVX2 and FMA");
  std::vector<float> x;
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 4099) x.push_back(FloatOf(static_cast<uint32_t>(bits)));
  CheckSame("silu_gate", [&](const KernelTable& table) {
    std::vector<float> y(x.size());
    table.silu_gate(x.data(), x.data(), x.size(), y.data());
    Output out;
    Append(&out, y);
    return out;
  });
}

TEST_CASE("both compilations give the same products", "[kernels][variants]") {
  if (FmaReferenceTable() == nullptr) BN_SKIP("no CPU with AVX2 and FMA");
  constexpr size_t kRows = 7;
  for (const size_t cols : {128u, 256u, 384u, 1280u}) {
    const std::vector<uint8_t> w = Ints<uint8_t>(cols, kRows * cols / 4, 0, 255);
    const std::vector<int8_t> q = Ints<int8_t>(cols, 5 * cols, -128, 127);
    const std::vector<int32_t> sum = Ints<int32_t>(1, 5, 0, 0);  // the reference does not need it
    const std::vector<float> d = Values(2, 5, "wide");
    const std::vector<float> scale = AnyBits(3, kRows * cols / 64);
    for (const size_t stride : {0u, 1u}) {
      CheckSame("ternary", [&](const KernelTable& table) {
        std::vector<float> y(5 * kRows);
        TernaryJob job = {w.data(), cols, scale.data(), stride, q.data(), cols, sum.data(),
                          d.data(), 5,    y.data(),     kRows};
        Output out;
        table.ternary_gemv(job, 0, kRows);
        Append(&out, y);
        std::vector<uint8_t> scratch(table.ternary_scratch_bytes(cols) + 64);
        table.ternary_gemm(job, 0, kRows,
                           scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64);
        Append(&out, y);
        job.scale_stride = cols / 128;
        table.ternary_blocks(job, 128, 0, kRows);
        Append(&out, y);
        job.scale_stride = cols / 128 * 2 - 1;
        table.ternary_blocks(job, 64, 0, kRows);
        Append(&out, y);
        return out;
      });
    }
  }
  for (uint32_t id = 0; id < static_cast<uint32_t>(Block::kCount); ++id) {
    const Block type{id};
    for (const auto& x : {Values(1, 1024), Values(1, 1024, "tiny"), AnyBits(1, 1024), Ties(1, 1024)}) {
      const size_t blocks = 1024 / BlockElements(type);
      const std::vector<uint8_t> w = Ints<uint8_t>(4, kRows * blocks * BlockBytes(type), 0, 255);
      CheckSame("blocks", [&](const KernelTable& table) {
        std::vector<int8_t> q(1024);
        std::vector<float> d_a(blocks);
        std::vector<float> y(kRows);
        std::vector<float> row(1024);
        Output out = {table.quantise_blocks(x.data(), 1024, BlockElements(type), q.data(), d_a.data())};
        table.block_rows(type, w.data(), 1024, q.data(), d_a.data(), 0, kRows, y.data());
        table.block_row_to_f32(type, w.data(), 1024, 6, row.data());
        Append(&out, q);
        Append(&out, d_a);
        Append(&out, y);
        Append(&out, row);
        return out;
      });
    }
  }
}

TEST_CASE("both compilations give the same rotations and attention", "[kernels][variants]") {
  if (FmaReferenceTable() == nullptr) BN_SKIP("no CPU with AVX2 and FMA");
  for (const std::string kind : {"plain", "wide", "tiny"}) {
    for (const bool adjacent : {false, true}) {
      CheckSame("rope", [&](const KernelTable& table) {
        std::vector<float> x = Values(1, 5 * 34, kind);
        table.rope(x.data(), 5, 34, 34, Values(2, 17).data(), Values(3, 17).data(), adjacent);
        Output out;
        Append(&out, x);
        return out;
      });
    }
    for (const size_t head_dim : {2u, 16u, 34u, 128u}) {
      for (const uint32_t n : {1u, 63u, 65u, 256u}) {
        CheckSame("attention", [&](const KernelTable& table) {
          const std::vector<float> q = Values(4, 3 * head_dim, kind);
          const std::vector<float> k = Values(5, n * head_dim);
          const std::vector<float> v = Values(6, n * head_dim, kind);
          const uint32_t n_keys[3] = {n, 1, (n + 1) / 2};
          std::vector<float> m(3), s(3), o(3 * head_dim), z(3 * kKeyBlock), y(head_dim);
          Output out = {table.attention_block({q.data(), k.data(), v.data(), Dense::kF32, head_dim, head_dim, n_keys, 3,
                                               0.25f, m.data(), s.data(), o.data(), z.data()})};
          if (out[0] == 0) return Output{0, 0};
          out.push_back(table.attention_combine(m.data(), s.data(), 1, o.data(), head_dim, 3, head_dim, y.data()));
          Append(&out, m);
          Append(&out, s);
          Append(&out, o);
          Append(&out, y);
          return out;
        });
      }
    }
  }
}

TEST_CASE("what is not finite is refused where it is met", "[kernels][non_finite]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const float bad : {kInfinity, -kInfinity, kNaN}) {
      for (const size_t at : {0u, 64u, 127u}) {
        std::vector<float> x = Values(1, 128);
        x[at] = bad;
        std::vector<float> y(128);
        std::vector<int8_t> q(128);
        std::vector<float> d(4);
        int32_t sum = 0;
        CHECK_FALSE(table->rms_norm(x.data(), x.data(), 1e-5f, 128, y.data()));
        CHECK_FALSE(table->quantise_row(x.data(), 128, q.data(), d.data(), &sum));
        CHECK_FALSE(table->quantise_blocks(x.data(), 128, 32, q.data(), d.data()));
        std::vector<float> stored(128);
        CHECK_FALSE(table->cache_store(x.data(), 128, Dense::kF32, stored.data()));
        CHECK_FALSE(table->cache_store(x.data(), 128, Dense::kF16, stored.data()));
      }
    }
    std::vector<float> huge = {kMax, kMax};
    std::vector<float> y(2);
    CHECK_FALSE(table->rms_norm(huge.data(), huge.data(), 1e-5f, 2, y.data()));  // the square overflows
    uint16_t half[2];
    const float limits[2] = {65519.0f, -65519.0f};
    CHECK(table->cache_store(limits, 2, Dense::kF16, half));
    const float beyond[2] = {65519.0f, 65520.0f};  // rounds to infinity
    CHECK_FALSE(table->cache_store(beyond, 2, Dense::kF16, half));
  }
}

TEST_CASE("attention refuses scores, sums and outputs that are not finite", "[kernels][non_finite]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    const auto run = [&](float q0, float k1, float v1) {
      const float q[2] = {q0, 1.0f};
      const float k[4] = {1.0f, 1.0f, k1, 1.0f};
      const float v[4] = {1.0f, 1.0f, v1, 1.0f};
      const uint32_t n_keys = 2;
      float m, s, o[2], z[kKeyBlock];
      return table->attention_block({q, k, v, Dense::kF32, 2, 2, &n_keys, 1, 1.0f, &m, &s, o, z});
    };
    CHECK(run(1.0f, 1.0f, 1.0f));
    CHECK_FALSE(run(1e30f, 1e30f, 1.0f));
    CHECK_FALSE(run(kNaN, 1.0f, 1.0f));
    CHECK_FALSE(run(1.0f, -kInfinity, 1.0f));
    CHECK_FALSE(run(1.0f, 1.0f, kInfinity));
    CHECK(run(1.0f, 1.0f, -kMax));
    const float m[2] = {0.0f, 0.0f};
    const float s[2] = {kMax, kMax};
    const float one[2] = {1.0f, 1.0f};
    const float o[2] = {kMax, kMax};
    float y;
    CHECK(table->attention_combine(m, one, 1, one, 1, 2, 1, &y));
    CHECK_FALSE(table->attention_combine(m, s, 1, one, 1, 2, 1, &y));
    CHECK_FALSE(table->attention_combine(m, one, 1, o, 1, 2, 1, &y));
  }
}

TEST_CASE("gates keep a NaN for the next operation to find", "[kernels][non_finite]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    const std::vector<float> g(16, kNaN);
    const std::vector<float> u(16, 1.0f);
    std::vector<float> y(16);
    table->relu2_gate(g.data(), u.data(), 16, y.data());
    for (const float value : y) CHECK(value != value);
    table->silu_gate(g.data(), u.data(), 16, y.data());
    for (const float value : y) CHECK(value != value);
    const std::vector<float> negative(16, -200.0f);  // exp_c(200) is infinite
    table->silu_gate(negative.data(), u.data(), 16, y.data());
    for (const float value : y) CHECK(BitsOf(value) == 0x80000000u);
  }
}

}  // namespace
}  // namespace bitnet::kernels
