// Models in the form of Hugging Face folders.
#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/base/json_reader.h"
#include "kernels/pack.h"
#include "support/hf_folder.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::BytesOf;
using test::Folder;
using test::Form;
using test::HfModel;
using test::HfName;
using test::Safetensors;
using test::SmallModel;
using Tensor = test::HfTensor;

// A tokenizer of the small model's vocabulary.
LoadSpec WithTokenizer() {
  static const std::string file = SmallModel().Builder().Build();
  LoadSpec spec;
  spec.verify = true;
  spec.tokenizer = Loaded(Load(file))->tokenizer();
  return spec;
}

TEST_CASE("packed and master folders have the codes of the same model in GGUF", "[model][safetensors]") {
  const std::string gguf_file = SmallModel().Builder().Build();
  const auto gguf = Loaded(Load(gguf_file));
  for (const Form form : {Form::kPackedAuto, Form::kPackedReciprocal, Form::kMaster}) {
    const Folder folder;
    HfModel hf;
    hf.form = form;
    folder.Write("config.json", hf.Config());
    folder.Write("model.safetensors", Safetensors(hf.Tensors()));
    for (const std::string& path : {folder.path(), folder.File("model.safetensors")}) {
      const auto m = Loaded(LoadPath(path, WithTokenizer()));
      INFO("form " << static_cast<int>(form));
      CHECK(ToHex(m->TernarySha256()) == ToHex(gguf->TernarySha256()));
      if (form != Form::kMaster) CHECK(ToHex(m->TernaryScalesSha256()) == ToHex(gguf->TernaryScalesSha256()));
      CHECK(m->hparams().architecture == "bitnet-b1.58");
      CHECK(m->hparams().rope_base == 500000.0f);
      CHECK(m->weights().layers[1].ffn_sub_norm[511] == 0.75f);
      CHECK(m->quantization() == (form == Form::kMaster ? "BF16" : "U8"));
      CHECK(m->n_params() == gguf->n_params());
      const auto estimate = Model::Estimate(path, {});
      REQUIRE(estimate.ok());
      CHECK(estimate->mapped_bytes == m->mapped_bytes());
      CHECK(m->mapped_bytes() < m->size_bytes() / 2);  // the embedding alone
    }
    const auto estimate = Model::Estimate(folder.path(), {});
    REQUIRE(estimate.ok());
    CHECK(estimate->owned_bytes >= 2 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 512 * 256) / 4);
  }
}

TEST_CASE("a master weight becomes -1, 0 or 1 by the mean of its matrix", "[model][safetensors]") {
  const Folder folder;
  HfModel hf;
  hf.form = Form::kMaster;
  std::vector<Tensor> tensors = hf.Tensors();
  auto& q = *std::find_if(tensors.begin(), tensors.end(),
                          [](const Tensor& t) { return t.name.ends_with("0.self_attn.q_proj.weight"); });
  // Mean 1: a half and less is 0, more is 1. All values and sums are exact.
  std::vector<float> w(256 * 256);
  const float pattern[8] = {0.5f, -0.5f, 0.625f, -0.625f, 2.0f, -2.0f, 0.0f, 1.75f};
  for (size_t i = 0; i < w.size(); ++i) w[i] = pattern[i % 8];
  q.dtype = "F32";
  q.data = BytesOf(w);
  folder.Write("config.json", hf.Config());
  folder.Write("model.safetensors", Safetensors(tensors));
  const auto m = Loaded(LoadPath(folder.path(), WithTokenizer()));
  const Matrix& matrix = m->weights().layers[0].q;
  CHECK(matrix.scale[0] == 1.0f);
  std::vector<uint8_t> codes(256);
  kernels::UnpackTernaryRow(static_cast<const uint8_t*>(matrix.data), 256, codes.data());
  CHECK(std::vector<uint8_t>(codes.begin(), codes.begin() + 8) == std::vector<uint8_t>{1, 1, 2, 0, 2, 0, 1, 2});
}

bool ByName(const Tensor& a, const Tensor& b) { return a.name < b.name; }

TEST_CASE("shards are found through the index, and only in the folder", "[model][safetensors]") {
  const Folder folder;
  const HfModel hf;
  const std::vector<Tensor> all = hf.Tensors();
  const std::vector<Tensor> first(all.begin(), all.begin() + 7), second(all.begin() + 7, all.end());
  const auto index = [&](const std::string& shard) {
    std::string map;
    for (size_t i = 0; i < all.size(); ++i)
      map += Cat(i == 0 ? "" : ",", "\"", all[i].name, "\":\"", i < 7 ? "a.safetensors" : shard, "\"");
    folder.Write("model.safetensors.index.json", Cat(R"({"metadata":{},"weight_map":{)", map, "}}"));
  };
  folder.Write("config.json", hf.Config());
  folder.Write("a.safetensors", Safetensors(first));
  folder.Write("b.bin", Safetensors(second));
  fs::create_symlink("b.bin", folder.File("b.safetensors"));  // download caches are laid out so
  index("b.safetensors");
  const auto m = Loaded(LoadPath(folder.path(), WithTokenizer()));
  CHECK(m->tensors().size() == all.size());
  std::string both = Safetensors(first) + Safetensors(second);
  CHECK(m->FileSha256() == Sha256Of(both.data(), both.size()));
  CHECK(Loaded(LoadPath(folder.File("a.safetensors"), WithTokenizer()))->TernarySha256() == m->TernarySha256());
  for (const std::string& bad : {std::string("../b.safetensors"), folder.File("b.safetensors"), std::string(".."),
                                 std::string(), std::string("a/b")}) {
    index(bad);
    CheckRefused(LoadPath(folder.path(), WithTokenizer()), Code::kBadFormat, "index", "same folder");
  }
  index("absent.safetensors");
  CheckRefused(LoadPath(folder.path(), WithTokenizer()), Code::kNotFound, "index", "absent.safetensors");
  index("a.safetensors");
  CheckRefused(LoadPath(folder.path(), WithTokenizer()), Code::kBadFormat, "index",
               Cat("puts tensor '", (*std::min_element(all.begin() + 7, all.end(), ByName)).name,
                   "' into 'a.safetensors', which does not have it"));
  index("b.safetensors");
  folder.Write("b.bin", "1234");
  CheckRefused(LoadPath(folder.path(), WithTokenizer()), Code::kBadFormat, "size", "b.safetensors: ");
  folder.Write("b.bin", "version https://git-lfs.github.com/spec/v1\n");
  for (const std::string& path : {folder.path(), folder.File("b.bin")}) {
    CheckRefused(LoadPath(path, WithTokenizer()), Code::kBadFormat, "path", "git lfs pull");
  }
  for (const char* json : {"model.safetensors.index.json", "config.json"}) {
    CheckRefused(LoadPath(folder.File(json), WithTokenizer()), Code::kBadFormat, "path", "name the folder");
  }
}

TEST_CASE("a type that only SafeTensors have is refused by its name", "[model][safetensors]") {
  for (const auto& [dtype, bytes] : {std::pair{"BOOL", 1},
                                     {"U8", 1},
                                     {"F8_E4M3", 1},
                                     {"F8_E5M2", 1},
                                     {"U16", 2},
                                     {"I16", 2},
                                     {"U32", 4},
                                     {"U64", 8},
                                     {"I64", 8}}) {
    const Folder folder;
    HfModel hf;
    std::vector<Tensor> all = hf.Tensors();
    for (Tensor& t : all) {
      if (t.name != "model.norm.weight") continue;
      t.dtype = dtype;
      t.data = std::string(t.shape[0] * static_cast<size_t>(bytes), '\1');
    }
    folder.Write("config.json", hf.Config());
    folder.Write("model.safetensors", Safetensors(all));
    CheckRefused(LoadPath(folder.path(), WithTokenizer()), Code::kUnsupported, "model.norm.weight",
                 Cat("type ", dtype, ","));
  }
}

TEST_CASE("values that are not aligned in the file are copied", "[model][safetensors]") {
  const Folder folder;
  const HfModel hf;
  folder.Write("config.json", hf.Config());
  // A header of odd length puts every BF16 value at an odd address.
  const std::string file = Safetensors(hf.Tensors());
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  folder.Write("model.safetensors", Bytes(length + 1) + file.substr(8, length) + " " + file.substr(8 + length));
  const auto m = Loaded(LoadPath(folder.path(), WithTokenizer()));
  CHECK(reinterpret_cast<uintptr_t>(m->weights().token_embd.data) % 2 == 0);
  CHECK(static_cast<const uint8_t*>(m->weights().token_embd.data)[1] == 0x3c);
}

TEST_CASE("llama folders keep the order of their rows", "[model][safetensors]") {
  const Folder folder;
  const HfModel hf;
  std::string config = hf.Config();
  const std::string_view bitnet = R"("bitnet","hidden_act":"relu2")";
  config.replace(config.find(bitnet), bitnet.size(), R"("llama","hidden_act":"silu")");
  std::vector<Tensor> tensors = hf.Tensors();
  std::erase_if(tensors, [](const Tensor& t) { return t.name.find("sub_norm") != std::string::npos; });
  folder.Write("config.json", config);
  folder.Write("model.safetensors", Safetensors(tensors));
  const auto m = Loaded(LoadPath(folder.path(), WithTokenizer()));
  CHECK(m->hparams().architecture == "llama");
  CHECK_FALSE(m->hparams().rope_adjacent);
  const std::string gguf_file = SmallModel().Builder().Build();
  CHECK(m->TernarySha256() == Loaded(Load(gguf_file))->TernarySha256());
}

TEST_CASE("scaling of RoPE that is defined is computed, other kinds are refused by name", "[model][safetensors]") {
  const HfModel hf;
  const auto load_with = [&](const std::string& members) {
    const Folder folder;
    std::string config = hf.Config();
    config.insert(1, members + ",");
    folder.Write("config.json", config);
    folder.Write("model.safetensors", Safetensors(hf.Tensors()));
    return LoadPath(folder.path(), WithTokenizer());
  };
  const auto load = [&](const std::string& scaling) { return load_with("\"rope_scaling\":" + scaling); };
  CHECK(Loaded(load(R"({"rope_type":"linear","factor":2.5})"))->hparams().rope_linear_factor == 2.5f);
  CHECK(Loaded(load("null"))->hparams().rope_linear_factor == 1.0f);
  CheckRefused(load(R"({"factor":8.0})"), Code::kBadFormat, "rope_scaling", "a factor and no rope_type");
  for (const char* kind : {"yarn", "dynamic", "longrope"}) {
    CheckRefused(load(Cat(R"({"rope_type":")", kind, R"(","factor":8.0})")), Code::kUnsupported, "rope_scaling", kind);
    CheckRefused(load_with(Cat(R"("rope_parameters":{"rope_type":")", kind, R"(","factor":8.0})")), Code::kUnsupported,
                 "rope_parameters", "rope_parameters.rope_type");
  }
  // The divisors of these numbers by the formula of _compute_llama3_parameters of transformers, in f32.
  const std::string llama3 = R"({"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
                             R"("original_max_position_embeddings":8192})";
  const auto scaled = Loaded(load(llama3));
  const float* divisors = scaled->weights().rope_freqs;
  REQUIRE(divisors != nullptr);
  CHECK(scaled->mapped_bytes() == Loaded(load("null"))->mapped_bytes());  // divisors are in no file
  REQUIRE(scaled->hparams().n_rot == 64);
  CHECK(divisors[14] == 1.0f);
  CHECK(std::abs(divisors[15] - 1.5534146f) < 1e-5f);
  CHECK(std::abs(divisors[16] - 2.6945302f) < 1e-5f);
  CHECK(std::abs(divisors[17] - 5.2573271f) < 1e-5f);
  CHECK(divisors[18] == 8.0f);
  CHECK(divisors[31] == 8.0f);
  for (const char* part : {R"("factor":8.0,)", R"("low_freq_factor":1.0,)", R"("high_freq_factor":4.0,)",
                           R"(,"original_max_position_embeddings":8192)"}) {
    std::string missing = llama3;
    missing.erase(missing.find(part), std::string_view(part).size());
    const std::string_view key = std::string_view(part).substr(part[0] == ',' ? 2 : 1);
    CheckRefused(load(missing), Code::kBadFormat, key.substr(0, key.find('"')), "is missing");
  }
  std::string crossed = llama3;
  crossed.replace(crossed.find("4.0"), 3, "0.5");
  CheckRefused(load(crossed), Code::kBadFormat, "high_freq_factor", "more than the low_freq_factor");
  // Newer files have it all in rope_parameters.
  const auto newer = [&](const std::string& members) {
    std::string config = hf.Config();
    const std::string old = R"("rope_theta":500000.0,)";
    REQUIRE(config.find(old) != std::string::npos);
    config.replace(config.find(old), old.size(), members);
    const Folder folder;
    folder.Write("config.json", config);
    folder.Write("model.safetensors", Safetensors(hf.Tensors()));
    return LoadPath(folder.path(), WithTokenizer());
  };
  CHECK(Loaded(newer(R"("rope_parameters":{"rope_theta":70000.0,"rope_type":"default"},)"))->hparams().rope_base ==
        70000.0f);
  CHECK(Loaded(newer(R"("rope_parameters":{"rope_theta":7e4,"rope_type":"linear","factor":4},)"))
            ->hparams()
            .rope_linear_factor == 4.0f);
  CheckRefused(newer(R"("rope_theta":1e4,"rope_parameters":{"rope_theta":7e4},)"), Code::kBadFormat, "rope_theta",
               "rope_parameters says 70000");
  CheckRefused(newer(R"("rope_scaling":{},"rope_parameters":{"rope_theta":7e4},)"), Code::kBadFormat, "rope_parameters",
               "beside rope_scaling");
  CheckRefused(newer(R"("partial_rotary_factor":0.5,)"), Code::kUnsupported, "partial_rotary_factor", "0.5");
  CheckRefused(newer(R"("rope_parameters":{"partial_rotary_factor":0.25},)"), Code::kUnsupported,
               "partial_rotary_factor", "0.25");
  // In a GGUF file the factors of llama3 are a tensor; a kind that is named is none that is known.
  test::GgufBuilder b = SmallModel().Builder();
  b.String("bitnet-b1.58.rope.scaling.type", "yarn").F32("bitnet-b1.58.rope.scaling.factor", 4.0f);
  CheckRefused(Load(b.Build()), Code::kUnsupported, "bitnet-b1.58.rope.scaling.type", "yarn");
}

TEST_CASE("norms that no graph here has, and linears that stay dense, are refused by name", "[model][safetensors]") {
  const auto load = [](const std::string& quantisation, const std::string& extra, Form form) {
    const Folder folder;
    HfModel hf;
    hf.form = form;
    std::string config = hf.Config();
    const std::string method = R"("quant_method":"bitnet")";
    config.replace(config.find(method), method.size(), method + quantisation);
    std::vector<Tensor> tensors = hf.Tensors();
    if (!extra.empty()) tensors.push_back({extra, "F32", {1}, BytesOf(std::vector<float>{1.0f})});
    folder.Write("config.json", config);
    folder.Write("model.safetensors", Safetensors(tensors));
    return LoadPath(folder.path(), WithTokenizer());
  };
  for (const Form form : {Form::kPackedAuto, Form::kMaster}) {
    CheckRefused(load(R"(,"use_rms_norm":true)", "", form), Code::kUnsupported, "use_rms_norm", "is 'true'");
    Loaded(load(R"(,"use_rms_norm":false,"rms_norm_eps":1e-6)", "", form));
    for (const char* norm :
         {"model.layers.0.self_attn.q_proj.rms_norm.weight", "model.layers.1.mlp.up_proj.rms_norm.weight",
          "model.layers.1.self_attn.k_norm.weight", "model.layers.0.self_attn.inner_attn_ln.weight",
          "model.layers.0.mlp.ffn_layernorm.weight"}) {
      CheckRefused(load("", norm, form), Code::kUnsupported, norm, "a norm that this architecture does not have");
    }
    Loaded(load("", "model.layers.0.self_attn.rotary_emb.inv_freq", form));
    Loaded(load("", "model.layers.2.mlp.up_proj.rms_norm.weight", form));  // beyond the last layer
    for (const char* module : {"model.layers.1.mlp.down_proj", "layers.17", "q_proj", "self_attn"}) {
      CheckRefused(load(Cat(R"(,"modules_to_not_convert":["lm_head",")", module, "\"]"), "", form), Code::kUnsupported,
                   "modules_to_not_convert", "no linear of a layer");
    }
    CheckRefused(load(R"(,"modules_to_not_convert":"lm_head")", "", form), Code::kBadFormat, "modules_to_not_convert",
                 "is no list");
    Loaded(load(R"(,"modules_to_not_convert":["lm_head","model.embed_tokens"])", "", form));
    Loaded(load(R"(,"modules_to_not_convert":null)", "", form));
  }
  test::GgufBuilder b = SmallModel().Builder();
  b.Add({"blk.1.ffn_up.rms_norm.weight", {1}, 0, BytesOf(std::vector<float>{1.0f})});
  CheckRefused(Load(b.Build()), Code::kUnsupported, "blk.1.ffn_up.rms_norm.weight", "does not have");
}

TEST_CASE("a folder needs a tokenizer", "[model][safetensors]") {
  const Folder folder;
  const HfModel hf;
  folder.Write("config.json", hf.Config());
  folder.Write("model.safetensors", Safetensors(hf.Tensors()));
  CheckRefused(LoadPath(folder.path()), Code::kNotFound, "tokenizer.json", "tokenizer.json or tokenizer.model");
}

TEST_CASE("a folder may have a tokenizer.model in place of a tokenizer.json", "[model][safetensors]") {
  const Folder folder;
  const HfModel hf;
  folder.Write("config.json", hf.Config());
  folder.Write("model.safetensors", Safetensors(hf.Tensors()));
  // The 256 byte pieces, then BPE, byte fallback, no removal of spaces.
  std::string model;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    model += "\x0A\x0F\x0A\x06<0x";
    model += {kDigits[byte >> 4], kDigits[byte & 15], '>', '\x15', 0, 0, 0, 0, '\x18', 6};
  }
  folder.Write("tokenizer.model", model + std::string("\x12\x05\x18\x02\x98\x02\x01\x1A\x02\x20\x00", 11));
  const auto loaded = Loaded(LoadPath(folder.path()));
  CHECK(loaded->tokenizer()->model() == "llama");
  CHECK(loaded->tokenizer()->size() == 256);
  folder.Write("tokenizer.model", model);  // no spec: a unigram model
  CheckRefused(LoadPath(folder.path()), Code::kUnsupported, "model_type", "unigram");
  folder.Write("tokenizer.json", "{");  // which comes first
  CheckRefused(LoadPath(folder.path()), Code::kBadFormat, "tokenizer.json");
}

TEST_CASE("hostile folders are refused by the name of their defect", "[model][safetensors][hostile]") {
  const std::string root = std::string(BITNET_TEST_UNPACKED) + "/hostile/";
  std::ifstream in(root + "manifest.json", std::ios::binary);
  const auto manifest = ParseJson(std::string{std::istreambuf_iterator<char>(in), {}});
  REQUIRE(manifest.ok());
  LoadSpec spec;
  spec.verify = true;
  size_t n_refused = 0, n_loaded = 0;
  for (const JsonValue& entry : manifest->array) {
    const JsonValue* level = entry.Find("level");
    if (entry.Find("kind")->string != "safetensors" || level == nullptr) continue;
    const LoadedModel result = LoadPath(root + entry.Find("file")->string, spec);
    INFO(entry.Find("file")->string << ": " << result.status().message());
    CHECK(result.ok() == (entry.Find("expect")->string == "ok"));
    ++(result.ok() ? n_loaded : n_refused);
    if (result.ok()) continue;
    std::vector<std::string> names = {entry.Find("field")->string};
    if (const JsonValue* also = entry.Find("also")) {
      for (const JsonValue& name : also->array) names.push_back(name.string.substr(0, name.string.find('*')));
    }
    const std::string text = Cat(result.status().what(), " ", result.status().message());
    CHECK(std::any_of(names.begin(), names.end(),
                      [&](const std::string& n) { return text.find(n) != std::string::npos; }));
  }
  CHECK(n_loaded == 6);
  CHECK(n_refused == 98);
}

}  // namespace
}  // namespace bitnet::core
