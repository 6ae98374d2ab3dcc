#include "core/model/tensor_plan.h"

#include <charconv>
#include <initializer_list>
#include <unordered_set>

#include "core/format/limits.h"

namespace bitnet::core {

namespace {

std::string Shape(std::initializer_list<uint64_t> ne) {
  std::string out;
  for (uint64_t n : ne) out += Cat(out.empty() ? "" : " x ", n);
  return out;
}

std::string ShapeOf(const GgufTensor& t) {
  std::string out = Cat(t.ne[0]);
  for (uint32_t i = 1; i < t.n_dims && i < kMaxDims; ++i) out += Cat(" x ", t.ne[i]);
  if (t.n_dims == 0) return "none";
  if (t.n_dims > kMaxDims) out += " x ...";
  return out;
}

// Names of norms as files have them: blk.0.attn_q_norm.weight, model.layers.0.self_attn.q_norm.weight, and those in
// front of a linear, model.layers.0.mlp.up_proj.rms_norm.weight. Older Hugging Face models call them layernorm or ln.
bool IsNormOfLayer(std::string_view name, uint32_t n_layers) {
  for (const std::string_view prefix : {"blk.", "model.layers."}) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view rest = name.substr(prefix.size());
    uint32_t layer = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
    if (error != std::errc() || layer >= n_layers) continue;
    return rest.find("norm") != std::string_view::npos || rest.find("_ln.") != std::string_view::npos;
  }
  return false;
}

class Planner {
 public:
  Planner(const TensorTable& table, TensorPlan& plan) : table_(table), plan_(plan) {}

  Status Norm(const std::string& stem, uint64_t n, const float** out) {
    BN_RETURN_IF_ERROR(Refuse(stem + ".bias", "a bias of a norm or a table, which no graph here has"));
    return Add({.role = PlannedTensor::Role::kNorm, .vector = out}, stem, {n}, true);
  }

  // Dims of a file come columns first.
  Status Table(const std::string& stem, uint64_t rows, uint64_t cols, Matrix& out) {
    BN_RETURN_IF_ERROR(Refuse(stem + ".bias", "a bias of a norm or a table, which no graph here has"));
    BN_RETURN_IF_ERROR(Refuse(stem + ".scale", "a scale beside a matrix that is not ternary"));
    SetShape(rows, cols, out);
    return Add({.role = PlannedTensor::Role::kTable, .matrix = &out}, stem, {cols, rows}, true);
  }

  Status Linear(const std::string& stem, uint64_t rows, uint64_t cols, Matrix& out) {
    SetShape(rows, cols, out);
    PlannedTensor t{.role = PlannedTensor::Role::kLinear, .matrix = &out};
    const bool packed = table_.linears() == TensorTable::Linears::kPacked;
    if (packed && rows % 4 != 0) {
      const std::string name = table_.FileName(stem + ".weight");
      return Status(
          Code::kBadFormat,
          Cat("tensor ", Quoted(name), " needs ", rows, " rows by the model's metadata, which do not pack by four"),
          name);
    }
    if (table_.linears() != TensorTable::Linears::kMaster)
      BN_RETURN_IF_ERROR(Find(stem + ".scale", {1}, packed, t.scale));
    BN_RETURN_IF_ERROR(Find(stem + ".bias", {rows}, false, t.bias));
    return Add(t, stem, {cols, packed ? rows / 4 : rows}, true);
  }

  Status RopeFreqs(uint64_t n, const float** out) {
    return Add({.role = PlannedTensor::Role::kRopeFreqs, .vector = out}, "rope_freqs", {n}, false);
  }

  // A tensor that would change the result if the graph knew it.
  Status Refuse(const std::string& name, std::string_view problem) const {
    const GgufTensor* t = table_.Find(name);
    return t == nullptr ? Status() : Refuse(*t, problem);
  }

  bool Has(const std::string& name) const { return table_.Find(name) != nullptr; }

  // What no graph here uses is left alone, but for the norms of a layer: such a layer computes something else.
  Status CountUnused(uint32_t n_layers) {
    for (const GgufTensor& t : table_.tensors()) {
      if (used_.contains(&t)) continue;
      if (IsNormOfLayer(t.name, n_layers)) return Refuse(t, "a norm that this architecture does not have");
      if (plan_.n_unused++ == 0) plan_.first_unused = t.name;
    }
    return {};
  }

 private:
  static Status Refuse(const GgufTensor& t, std::string_view problem) {
    const std::string name(t.name);
    return Status(Code::kUnsupported,
                  Cat("tensor ", Quoted(name), " is ", problem, "; convert the model for its own architecture"), name,
                  t.info_offset);
  }

  static void SetShape(uint64_t rows, uint64_t cols, Matrix& out) {
    out.rows = static_cast<uint32_t>(rows);
    out.cols = static_cast<uint32_t>(cols);
  }

  Status Add(PlannedTensor planned, const std::string& stem, std::initializer_list<uint64_t> ne, bool required) {
    planned.name = stem + ".weight";
    BN_RETURN_IF_ERROR(Find(planned.name, ne, required, planned.tensor));
    if (planned.tensor != nullptr) plan_.tensors.push_back(std::move(planned));
    return {};
  }

  Status Find(const std::string& graph_name, std::initializer_list<uint64_t> ne, bool required,
              const GgufTensor*& out) {
    out = table_.Find(graph_name);
    const std::string name = table_.FileName(graph_name);
    if (out == nullptr) {
      if (!required) return {};
      return Status(Code::kBadFormat, Cat("tensor ", Quoted(name), " is missing; fetch or convert the model again"),
                    name);
    }
    used_.insert(out);
    bool same = out->n_dims == ne.size();
    for (size_t i = 0; same && i < ne.size(); ++i) same = out->ne[i] == ne.begin()[i];
    if (same) return {};
    return Status(Code::kBadFormat,
                  Cat("tensor ", Quoted(name), " has dims ", ShapeOf(*out), ", expected ", Shape(ne),
                      " by the model's metadata; fetch or convert the model again"),
                  name, out->info_offset);
  }

  const TensorTable& table_;
  TensorPlan& plan_;
  std::unordered_set<const GgufTensor*> used_;
};

Status PlanLayer(Planner& plan, const HParams& h, uint32_t index, LayerWeights& l) {
  const std::string b = Cat("blk.", index, ".");
  const uint64_t q = uint64_t{h.n_heads} * h.head_dim;
  const uint64_t kv = uint64_t{h.n_heads_kv} * h.head_dim;
  BN_RETURN_IF_ERROR(plan.Norm(b + "attn_norm", h.n_embd, &l.attn_norm));
  BN_RETURN_IF_ERROR(plan.Linear(b + "attn_q", q, h.n_embd, l.q));
  BN_RETURN_IF_ERROR(plan.Linear(b + "attn_k", kv, h.n_embd, l.k));
  BN_RETURN_IF_ERROR(plan.Linear(b + "attn_v", kv, h.n_embd, l.v));
  if (h.sub_norms) BN_RETURN_IF_ERROR(plan.Norm(b + "attn_sub_norm", q, &l.attn_sub_norm));
  BN_RETURN_IF_ERROR(plan.Linear(b + "attn_output", h.n_embd, q, l.attn_output));
  BN_RETURN_IF_ERROR(plan.Norm(b + "ffn_norm", h.n_embd, &l.ffn_norm));
  BN_RETURN_IF_ERROR(plan.Linear(b + "ffn_gate", h.n_ff, h.n_embd, l.gate));
  BN_RETURN_IF_ERROR(plan.Linear(b + "ffn_up", h.n_ff, h.n_embd, l.up));
  if (h.sub_norms) BN_RETURN_IF_ERROR(plan.Norm(b + "ffn_sub_norm", h.n_ff, &l.ffn_sub_norm));
  BN_RETURN_IF_ERROR(plan.Linear(b + "ffn_down", h.n_embd, h.n_ff, l.down));
  return {};
}

}  // namespace

Result<TensorPlan> PlanTensors(const TensorTable& table, const HParams& h, Weights& weights) {
  TensorPlan out;
  Planner plan(table, out);
  BN_RETURN_IF_ERROR(plan.Table("token_embd", h.n_vocab, h.n_embd, weights.token_embd));
  BN_RETURN_IF_ERROR(plan.RopeFreqs(h.n_rot / 2, &weights.rope_freqs));
  weights.layers.resize(h.n_layers);
  for (uint32_t l = 0; l < h.n_layers; ++l) BN_RETURN_IF_ERROR(PlanLayer(plan, h, l, weights.layers[l]));
  BN_RETURN_IF_ERROR(plan.Norm("output_norm", h.n_embd, &weights.output_norm));
  if (!table.tied().value_or(!plan.Has("output.weight")))
    BN_RETURN_IF_ERROR(plan.Table("output", h.n_vocab, h.n_embd, weights.output));
  BN_RETURN_IF_ERROR(plan.CountUnused(h.n_layers));
  out.master_linears = table.linears() == TensorTable::Linears::kMaster;
  return out;
}

}  // namespace bitnet::core
