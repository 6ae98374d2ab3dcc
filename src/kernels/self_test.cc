#include "kernels/self_test.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels/half.h"
#include "kernels/pack.h"

namespace bitnet::kernels {

namespace {

// SplitMix64 (Steele, Lea, Flood: OOPSLA 2014).
class Random {
 public:
  uint64_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((Next() >> 32) * n >> 32); }
  // In (-scale, scale), 24 bits.
  float Float(float scale = 1) { return (static_cast<float>(Next() >> 40) * (1.0f / (1 << 23)) - 1.0f) * scale; }
  std::vector<float> Floats(size_t n, float scale = 1) {
    std::vector<float> v(n);
    for (float& x : v) x = Float(scale);
    return v;
  }

 private:
  uint64_t state_ = 158;
};

// Scratch of the tile kernels, aligned as they ask.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : p_(::operator new(std::max<size_t>(bytes, 1), kAlign)) {}
  ~Scratch() { ::operator delete(p_, kAlign); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* get() const { return p_; }

 private:
  static constexpr std::align_val_t kAlign{64};
  void* p_;
};

class Comparison {
 public:
  explicit Comparison(const KernelTable& table) : table_(table) {}

  SelfTestResult Run() {
    for (const size_t n : {size_t{1}, size_t{63}, size_t{256}, size_t{300}}) Rows(n);
    for (const size_t n_tokens : {size_t{1}, size_t{3}, size_t{9}}) Ternary(n_tokens);
    for (const Dense type : {Dense::kF32, Dense::kF16, Dense::kBF16}) DenseProduct(type);
    for (uint32_t type = 0; type < static_cast<uint32_t>(Block::kCount); ++type) BlockProduct(Block{type});
    for (const Dense type : {Dense::kF16, Dense::kF32}) Attention(type);
    for (const size_t n : {size_t{5}, size_t{1000}}) Select(n);
    return result_;
  }

 private:
  // Calls fn(table, out) for the table and the reference on zeroed outputs of `n` values and compares all their bytes.
  template <typename T, typename Fn>
  void Same(const char* operation, size_t n, Fn&& fn) {
    std::vector<T> ours(n), theirs(n);
    const bool same_flag = fn(table_, ours.data()) == fn(ReferenceTable(), theirs.data());
    Count(operation, same_flag && std::memcmp(ours.data(), theirs.data(), n * sizeof(T)) == 0);
  }

  void Count(const char* operation, bool good) {
    ++result_.n_checks;
    if (good) return;
    ++result_.n_different;
    if (result_.first_different == nullptr) result_.first_different = operation;
  }

  // Operations on one row of floats.
  void Rows(size_t n) {
    const std::vector<float> x = random_.Floats(n, 3), g = random_.Floats(n, 2);
    Same<float>("rms_norm", n,
                [&](const KernelTable& t, float* y) { return t.rms_norm(x.data(), g.data(), 1e-5f, n, y); });
    // Quantised values, then the scale and the sum, as one block of bytes.
    Same<int8_t>("quantise_row", PadTernary(n) + 8, [&](const KernelTable& t, int8_t* q) {
      float d = 0;
      int32_t sum = 0;
      const bool ok = t.quantise_row(x.data(), n, q, &d, &sum);
      std::memcpy(q + PadTernary(n), &d, sizeof d);
      std::memcpy(q + PadTernary(n) + 4, &sum, sizeof sum);
      return ok;
    });
    Same<float>("relu2_gate", n, [&](const KernelTable& t, float* y) {
      t.relu2_gate(x.data(), g.data(), n, y);
      return true;
    });
    Same<float>("silu_gate", n, [&](const KernelTable& t, float* y) {
      t.silu_gate(x.data(), g.data(), n, y);
      return true;
    });
    Same<float>("add", n, [&](const KernelTable& t, float* y) {
      std::copy(x.begin(), x.end(), y);
      t.add(y, g.data(), n);
      return true;
    });
    Same<uint16_t>("cache_store", n,
                   [&](const KernelTable& t, uint16_t* y) { return t.cache_store(x.data(), n, Dense::kF16, y); });
    Same<float>("cache_store", n,
                [&](const KernelTable& t, float* y) { return t.cache_store(x.data(), n, Dense::kF32, y); });
    const size_t head_dim = n + n % 2, rot = head_dim / 4 * 2;
    const std::vector<float> heads = random_.Floats(2 * head_dim), cos = random_.Floats(rot), sin = random_.Floats(rot);
    for (const bool adjacent : {false, true}) {
      Same<float>("rope", 2 * head_dim, [&](const KernelTable& t, float* y) {
        std::copy(heads.begin(), heads.end(), y);
        t.rope(y, 2, head_dim, rot, cos.data(), sin.data(), adjacent);
        return true;
      });
    }
  }

  void Ternary(size_t n_tokens) {
    constexpr size_t kRows = 21, kCols = 500, kPadded = PadTernary(kCols);
    std::vector<uint8_t> codes(kCols), w(kRows * PackedRowBytes(kPadded));
    for (size_t r = 0; r < kRows; ++r) {
      for (uint8_t& c : codes) c = static_cast<uint8_t>(random_.Below(3));
      PackTernaryRow(codes.data(), kCols, w.data() + r * PackedRowBytes(kPadded));
    }
    std::vector<int8_t> q(n_tokens * kPadded);
    std::vector<int32_t> q_sum(n_tokens);
    for (size_t t = 0; t < n_tokens; ++t) {
      for (size_t c = 0; c < kCols; ++c) {
        const auto value = static_cast<int8_t>(static_cast<int32_t>(random_.Below(256)) - 128);
        q[t * kPadded + c] = value;
        q_sum[t] += value;
      }
    }
    const std::vector<float> d = random_.Floats(n_tokens),
                             scale = random_.Floats(kRows * (kPadded / (kTernaryPad / 2)));
    const auto job = [&](float* y, size_t scale_stride) {
      return TernaryJob{w.data(), kPadded, scale.data(), scale_stride, q.data(), kPadded, q_sum.data(), d.data(),
                        n_tokens, y,       kRows};
    };
    Same<float>("ternary_gemv", n_tokens * kRows, [&](const KernelTable& t, float* y) {
      t.ternary_gemv(job(y, 0), 0, kRows);
      return true;
    });
    Same<float>("ternary_gemm", n_tokens * kRows, [&](const KernelTable& t, float* y) {
      const Scratch scratch(t.ternary_scratch_bytes(kPadded));
      t.ternary_gemm(job(y, 1), 0, kRows, scratch.get());
      return true;
    });
    for (const size_t block : {kTernaryPad / 2, kTernaryPad, 2 * kTernaryPad}) {
      Same<float>("ternary_blocks", n_tokens * kRows, [&](const KernelTable& t, float* y) {
        t.ternary_blocks(job(y, kPadded / block), block, 0, kRows);
        return true;
      });
    }
  }

  void DenseProduct(Dense type) {
    constexpr size_t kRows = 5, kCols = 300;
    std::vector<std::byte> w(kRows * kCols * DenseBytes(type));
    for (size_t i = 0; i < kRows * kCols; ++i) {
      const float value = random_.Float();
      const uint16_t half = type == Dense::kF16 ? F32ToF16(value) : F32ToBF16(value);
      if (type == Dense::kF32) {
        std::memcpy(w.data() + i * sizeof value, &value, sizeof value);
      } else {
        std::memcpy(w.data() + i * sizeof half, &half, sizeof half);
      }
    }
    const std::vector<float> x = random_.Floats(kCols);
    Same<float>("dense_rows", kRows, [&](const KernelTable& t, float* y) {
      t.dense_rows(type, w.data(), kCols, x.data(), 0, kRows, y);
      return true;
    });
    Same<float>("dense_tokens", 2 * kRows, [&](const KernelTable& t, float* y) {
      t.dense_tokens({type, w.data(), 128, x.data(), 2, y, kRows}, 0, kRows);
      return true;
    });
    Same<float>("dense_row_to_f32", kCols, [&](const KernelTable& t, float* y) {
      t.dense_row_to_f32(type, w.data(), kCols, kRows - 1, y);
      return true;
    });
    HeadShortcut(type, w.data(), kRows, x);
  }

  // Tables agree on the copy and on the survivors of given bounds; each has bounds of its own, which must hold.
  void HeadShortcut(Dense type, const void* w, size_t rows, const std::vector<float>& x) {
    const size_t n = x.size();
    Same<uint8_t>("head_copy_rows", rows * HeadCopyRowBytes(n), [&](const KernelTable& t, uint8_t* copy) {
      t.head_copy_rows(type, w, n, 0, rows, copy);
      return true;
    });
    std::vector<uint8_t> copy(rows * HeadCopyRowBytes(n));
    std::vector<int8_t> digits(2 * PadHead(n));
    std::vector<float> lower(rows), upper(rows), exact(rows);
    HeadQuery query{};
    table_.head_copy_rows(type, w, n, 0, rows, copy.data());
    bool holds = table_.head_query(x.data(), n, digits.data(), &query);
    table_.head_bounds(copy.data(), n, query, digits.data(), 0, rows, lower.data(), upper.data());
    ReferenceTable().dense_rows(type, w, n, x.data(), 0, rows, exact.data());
    for (size_t r = 0; r < rows; ++r) holds = holds && lower[r] <= exact[r] && exact[r] <= upper[r];
    Count("head_bounds", holds);
    Same<uint32_t>("head_survivors", rows + 1, [&](const KernelTable& t, uint32_t* ids) {
      ids[rows] = static_cast<uint32_t>(t.head_survivors(upper.data(), rows, exact[0], ids, rows));
      return true;
    });
  }

  void BlockProduct(Block type) {
    constexpr size_t kRows = 5, kCols = 512;
    const size_t block = BlockElements(type), n_blocks = kCols / block, bytes = BlockBytes(type);
    std::vector<uint8_t> w(kRows * n_blocks * bytes);
    for (uint8_t& b : w) b = static_cast<uint8_t>(random_.Below(256));
    // The f16 numbers of each block must be finite.
    const BlockLayout& layout = LayoutOf(type);
    for (size_t b = 0; b < kRows * n_blocks; ++b) {
      for (const size_t at : {layout.d_at, layout.has_min ? layout.min_at : layout.d_at}) {
        const uint16_t scale = F32ToF16(random_.Float(0.01f));
        std::memcpy(w.data() + b * bytes + at, &scale, sizeof scale);
      }
    }
    const std::vector<float> x = random_.Floats(kCols);
    Same<int8_t>("quantise_blocks", kCols + n_blocks * sizeof(float), [&](const KernelTable& t, int8_t* q) {
      std::vector<float> d(n_blocks);
      const bool ok = t.quantise_blocks(x.data(), kCols, block, q, d.data());
      std::memcpy(q + kCols, d.data(), n_blocks * sizeof(float));
      return ok;
    });
    std::vector<int8_t> q(kCols);
    std::vector<float> d(n_blocks);
    ReferenceTable().quantise_blocks(x.data(), kCols, block, q.data(), d.data());
    Same<float>("block_rows", kRows, [&](const KernelTable& t, float* y) {
      t.block_rows(type, w.data(), kCols, q.data(), d.data(), 0, kRows, y);
      return true;
    });
    constexpr size_t kTokens = 2, kHalf = kCols / kTokens;  // the row as two of half its length
    struct alignas(64) {
      std::byte bytes[TokenGroup::Bytes(kHalf, 32)];
    } memory;
    const TokenGroup group = TokenGroup::Make(q.data(), d.data(), kHalf, block, kTokens, memory.bytes);
    for (const size_t n : {kTokens, kGroupTokens}) {  // narrow vectors and wide ones; missing tokens are zeros
      Same<float>("block_tokens", n * kRows, [&](const KernelTable& t, float* y) {
        t.block_tokens({type, w.data(), kHalf, group, n, y, kRows}, 0, kRows);
        return true;
      });
    }
    Same<float>("block_row_to_f32", kCols, [&](const KernelTable& t, float* y) {
      t.block_row_to_f32(type, w.data(), kCols, kRows - 1, y);
      return true;
    });
  }

  void Attention(Dense type) {
    constexpr size_t kQueries = 3, kHeadDim = 64, kKeys = 100;
    const std::vector<float> q = random_.Floats(kQueries * kHeadDim, 2);
    std::vector<std::byte> k(kKeys * kHeadDim * DenseBytes(type)), v(k.size());
    for (std::vector<std::byte>* cache : {&k, &v}) {
      const std::vector<float> values = random_.Floats(kKeys * kHeadDim);
      ReferenceTable().cache_store(values.data(), values.size(), type, cache->data());
    }
    const std::array<uint32_t, kQueries> n_keys = {1, 37, kKeys};
    // m, s and o of all queries in one row.
    constexpr size_t kOut = kQueries * (2 + kHeadDim);
    const auto run = [&](const KernelTable& t, float* out) {
      std::vector<float> z(kQueries * kKeyBlock);
      return t.attention_block({q.data(), k.data(), v.data(), type, kHeadDim, kHeadDim, n_keys.data(), kQueries, 0.125f,
                                out, out + kQueries, out + 2 * kQueries, z.data()});
    };
    Same<float>("attention_block", kOut, run);
    // The three results as if they were three blocks of one query.
    std::vector<float> blocks(kOut);
    run(ReferenceTable(), blocks.data());
    Same<float>("attention_combine", kHeadDim, [&](const KernelTable& t, float* y) {
      return t.attention_combine(blocks.data(), blocks.data() + kQueries, 1, blocks.data() + 2 * kQueries, kHeadDim,
                                 kQueries, kHeadDim, y);
    });
  }

  void Select(size_t n) {
    std::vector<float> logits(n);
    for (float& x : logits) x = static_cast<float>(random_.Below(400)) - 200;  // with ties
    const size_t k = std::min(n, kMaxTop);
    Same<TopEntry>("select_top", k,
                   [&](const KernelTable& t, TopEntry* top) { return t.select_top(logits.data(), n, k, top); });
  }

  const KernelTable& table_;
  Random random_;
  SelfTestResult result_;
};

}  // namespace

SelfTestResult SelfTest(const KernelTable& table) { return Comparison(table).Run(); }

}  // namespace bitnet::kernels
