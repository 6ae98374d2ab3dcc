// Every operation of both reference tables against the digests of the numpy twin.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/pack.h"
#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"
#include "unit/kernels/kernel_vectors.h"
#include "unit/kernels/reference_variants.h"

namespace bitnet::kernels {
namespace {

using bitnet_test::DigestOf;
using bitnet_test::Ints;
using bitnet_test::Values;

void CheckPinned(const std::string& name, size_t n, uint64_t digest) {
  INFO(name << ", n = " << n);
  CHECK(digest == bitnet_test::PinnedDigest(name, n));
}

TEST_CASE("norms, row quantisation, gates and cache rows have the pinned bits", "[kernels][ref]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t n : {1u, 2u, 63u, 64u, 65u, 130u, 2560u}) {
      for (const std::string kind : {"plain", "wide", "tiny"}) {
        const std::vector<float> x = Values(1, n, kind);
        std::vector<float> y(n);
        REQUIRE(table->rms_norm(x.data(), Values(2, n).data(), 1e-5f, n, y.data()));
        CheckPinned("rms_norm " + kind, n, DigestOf(y));
        std::vector<float> in_place = x;
        REQUIRE(table->rms_norm(in_place.data(), Values(2, n).data(), 1e-5f, n, in_place.data()));
        CHECK(bitnet_test::BitsOf(in_place) == bitnet_test::BitsOf(y));

        std::vector<int8_t> q(PadTernary(n), 99);
        float d = 0;
        int32_t sum = 0;
        REQUIRE(table->quantise_row(x.data(), n, q.data(), &d, &sum));
        CHECK(std::all_of(q.begin() + static_cast<ptrdiff_t>(n), q.end(), [](int8_t v) { return v == 0; }));
        q.resize(n);
        CheckPinned("quantise_row " + kind, n, DigestOf(q, d, static_cast<uint32_t>(sum)));

        table->relu2_gate(x.data(), Values(3, n).data(), n, y.data());
        CheckPinned("relu2_gate " + kind, n, DigestOf(y));
        table->silu_gate(x.data(), Values(3, n).data(), n, y.data());
        CheckPinned("silu_gate " + kind, n, DigestOf(y));

        std::vector<float> bounded = x;
        for (float& value : bounded) value = std::clamp(value, -65504.0f, 65504.0f);
        std::vector<uint16_t> half(n);
        REQUIRE(table->cache_store(bounded.data(), n, Dense::kF16, half.data()));
        CheckPinned("cache_store " + kind, n, DigestOf(half));
      }
    }
  }
}

// Three quantised activation rows.
struct QuantisedRows {
  QuantisedRows(const KernelTable& table, const std::vector<float>& x, size_t n) : stride(PadTernary(n)) {
    q.resize(3 * stride);
    for (size_t t = 0; t < 3; ++t) {
      REQUIRE(table.quantise_row(x.data() + t * n, n, q.data() + t * stride, &d[t], &sum[t]));
    }
  }
  size_t stride;
  std::vector<int8_t> q;
  float d[3] = {};
  int32_t sum[3] = {};
};

std::vector<uint8_t> PackedRows(size_t rows, size_t n) {
  const std::vector<uint8_t> codes = Ints<uint8_t>(5, rows * n, 0, 2);
  std::vector<uint8_t> packed(rows * PackedRowBytes(PadTernary(n)));
  for (size_t r = 0; r < rows; ++r) {
    PackTernaryRow(codes.data() + r * n, n, packed.data() + r * PackedRowBytes(PadTernary(n)));
  }
  return packed;
}

TEST_CASE("ternary products have the pinned bits", "[kernels][ref][ternary]") {
  constexpr size_t kRows = 5;
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t n : {65u, 128u, 200u, 2560u}) {
      const QuantisedRows x(*table, Values(4, 3 * n), n);
      const std::vector<uint8_t> w = PackedRows(kRows, n);
      std::vector<float> y(3 * kRows);
      const float one = 0.0123f;
      const std::vector<float> scales = Values(6, kRows);
      for (const bool by_row : {false, true}) {
        const TernaryJob job = {w.data(),
                                x.stride,
                                by_row ? scales.data() : &one,
                                by_row ? size_t{1} : size_t{0},
                                x.q.data(),
                                x.stride,
                                x.sum,
                                x.d,
                                3,
                                y.data(),
                                kRows};
        const std::string name = by_row ? "ternary, row scales" : "ternary, one scale";
        table->ternary_gemv(job, 0, 2);
        table->ternary_gemv(job, 2, kRows);
        CheckPinned(name, n, DigestOf(y));
        std::fill(y.begin(), y.end(), -1.0f);
        std::vector<uint8_t> scratch(table->ternary_scratch_bytes(x.stride) + 64);
        void* aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
        table->ternary_gemm(job, 0, kRows, aligned);
        CheckPinned(name, n, DigestOf(y));
      }
    }
    for (const auto& [n, block] :
         {std::pair<size_t, size_t>{64, 64}, {192, 64}, {768, 64}, {128, 128}, {768, 128}, {768, 256}, {2560, 256}}) {
      const QuantisedRows x(*table, Values(4, 3 * n), n);
      const std::vector<uint8_t> w = PackedRows(kRows, n);
      const std::vector<float> scales = Values(6, kRows * n / block);
      std::vector<float> y(3 * kRows);
      const TernaryJob job = {w.data(), x.stride, scales.data(), n / block, x.q.data(), x.stride, x.sum,
                              x.d,      3,        y.data(),      kRows};
      table->ternary_blocks(job, block, 0, kRows);
      CheckPinned("ternary, blocks of " + std::to_string(block), n, DigestOf(y));
    }
  }
}

TEST_CASE("dense products have the pinned bits", "[kernels][ref][dense]") {
  constexpr size_t kRows = 5;
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t n : {1u, 63u, 64u, 65u, 130u, 2560u}) {
      for (const std::string kind : {"plain", "wide"}) {
        const std::vector<float> x = Values(7, n, kind);
        const std::vector<float> w = Values(8, kRows * n, kind);
        std::vector<uint16_t> half(w.size());
        std::vector<uint16_t> bfloat(w.size());
        for (size_t i = 0; i < w.size(); ++i) {
          half[i] = F32ToF16(w[i]);
          bfloat[i] = static_cast<uint16_t>(BitsOf(w[i]) >> 16);
        }
        std::vector<float> y(kRows);
        table->dense_rows(Dense::kF32, w.data(), n, x.data(), 0, kRows, y.data());
        CheckPinned("dense F32 " + kind, n, DigestOf(y));
        table->dense_rows(Dense::kBF16, bfloat.data(), n, x.data(), 0, kRows, y.data());
        CheckPinned("dense BF16 " + kind, n, DigestOf(y));
        if (kind == "wide") continue;  // beyond f16
        table->dense_rows(Dense::kF16, half.data(), n, x.data(), 0, 3, y.data());
        table->dense_rows(Dense::kF16, half.data(), n, x.data(), 3, kRows, y.data());
        CheckPinned("dense F16 " + kind, n, DigestOf(y));

        std::vector<float> row(n);
        table->dense_row_to_f32(Dense::kF32, w.data(), n, 4, row.data());
        CHECK(std::equal(row.begin(), row.end(), w.end() - static_cast<ptrdiff_t>(n)));
        table->dense_row_to_f32(Dense::kF16, half.data(), n, 4, row.data());
        for (size_t i = 0; i < n; ++i) REQUIRE(row[i] == F16ToF32(half[4 * n + i]));
        table->dense_row_to_f32(Dense::kBF16, bfloat.data(), n, 4, row.data());
        for (size_t i = 0; i < n; ++i) REQUIRE(row[i] == BF16ToF32(bfloat[4 * n + i]));
      }
    }
  }
}

TEST_CASE("block products and rows have the pinned bits", "[kernels][ref][block]") {
  constexpr size_t kRows = 5;
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const auto& [type, name] : {std::pair<Block, std::string>{Block::kQ4_0, "Q4_0"},
                                     {Block::kQ4_1, "Q4_1"},
                                     {Block::kQ5_0, "Q5_0"},
                                     {Block::kQ5_1, "Q5_1"},
                                     {Block::kQ8_0, "Q8_0"},
                                     {Block::kQ2_K, "Q2_K"},
                                     {Block::kQ3_K, "Q3_K"},
                                     {Block::kQ4_K, "Q4_K"},
                                     {Block::kQ5_K, "Q5_K"},
                                     {Block::kQ6_K, "Q6_K"}}) {
      const BlockLayout& layout = LayoutOf(type);
      for (const size_t n : {256u, 768u, 2560u}) {
        const size_t size = BlockBytes(type);
        const size_t blocks = n / BlockElements(type);
        std::vector<uint8_t> w = Ints<uint8_t>(9, kRows * blocks * size, 0, 255);
        const auto put = [&](uint64_t seed, size_t offset) {
          const std::vector<float> values = Values(seed, kRows * blocks);
          for (size_t b = 0; b < kRows * blocks; ++b) {
            const uint16_t half = F32ToF16(values[b] * 0x1p-8f);
            uint8_t* const at = w.data() + b * size + offset;
            at[0] = static_cast<uint8_t>(half);
            at[1] = static_cast<uint8_t>(half >> 8);
          }
        };
        put(10, layout.d_at);
        if (layout.has_min) put(20, layout.min_at);
        std::vector<float> y(kRows);
        for (const std::string kind : {"plain", "wide", "tiny"}) {
          std::vector<int8_t> q(n);
          std::vector<float> d_a(blocks);
          REQUIRE(table->quantise_blocks(Values(11, n, kind).data(), n, BlockElements(type), q.data(), d_a.data()));
          table->block_rows(type, w.data(), n, q.data(), d_a.data(), 0, 1, y.data());
          table->block_rows(type, w.data(), n, q.data(), d_a.data(), 1, kRows, y.data());
          CheckPinned("product " + name + " " + kind, n, DigestOf(y));
        }
        std::vector<float> rows(kRows * n);
        for (size_t r = 0; r < kRows; ++r) table->block_row_to_f32(type, w.data(), n, r, rows.data() + r * n);
        CheckPinned("rows " + name, n, DigestOf(rows));
      }
    }
  }
}

TEST_CASE("RoPE turns the pinned values and copies the rest", "[kernels][ref][rope]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const bool adjacent : {false, true}) {
      std::vector<float> x = Values(12, 60);
      const std::vector<float> before = x;
      table->rope(x.data(), 3, 20, 12, Values(13, 6).data(), Values(14, 6).data(), adjacent);
      CheckPinned(adjacent ? "rope, adjacent" : "rope, halves", 20, DigestOf(x));
      for (size_t i = 12; i < 20; ++i) CHECK(x[i] == before[i]);
    }
  }
}

TEST_CASE("attention over blocks of keys has the pinned bits", "[kernels][ref][attention]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const size_t head_dim : {2u, 20u, 128u}) {
      for (const size_t n : {1u, 5u, 64u, 255u, 256u, 257u, 700u}) {
        const std::vector<float> q = Values(15, 2 * head_dim);
        std::vector<uint16_t> k(n * head_dim);
        std::vector<uint16_t> v(n * head_dim);
        REQUIRE(table->cache_store(Values(16, k.size()).data(), k.size(), Dense::kF16, k.data()));
        REQUIRE(table->cache_store(Values(17, v.size()).data(), v.size(), Dense::kF16, v.data()));
        const size_t n_blocks = (n + kKeyBlock - 1) / kKeyBlock;
        std::vector<float> m(2 * n_blocks);
        std::vector<float> s(2 * n_blocks);
        std::vector<float> o(2 * n_blocks * head_dim);
        std::vector<float> z(2 * kKeyBlock);
        for (size_t b = 0; b < n_blocks; ++b) {
          const uint32_t seen = static_cast<uint32_t>(std::min(kKeyBlock, n - b * kKeyBlock));
          const uint32_t n_keys[2] = {seen, seen};
          const size_t at = b * kKeyBlock * head_dim;
          const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)));
          REQUIRE(table->attention_block({q.data(), k.data() + at, v.data() + at, Dense::kF16, head_dim, head_dim,
                                          n_keys, 2, scale, m.data() + 2 * b, s.data() + 2 * b,
                                          o.data() + 2 * b * head_dim, z.data()}));
        }
        std::vector<float> y(2 * head_dim);
        for (size_t i = 0; i < 2; ++i) {
          REQUIRE(table->attention_combine(m.data() + i, s.data() + i, 2, o.data() + i * head_dim, 2 * head_dim,
                                           n_blocks, head_dim, y.data() + i * head_dim));
        }
        CheckPinned("attention, " + std::to_string(head_dim) + " a head", n, DigestOf(y));
      }
    }
  }
}

TEST_CASE("the largest logits are the pinned ones", "[kernels][ref][select_top]") {
  for (const KernelTable* table : bitnet_test::ReferenceVariants()) {
    for (const auto& [n, k] : {std::pair<size_t, size_t>{1, 1}, {300, 256}, {5000, 256}, {5000, 7}}) {
      std::vector<float> logits(n);
      const std::vector<int> values = Ints<int>(18, n, -900, 900);
      for (size_t i = 0; i < n; ++i) logits[i] = static_cast<float>(values[i]) / 64.0f;
      std::vector<TopEntry> top(k);
      REQUIRE(table->select_top(logits.data(), n, k, top.data()));
      bitnet_test::Digest digest;
      for (const TopEntry& entry : top) digest.Add(entry.id);
      for (const TopEntry& entry : top) digest.Add(entry.logit);
      CheckPinned("select_top of " + std::to_string(k), n, digest.value());
    }
  }
}

}  // namespace
}  // namespace bitnet::kernels
