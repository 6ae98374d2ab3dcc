// Every table that this CPU can run gives the reference's bits: sizes, misalignment, seeds, adversarial values.
#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
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
using bitnet_test::Ints;
using bitnet_test::Misaligned;
using bitnet_test::Output;
using bitnet_test::Rows;
using bitnet_test::TernaryProblem;
using bitnet_test::Values;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<size_t> Lengths() {
  std::vector<size_t> n;
  for (size_t i = 1; i <= 150; ++i) n.push_back(i);
  for (const size_t i : {191, 255, 256, 257, 640, 1023, 2560}) n.push_back(i);
  return n;
}

TEST_CASE("row operations of every table equal the reference", "[kernels][cpu]") {
  for (const size_t n : Lengths()) {
    for (const std::vector<float>& row : Rows(n)) {
      const Misaligned<float> x(row, n % 4 + 1);
      const Misaligned<float> u(AnyBits(n + 1000, n), n % 3 + 1);
      CheckTables("rms_norm", [&](const KernelTable& table) {
        std::vector<float> y(n);
        Output out = {table.rms_norm(x.data(), u.data(), 1e-6f, n, y.data())};
        if (out[0] != 0) Append(&out, y);
        std::vector<float> in_place = row;
        if (table.rms_norm(in_place.data(), u.data(), 1e-6f, n, in_place.data())) Append(&out, in_place);
        out.push_back(0);
        return out;
      });
      CheckTables("quantise_row", [&](const KernelTable& table) {
        std::vector<int8_t> q(PadTernary(n), 99);
        float d = 0;
        int32_t sum = 0;
        Output out = {table.quantise_row(x.data(), n, q.data(), &d, &sum)};
        Append(&out, q);
        Append(&out, std::vector<float>{d});
        out.push_back(static_cast<uint32_t>(sum));
        return out;
      });
      CheckTables("gates and add", [&](const KernelTable& table) {
        std::vector<float> y(n);
        Output out;
        table.relu2_gate(x.data(), u.data(), n, y.data());
        Append(&out, y);
        table.silu_gate(x.data(), u.data(), n, y.data());
        Append(&out, y);
        table.add(y.data(), x.data(), n);
        Append(&out, y);
        table.silu_gate(y.data(), x.data(), n, y.data());
        Append(&out, y);
        table.relu2_gate(x.data(), y.data(), n, y.data());
        Append(&out, y);
        return out;
      });
      CheckTables("cache_store", [&](const KernelTable& table) {
        Output out;
        for (const Dense type : {Dense::kF16, Dense::kBF16}) {
          std::vector<uint16_t> stored(n);
          out.push_back(table.cache_store(x.data(), n, type, stored.data()));
          if (out.back() != 0) Append(&out, stored);
        }
        std::vector<float> stored(n);
        out.push_back(table.cache_store(x.data(), n, Dense::kF32, stored.data()));
        Append(&out, stored);
        return out;
      });
    }
  }
}

TEST_CASE("the exponential of every table equals the reference", "[kernels][cpu]") {
  std::vector<float> x;
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 4099) x.push_back(FloatOf(static_cast<uint32_t>(bits)));
  const std::vector<float> one(x.size(), 1.0f);
  CheckTables("silu_gate", [&](const KernelTable& table) {
    std::vector<float> y(x.size());
    table.silu_gate(x.data(), one.data(), x.size(), y.data());
    Output out;
    Append(&out, y);
    return out;
  });
}

TEST_CASE("every f16 and bf16 converts in every table as in the reference", "[kernels][cpu]") {
  std::vector<uint16_t> all(0x10000);
  std::iota(all.begin(), all.end(), uint16_t{0});
  CheckTables("dense_row_to_f32", [&](const KernelTable& table) {
    Output out;
    for (const Dense type : {Dense::kF16, Dense::kBF16}) {
      std::vector<float> y(all.size());
      table.dense_row_to_f32(type, all.data(), all.size(), 0, y.data());
      Append(&out, y);
    }
    return out;
  });
  std::vector<float> x;
  for (uint64_t bits = 0; bits < 0x477ff000u; bits += 509) x.push_back(FloatOf(static_cast<uint32_t>(bits)));
  for (uint32_t half = 0; half < 0x7bff; ++half) {  // halfway to the next, and beside it
    const uint32_t middle =
        BitsOf((F16ToF32(static_cast<uint16_t>(half)) + F16ToF32(static_cast<uint16_t>(half + 1))) * 0.5f);
    for (const uint32_t bits : {middle - 1, middle, middle + 1}) x.push_back(-FloatOf(bits));
  }
  CheckTables("cache_store", [&](const KernelTable& table) {
    std::vector<uint16_t> y(x.size());
    Output out;
    for (const Dense type : {Dense::kF16, Dense::kBF16}) {
      out.push_back(table.cache_store(x.data(), x.size(), type, y.data()));
      Append(&out, y);
    }
    return out;
  });
}

TEST_CASE("dense products of every table equal the reference", "[kernels][cpu]") {
  for (const size_t n : Lengths()) {
    for (const std::vector<float>& row : Rows(n)) {
      const Misaligned<float> x(row, n % 3 + 1);
      const Misaligned<uint16_t> half(Ints<uint16_t>(n, 5 * n, 0, 0xffff), n % 7 + 1);
      const Misaligned<uint16_t> small(Ints<uint16_t>(n, 5 * n, 0, 0x7ff), n % 7 + 1);  // denormals and little more
      const Misaligned<float> wide(Values(n, 5 * n, "wide"), 1);
      CheckTables("dense_rows", [&](const KernelTable& table) {
        Output out;
        for (const Dense type : {Dense::kF16, Dense::kBF16}) {
          for (const uint16_t* w : {half.data(), small.data()}) {
            std::vector<float> y(5);
            table.dense_rows(type, w, n, x.data(), 1, 5, y.data());
            Append(&out, y);
          }
          std::vector<float> r(n);
          table.dense_row_to_f32(type, half.data(), n, 3, r.data());
          Append(&out, r);
        }
        std::vector<float> y(5);
        table.dense_rows(Dense::kF32, wide.data(), n, x.data(), 0, 5, y.data());
        Append(&out, y);
        std::vector<float> r(n);
        table.dense_row_to_f32(Dense::kF32, wide.data(), n, 4, r.data());
        Append(&out, r);
        return out;
      });
    }
  }
}

TEST_CASE("dense products of several tokens equal those of each", "[kernels][cpu]") {
  constexpr size_t kRows = 41, kStride = kRows + 2;
  for (const size_t n : {1, 63, 64, 65, 128, 2560}) {
    for (const size_t n_tokens : {1, 2, 3, 6}) {
      const Misaligned<float> x(Values(n_tokens, n * n_tokens, n == 128 ? "wide" : "plain"), n % 3 + 1);
      const Misaligned<uint16_t> half(Ints<uint16_t>(n, kRows * n, 0, 0x7bff), n % 7 + 1);
      const Misaligned<float> wide(Values(n, kRows * n, "wide"), 1);
      CheckTables("dense_tokens", [&](const KernelTable& table) {
        INFO(n << " columns, " << n_tokens << " tokens");
        std::vector<float> y(n_tokens * kStride, 1.0f), each = y;
        Output out, expected;
        for (const Dense type : {Dense::kF16, Dense::kBF16, Dense::kF32}) {
          const void* const w =
              type == Dense::kF32 ? static_cast<const void*>(wide.data()) : static_cast<const void*>(half.data());
          const DenseTokensJob job = {type, w, n, x.data(), n_tokens, y.data(), kStride};
          table.dense_tokens(job, 0, 3);
          table.dense_tokens(job, 3, kRows);
          for (size_t t = 0; t < n_tokens; ++t) {
            table.dense_rows(type, w, n, x.data() + t * n, 0, kRows, each.data() + t * kStride);
          }
          Append(&out, y);
          Append(&expected, each);
        }
        CHECK(out == expected);
        return out;
      });
    }
  }
}

TEST_CASE("ternary products of every table equal the reference", "[kernels][cpu][ternary]") {
  for (const size_t cols : {128, 256, 384, 640, 2048, 2176, 2560, 6912}) {
    for (const size_t n_tokens : {1, 2, 3, 4, 5, 7, 12, 13, 31}) {
      if (cols > 2000 && n_tokens % 4 != 1) continue;
      const size_t n_rows = 71;
      const TernaryProblem p(cols * 31 + n_tokens, n_rows, cols, n_tokens);
      for (const size_t stride : {0, 1}) {
        CheckTables("ternary", [&](const KernelTable& table) {
          Output out;
          for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, n_rows}, {1, 4}, {5, 5}, {3, 36}, {70, 71}}) {
            Append(&out, p.Gemv(table, stride, begin, end));
            Append(&out, p.Gemm(table, stride, begin, end));
          }
          return out;
        });
      }
    }
  }
}

TEST_CASE("ternary products with block scales equal the reference", "[kernels][cpu][ternary]") {
  for (const size_t block : {64, 128, 256, 384}) {
    for (const size_t n_blocks : {1, 2, 5}) {
      const TernaryProblem p(block + n_blocks, 11, PadTernary(block * n_blocks), 3);
      CheckTables("ternary_blocks", [&](const KernelTable& table) {
        Output out;
        Append(&out, p.Blocks(table, block, n_blocks, 0, 11));
        Append(&out, p.Blocks(table, block, n_blocks, 3, 9));
        return out;
      });
    }
  }
}

// The int16 sums of tables without 4-way products reach -32768 here, and would wrap with one pair more: the known
// error of kernels that add 2 * cols / 128 pairs before they widen.
TEST_CASE("ternary products do not overflow with all codes 2 and all activations -128", "[kernels][cpu][ternary]") {
  for (const size_t cols : {2048, 2560, 6912, 13824, 16384}) {
    for (const int8_t activation : {int8_t{-128}, int8_t{127}}) {
      for (const uint8_t packed : {uint8_t{0xaa}, uint8_t{0x00}}) {  // weights +1 and -1
        const TernaryProblem p = TernaryProblem::Constant(37, cols, 13, packed, activation);
        const float expected = static_cast<float>((packed != 0 ? 1 : -1) * activation * static_cast<int>(cols));
        size_t count = 0;
        const KernelTable* const* tables = AvailableTables(&count);
        for (size_t i = 0; i < count; ++i) {
          INFO(tables[i]->name << " cols " << cols);
          const std::vector<float> all(37 * 13, expected);
          CHECK(p.Gemv(*tables[i], 0, 0, 37) == all);
          CHECK(p.Gemm(*tables[i], 0, 0, 37) == all);
        }
      }
    }
  }
}

TEST_CASE("block products of a group of tokens equal those of each", "[kernels][cpu]") {
  constexpr size_t kRows = 19;
  for (uint32_t id = 0; id < static_cast<uint32_t>(Block::kCount); ++id) {
    const Block type{id};
    const size_t block = BlockElements(type);
    for (const size_t n : {block, 5 * block, 9 * block, size_t{2560}}) {
      const size_t blocks = n / block;
      const Misaligned<uint8_t> w(Ints<uint8_t>(n, kRows * blocks * BlockBytes(type), 0, 255), 3);
      for (const size_t n_tokens : {1, 7, 8, 9, 16}) {
        std::vector<int8_t> q = Ints<int8_t>(n + 1, n * n_tokens, -128, 127);
        if (n_tokens == 7) std::fill(q.begin(), q.end(), int8_t{-128});  // the largest sums
        const std::vector<float> d_a = Values(7, blocks * n_tokens, "wide");
        std::vector<std::max_align_t> memory(TokenGroup::Bytes(n, block) / sizeof(std::max_align_t) + 1);
        const TokenGroup group = TokenGroup::Make(q.data(), d_a.data(), n, block, n_tokens, memory.data());
        CheckTables("block_tokens", [&](const KernelTable& table) {
          INFO("type " << id << ", " << n << " columns, " << n_tokens << " tokens");
          std::vector<float> y(n_tokens * (kRows + 2), 1.0f), each = y;
          const BlockTokensJob job = {type, w.data(), n, group, n_tokens, y.data(), kRows + 2};
          table.block_tokens(job, 0, 3);
          table.block_tokens(job, 3, kRows);
          for (size_t t = 0; t < n_tokens; ++t) {
            table.block_rows(type, w.data(), n, q.data() + t * n, d_a.data() + t * blocks, 0, kRows,
                             each.data() + t * (kRows + 2));
          }
          Output out;
          Append(&out, y);
          Output expected;
          Append(&expected, each);
          CHECK(out == expected);
          return out;
        });
      }
    }
  }
}

TEST_CASE("block products of every table equal the reference", "[kernels][cpu]") {
  constexpr size_t kRows = 11;
  for (uint32_t id = 0; id < static_cast<uint32_t>(Block::kCount); ++id) {
    const Block type{id};
    for (const size_t n : {256, 512, 2560, 4352, 9216}) {
      for (const std::vector<float>& row : Rows(n)) {
        const Misaligned<float> x(row, 1);
        const size_t blocks = n / BlockElements(type);
        const Misaligned<uint8_t> w(Ints<uint8_t>(n, kRows * blocks * BlockBytes(type), 0, 255), 3);
        const Misaligned<int8_t> any(Ints<int8_t>(n + 1, n, -128, 127), 5);
        const std::vector<float> any_d = Values(7, blocks, "wide");
        CheckTables("blocks", [&](const KernelTable& table) {
          std::vector<int8_t> q(n);
          std::vector<float> d_a(blocks);
          std::vector<float> y(kRows);
          std::vector<float> values(n);
          Output out = {table.quantise_blocks(x.data(), n, BlockElements(type), q.data(), d_a.data())};
          Append(&out, q);
          Append(&out, d_a);
          table.block_rows(type, w.data(), n, q.data(), d_a.data(), 0, kRows, y.data());
          Append(&out, y);
          table.block_rows(type, w.data(), n, any.data(), any_d.data(), 2, 9, y.data());
          Append(&out, y);
          table.block_row_to_f32(type, w.data(), n, 6, values.data());
          Append(&out, values);
          return out;
        });
      }
    }
  }
}

TEST_CASE("rotations of every table equal the reference", "[kernels][cpu]") {
  for (const std::string kind : {"plain", "wide", "tiny"}) {
    for (size_t rot = 2; rot <= 80; rot += 2) {
      for (const bool adjacent : {false, true}) {
        CheckTables("rope", [&](const KernelTable& table) {
          const size_t head_dim = rot + rot % 3 * 2;
          Misaligned<float> x(Values(1, 3 * head_dim, kind), rot % 5);
          table.rope(x.mutable_data(), 3, head_dim, rot, Values(2, rot / 2).data(), Values(3, rot / 2).data(),
                     adjacent);
          Output out;
          Append(&out, x.ToVector());
          return out;
        });
      }
    }
  }
}

void CheckAttention(size_t head_dim, const std::vector<uint32_t>& n_keys, Dense type, const std::string& kind,
                    size_t padding) {
  const size_t n = n_keys.size();
  const uint32_t keys = *std::max_element(n_keys.begin(), n_keys.end());
  const size_t stride = head_dim + padding;
  const Misaligned<float> q(Values(4, n * head_dim, kind), 1);
  const auto cache = [&](uint64_t seed, const std::string& values) {
    std::vector<uint8_t> bytes(keys * stride * DenseBytes(type), 0xff);  // NaN between the rows
    for (size_t j = 0; j < keys; ++j) {
      ReferenceTable().cache_store(Values(seed + j, head_dim, values).data(), head_dim, type,
                                   bytes.data() + j * stride * DenseBytes(type));
    }
    return bytes;
  };
  const std::vector<uint8_t> k = cache(500, "plain");
  const std::vector<uint8_t> v = cache(9000, kind == "wide" ? "plain" : kind);
  CheckTables("attention", [&](const KernelTable& table) {
    std::vector<float> m(n), s(n), o(n * head_dim), z(n * kKeyBlock), y(head_dim);
    Output out = {table.attention_block({q.data(), k.data(), v.data(), type, stride, head_dim, n_keys.data(), n, 0.25f,
                                         m.data(), s.data(), o.data(), z.data()})};
    if (out[0] == 0) return Output{0, 0};
    out.push_back(table.attention_combine(m.data(), s.data(), 1, o.data(), head_dim, n, head_dim, y.data()));
    Append(&out, m);
    Append(&out, s);
    Append(&out, o);
    Append(&out, y);
    return out;
  });
}

TEST_CASE("attention of every table equals the reference", "[kernels][cpu][attention]") {
  for (const size_t head_dim : {2, 6, 8, 16, 18, 34, 64, 80, 96, 128, 136, 256}) {
    for (const uint32_t n : {1u, 2u, 3u, 5u, 16u, 17u, 63u, 64u, 65u, 200u, 256u}) {
      for (const Dense type : {Dense::kF16, Dense::kF32, Dense::kBF16}) {
        const size_t padding = n % 2 * 8;
        CheckAttention(head_dim, {n}, type, "plain", padding);
        CheckAttention(head_dim, {n, n, n, n}, type, "plain", padding);
        CheckAttention(head_dim, {n, 1, (n + 1) / 2, n, n, n, n, n, n / 3 + 1}, type, "plain", padding);
      }
    }
  }
  for (const std::string kind : {"wide", "tiny"}) {
    CheckAttention(128, {70, 70, 70, 70, 69}, Dense::kF16, kind, 0);
    CheckAttention(34, {70, 70, 70, 70, 69}, Dense::kF32, kind, 2);
  }
}

TEST_CASE("of scores +0 and -0 the first in order is the largest", "[kernels][cpu][attention]") {
  for (const float first : {0.0f, -0.0f}) {
    CheckTables("attention", [&](const KernelTable& table) {
      const float q[2] = {1.0f, 0.0f};
      std::vector<float> k(2 * 40);
      for (size_t j = 0; j < 40; ++j) k[2 * j] = j % 3 == 1 ? first : -1e-45f;  // products round to -0 and +0
      const std::vector<float> v(2 * 40, 1.0f);
      const uint32_t n_keys = 40;
      float m, s, o[2];
      std::vector<float> z(kKeyBlock);
      Output out = {
          table.attention_block({q, k.data(), v.data(), Dense::kF32, 2, 2, &n_keys, 1, 0.25f, &m, &s, o, z.data()})};
      Append(&out, std::vector<float>{m, s, o[0], o[1]});
      return out;
    });
  }
}

TEST_CASE("the largest logits of every table are the reference's, ties by lower id", "[kernels][cpu]") {
  for (const size_t n : {1, 2, 63, 64, 65, 300, 1500, 5000, 20000}) {
    std::vector<std::vector<float>> rows = {Values(n, n), Values(n, n, "wide"), std::vector<float>(n, 1.5f)};
    std::vector<float> few(n), rising(n), falling(n), zeros(n);
    for (size_t i = 0; i < n; ++i) {
      few[i] = static_cast<float>(bitnet_test::Word(5, i) % 7) - 3.0f;
      rising[i] = static_cast<float>(i);
      falling[i] = -static_cast<float>(i);
      zeros[i] = i % 3 == 0 ? -0.0f : 0.0f;
    }
    for (const auto& row : {few, rising, falling, zeros}) rows.push_back(row);
    for (const std::vector<float>& logits : rows) {
      for (const size_t k : {1, 2, 40, 255, 256}) {
        if (k > n) continue;
        CheckTables("select_top", [&](const KernelTable& table) {
          std::vector<TopEntry> top(k);
          Output out = {table.select_top(logits.data(), n, k, top.data())};
          for (const TopEntry& entry : top) {
            out.push_back(entry.id);
            out.push_back(BitsOf(entry.logit));
          }
          return out;
        });
      }
    }
  }
}

TEST_CASE("every table refuses what is not finite", "[kernels][cpu][non_finite]") {
  size_t count = 0;
  const KernelTable* const* tables = AvailableTables(&count);
  for (size_t i = 0; i < count; ++i) {
    const KernelTable& table = *tables[i];
    INFO(table.name);
    for (const float bad : {kInfinity, -kInfinity, kNaN}) {
      for (const size_t at : {0, 17, 64, 130, 132}) {
        std::vector<float> x = Values(1, 133);
        x[at] = bad;
        std::vector<float> y(160);
        std::vector<int8_t> q(256);
        std::vector<float> d(8);
        int32_t sum = 0;
        std::vector<TopEntry> top(3);
        CHECK_FALSE(table.rms_norm(x.data(), x.data(), 1e-5f, 133, y.data()));
        CHECK_FALSE(table.quantise_row(x.data(), 133, q.data(), d.data(), &sum));
        CHECK_FALSE(table.select_top(x.data(), 133, 3, top.data()));
        for (const Dense type : {Dense::kF32, Dense::kF16, Dense::kBF16}) {
          CHECK_FALSE(table.cache_store(x.data(), 133, type, y.data()));
        }
        x.resize(160);
        CHECK_FALSE(table.quantise_blocks(x.data(), 160, 32, q.data(), d.data()));
      }
    }
    for (const float value : {65519.996f, 65520.0f}) {
      std::vector<float> x = Values(1, 40);
      x[37] = -value;
      std::vector<uint16_t> y(40);
      CHECK(table.cache_store(x.data(), 40, Dense::kF16, y.data()) == (value < 65520.0f));
    }
    const auto attend = [&](float q0, float k1, float v1) {
      const float q[2] = {q0, 1.0f};
      const float k[4] = {1.0f, 1.0f, k1, 1.0f};
      const float v[4] = {1.0f, 1.0f, v1, 1.0f};
      const uint32_t n_keys = 2;
      float m, s, o[2], z[kKeyBlock];
      return table.attention_block({q, k, v, Dense::kF32, 2, 2, &n_keys, 1, 1.0f, &m, &s, o, z});
    };
    CHECK(attend(1.0f, 1.0f, 1.0f));
    CHECK_FALSE(attend(1e30f, 1e30f, 1.0f));
    CHECK_FALSE(attend(kNaN, 1.0f, 1.0f));
    CHECK_FALSE(attend(1.0f, -kInfinity, 1.0f));
    CHECK_FALSE(attend(1.0f, 1.0f, kInfinity));
    const float large = std::numeric_limits<float>::max();
    const float m[2] = {0.0f, 0.0f}, s[2] = {large, large}, one[2] = {1.0f, 1.0f}, o[2] = {large, large};
    float y;
    CHECK(table.attention_combine(m, one, 1, one, 1, 2, 1, &y));
    CHECK_FALSE(table.attention_combine(m, s, 1, one, 1, 2, 1, &y));
    CHECK_FALSE(table.attention_combine(m, one, 1, o, 1, 2, 1, &y));
  }
}

}  // namespace
}  // namespace bitnet::kernels
