#include "core/graph/forward.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>
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
};

// Arrays of the scratch start where a GPU reads 16 bytes at a time, whatever the widths.
constexpr size_t kAlignFloats = 16;
size_t FloatsFor(size_t max_rows, size_t width) {
  return (max_rows * width + kAlignFloats - 1) / kAlignFloats * kAlignFloats;
}

}  // namespace

uint64_t ForwardScratch::Bytes(const HParams& h, size_t max_rows) {
  const Widths n(h);
  size_t floats = 0;
  for (const size_t width : {n.embd, n.heads, n.heads_kv, n.ff}) floats += 2 * FloatsFor(max_rows, width);
  return floats * sizeof(float);
}

Result<ForwardScratch> ForwardScratch::Allocate(const HParams& h, size_t max_rows, const Allocator& allocator) {
  ForwardScratch s;
  BN_ASSIGN_OR_RETURN(s.buffer, Buffer::Allocate(allocator, Bytes(h, max_rows)));
  const Widths n(h);
  float* at = s.buffer.as<float>();
  const auto take = [&](size_t width) { return std::exchange(at, at + FloatsFor(max_rows, width)); };
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

namespace {

// The operations of a layer, in order: names for messages, and marks (layer * kNumSteps + step + 1; 0 is the
// embedding). Those of the head follow the last layer's.
constexpr const char* kSteps[] = {"attn_norm", "attn_q",        "attn_k",      "attn_v",   "cache",
                                  "attention", "attn_sub_norm", "attn_output", "ffn_norm", "ffn_gate",
                                  "ffn_up",    "ffn_sub_norm",  "ffn_down"};
constexpr uint32_t kNumSteps = std::size(kSteps);
enum Step : uint32_t {
  kAttnNorm,
  kQ,
  kK,
  kV,
  kCache,
  kAttention,
  kAttnSubNorm,
  kAttnOutput,
  kFfnNorm,
  kGate,
  kUp,
  kFfnSubNorm,
  kDown
};
enum HeadStep : uint32_t { kOutputNorm, kOutput, kLogits };
uint32_t MarkOf(const HParams& h, HeadStep step) { return h.n_layers * kNumSteps + step + 1; }

// One pass: the operations of one device, and which of them is at work.
class Pass {
 public:
  Pass(const Ops& ops, const HParams& h, std::span<const BatchRow> rows, ForwardScratch& s)
      : ops_(ops), h_(h), rows_(rows), s_(s), n_(h) {}

  void At(uint32_t mark) { ops_.mark(ops_.context, mark); }

  // Layer number `l` of the model, whose caches are number `cached` of this device.
  bool Layer(uint32_t l, uint32_t cached, const LayerWeights& b) {
    layer_ = l;
    void* const c = ops_.context;
    // Softmax scale: one over the root of head_dim in binary64, rounded, times a policy's factor in f32.
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(h_.head_dim))) * b.attention_scale;
    if (!Input(kAttnNorm, s_.x, n_.embd, b.attn_norm) || !Qkv(b)) return false;
    At(kCache);
    if (!ops_.qkv_rope_store(c, h_, cached, rows_, s_.q, s_.k, s_.v)) return false;
    At(kAttention);
    if (!ops_.attention(c, h_, cached, scale, rows_, s_.q, s_.mix)) return false;
    if (!Input(kAttnSubNorm, s_.mix, n_.heads, b.attn_sub_norm) || !AddLinear(kAttnOutput, b.attn_output)) return false;
    if (!Input(kFfnNorm, s_.x, n_.embd, b.ffn_norm) || !Gated(b)) return false;
    return Input(kFfnSubNorm, s_.gate, n_.ff, b.ffn_sub_norm) && AddLinear(kDown, b.down);
  }

 private:
  void At(Step step) { At(layer_ * kNumSteps + step + 1); }
  bool Input(Step step, const float* x, size_t width, const float* gamma) {
    At(step);
    return ops_.set_input(ops_.context, x, rows_.size(), width, gamma, h_.norm_eps);
  }
  bool Linear(Step step, const Matrix& m, float* y) {
    At(step);
    return ops_.linear(ops_.context, m, y);
  }
  bool Qkv(const LayerWeights& b) {
    if (ops_.linear_group == nullptr) return Linear(kQ, b.q, s_.q) && Linear(kK, b.k, s_.k) && Linear(kV, b.v, s_.v);
    At(kQ);
    const std::array<Product, 3> products = {{{&b.q, s_.q}, {&b.k, s_.k}, {&b.v, s_.v}}};
    return ops_.linear_group(ops_.context, products);
  }
  bool AddLinear(Step step, const Matrix& m) {
    At(step);
    if (ops_.linear_add != nullptr) return ops_.linear_add(ops_.context, m, s_.x);
    return ops_.linear(ops_.context, m, s_.y) && ops_.add(ops_.context, s_.x, s_.y, rows_.size(), n_.embd);
  }
  bool Gated(const LayerWeights& b) {
    At(kGate);
    if (ops_.gated != nullptr) return ops_.gated(ops_.context, h_.activation, b.gate, b.up, s_.gate, s_.up);
    return Linear(kGate, b.gate, s_.gate) && Linear(kUp, b.up, s_.up) &&
           ops_.gate(ops_.context, h_.activation, s_.gate, s_.up, rows_.size(), n_.ff);
  }

  const Ops& ops_;
  const HParams& h_;
  std::span<const BatchRow> rows_;
  ForwardScratch& s_;
  Widths n_;
  uint32_t layer_ = 0;
};

}  // namespace

Status Forward(const Ops& ops, const HParams& h, const Weights& w, LayerRange layers, bool embed,
               std::span<const BatchRow> rows, ForwardScratch& s, std::span<const std::atomic<bool>* const> cancels,
               PassEnd end) {
  void* const c = ops.context;
  Pass pass(ops, h, rows, s);
  const bool on_device = ops.begin != nullptr;
  // A device is not left at work after a failure: it writes to the caches of the rows, which other sessions go on with.
  const auto failed = [&] {
    if (on_device) (void)ops.finish(c);
    return FailureOf(ops, h, rows, 0);
  };
  const auto cancelled = [&] {
    return std::any_of(cancels.begin(), cancels.end(),
                       [](const auto* f) { return f->load(std::memory_order_relaxed); });
  };

  PassStart start = PassStart::kOpen;
  if (on_device) {
    if (cancelled()) return Status(Code::kCancelled, "cancelled");
    start = ops.begin(c, rows);
  }
  if (start != PassStart::kReplayed) {
    pass.At(0);
    if (embed && !ops.embed(c, w.token_embd, rows, s.x)) return failed();
    for (uint32_t l = layers.begin; l < layers.end; ++l) {
      if (start == PassStart::kOpen && cancelled()) {  // a recording is made in one go
        if (on_device) (void)ops.finish(c);
        return Status(Code::kCancelled, "cancelled");
      }
      if (!pass.Layer(l, l - layers.begin, w.layers[l])) return failed();
    }
  }
  if (!on_device) return {};
  return ops.submit(c) && (end == PassEnd::kLeave || ops.finish(c)) ? Status() : FailureOf(ops, h, rows, 0);
}

bool Head(const Ops& ops, const HParams& h, const Weights& w, const float* x, size_t n_rows, float* logits) {
  void* const c = ops.context;
  ops.mark(c, MarkOf(h, kOutputNorm));
  if (!ops.set_input(c, x, n_rows, h.n_embd, w.output_norm, h.norm_eps)) return false;
  ops.mark(c, MarkOf(h, kOutput));
  if (!ops.linear(c, w.head(), logits)) return false;
  ops.mark(c, MarkOf(h, kLogits));
  return true;
}

HeadOutcome HeadTop(const Ops& ops, const HParams& h, const Weights& w, const HeadCopy& copy, const float* x,
                    float* logits, HeadScratch& scratch, size_t k, kernels::TopEntry* top) {
  void* const c = ops.context;
  ops.mark(c, MarkOf(h, kOutputNorm));
  if (!ops.set_input(c, x, 1, h.n_embd, w.output_norm, h.norm_eps)) return HeadOutcome::kNonFinite;
  static_assert(kLogits == kOutput + 1);
  ops.mark(c, MarkOf(h, kOutput));
  return ops.head_top(c, w.head(), copy, logits, scratch, k, top);
}

Status FailureOf(const Ops& ops, const HParams& h, std::span<const BatchRow> rows, size_t first_logits) {
  if (ops.device_status != nullptr && !ops.device_status(ops.context).ok()) return ops.device_status(ops.context);
  const auto [mark, row] = ops.failure(ops.context);
  if (mark >= MarkOf(h, kLogits)) {
    return Status(Code::kNonFinite, Cat("a logit of row ", first_logits + row, " is not finite"), "logits");
  }
  if (mark == MarkOf(h, kOutput)) return Status(Code::kNonFinite, "non-finite input of the output head", "output");
  if (mark == MarkOf(h, kOutputNorm)) {
    return Status(Code::kNonFinite, "non-finite value in output_norm", "output_norm");
  }
  const std::string where = mark == 0 ? std::string("token_embd")
                                      : Cat("layer ", (mark - 1) / kNumSteps, " ", kSteps[(mark - 1) % kNumSteps]);
  return Status(Code::kNonFinite,
                Cat("non-finite value in ", where, " at position ", rows[row < rows.size() ? row : 0].position,
                    "; the session stays where it was"),
                where);
}

}  // namespace bitnet::core
