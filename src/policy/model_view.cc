#include "policy/model_view.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

namespace bitnet::policy {

namespace {

using core::Gguf;
using core::GgufTensor;

constexpr std::array<std::string_view, 7> kLinears = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                      "ffn_gate", "ffn_up", "ffn_down"};

uint64_t Elements(const GgufTensor& t) { return t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3]; }

// The text of a key, "" when it is absent or something else.
std::string MetadataText(const Gguf& file, std::string_view key) {
  const auto value = file.String(key);
  return value.ok() ? std::string(value->value_or("")) : std::string();
}

std::string_view QuantTypeText(const GgufTensor& t) {
  const core::QuantTypeInfo* info = core::FindQuantType(static_cast<uint32_t>(t.type));
  return info != nullptr ? info->name : "unknown";
}

}  // namespace

TensorName TakeApart(std::string_view name) {
  TensorName out;
  if (name.ends_with(".weight")) name.remove_suffix(std::string_view(".weight").size());
  out.cls = name;
  if (!name.starts_with("blk.")) return out;
  const std::string_view rest = name.substr(4);
  uint32_t layer = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != '.') return out;
  out.layer = layer;
  out.cls = rest.substr(static_cast<size_t>(end - rest.data()) + 1);
  return out;
}

bool IsLinear(std::string_view cls) { return std::find(kLinears.begin(), kLinears.end(), cls) != kLinears.end(); }

ModelIdentity IdentityOf(const Gguf& file, std::string sha256) {
  ModelIdentity id;
  id.sha256 = std::move(sha256);
  id.name = MetadataText(file, "general.name");
  id.architecture = MetadataText(file, "general.architecture");
  const core::GgufValue* tokens = file.Find("tokenizer.ggml.tokens");
  if (tokens != nullptr && tokens->type == core::GgufType::kArray) id.vocab_size = tokens->count;
  std::map<std::string_view, uint64_t> elements;
  for (const GgufTensor& t : file.tensors()) {
    const TensorName name = TakeApart(t.name);
    if (name.layer && IsLinear(name.cls) && t.name.ends_with(".weight")) elements[QuantTypeText(t)] += Elements(t);
  }
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != elements.end()) id.quantization = most->first;
  return id;
}

VectorStats StatsOf(std::span<const float> x) {
  VectorStats s;
  s.n = x.size();
  bool any = false;
  for (const float v : x) {
    s.n_nan += std::isnan(v) ? 1 : 0;
    s.n_inf += std::isinf(v) ? 1 : 0;
    s.n_zero += v == 0 ? 1 : 0;
    if (!std::isfinite(v)) continue;
    s.min = any ? std::min(s.min, v) : v;
    s.max = any ? std::max(s.max, v) : v;
    any = true;
  }
  s.rms = x.empty() ? 0 : core::RootMeanSquare(x);
  return s;
}

std::vector<Norm> ReadNorms(const Gguf& file) {
  std::vector<Norm> norms;
  for (const GgufTensor& t : file.tensors()) {
    const TensorName name = TakeApart(t.name);
    if (!name.cls.ends_with("_norm") || !t.name.ends_with(".weight") || t.n_dims != 1) continue;
    Norm& norm = norms.emplace_back();
    norm.tensor = &t;
    norm.layer = name.layer;
    norm.cls = name.cls;
    norm.values.resize(Elements(t));
    norm.readable = core::ReadVector(t, /*i2s_arm_layout=*/false, norm.values).ok();
    if (!norm.readable) norm.values.clear();
    norm.stats = StatsOf(norm.values);
  }
  return norms;
}

uint32_t CountLayers(const Gguf& file) {
  uint32_t n = 0;
  for (const GgufTensor& t : file.tensors()) {
    const TensorName name = TakeApart(t.name);
    if (name.layer && *name.layer != UINT32_MAX) n = std::max(n, *name.layer + 1);
  }
  return n;
}

}  // namespace bitnet::policy
