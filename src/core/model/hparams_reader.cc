#include "core/model/hparams_reader.h"

#include <algorithm>
#include <cmath>

#include "core/format/limits.h"

namespace bitnet::core {

namespace {

constexpr char kTokens[] = "tokenizer.ggml.tokens";

struct Architecture {
  std::string_view key;  // general.architecture
  std::string_view canonical;
  Activation activation;
  bool rope_adjacent;
  bool sub_norms;
};
// docs/formats.md, section 2.
constexpr Architecture kArchitectures[] = {
    {"bitnet-b1.58", "bitnet-b1.58", Activation::kRelu2, false, true},
    {"bitnet-25", "bitnet-b1.58", Activation::kRelu2, false, true},
    {"bitnet", "bitnet", Activation::kSilu, false, true},
    {"llama", "llama", Activation::kSilu, true, false},
};

class HParamsReader {
 public:
  explicit HParamsReader(const Gguf& gguf) : gguf_(gguf) {}

  Status ReadArchitecture(HParams& h) {
    constexpr std::string_view key = "general.architecture";
    BN_ASSIGN_OR_RETURN(const auto name, gguf_.String(key));
    if (!name) return Missing(key);
    for (const Architecture& a : kArchitectures) {
      if (a.key != *name) continue;
      h.architecture = a.canonical;
      h.architecture_key = a.key;
      h.activation = a.activation;
      h.rope_adjacent = a.rope_adjacent;
      h.sub_norms = a.sub_norms;
      prefix_ = Cat(a.key, ".");
      return {};
    }
    return Status(
        Code::kUnsupported,
        Cat("key 'general.architecture' is ", Quoted(*name), ", expected bitnet-b1.58, bitnet-25, bitnet or llama"),
        std::string(key), OffsetOf(key));
  }

  // A file that is the first of several has another key beside the usual ones; u16 in the files that exist.
  Status NotSplit() {
    constexpr std::string_view key = "split.count";
    const GgufValue* v = gguf_.Find(key);
    if (v == nullptr) return {};
    const bool one = v->type == GgufType::kU16 && v->raw[0] <= std::byte{1} && v->raw[1] == std::byte{0};
    if (one) return {};
    return Status(Code::kUnsupported,
                  "key 'split.count' says that the model is split over several files; merge them first",
                  std::string(key), v->offset);
  }

  // An integer from 1 to `limit`.
  Status Count(std::string_view name, uint64_t limit, std::optional<uint64_t> fallback, uint32_t& out) {
    const std::string key = prefix_ + std::string(name);
    BN_ASSIGN_OR_RETURN(const auto value, gguf_.Count(key));
    if (!value && !fallback) return Missing(key);
    const uint64_t v = value.value_or(fallback.value_or(0));
    if (v == 0) return Wrong(name, Cat(v, ", expected a number above 0"));
    if (v > limit) {
      return Status(Code::kLimit, Cat("key ", Quoted(key), " is ", v, ", the limit is ", limit), key, OffsetOf(key));
    }
    out = static_cast<uint32_t>(v);
    return {};
  }

  // A finite number above 0.
  Status Positive(std::string_view name, std::optional<float> fallback, float& out) {
    const std::string key = prefix_ + std::string(name);
    BN_ASSIGN_OR_RETURN(const auto value, gguf_.Float(key));
    if (!value && !fallback) return Missing(key);
    out = value.value_or(fallback.value_or(0.0f));
    return std::isfinite(out) && out > 0 ? Status() : Wrong(name, Cat(out, ", expected a finite number above 0"));
  }

  Status Heads(HParams& h) {
    BN_RETURN_IF_ERROR(Count("attention.head_count", kMaxHeads, {}, h.n_heads));
    BN_RETURN_IF_ERROR(Count("attention.head_count_kv", kMaxHeads, h.n_heads, h.n_heads_kv));
    if (h.n_heads % h.n_heads_kv != 0) {
      return Wrong("attention.head_count_kv", Cat(h.n_heads_kv, ", expected a divisor of the ", h.n_heads, " heads"));
    }
    // A head that is not embedding / heads wide must be announced by key_length.
    std::optional<uint64_t> width;
    if (h.n_embd % h.n_heads == 0) {
      width = h.n_embd / h.n_heads;
    } else if (gguf_.Find(prefix_ + "attention.key_length") == nullptr) {
      return Wrong("attention.head_count", Cat(h.n_heads, ", which does not divide the embedding of ", h.n_embd,
                                               ", and there is no attention.key_length"));
    }
    BN_RETURN_IF_ERROR(Count("attention.key_length", kMaxHeadDim, width, h.head_dim));
    if (h.head_dim % 2 != 0) return Wrong("attention.key_length", Cat(h.head_dim, ", expected an even number"));
    uint32_t value_length = 0;
    BN_RETURN_IF_ERROR(Count("attention.value_length", kMaxHeadDim, h.head_dim, value_length));
    if (value_length != h.head_dim) {
      return Wrong("attention.value_length",
                   Cat(value_length, ", expected ", h.head_dim, " as attention.key_length has it"));
    }
    return {};
  }

  Status Rope(HParams& h) {
    BN_RETURN_IF_ERROR(Positive("rope.freq_base", 10000.0f, h.rope_base));
    BN_RETURN_IF_ERROR(Count("rope.dimension_count", kMaxHeadDim, h.head_dim, h.n_rot));
    if (h.n_rot % 2 != 0 || h.n_rot > h.head_dim) {
      return Wrong("rope.dimension_count", Cat(h.n_rot, ", expected an even number up to the head's ", h.head_dim));
    }
    const std::string key = prefix_ + "rope.scaling.type";
    const bool has_factor = gguf_.Find(prefix_ + "rope.scaling.factor") != nullptr;
    BN_ASSIGN_OR_RETURN(const auto type, gguf_.String(key));
    if (type == "linear") return Positive("rope.scaling.factor", {}, h.rope_linear_factor);
    if (type && *type != "none") {
      return Status(Code::kUnsupported, Cat("key ", Quoted(key), " is ", Quoted(*type), ", expected none or linear"),
                    key, OffsetOf(key));
    }
    if (!type && has_factor) {
      float factor = 1.0f;
      BN_RETURN_IF_ERROR(Positive("rope.scaling.factor", {}, factor));
      if (factor != 1.0f)
        return Wrong("rope.scaling.type",
                     Cat("missing beside a rope.scaling.factor of ", factor, ", expected none or linear"));
    }
    return {};
  }

  Status Vocabulary(HParams& h) {
    std::optional<uint64_t> n_tokens;
    if (const GgufValue* tokens = gguf_.Find(kTokens);
        tokens != nullptr && tokens->type == GgufType::kArray && tokens->count > 0) {
      n_tokens = tokens->count;
    }
    // Without either the tokenizer reports what is missing.
    if (!n_tokens && gguf_.Find(prefix_ + "vocab_size") == nullptr) return {};
    return Count("vocab_size", kMaxVocab, n_tokens, h.n_vocab);
  }

 private:
  Status Wrong(std::string_view name, std::string problem) const {
    const std::string key = prefix_ + std::string(name);
    return Status(Code::kBadFormat, Cat("key ", Quoted(key), " is ", problem, "; convert the model again"), key,
                  OffsetOf(key));
  }
  static Status Missing(std::string_view key) {
    return Status(Code::kBadFormat, Cat("key ", Quoted(key), " is missing; convert the model again"), std::string(key));
  }
  uint64_t OffsetOf(std::string_view key) const {
    const GgufValue* v = gguf_.Find(key);
    return v != nullptr ? v->offset : Status::kNoOffset;
  }

  const Gguf& gguf_;
  std::string prefix_;  // "bitnet-b1.58."
};

}  // namespace

Result<HParams> ReadHParams(const Gguf& gguf) {
  HParamsReader in(gguf);
  HParams h;
  BN_RETURN_IF_ERROR(in.NotSplit());
  BN_RETURN_IF_ERROR(in.ReadArchitecture(h));
  BN_RETURN_IF_ERROR(in.Count("context_length", kMaxContext, {}, h.n_ctx_train));
  BN_RETURN_IF_ERROR(in.Count("embedding_length", kMaxEmbedding, {}, h.n_embd));
  BN_RETURN_IF_ERROR(in.Count("block_count", kMaxLayers, {}, h.n_layers));
  BN_RETURN_IF_ERROR(in.Count("feed_forward_length", kMaxFeedForward, {}, h.n_ff));
  BN_RETURN_IF_ERROR(in.Positive("attention.layer_norm_rms_epsilon", {}, h.norm_eps));
  BN_RETURN_IF_ERROR(in.Heads(h));
  BN_RETURN_IF_ERROR(in.Rope(h));
  BN_RETURN_IF_ERROR(in.Vocabulary(h));
  return h;
}

}  // namespace bitnet::core
