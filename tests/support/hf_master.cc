#include "support/hf_master.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/json_writer.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/format/gguf.h"
#include "core/model/dense_decode.h"
#include "core/model/hparams_reader.h"
#include "core/model/tensor_table.h"
#include "core/model/ternary_decode.h"
#include "kernels/half.h"

namespace bitnet::test {

namespace {

using core::Cat;
using core::GgufTensor;

std::string Halves(const std::vector<float>& values) {
  std::string out;
  for (const float v : values) {
    const uint16_t bits = kernels::F32ToBF16(v);
    out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return out;
}

float Bf16Down(double x) {
  uint32_t bits;
  const auto f = static_cast<float>(x);
  std::memcpy(&bits, &f, sizeof bits);
  bits &= 0xffff0000u;
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

// The mean of |w| whose scale is `scale`.
float MeanFor(float scale) {
  float mean = std::nextafter(scale, 0.0f);
  for (int i = 0; i < 3 && 1.0f / (1.0f / mean) != scale; ++i) mean = std::nextafter(mean, 1.0f);
  return mean;
}

// Weights in BF16: large ones for codes 0 and 2, small ones of either sign for code 1, with the mean that gives
// `scale`.
std::vector<float> Master(const std::vector<uint8_t>& codes, float scale) {
  const auto n = static_cast<double>(codes.size());
  double zeros = 0;
  for (const uint8_t c : codes) zeros += c == 1 ? 1 : 0;
  const double total = static_cast<double>(MeanFor(scale)) * n;
  const float large = Bf16Down(total / n * (n - zeros / 4) / (n - zeros));
  const double rest = total - static_cast<double>(large) * (n - zeros);
  const float small = Bf16Down(rest / zeros);
  const float step = std::ldexp(1.0f, std::ilogb(small) - 7);  // one unit in the last place of `small`
  const auto raised =
      static_cast<size_t>(std::lround((rest - static_cast<double>(small) * zeros) / static_cast<double>(step)));
  std::vector<float> w;
  w.reserve(codes.size());
  size_t n_zero = 0;
  for (const uint8_t c : codes) {
    if (c != 1) {
      w.push_back(c == 2 ? large : -large);
      continue;
    }
    const float magnitude = n_zero < raised ? small + step : small;
    w.push_back(n_zero % 2 == 0 ? magnitude : -magnitude);
    ++n_zero;
  }
  return w;
}

std::vector<uint8_t> Codes(const GgufTensor& t) {
  const core::TernarySource source{core::TernaryLayout::kI2S, t.data.data(), t.ne[1], t.ne[0]};
  std::vector<uint8_t> codes(source.rows * source.cols);
  for (size_t r = 0; r < source.rows; ++r) core::DecodeGroup(source, r, codes.data() + r * source.cols);
  return codes;
}

std::string Config(const core::HParams& h, int64_t bos, int64_t eos) {
  core::JsonWriter json(true);
  json.BeginObject();
  json.Key("model_type").String("bitnet").Key("hidden_act").String("relu2");
  const std::pair<const char*, uint64_t> sizes[] = {{"hidden_size", h.n_embd},
                                                    {"intermediate_size", h.n_ff},
                                                    {"num_hidden_layers", h.n_layers},
                                                    {"num_attention_heads", h.n_heads},
                                                    {"num_key_value_heads", h.n_heads_kv},
                                                    {"head_dim", h.head_dim},
                                                    {"max_position_embeddings", h.n_ctx_train},
                                                    {"vocab_size", h.n_vocab},
                                                    {"bos_token_id", static_cast<uint64_t>(bos)},
                                                    {"eos_token_id", static_cast<uint64_t>(eos)}};
  for (const auto& [key, value] : sizes) json.Key(key).Uint(value);
  json.Key("rms_norm_eps").Double(static_cast<double>(h.norm_eps));
  json.Key("rope_theta").Double(static_cast<double>(h.rope_base));
  json.Key("tie_word_embeddings").Bool(true);
  json.Key("quantization_config").BeginObject();
  json.Key("quant_method").String("bitnet").Key("linear_class").String("autobitlinear");
  json.Key("quantization_mode").String("online");
  json.EndObject().EndObject();
  return json.Take();
}

bool Write(const std::string& folder, const char* name, const std::string& text) {
  std::ofstream out(std::filesystem::path(folder) / name, std::ios::binary);
  out << text;
  return out.good();
}

}  // namespace

std::string SafetensorsText(const std::vector<SafeTensorText>& tensors) {
  std::string header = "{", data;
  for (const SafeTensorText& t : tensors) {
    header += Cat(header.size() > 1 ? "," : "", "\"", t.name, R"(":{"dtype":")", t.dtype, R"(","shape":[)");
    for (size_t i = 0; i < t.shape.size(); ++i) header += Cat(i == 0 ? "" : ",", t.shape[i]);
    header += Cat(R"(],"data_offsets":[)", data.size(), ",", data.size() + t.data.size(), "]}");
    data += t.data;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), sizeof n) + header + data;
}

core::Status WriteHfMaster(const std::string& path, const std::string& tokenizer_json, const std::string& folder) {
  BN_ASSIGN_OR_RETURN(const core::MappedFile file, core::MappedFile::Map(path));
  BN_ASSIGN_OR_RETURN(const core::MappedFile tokenizer, core::MappedFile::Map(tokenizer_json));
  BN_ASSIGN_OR_RETURN(const core::Gguf gguf, core::Gguf::Parse(file.bytes()));
  BN_ASSIGN_OR_RETURN(const core::HParams h, core::ReadHParams(gguf));
  const core::TensorTable names({}, {});  // of Hugging Face
  std::vector<SafeTensorText> tensors;
  for (const GgufTensor& t : gguf.tensors()) {
    SafeTensorText out{names.FileName(t.name), "BF16", {}, {}};
    for (uint32_t i = t.n_dims; i-- > 0;) out.shape.push_back(t.ne[i]);
    if (t.type == core::QuantType::kI2_S) {
      const core::TernarySource source{core::TernaryLayout::kI2S, t.data.data(), t.ne[1], t.ne[0]};
      out.data = Halves(Master(Codes(t), core::ScaleAt(source, 0)));
    } else {
      std::vector<float> values(t.ne[0] * t.ne[1]);
      core::DecodeToF32(t.type, t.data, values.size(), values.data());
      out.data = Halves(values);
      for (const float v : values) {
        if (kernels::BF16ToF32(kernels::F32ToBF16(v)) != v) {
          return core::Status(core::Code::kUnsupported, Cat("tensor ", t.name, " holds numbers that BF16 does not"));
        }
      }
    }
    tensors.push_back(std::move(out));
  }
  BN_ASSIGN_OR_RETURN(const auto bos, gguf.Count("tokenizer.ggml.bos_token_id"));
  BN_ASSIGN_OR_RETURN(const auto eos, gguf.Count("tokenizer.ggml.eos_token_id"));
  BN_ASSIGN_OR_RETURN(const auto tokens, gguf.Strings("tokenizer.ggml.tokens"));
  BN_ASSIGN_OR_RETURN(const auto chat_template, gguf.String("tokenizer.chat_template"));
  core::JsonWriter json(true);
  json.BeginObject();
  json.Key("bos_token").String((*tokens)[*bos]).Key("eos_token").String((*tokens)[*eos]);
  json.Key("chat_template").String(chat_template.value_or("")).EndObject();
  const bool written =
      Write(folder, "config.json", Config(h, static_cast<int64_t>(*bos), static_cast<int64_t>(*eos))) &&
      Write(folder, "tokenizer.json",
            std::string(reinterpret_cast<const char*>(tokenizer.bytes().data()), tokenizer.bytes().size())) &&
      Write(folder, "tokenizer_config.json", json.Take()) &&
      Write(folder, "model.safetensors", SafetensorsText(tensors));
  return written ? core::Status() : core::Status(core::Code::kIo, Cat("cannot write into ", folder));
}

}  // namespace bitnet::test
