// Attention, RoPE and the store of the cache over an emulated grid against the reference table, bit for bit.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "unit/gpu/emulated_kernels.h"

namespace bitnet_test {
namespace {

// Keys and values of two layers of a cache, and queries at some positions; the launch takes rows from `first` on.
template <class T, class Kernel>
void CheckAttention(Dense type, uint32_t heads, uint32_t heads_kv, uint32_t head_dim,
                    const std::vector<uint32_t>& positions, uint32_t first = 0, uint32_t n_caches = 1) {
  const uint32_t n_ctx = 600, layer = 1, group = heads / heads_kv;
  const auto n_rows = static_cast<uint32_t>(positions.size());
  const size_t cache_size = size_t{2} * heads_kv * n_ctx * head_dim;
  DeviceArray<T> keys(DenseWeights<T>(61, n_caches * cache_size)), values(DenseWeights<T>(62, n_caches * cache_size));
  const auto cache_at = [&](uint32_t r) { return r * n_caches / n_rows * cache_size; };  // neighbours share one
  DeviceArray<float> q(Values(63, size_t{n_rows} * heads * head_dim));
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  const size_t head_elements = size_t{n_ctx} * head_dim;

  std::vector<float> expected(size_t{n_rows} * heads * head_dim, kUnset);
  for (uint32_t r = first; r < n_rows; ++r) {
    for (uint32_t h = 0; h < heads; ++h) {
      const uint32_t n_blocks = positions[r] / 256 + 1;
      std::vector<float> m(n_blocks), s(n_blocks), o(n_blocks * head_dim), z(256);
      const size_t head_at = cache_at(r) + (size_t{layer} * heads_kv + h / group) * head_elements;
      for (uint32_t b = 0; b < n_blocks; ++b) {
        const uint32_t n_keys = std::min(256u, positions[r] + 1 - 256 * b);
        const AttentionBlockJob job = {q.data() + (size_t{r} * heads + h) * head_dim,
                                       keys.data() + head_at + size_t{256} * b * head_dim,
                                       values.data() + head_at + size_t{256} * b * head_dim,
                                       type,
                                       head_dim,
                                       head_dim,
                                       &n_keys,
                                       1,
                                       scale,
                                       &m[b],
                                       &s[b],
                                       &o[b * head_dim],
                                       z.data()};
        REQUIRE(Ref().attention_block(job));
      }
      REQUIRE(Ref().attention_combine(m.data(), s.data(), 1, o.data(), head_dim, n_blocks, head_dim,
                                      expected.data() + (size_t{r} * heads + h) * head_dim));
    }
  }

  std::vector<Row> rows(n_rows);
  for (uint32_t r = 0; r < n_rows; ++r) {
    rows[r] = {0,
               positions[r],
               reinterpret_cast<uint8_t*>(keys.data() + cache_at(r)),
               reinterpret_cast<uint8_t*>(values.data() + cache_at(r)),
               head_elements * sizeof(T),
               nullptr,
               nullptr};
  }
  // A failure is told by its number in the pass.
  const uint64_t last = uint64_t{3} << 32 | (n_rows - 1);
  const uint32_t n = n_rows - first;
  const size_t from = size_t{first} * heads * head_dim;
  float& first_q = q.data()[size_t{heads} * head_dim * (n_rows - 1)];
  const float kept = first_q;
  const uint32_t needed = *std::max_element(positions.begin() + first, positions.end()) / 256 + 1;
  for (const uint32_t n_blocks : {needed, needed + 2}) {  // more than any row needs
    const size_t slots = size_t{n} * heads * n_blocks;
    std::vector<float> m(slots), s(slots), o(slots * head_dim), y(expected.size());
    unsigned long long word = kNoFailure;
    const AttentionArgs args = {rows.data() + first,
                                q.data() + from,
                                n,
                                heads,
                                heads_kv,
                                head_dim,
                                layer,
                                n_blocks,
                                scale,
                                m.data(),
                                s.data(),
                                o.data(),
                                y.data() + from,
                                first,
                                {&word, 3}};
    const auto clear = [&] {
      for (std::vector<float>* x : {&m, &s, &o, &y}) std::fill(x->begin(), x->end(), kUnset);
    };
    const auto combine = [&](LaneOrder order) {
      if (n_blocks != 1) RunEmulated<AttentionCombine>(AttentionCombine::GridFor(args), args, order);
    };
    for (const LaneOrder order : Orders()) {
      clear();
      RunEmulated<Kernel>(Kernel::GridFor(args), args, order);
      combine(order);
      REQUIRE(word == kNoFailure);
      CheckSame(y, expected);
    }
    if (n_blocks != 1) {
      o[size_t{n - 1} * heads * n_blocks * head_dim] = std::numeric_limits<float>::infinity();
      combine(LaneOrder::kRising);
      REQUIRE(std::exchange(word, kNoFailure) == last);
    }
    first_q = std::numeric_limits<float>::quiet_NaN();
    RunEmulated<Kernel>(Kernel::GridFor(args), args, LaneOrder::kRising);
    REQUIRE(std::exchange(word, kNoFailure) == last);
    first_q = kept;
  }
}

template <class T>
void CheckAttention(Dense type, uint32_t heads, uint32_t heads_kv, uint32_t head_dim,
                    const std::vector<uint32_t>& positions, uint32_t first = 0, uint32_t n_caches = 1) {
  CheckAttention<T, AttentionBlock<T, 1>>(type, heads, heads_kv, head_dim, positions, first, n_caches);
  if (head_dim > AttentionBlock<T, 4>::kMaxHeadDim) return;
  CheckAttention<T, AttentionBlock<T, 4>>(type, heads, heads_kv, head_dim, positions, first, n_caches);
}

TEST_CASE("gpu: attention gives the reference's bits") {
  CheckAttention<gpu::F16>(Dense::kF16, 10, 2, 64, {0, 255, 256, 599});
  CheckAttention<float>(Dense::kF32, 4, 4, 34, {511, 3});
  CheckAttention<float>(Dense::kF32, 4, 2, 32, {2, 256, 0, 300}, 2);
  CheckAttention<gpu::F16>(Dense::kF16, 2, 1, 128, {5, 6, 7, 8, 9, 10, 11, 12, 13});
}

// Lengths of heads that fill no 16 bytes, or more than a piece; groups of any size.
TEST_CASE("gpu: attention of heads of every shape gives the reference's bits") {
  CheckAttention<gpu::F16>(Dense::kF16, 4, 1, 128, {254, 127}, 0, 2);
  CheckAttention<gpu::F16>(Dense::kF16, 7, 1, 33, {40, 270});
  CheckAttention<gpu::F16>(Dense::kF16, 3, 1, 1, {9, 16});
  CheckAttention<gpu::F16>(Dense::kF16, 2, 2, 100, {150});
  CheckAttention<float>(Dense::kF32, 3, 1, 7, {140});
  CheckAttention<float>(Dense::kF32, 5, 1, 256, {70});
  CheckAttention<gpu::F16>(Dense::kF16, 6, 2, 256, {130});
  CheckAttention<gpu::F16>(Dense::kF16, 2, 1, 1024, {66});
  CheckAttention<float>(Dense::kF32, 1, 1, 1023, {34});
  CheckAttention<float>(Dense::kF32, 1, 1, 300, {33});
}

std::vector<uint32_t> Positions(uint32_t begin, uint32_t end) {
  std::vector<uint32_t> out;
  for (uint32_t p = begin; p < end; ++p) out.push_back(p);
  return out;
}

TEST_CASE("gpu: attention of prompts gives the reference's bits") {
  using PromptF16 = AttentionPrompt<gpu::F16>;
  using PromptF32 = AttentionPrompt<float>;
  CheckAttention<gpu::F16, PromptF16>(Dense::kF16, 8, 2, 128, Positions(250, 262));  // over the end of a block
  CheckAttention<gpu::F16, PromptF16>(Dense::kF16, 3, 1, 64, Positions(0, 13), 2);   // rows that share no tile evenly
  CheckAttention<gpu::F16, PromptF16>(Dense::kF16, 2, 2, 24, Positions(120, 155));
  CheckAttention<float, PromptF32>(Dense::kF32, 4, 1, 40, Positions(510, 514));
  CheckAttention<float, PromptF32>(Dense::kF32, 2, 1, 128, Positions(60, 70));
  // Prompts of several sessions, and rows of one in any order.
  CheckAttention<gpu::F16, PromptF16>(Dense::kF16, 4, 1, 32, {255, 256, 257, 3, 4, 599, 0}, 0, 3);
  CheckAttention<float, PromptF32>(Dense::kF32, 32, 1, 8, {70, 2, 300}, 0, 2);
}

// More blocks of keys than are read at once, than a block has threads, and fewer than there are slots for.
TEST_CASE("gpu: attention combines any number of blocks as the reference does") {
  const uint32_t heads = 2, head_dim = 130, n_slots = 300;
  const std::vector<uint32_t> n_blocks = {1, 16, 17, 128, 130, 300};
  const auto n = static_cast<uint32_t>(n_blocks.size());
  const size_t slots = size_t{n} * heads * n_slots;
  std::vector<float> m = Values(81, slots), s = Values(82, slots), o = Values(83, slots * head_dim);
  for (float& x : s) x = std::abs(x) + 1.0f;
  std::vector<float> expected(size_t{n} * heads * head_dim), y(expected.size());
  std::vector<Row> rows(n);
  for (uint32_t r = 0; r < n; ++r) {
    rows[r].position = n_blocks[r] * 256 - 1 - r;
    for (uint32_t h = r * heads; h < (r + 1) * heads; ++h) {
      const size_t at = size_t{h} * n_slots;
      REQUIRE(Ref().attention_combine(&m[at], &s[at], 1, &o[at * head_dim], head_dim, n_blocks[r], head_dim,
                                      &expected[size_t{h} * head_dim]));
    }
  }
  unsigned long long word = kNoFailure;
  AttentionArgs args{};
  args.rows = rows.data();
  args.n_rows = n, args.heads = heads, args.head_dim = head_dim, args.n_blocks = n_slots;
  args.m = m.data(), args.s = s.data(), args.o = o.data(), args.y = y.data();
  args.fail = {&word, 3};
  for (const LaneOrder order : Orders()) {
    std::fill(y.begin(), y.end(), kUnset);
    RunEmulated<AttentionCombine>(AttentionCombine::GridFor(args), args, order);
    REQUIRE(word == kNoFailure);
    CheckSame(y, expected);
  }
}

// Five rows of three sessions, of which a launch takes those from `first` on, as GpuOps does with neighbouring rows of
// one cache type: the others stay as they are, and failures are told by the number in the pass.
template <class T>
void CheckRope(Dense type, bool adjacent, uint32_t rot, uint32_t first) {
  // Queries, keys, what RoPE leaves alone and values: each more than a block has threads.
  const uint32_t heads = 8, heads_kv = 4, head_dim = 160, layer = 1, n_rows = 5;
  const std::array<uint32_t, 3> n_ctx = {9, 5, 12};  // of the sessions
  const std::array<uint32_t, n_rows> session = {0, 0, 1, 2, 1}, position = {2, 3, 4, 11, 0};
  const size_t width = size_t{heads} * head_dim, width_kv = size_t{heads_kv} * head_dim;
  const std::vector<float> q0 = Values(71, n_rows * width), k0 = Values(72, n_rows * width_kv),
                           v0 = Values(73, k0.size()), cos = Values(74, n_rows * rot / 2), sin = Values(75, cos.size());
  using Caches = std::array<std::vector<T>, 3>;
  const auto zeros = [&] {
    Caches c;
    for (size_t i = 0; i < c.size(); ++i) c[i].resize(size_t{2} * n_ctx[i] * width_kv);
    return c;
  };
  const auto at = [&](uint32_t r, uint32_t head) {
    return ((layer * heads_kv + head) * n_ctx[session[r]] + position[r]) * size_t{head_dim};
  };
  std::vector<float> q_ref = q0, k_ref = k0;
  Caches keys_ref = zeros(), values_ref = zeros();
  for (uint32_t r = first; r < n_rows; ++r) {
    const float *c = cos.data() + r * rot / 2, *s = sin.data() + r * rot / 2;
    Ref().rope(q_ref.data() + r * width, heads, head_dim, rot, c, s, adjacent);
    Ref().rope(k_ref.data() + r * width_kv, heads_kv, head_dim, rot, c, s, adjacent);
    for (uint32_t h = 0; h < heads_kv; ++h) {
      const size_t from = r * width_kv + h * head_dim;
      REQUIRE(Ref().cache_store(k_ref.data() + from, head_dim, type, keys_ref[session[r]].data() + at(r, h)));
      REQUIRE(Ref().cache_store(v0.data() + from, head_dim, type, values_ref[session[r]].data() + at(r, h)));
    }
  }
  const auto same = [](const Caches& a, const Caches& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(T)) != 0) return false;
    }
    return true;
  };
  for (const LaneOrder order : Orders()) {
    std::vector<float> q = q0, k = k0, v = v0;
    Caches keys = zeros(), values = zeros();
    std::vector<Row> rows(n_rows);
    for (uint32_t r = 0; r < n_rows; ++r) {
      rows[r] = {0,
                 position[r],
                 reinterpret_cast<uint8_t*>(keys[session[r]].data()),
                 reinterpret_cast<uint8_t*>(values[session[r]].data()),
                 size_t{n_ctx[session[r]]} * head_dim * sizeof(T),
                 cos.data() + r * rot / 2,
                 sin.data() + r * rot / 2};
    }
    unsigned long long word = kNoFailure;
    const auto run = [&] {
      word = kNoFailure;
      RunEmulated<RopeStore<T>>({heads + 2 * heads_kv, n_rows - first, 1},
                                {rows.data() + first,
                                 q.data() + first * width,
                                 k.data() + first * width_kv,
                                 v.data() + first * width_kv,
                                 heads,
                                 heads_kv,
                                 head_dim,
                                 rot,
                                 layer,
                                 adjacent,
                                 first,
                                 {&word, 4}},
                                order);
    };
    run();
    REQUIRE(word == kNoFailure);
    CheckSame(q, q_ref);
    REQUIRE(same(keys, keys_ref));
    REQUIRE(same(values, values_ref));
    // Too large for the cache, in what RoPE turns, in what it leaves alone and in a value: the first row is told.
    const float bad = type == Dense::kF16 ? 1e9f : std::numeric_limits<float>::infinity();
    v[(first == 0 ? 4 : first - 1) * width_kv + 7] = bad;  // no failure where the row is not of the launch
    run();
    REQUIRE(word == (first == 0 ? uint64_t{4} << 32 | 4 : kNoFailure));
    k[4 * width_kv + head_dim - 1] = bad;
    run();
    REQUIRE(word == (uint64_t{4} << 32 | 4));
    v[3 * width_kv + width_kv - 1] = bad;
    run();
    REQUIRE(word == (uint64_t{4} << 32 | 3));
  }
}

TEST_CASE("gpu: rope and cache store give the reference's bits") {
  for (const uint32_t first : {0u, 1u, 3u}) {
    for (const bool adjacent : {false, true}) {
      for (const uint32_t rot : {160u, 72u}) {
        CheckRope<float>(Dense::kF32, adjacent, rot, first);
        CheckRope<gpu::F16>(Dense::kF16, adjacent, rot, first);
      }
    }
  }
}

}  // namespace
}  // namespace bitnet_test
