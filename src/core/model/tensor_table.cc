#include "core/model/tensor_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/format/limits.h"

namespace bitnet::core {

namespace {

using NamePair = std::pair<std::string_view, std::string_view>;

// docs/formats.md, section 3: graph and Hugging Face.
constexpr NamePair kTop[] = {{"token_embd.weight", "model.embed_tokens.weight"},
                             {"output_norm.weight", "model.norm.weight"},
                             {"output.weight", "lm_head.weight"}};
constexpr NamePair kParts[] = {{"attn_norm", "input_layernorm"},
                               {"attn_q", "self_attn.q_proj"},
                               {"attn_k", "self_attn.k_proj"},
                               {"attn_v", "self_attn.v_proj"},
                               {"attn_output", "self_attn.o_proj"},
                               {"attn_sub_norm", "self_attn.attn_sub_norm"},
                               {"ffn_norm", "post_attention_layernorm"},
                               {"ffn_gate", "mlp.gate_proj"},
                               {"ffn_up", "mlp.up_proj"},
                               {"ffn_down", "mlp.down_proj"},
                               {"ffn_sub_norm", "mlp.ffn_sub_norm"}};
constexpr std::string_view kBlock = "blk.";

constexpr std::string_view kLayers = "model.layers.";

template <size_t n>
std::string_view Translate(const NamePair (&table)[n], std::string_view graph_name) {
  for (const auto& [graph, file] : table) {
    if (graph == graph_name) return file;
  }
  return {};
}

template <size_t n>
std::string_view TranslateBack(const NamePair (&table)[n], std::string_view file_name) {
  for (const auto& [graph, file] : table) {
    if (file == file_name) return graph;
  }
  return {};
}

std::string HuggingFaceName(std::string_view graph_name) {
  if (!graph_name.starts_with(kBlock)) {
    const std::string_view name = Translate(kTop, graph_name);
    return std::string(name.empty() ? graph_name : name);
  }
  const std::string_view rest = graph_name.substr(kBlock.size());
  const size_t first = rest.find('.'), last = rest.rfind('.');
  if (first == last) return std::string(graph_name);
  const std::string_view part = Translate(kParts, rest.substr(first + 1, last - first - 1));
  if (part.empty()) return std::string(graph_name);
  const std::string_view suffix = rest.substr(last);
  return Cat(kLayers, rest.substr(0, first), ".", part, suffix == ".scale" ? ".weight_scale" : suffix);
}

std::string NameInGraph(std::string_view file_name) {
  if (!file_name.starts_with(kLayers)) {
    const std::string_view name = TranslateBack(kTop, file_name);
    return std::string(name.empty() ? file_name : name);
  }
  const std::string_view rest = file_name.substr(kLayers.size());
  const size_t first = rest.find('.'), last = rest.rfind('.');
  if (first == last) return std::string(file_name);
  const std::string_view part = TranslateBack(kParts, rest.substr(first + 1, last - first - 1));
  if (part.empty()) return std::string(file_name);
  const std::string_view suffix = rest.substr(last);
  return Cat(kBlock, rest.substr(0, first), ".", part, suffix == ".weight_scale" ? ".scale" : suffix);
}

// Of a dtype that the reader of SafeTensors knows (SafeDtypeBytes).
QuantType TypeOf(std::string_view dtype) {
  for (const QuantType type : {QuantType::kF32, QuantType::kF16, QuantType::kBF16, QuantType::kF64, QuantType::kI8,
                               QuantType::kI16, QuantType::kI32, QuantType::kI64, QuantType::kU16, QuantType::kU32,
                               QuantType::kU64, QuantType::kBool, QuantType::kF8_E4M3, QuantType::kF8_E5M2}) {
    if (QuantTypeName(type) == dtype) return type;
  }
  return QuantType::kU8;
}

// Dimensions reversed, as GGUF has them. More than four fit no graph: their number says so, the first four are kept.
GgufTensor ViewOf(const SafeTensor& t) {
  GgufTensor out;
  out.name = t.name;
  out.n_dims = static_cast<uint32_t>(t.shape.size());
  for (size_t i = 0; i < std::min<size_t>(t.shape.size(), kMaxDims); ++i) out.ne[i] = t.shape[t.shape.size() - 1 - i];
  out.type = TypeOf(t.dtype);
  out.info_offset = out.offset = t.offset;
  out.n_bytes = t.data.size();
  out.data = t.data;
  return out;
}

}  // namespace

TensorTable::TensorTable(std::span<const SafeTensor> tensors, const HfConfig& config)
    : linears_(config.packed ? Linears::kPacked : Linears::kMaster),
      reciprocal_scale_(config.reciprocal_scale),
      tied_(config.tied) {
  std::transform(tensors.begin(), tensors.end(), std::back_inserter(views_), ViewOf);
  tensors_ = views_;
}

const GgufTensor* TensorTable::Find(std::string_view graph_name) const {
  if (gguf_ != nullptr) return gguf_->FindTensor(graph_name);
  const std::string name = HuggingFaceName(graph_name);
  const auto at = std::lower_bound(views_.begin(), views_.end(), name,
                                   [](const GgufTensor& t, const std::string& n) { return t.name < n; });
  return at != views_.end() && at->name == name ? &*at : nullptr;
}

std::string TensorTable::FileName(std::string_view graph_name) const {
  return gguf_ != nullptr ? std::string(graph_name) : HuggingFaceName(graph_name);
}

std::string TensorTable::GraphName(std::string_view file_name) const {
  return gguf_ != nullptr ? std::string(file_name) : NameInGraph(file_name);
}

}  // namespace bitnet::core
