#include "core/model/hf_config.h"

#include <cmath>

#include "core/base/json_reader.h"
#include "core/format/limits.h"
#include "core/model/rope_scaling.h"

namespace bitnet::core {

namespace {

constexpr std::string_view kFile = "config.json";
// The largest real ones are a few kilobytes.
constexpr JsonLimits kConfigLimits = {.max_bytes = size_t{1} << 20, .max_depth = 16};

class HfConfigReader {
 public:
  explicit HfConfigReader(const JsonValue& config) : config_(config) {}

  Status Graph(HfConfig& out) {
    HParams& h = out.hparams;
    BN_ASSIGN_OR_RETURN(const std::string_view type, Text(config_, "model_type", ""));
    const JsonValue* quantisation = Find(config_, "quantization_config");
    BN_ASSIGN_OR_RETURN(const std::string_view act, Text(config_, "hidden_act", type == "llama" ? "silu" : "relu2"));
    if (act != "relu2" && act != "silu") return Unsupported("hidden_act", act, "relu2 or silu");
    if (type == "bitnet") {
      h.architecture = act == "relu2" ? "bitnet-b1.58" : "bitnet";
    } else if (type == "llama") {
      if (quantisation == nullptr)
        return Wrong("quantization_config", "is missing: a llama model without it is not ternary");
      if (act != "silu") return Unsupported("hidden_act", act, "silu in a llama model");
      h.architecture = "llama";
      h.sub_norms = false;
    } else {
      return Unsupported("model_type", type, "bitnet or llama");
    }
    h.architecture_key = type;
    h.activation = act == "relu2" ? Activation::kRelu2 : Activation::kSilu;
    h.rope_adjacent = false;  // Hugging Face keeps halves; only converters to GGUF reorder
    return quantisation != nullptr ? Quantisation(*quantisation, out) : Status();
  }

  Status Sizes(HfConfig& out) {
    HParams& h = out.hparams;
    BN_RETURN_IF_ERROR(Count("hidden_size", kMaxEmbedding, {}, h.n_embd));
    BN_RETURN_IF_ERROR(Count("intermediate_size", kMaxFeedForward, {}, h.n_ff));
    BN_RETURN_IF_ERROR(Count("num_hidden_layers", kMaxLayers, {}, h.n_layers));
    BN_RETURN_IF_ERROR(Count("num_attention_heads", kMaxHeads, {}, h.n_heads));
    BN_RETURN_IF_ERROR(Count("num_key_value_heads", kMaxHeads, h.n_heads, h.n_heads_kv));
    if (h.n_heads % h.n_heads_kv != 0) {
      return Wrong("num_key_value_heads",
                   Cat("is ", h.n_heads_kv, ", expected a divisor of the ", h.n_heads, " heads"));
    }
    std::optional<uint64_t> width;
    if (h.n_embd % h.n_heads == 0) width = h.n_embd / h.n_heads;
    if (!width && Find(config_, "head_dim") == nullptr) {
      return Wrong("num_attention_heads", Cat("is ", h.n_heads, ", which does not divide hidden_size ", h.n_embd));
    }
    BN_RETURN_IF_ERROR(Count("head_dim", kMaxHeadDim, width, h.head_dim));
    if (h.head_dim % 2 != 0) return Wrong("head_dim", Cat("is ", h.head_dim, ", expected an even number"));
    h.n_rot = h.head_dim;
    BN_RETURN_IF_ERROR(Count("max_position_embeddings", kMaxContext, {}, h.n_ctx_train));
    BN_RETURN_IF_ERROR(Count("vocab_size", kMaxVocab, {}, h.n_vocab));
    BN_RETURN_IF_ERROR(Positive(config_, "rms_norm_eps", {}, h.norm_eps));
    return Rope(out);
  }

  // Ids that the vocabulary has: one, or a list of them.
  Status TokenIds(const HParams& h) {
    for (const char* key : {"bos_token_id", "eos_token_id"}) {
      const JsonValue* v = Find(config_, key);
      if (v == nullptr) continue;
      const auto fits = [&](const JsonValue& id) {
        return id.kind == JsonValue::Kind::kUint && id.uinteger < h.n_vocab;
      };
      bool all = v->kind == JsonValue::Kind::kArray ? !v->array.empty() : fits(*v);
      for (const JsonValue& id : v->array) all = all && fits(id);
      if (!all) return Wrong(key, Cat("is no id of the ", h.n_vocab, " tokens"));
    }
    return {};
  }

  Status Tied(std::optional<bool>& out) {
    const JsonValue* v = Find(config_, "tie_word_embeddings");
    if (v == nullptr) return {};
    if (v->kind != JsonValue::Kind::kBool) return Wrong("tie_word_embeddings", "is no boolean");
    out = v->boolean;
    return {};
  }

 private:
  // A key of null is as good as absent.
  static const JsonValue* Find(const JsonValue& object, std::string_view key) {
    const JsonValue* v = object.Find(key);
    return v != nullptr && v->kind != JsonValue::Kind::kNull ? v : nullptr;
  }

  static Status Wrong(std::string_view key, std::string_view problem) {
    return Status(Code::kBadFormat, Cat(kFile, ": key ", Quoted(key), " ", problem, "; fetch the folder again"),
                  std::string(key));
  }
  static Status Unsupported(std::string_view key, std::string_view found, std::string_view expected) {
    return Status(Code::kUnsupported, Cat(kFile, ": key ", Quoted(key), " is ", Quoted(found), ", expected ", expected),
                  std::string(key));
  }

  static Result<std::string_view> Text(const JsonValue& object, std::string_view key, std::string_view fallback) {
    const JsonValue* v = Find(object, key);
    if (v == nullptr) return fallback;
    if (v->kind != JsonValue::Kind::kString) return Wrong(key, "is no text");
    return std::string_view(v->string);
  }

  Status Count(std::string_view key, uint64_t limit, std::optional<uint64_t> fallback, uint32_t& out) const {
    const JsonValue* v = Find(config_, key);
    if (v == nullptr && !fallback) return Wrong(key, "is missing");
    if (v != nullptr && (v->kind != JsonValue::Kind::kUint || v->uinteger == 0))
      return Wrong(key, "is no whole number above 0");
    const uint64_t value = v != nullptr ? v->uinteger : *fallback;
    if (value > limit) {
      return Status(Code::kLimit, Cat(kFile, ": key ", Quoted(key), " is ", value, ", the limit is ", limit),
                    std::string(key));
    }
    out = static_cast<uint32_t>(value);
    return {};
  }

  static Status Positive(const JsonValue& object, std::string_view key, std::optional<float> fallback, float& out) {
    const JsonValue* v = Find(object, key);
    if (v == nullptr && !fallback) return Wrong(key, "is missing");
    if (v != nullptr && !v->is_number()) return Wrong(key, "is no number");
    out = v != nullptr ? static_cast<float>(v->number) : *fallback;
    return std::isfinite(out) && out > 0 ? Status() : Wrong(key, Cat("is ", out, ", expected a finite number above 0"));
  }

  // Older files have rope_theta and rope_scaling, newer ones both in rope_parameters.
  Status Rope(HfConfig& out) {
    HParams& h = out.hparams;
    const JsonValue* scaling = Find(config_, "rope_scaling");
    std::string_view name = "rope_scaling";
    if (const JsonValue* parameters = Find(config_, "rope_parameters")) {
      name = "rope_parameters";
      if (scaling != nullptr) return Wrong(name, "stands beside rope_scaling, expected one of them");
      scaling = parameters;
    }
    if (scaling != nullptr && scaling->kind != JsonValue::Kind::kObject) return Wrong(name, "is no object");
    for (size_t i = 0; scaling != nullptr && i < scaling->object.size(); ++i) {
      if (scaling->object[i].value.kind != JsonValue::Kind::kObject) continue;
      return Status(Code::kUnsupported,
                    Cat(kFile, ": key '", name, ".", scaling->object[i].key,
                        "' is an object, expected one scaling for all layers; choose a checkpoint without it"),
                    std::string(name));
    }
    const bool inside = scaling != nullptr && Find(*scaling, "rope_theta") != nullptr;
    // What transformers takes where there is none: LlamaConfig and BitNetConfig differ.
    const float otherwise = h.architecture == "llama" ? 10000.0f : 500000.0f;
    BN_RETURN_IF_ERROR(Positive(inside ? *scaling : config_, "rope_theta", otherwise, h.rope_base));
    if (float outside = 0; inside && Find(config_, "rope_theta") != nullptr) {
      BN_RETURN_IF_ERROR(Positive(config_, "rope_theta", {}, outside));
      if (outside != h.rope_base)
        return Wrong("rope_theta", Cat("is ", outside, ", but ", name, " says ", h.rope_base));
    }
    for (const JsonValue* object : {&config_, scaling}) {
      float part = 1;
      if (object == nullptr) continue;
      BN_RETURN_IF_ERROR(Positive(*object, "partial_rotary_factor", 1.0f, part));
      if (part != 1) return Unsupported("partial_rotary_factor", Cat(part), "1: RoPE turns the whole of each head");
    }
    if (scaling == nullptr) return {};
    if (Find(*scaling, "rope_type") == nullptr && Find(*scaling, "type") == nullptr &&
        Find(*scaling, "factor") != nullptr)
      return Wrong(name, "has a factor and no rope_type");
    const char* key = Find(*scaling, "rope_type") != nullptr ? "rope_type" : "type";
    BN_ASSIGN_OR_RETURN(const std::string_view type, Text(*scaling, key, "default"));
    if (type == "default") return {};
    if (type == "linear") return Positive(*scaling, "factor", {}, h.rope_linear_factor);
    if (type == "llama3") return Llama3(*scaling, out);
    return Status(
        Code::kUnsupported,
        Cat(kFile, ": key '", name, ".", key, "' is ", Quoted(type),
            ", expected default, linear or llama3: positions scaled in another way are not computed; choose a "
            "checkpoint without it"),
        std::string(name));
  }

  static Status Llama3(const JsonValue& scaling, HfConfig& out) {
    Llama3Scaling s;
    float n_ctx = 0;
    BN_RETURN_IF_ERROR(Positive(scaling, "factor", {}, s.factor));
    BN_RETURN_IF_ERROR(Positive(scaling, "low_freq_factor", {}, s.low_freq_factor));
    BN_RETURN_IF_ERROR(Positive(scaling, "high_freq_factor", {}, s.high_freq_factor));
    BN_RETURN_IF_ERROR(Positive(scaling, "original_max_position_embeddings", {}, n_ctx));
    s.n_ctx_original = n_ctx;
    if (s.high_freq_factor <= s.low_freq_factor) {
      return Wrong("high_freq_factor",
                   Cat("is ", s.high_freq_factor, ", expected more than the low_freq_factor ", s.low_freq_factor));
    }
    const HParams& h = out.hparams;
    out.rope_divisors =
        std::make_shared<const std::vector<float>>(Llama3Divisors(s, static_cast<double>(h.rope_base), h.n_rot));
    return {};
  }

  // Linears of layers that modules_to_not_convert leaves dense, found as transformers does: by a part of their names.
  // Of the numbers in a part only the place counts.
  static Status AllLinearsTernary(const JsonValue& quantisation) {
    constexpr std::string_view kKey = "modules_to_not_convert";
    const JsonValue* modules = Find(quantisation, kKey);
    if (modules == nullptr) return {};
    if (modules->kind != JsonValue::Kind::kArray) return Wrong(kKey, "is no list");
    for (const JsonValue& module : modules->array) {
      if (module.kind != JsonValue::Kind::kString || module.string.empty()) return Wrong(kKey, "holds no name");
      std::string part;
      for (const char c : module.string) {
        if (c < '0' || c > '9') part += c;
        if (c >= '0' && c <= '9' && (part.empty() || part.back() != '#')) part += '#';
      }
      for (const char* linear : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                 "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
        if (Cat("model.layers.#.", linear).find(part) != std::string::npos)
          return Unsupported(kKey, module.string, "no linear of a layer");
      }
    }
    return {};
  }

  static Status Quantisation(const JsonValue& q, HfConfig& out) {
    if (q.kind != JsonValue::Kind::kObject) return Wrong("quantization_config", "is no object");
    BN_ASSIGN_OR_RETURN(const std::string_view method, Text(q, "quant_method", ""));
    if (method != "bitnet") return Unsupported("quant_method", method, "bitnet");
    BN_ASSIGN_OR_RETURN(const std::string_view linear, Text(q, "linear_class", "bitlinear"));
    if (linear != "bitlinear" && linear != "autobitlinear")
      return Unsupported("linear_class", linear, "bitlinear or autobitlinear");
    BN_ASSIGN_OR_RETURN(const std::string_view mode, Text(q, "quantization_mode", "offline"));
    if (mode != "offline" && mode != "online") return Unsupported("quantization_mode", mode, "offline or online");
    // A norm in front of every linear (BitNetQuantConfig of transformers): no graph here has it.
    const JsonValue* norms = Find(q, "use_rms_norm");
    if (norms != nullptr && (norms->kind != JsonValue::Kind::kBool || norms->boolean))
      return Unsupported("use_rms_norm", norms->kind == JsonValue::Kind::kBool ? "true" : "no boolean", "false");
    BN_RETURN_IF_ERROR(AllLinearsTernary(q));
    out.packed = mode == "offline";
    out.reciprocal_scale = linear == "bitlinear";
    return {};
  }

  const JsonValue& config_;
};

}  // namespace

Result<HfConfig> ParseHfConfig(std::string_view json) {
  const Result<JsonValue> config = ParseJson(json, kConfigLimits);
  if (!config.ok()) {
    return Status(config.status().code(), Cat(kFile, ": ", config.status().message()), std::string(kFile),
                  config.status().offset());
  }
  if (config->kind != JsonValue::Kind::kObject)
    return Status(Code::kBadFormat, Cat(kFile, " is no JSON object"), std::string(kFile));
  HfConfigReader in(*config);
  HfConfig out;
  BN_RETURN_IF_ERROR(in.Graph(out));
  BN_RETURN_IF_ERROR(in.Sizes(out));
  BN_RETURN_IF_ERROR(in.TokenIds(out.hparams));
  BN_RETURN_IF_ERROR(in.Tied(out.tied));
  return out;
}

}  // namespace bitnet::core
