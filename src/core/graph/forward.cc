#include "core/graph/forward.h"

#include <cmath>
#include <utility>

namespace bitnet::core {

namespace {

struct Widths {
  size_t embd, heads, heads_kv, ff;
  explicit Widths(const HParams& h)
      : embd(h.n_embd),
        heads(size_t{h.n_heads} * h.head_dim),
        heads_kv(size_t{h.n_heads_kv} * h.head_dim),
        ff(h.n_ff) {}
  size_t total() const { return 2 * embd + 2 * heads + 2 * heads_kv + 2 * ff; }
};

}  // namespace

uint64_t ForwardScratch::Bytes(const HParams& h, size_t max_rows) {
  return max_rows * Widths(h).total() * sizeof(float);
}

Result<ForwardScratch> ForwardScratch::Allocate(const HParams& h, size_t max_rows, const Allocator& allocator) {
  ForwardScratch s;
  BN_ASSIGN_OR_RETURN(s.buffer, Buffer::Allocate(allocator, Bytes(h, max_rows)));
  const Widths n(h);
  float* at = s.buffer.as<float>();
  const auto take = [&](size_t width) { return std::exchange(at, at + max_rows * width); };
  s.max_rows = max_rows;
  s.x = take(n.embd);
  s.y = take(n.embd);
  s.q = take(n.heads);
  s.k = take(n.heads_kv);
  s.v = take(n.heads_kv);
  s.mix = take(n.heads);
  s.gate = take(n.ff);
  s.up = take(n.ff);
  return s;
}

Status Forward(const Ops& ops, const HParams& h, const Weights& w, std::span<const BatchRow> rows, ForwardScratch& s,
               const std::atomic<bool>* cancel) {
  const Widths n(h);
  const size_t n_rows = rows.size();
  void* const c = ops.context;
  const char* step = "";  // the operation at work, for the message
  const auto input = [&](const char* name, const float* x, size_t width, const float* gamma) {
    step = name;
    return ops.set_input(c, x, n_rows, width, gamma, h.norm_eps);
  };
  const auto linear = [&](const char* name, const Matrix& m, float* y) {
    step = name;
    return ops.linear(c, m, y);
  };
  const auto layer = [&](uint32_t l, const LayerWeights& b) {
    // Softmax scale: one over the root of head_dim in binary64, rounded, times a policy's factor in f32.
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(h.head_dim))) * b.attention_scale;
    if (!input("attn_norm", s.x, n.embd, b.attn_norm)) return false;
    if (!linear("attn_q", b.q, s.q) || !linear("attn_k", b.k, s.k) || !linear("attn_v", b.v, s.v)) return false;
    step = "cache";
    if (!ops.qkv_rope_store(c, h, l, rows, s.q, s.k, s.v)) return false;
    step = "attention";
    if (!ops.attention(c, h, l, scale, rows, s.q, s.mix)) return false;
    if (!input("attn_sub_norm", s.mix, n.heads, b.attn_sub_norm)) return false;
    if (!linear("attn_output", b.attn_output, s.y)) return false;
    ops.add(c, s.x, s.y, n_rows, n.embd);
    if (!input("ffn_norm", s.x, n.embd, b.ffn_norm)) return false;
    if (!linear("ffn_gate", b.gate, s.gate) || !linear("ffn_up", b.up, s.up)) return false;
    ops.gate(c, h.activation, s.gate, s.up, n_rows, n.ff);
    if (!input("ffn_sub_norm", s.gate, n.ff, b.ffn_sub_norm)) return false;
    if (!linear("ffn_down", b.down, s.y)) return false;
    ops.add(c, s.x, s.y, n_rows, n.embd);
    return true;
  };
  const auto non_finite = [&](std::string where) {
    const size_t row = ops.failed_row(c);
    return Status(Code::kNonFinite,
                  Cat("non-finite value in ", where, " at position ", rows[row < n_rows ? row : 0].position,
                      "; the session stays where it was"),
                  where);
  };

  if (!ops.embed(c, w.token_embd, rows, s.x)) return non_finite("token_embd");
  for (uint32_t l = 0; l < h.n_layers; ++l) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) return Status(Code::kCancelled, "cancelled");
    if (!layer(l, w.layers[l])) return non_finite(Cat("layer ", l, " ", step));
  }
  return {};
}

Status Head(const Ops& ops, const HParams& h, const Weights& w, const float* x, size_t n_rows, float* logits) {
  void* const c = ops.context;
  if (!ops.set_input(c, x, n_rows, h.n_embd, w.output_norm, h.norm_eps)) {
    return Status(Code::kNonFinite, "non-finite value in output_norm", "output_norm");
  }
  if (!ops.linear(c, w.head(), logits))
    return Status(Code::kNonFinite, "non-finite input of the output head", "output");
  return {};
}

}  // namespace bitnet::core
