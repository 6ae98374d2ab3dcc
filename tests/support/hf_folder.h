// A small model as a Hugging Face folder, every part of which a test may change.
#ifndef BITNET_TESTS_SUPPORT_HF_FOLDER_H_
#define BITNET_TESTS_SUPPORT_HF_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "support/catch.h"
#include "support/small_model.h"

namespace bitnet::test {

// The folder of one test; removed when it goes.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitnet_folder.XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }
  void Write(std::string_view name, std::string_view bytes) const {
    std::ofstream(File(name), std::ios::binary) << bytes;
  }

 private:
  std::filesystem::path path_;
};

struct HfTensor {
  std::string name, dtype;
  std::vector<uint64_t> shape;
  std::string data;
};

inline std::string Safetensors(const std::vector<HfTensor>& tensors, size_t header_multiple = 8) {
  std::string header = "{", data;
  for (const HfTensor& t : tensors) {
    header += core::Cat(header.size() > 1 ? "," : "", "\"", t.name, R"(":{"dtype":")", t.dtype, R"(","shape":[)");
    for (size_t i = 0; i < t.shape.size(); ++i) header += core::Cat(i == 0 ? "" : ",", t.shape[i]);
    header += core::Cat(R"(],"data_offsets":[)", data.size(), ",", data.size() + t.data.size(), "]}");
    data += t.data;
  }
  header += "}";
  while (header.size() % header_multiple != 0) header += ' ';
  return Bytes<uint64_t>(header.size()) + header + data;
}

inline std::string Bf16(const std::vector<float>& values) {
  std::vector<uint16_t> out;
  for (const float v : values) out.push_back(kernels::F32ToBF16(v));
  return BytesOf(out);
}

// "blk.0.attn_q" -> "model.layers.0.self_attn.q_proj".
inline std::string HfName(const std::string& graph) {
  const std::string part = graph.substr(graph.rfind('.') + 1);
  const std::string group = part.starts_with("attn") ? "self_attn." : "mlp.";
  const std::string tail = part == "attn_output" ? "o" : part.substr(part.find('_') + 1);
  return "model.layers." + graph.substr(4, 1) + "." + group + tail + "_proj";
}

enum class Form { kPackedAuto, kPackedReciprocal, kMaster };

struct HfModel {
  SmallModel small;
  Form form = Form::kPackedAuto;
  float scale = 0.0625f;  // exact in BF16, and so is its reciprocal

  std::string Config() const {
    const char* quantisation = form == Form::kMaster ? R"({"quant_method":"bitnet","quantization_mode":"online"})"
                               : form == Form::kPackedAuto
                                   ? R"({"quant_method":"bitnet","linear_class":"autobitlinear"})"
                                   : R"({"quant_method":"bitnet"})";
    return core::Cat(
        R"({"model_type":"bitnet","hidden_act":"relu2","hidden_size":)", small.embd, R"(,"intermediate_size":)",
        small.ffn, R"(,"num_hidden_layers":)", small.layers, R"(,"num_attention_heads":)", small.heads,
        R"(,"num_key_value_heads":)", small.heads_kv,
        R"(,"max_position_embeddings":64,"rms_norm_eps":1e-5,"rope_theta":500000.0,"vocab_size":)", SmallModel::kVocab,
        R"(,"tie_word_embeddings":true,"eos_token_id":[257,258],"quantization_config":)", quantisation, "}");
  }

  std::vector<HfTensor> Tensors() const {
    std::vector<HfTensor> out;
    const auto norm = [&](const std::string& name, uint32_t n) {
      out.push_back({name, "BF16", {n}, Bf16(std::vector<float>(n, 0.75f))});
    };
    out.push_back({"model.embed_tokens.weight",
                   "BF16",
                   {SmallModel::kVocab, small.embd},
                   std::string(SmallModel::kVocab * small.embd * 2, '\x3c')});
    for (uint32_t l = 0; l < small.layers; ++l) {
      const std::string p = "model.layers." + std::to_string(l) + ".";
      norm(p + "input_layernorm.weight", small.embd);
      norm(p + "self_attn.attn_sub_norm.weight", small.embd);
      norm(p + "post_attention_layernorm.weight", small.embd);
      norm(p + "mlp.ffn_sub_norm.weight", small.ffn);
    }
    norm("model.norm.weight", small.embd);
    for (const std::string& name : small.Linears()) AddLinear(name, out);
    return out;
  }

 private:
  void AddLinear(const std::string& graph, std::vector<HfTensor>& out) const {
    const TernaryMatrix m = small.Matrix(graph);
    const std::string name = HfName(graph) + ".weight";
    if (form == Form::kMaster) {
      // Large weights are ternary 1, small ones 0: the mean of |w| lies between.
      std::vector<float> w(m.weights.size());
      for (size_t i = 0; i < w.size(); ++i)
        w[i] = static_cast<float>(m.weights[i]) * 0.5f + (i % 2 == 0 ? 0.01f : -0.01f);
      out.push_back({name, "BF16", {m.rows, m.cols}, Bf16(w)});
      return;
    }
    std::string packed;
    for (size_t r = 0; r < m.rows / 4; ++r) {
      for (size_t c = 0; c < m.cols; ++c) {
        unsigned byte = 0;
        for (size_t i = 0; i < 4; ++i) byte |= m.Code(i * (m.rows / 4) + r, c) << (2 * i);
        packed += static_cast<char>(byte);
      }
    }
    out.push_back({name, "U8", {m.rows / 4, m.cols}, packed});
    out.push_back({name + "_scale", "BF16", {1}, Bf16({form == Form::kPackedAuto ? scale : 1 / scale})});
  }
};

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_HF_FOLDER_H_
