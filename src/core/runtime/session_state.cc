// Saving and restoring a session: what the cache holds and whose it is.
#include <algorithm>
#include <cstring>

#include "core/runtime/session_impl.h"

namespace bitnet::core {

namespace {

// All integers little-endian, as on every platform that this library supports.
struct StateHeader {
  char magic[8];      // "BNSTATE1"
  uint8_t model[32];  // ModelIdentity
  uint32_t kv_type;   // kernels::Dense
  uint32_t n_tokens;
  uint64_t n_bytes;  // of the whole state
};
static_assert(sizeof(StateHeader) == 56);
constexpr char kMagic[8] = {'B', 'N', 'S', 'T', 'A', 'T', 'E', '1'};

// The file's hash, and what else decides the values in a cache: config.json beside SafeTensors, a layout that the host
// named, and what a correction policy changed on the way to the weights.
Digest ModelIdentity(const Model& model) {
  Sha256 h;
  const Digest& file = model.FileSha256();
  h.Update(file.data(), file.size());
  const HParams& p = model.hparams();
  if (model.file().tensors().empty()) {  // SafeTensors
    const uint32_t counts[] = {p.n_heads,       p.n_heads_kv, p.head_dim, p.n_rot, static_cast<uint32_t>(p.activation),
                               p.rope_adjacent, p.sub_norms};
    const float values[] = {p.norm_eps, p.rope_base, p.rope_linear_factor};
    h.Update(counts, sizeof counts);
    h.Update(values, sizeof values);
    if (const float* factors = model.weights().rope_freqs) h.Update(factors, p.n_rot / 2 * sizeof(float));
  }
  if (model.i2s_arm_layout()) h.Update("i2s_arm_layout", sizeof "i2s_arm_layout");
  if (model.corrected()) {
    for (const LayerWeights& l : model.weights().layers) {
      h.Update(&l.attention_scale, sizeof l.attention_scale);
      h.Update(l.attn_norm, p.n_embd * sizeof(float));
      h.Update(l.ffn_norm, p.n_embd * sizeof(float));
      if (l.attn_sub_norm != nullptr) h.Update(l.attn_sub_norm, size_t{p.n_heads} * p.head_dim * sizeof(float));
      if (l.ffn_sub_norm != nullptr) h.Update(l.ffn_sub_norm, p.n_ff * sizeof(float));
    }
    h.Update(model.weights().output_norm, p.n_embd * sizeof(float));
  }
  return h.Finish();
}

using Stages = std::vector<std::unique_ptr<Stage>>;

uint64_t StateBytes(const Stages& stages, uint64_t n_tokens) {
  uint64_t bytes = sizeof(StateHeader) + n_tokens * sizeof(int32_t);
  for (const auto& stage : stages) {
    const KvCache& cache = stage->cache;
    bytes += 2 * uint64_t{cache.n_layers()} * cache.n_heads() * n_tokens * cache.row_bytes();
  }
  return bytes;
}

// Calls fn(stage, first byte, bytes) for the keys, then the values of each layer and head.
template <typename F>
Status ForEachRun(const Stages& stages, uint64_t n_tokens, F&& fn) {
  for (const auto& stage : stages) {
    const KvCache& cache = stage->cache;
    const size_t bytes = n_tokens * cache.row_bytes();
    for (uint32_t l = 0; l < cache.n_layers(); ++l) {
      for (uint32_t head = 0; head < cache.n_heads(); ++head) {
        BN_RETURN_IF_ERROR(fn(*stage, cache.Key(l, head, 0), bytes));
        BN_RETURN_IF_ERROR(fn(*stage, cache.Value(l, head, 0), bytes));
      }
    }
  }
  return {};
}

}  // namespace

uint64_t Session::StateBytes() const { return core::StateBytes(impl_->stages, impl_->tokens.size()); }

Result<std::vector<std::byte>> Session::Save() const {
  std::vector<std::byte> out(StateBytes());
  BN_RETURN_IF_ERROR(Save(out));
  return out;
}

Status Session::Save(std::span<std::byte> state) const {
  const Impl& s = *impl_;
  const std::lock_guard lock(s.saving);
  StateHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  const Digest identity = ModelIdentity(*s.model);
  std::copy(identity.begin(), identity.end(), header.model);
  header.kv_type = static_cast<uint32_t>(s.options.kv_type);
  header.n_tokens = static_cast<uint32_t>(s.tokens.size());
  header.n_bytes = StateBytes();
  BN_ENSURE(state.size() == header.n_bytes);
  std::byte* at = state.data();
  const auto put = [&at](const void* from, size_t n) {
    std::memcpy(at, from, n);
    at += n;
  };
  put(&header, sizeof header);
  if (!s.tokens.empty()) put(s.tokens.data(), s.tokens.size() * sizeof(int32_t));
  BN_RETURN_IF_ERROR(
      ForEachRun(s.stages, s.tokens.size(), [&at](const Stage& stage, const std::byte* from, size_t n) -> Status {
        BN_RETURN_IF_ERROR(stage.Read(at, from, n));
        at += n;
        return {};
      }));
  return {};
}

Status Session::Load(std::span<const std::byte> state) {
  Impl& s = *impl_;
  StateHeader header;
  if (state.size() < sizeof header) {
    return Status(Code::kBadFormat,
                  Cat("session state: found ", state.size(), " bytes, expected at least ", sizeof header), "state");
  }
  std::memcpy(&header, state.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) {
    return Status(Code::kBadFormat, "session state: bad magic, expected BNSTATE1", "state", 0);
  }
  const Digest identity = ModelIdentity(*s.model);
  if (!std::equal(identity.begin(), identity.end(), header.model)) {
    return Status(Code::kModelMismatch, "session state: it was saved with another model", "state",
                  offsetof(StateHeader, model));
  }
  if (header.kv_type != static_cast<uint32_t>(s.options.kv_type)) {
    return Status(Code::kModelMismatch, "session state: it was saved with another cache type", "state",
                  offsetof(StateHeader, kv_type));
  }
  if (header.n_tokens > s.n_ctx) {
    return Status(Code::kContextFull,
                  Cat("session state: it holds ", header.n_tokens, " tokens, this context ", s.n_ctx), "state",
                  offsetof(StateHeader, n_tokens));
  }
  if (header.n_bytes != state.size() || header.n_bytes != core::StateBytes(s.stages, header.n_tokens)) {
    return Status(
        Code::kBadFormat,
        Cat("session state: found ", state.size(), " bytes, expected ", core::StateBytes(s.stages, header.n_tokens)),
        "state");
  }
  const std::byte* at = state.data() + sizeof header;
  const size_t token_bytes = header.n_tokens * sizeof(int32_t);
  std::vector<int32_t> tokens(header.n_tokens);
  if (token_bytes != 0) std::memcpy(tokens.data(), at, token_bytes);
  for (int32_t id : tokens) {
    if (id < 0 || static_cast<uint32_t>(id) >= s.model->hparams().n_vocab) {
      return Status(Code::kBadFormat,
                    Cat("session state: found token id ", id, ", expected below ", s.model->hparams().n_vocab),
                    "state");
    }
  }
  at += token_bytes;
  s.Truncate(0);
  BN_RETURN_IF_ERROR(
      ForEachRun(s.stages, header.n_tokens, [&at](const Stage& stage, std::byte* to, size_t n) -> Status {
        BN_RETURN_IF_ERROR(stage.Write(to, at, n));
        at += n;
        return {};
      }));
  for (const auto& stage : s.stages) BN_RETURN_IF_ERROR(stage->Wait());  // other sessions' queues may read the caches
  s.tokens.assign(tokens.begin(), tokens.end());
  return {};
}

}  // namespace bitnet::core
