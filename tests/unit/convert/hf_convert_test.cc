// Hugging Face folders to GGUF files.
#include "core/base/json_reader.h"
#include "core/base/json_writer.h"
#include "core/convert/export.h"
#include "core/tokenizer/jinja/limits.h"
#include "core/tokenizer/rules.h"
#include "support/hf_master.h"
#include "support/small_model.h"
#include "unit/convert/convert_helpers.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;
using test::SafeTensorText;
using test::SmallModel;
using test::TernaryMatrix;

constexpr char kTinyTokenizer[] = BITNET_TEST_UNPACKED "/tokenizers/tiny/tokenizer.json";

TEST_CASE("master weights of the tiny model become its I2_S file again", "[convert]") {
  const ConvertFolder folder;
  REQUIRE(test::WriteHfMaster(BITNET_TINY_MODEL, kTinyTokenizer, folder.path()).ok());
  const auto tiny = Loaded(LoadPath(BITNET_TINY_MODEL));
  const auto master = Loaded(LoadPath(folder.path()));
  REQUIRE(ToHex(master->TernarySha256()) == ToHex(tiny->TernarySha256()));
  REQUIRE(ToHex(master->TernaryScalesSha256()) == ToHex(tiny->TernaryScalesSha256()));
  for (const std::string& source : {folder.path(), folder.File("model.safetensors")}) {
    ConvertSpec spec;
    spec.overwrite = true;
    const ConvertReport report = Converted(source, folder.File("target.gguf"), spec);
    CHECK(report.exact_scales);
    const auto after = LoadConverted(folder.File("target.gguf"), report);
    CHECK(ToHex(report.ternary_sha256) == ToHex(tiny->TernarySha256()));
    CHECK(ToHex(report.ternary_scales_sha256) == ToHex(tiny->TernaryScalesSha256()));
    REQUIRE(after->tensors().size() == tiny->tensors().size());
    for (const GgufTensor& expected : tiny->file().tensors()) {
      const GgufTensor* found = after->file().FindTensor(expected.name);
      REQUIRE(found != nullptr);
      CHECK(found->type == expected.type);
      const size_t n = expected.type == QuantType::kI2_S ? expected.n_bytes - 28 : expected.n_bytes;  // less padding
      CHECK(std::equal(expected.data.begin(), expected.data.begin() + static_cast<ptrdiff_t>(n), found->data.begin()));
    }
    for (const char* key :
         {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.pre",
          "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.chat_template", "general.file_type",
          "bitnet-b1.58.rope.freq_base", "bitnet-b1.58.attention.layer_norm_rms_epsilon"}) {
      CAPTURE(key);
      const GgufValue *found = after->file().Find(key), *expected = tiny->file().Find(key);
      REQUIRE(found != nullptr);
      CHECK(found->type == expected->type);
      CHECK(std::equal(found->raw.begin(), found->raw.end(), expected->raw.begin(), expected->raw.end()));
    }
  }
}

// A `llama` folder of packed weights with random codes; `vocab_rows` rows of embedding.
void WriteLlama(const ConvertFolder& folder, const SmallModel& small, uint64_t vocab_rows) {
  const auto bf16 = [](size_t n) { return test::BytesOf(std::vector<uint16_t>(n, kernels::F32ToBF16(0.75f))); };
  std::vector<SafeTensorText> tensors = {
      {"model.embed_tokens.weight", "BF16", {vocab_rows, small.embd}, bf16(vocab_rows * small.embd)},
      {"model.norm.weight", "BF16", {small.embd}, bf16(small.embd)}};
  for (uint32_t l = 0; l < small.layers; ++l) {
    const std::string p = Cat("model.layers.", l, ".");
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
      tensors.push_back({Cat(p, norm, ".weight"), "BF16", {small.embd}, bf16(small.embd)});
  }
  for (const std::string& graph : small.Linears()) {
    const TernaryMatrix m = small.Matrix(graph);
    const std::string part = graph.substr(graph.rfind('.') + 1);
    const std::string tail = part == "attn_output" ? "o" : part.substr(part.find('_') + 1);
    const std::string name = Cat("model.layers.", graph.substr(4, 1),
                                 part.starts_with("attn") ? ".self_attn." : ".mlp.", tail, "_proj.weight");
    std::string packed;
    for (size_t r = 0; r < m.rows / 4; ++r) {
      for (size_t c = 0; c < m.cols; ++c) {
        unsigned byte = 0;
        for (size_t i = 0; i < 4; ++i) byte |= m.Code(i * (m.rows / 4) + r, c) << (2 * i);
        packed += static_cast<char>(byte);
      }
    }
    tensors.push_back({name, "U8", {m.rows / 4, m.cols}, packed});
    tensors.push_back({name + "_scale", "F32", {1}, test::Bytes(4.0f)});
  }
  folder.Write("model.safetensors", test::SafetensorsText(tensors));
  folder.Write(
      "config.json",
      Cat(R"({"model_type":"llama","hidden_size":)", small.embd, R"(,"intermediate_size":)", small.ffn,
          R"(,"num_hidden_layers":)", small.layers, R"(,"num_attention_heads":)", small.heads,
          R"(,"num_key_value_heads":)", small.heads_kv,
          R"(,"max_position_embeddings":64,"rms_norm_eps":1e-5,"tie_word_embeddings":true,"vocab_size":)", vocab_rows,
          R"(,"_name_or_path":"someone/small-llama","quantization_config":)", R"({"quant_method":"bitnet"}})"));
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(fs::path(kTinyTokenizer).parent_path() / name, folder.File(name));
}

TEST_CASE("heads of a llama folder are interleaved for adjacent pairs, and its codes stay those of the folder",
          "[convert]") {
  const ConvertFolder folder;
  const SmallModel small;
  WriteLlama(folder, small, 1540);
  const auto before = Loaded(LoadPath(folder.path()));
  for (const QuantType type : {QuantType::kI2_S, QuantType::kTQ1_0}) {
    ConvertSpec spec;
    spec.linear = type;
    spec.overwrite = true;
    const ConvertReport report = Converted(folder.path(), folder.File("target.gguf"), spec);
    const auto after = LoadConverted(folder.File("target.gguf"), report);
    CHECK(after->hparams().rope_adjacent);
    CHECK(after->name() == "small-llama");
    CHECK(ToHex(after->TernarySha256()) == ToHex(before->TernarySha256()));
    CHECK(ToHex(after->TernaryScalesSha256()) == ToHex(before->TernaryScalesSha256()));
    // Row 2 j + i of a head is its row (i, j): value (k, k + d/2) of a pair become neighbours.
    const size_t d = small.head_dim();
    const TernaryMatrix q = small.Matrix("blk.1.attn_q"), v = small.Matrix("blk.1.attn_v");
    const auto row = [](const Matrix& m, size_t r) {
      std::vector<uint8_t> codes(m.cols);
      kernels::UnpackTernaryRow(static_cast<const uint8_t*>(m.data) + r * m.cols / 4, m.cols, codes.data());
      return codes;
    };
    for (size_t h = 0; h < small.heads; ++h) {
      for (size_t j = 0; j < d / 2; ++j) {
        for (size_t i = 0; i < 2; ++i) {
          std::vector<uint8_t> expected;
          for (size_t c = 0; c < q.cols; ++c)
            expected.push_back(static_cast<uint8_t>(q.Code(h * d + i * d / 2 + j, c)));
          CHECK(row(after->weights().layers[1].q, h * d + 2 * j + i) == expected);
        }
      }
    }
    for (size_t c = 0; c < v.cols; ++c) CHECK(row(after->weights().layers[1].v, 5)[c] == v.Code(5, c));
    // Rows beyond the tokenizer have tokens that no text becomes.
    REQUIRE(after->tokenizer()->size() == 1540);
    CHECK(after->tokenizer()->type(1539) == TokenType::kUnused);
  }
}

TEST_CASE("no file of a folder is written over by its own conversion", "[convert]") {
  const ConvertFolder folder;
  WriteLlama(folder, SmallModel(), 1536);
  folder.Write("chat_template.jinja", "{{ x }}");
  ConvertSpec spec;
  spec.overwrite = true;
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"}) {
    CheckNotConverted(folder.path(), folder.File(name), spec, Code::kInvalidArgument, "is a file of the source");
  }
  fs::remove(folder.File("tokenizer.json"));
  CheckNotConverted(folder.path(), folder.File("target.gguf"), {}, Code::kNotFound, "tokenizer.json");
  CHECK_FALSE(fs::exists(folder.File("target.gguf")));
}

TEST_CASE("a chat_template.jinja comes before the template of tokenizer_config.json, and goes along", "[convert]") {
  const ConvertFolder folder, targets;
  WriteLlama(folder, SmallModel(), 1536);
  const std::string own = "the other one";
  std::string config = FileText(folder.File("tokenizer_config.json"));
  REQUIRE(config.starts_with('{'));
  config.insert(1, Cat(R"("chat_template": ")", own, R"(",)"));
  folder.Write("tokenizer_config.json", config);
  CHECK(Loaded(LoadPath(folder.path()))->tokenizer()->chat_template() == own);
  const std::string text = "a\n{{ messages[0].content }}\n";
  folder.Write("chat_template.jinja", text);
  CHECK(Loaded(LoadPath(folder.path()))->tokenizer()->chat_template() == text);
  const ConvertReport report = Converted(folder.path(), targets.File("target.gguf"));
  CHECK(LoadConverted(targets.File("target.gguf"), report)->tokenizer()->chat_template() == text);
  REQUIRE(ExportSafetensors(folder.path(), targets.File("folder"), {}, Pool()).ok());
  CHECK(FileText(targets.File("folder/chat_template.jinja")) == text);
  // Without the other file too; an empty one says nothing.
  fs::rename(folder.File("tokenizer_config.json"), folder.File("away"));
  CHECK(Loaded(LoadPath(folder.path()))->tokenizer()->chat_template() == text);
  fs::rename(folder.File("away"), folder.File("tokenizer_config.json"));
  folder.Write("chat_template.jinja", "");
  CHECK(Loaded(LoadPath(folder.path()))->tokenizer()->chat_template() == own);
  // What no interpreter would run is refused by name, by loading and by converting.
  for (const auto& [bad, code] : {std::pair(std::string(jinja::kMaxTemplateBytes + 1, 'x'), Code::kLimit),
                                  std::pair(std::string("\xFF"), Code::kBadFormat)}) {
    folder.Write("chat_template.jinja", bad);
    CheckRefused(LoadPath(folder.path()), code, "chat_template.jinja", "chat_template.jinja: ");
    CheckNotConverted(folder.path(), targets.File("no.gguf"), {}, code, "chat_template.jinja: ");
  }
  folder.Write("chat_template.jinja", std::string(jinja::kMaxTemplateBytes, 'x'));
  CHECK(Loaded(LoadPath(folder.path()))->tokenizer()->chat_template().size() == jinja::kMaxTemplateBytes);
}

TEST_CASE("a folder whose tokenizer_config.json names no end token is converted with that of another file",
          "[convert]") {
  const ConvertFolder folder;
  WriteLlama(folder, SmallModel(), 1536);
  folder.Write("tokenizer_config.json", "{}");
  ConvertSpec spec;
  spec.overwrite = true;
  const auto end = [&] {
    const ConvertReport report = Converted(folder.path(), folder.File("target.gguf"), spec);
    const auto tokenizer = LoadConverted(folder.File("target.gguf"), report)->tokenizer();
    CHECK(tokenizer->eot() != tokenizer->eos());
    return tokenizer->eos();
  };
  const auto before = Loaded(LoadPath(folder.path()));
  REQUIRE(before->tokenizer()->eos() == -1);
  REQUIRE_FALSE(before->tokenizer()->stop_ids().empty());
  CHECK(end() == before->tokenizer()->stop_ids().front());
  CHECK(Loaded(LoadPath(folder.File("target.gguf")))->tokenizer()->stop_ids() == before->tokenizer()->stop_ids());
  folder.Write("generation_config.json", R"({"eos_token_id": [7, 9]})");
  CHECK(end() == 7);
  for (const char* bad : {"1536", "-1", "\"x\"", "[1.5]"}) {
    folder.Write("generation_config.json", Cat("{\"eos_token_id\": ", bad, "}"));
    CheckNotConverted(folder.path(), folder.File("no.gguf"), {}, Code::kBadFormat, "generation_config.json: key");
  }
  std::string config = FileText(folder.File("config.json"));
  config.insert(1, R"("eos_token_id": 11,)");
  folder.Write("config.json", config);
  CHECK(end() == 11);
}

TEST_CASE("a llama3 scaling of RoPE becomes the tensor of a GGUF, and an export keeps it", "[convert]") {
  const ConvertFolder folder;
  fs::create_directory(folder.File("source"));
  REQUIRE(test::WriteHfMaster(BITNET_TINY_MODEL, kTinyTokenizer, folder.File("source")).ok());
  std::string config = FileText(folder.File("source/config.json"));
  config.insert(1, R"("rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
                   R"("original_max_position_embeddings":256},)");
  folder.Write("source/config.json", config);
  const auto source = Loaded(LoadPath(folder.File("source")));
  Converted(folder.File("source"), folder.File("target.gguf"));
  const auto exported = ExportSafetensors(folder.File("source"), folder.File("packed"), {}, Pool());
  INFO(exported.status().message());
  REQUIRE(exported.ok());
  const size_t n = source->hparams().n_rot / 2;
  REQUIRE(source->weights().rope_freqs != nullptr);
  CHECK(source->weights().rope_freqs[n - 1] == 8.0f);
  for (const std::string& path : {folder.File("target.gguf"), folder.File("packed")}) {
    CAPTURE(path);
    const auto after = Loaded(LoadPath(path));
    REQUIRE(after->weights().rope_freqs != nullptr);
    CHECK(std::equal(after->weights().rope_freqs, after->weights().rope_freqs + n, source->weights().rope_freqs));
  }
  CHECK(FileText(folder.File("packed/model.safetensors")).find("rope_freqs") == std::string::npos);
}

TEST_CASE("the tokenizer of another file takes the place of the source's own", "[convert]") {
  const std::string sets = BITNET_TEST_UNPACKED "/tokenizers/";
  const ConvertFolder folder;
  const auto expected = Loaded(LoadPath(BITNET_TINY_MODEL));
  ConvertSpec spec;
  spec.overwrite = true;
  const std::string target = folder.File("target.gguf");
  for (const std::string& tokenizer : {sets + "tiny/tokenizer.json", sets + "tiny", std::string(BITNET_TINY_MODEL)}) {
    CAPTURE(tokenizer);
    spec.tokenizer = tokenizer;
    Converted(BITNET_TINY_MODEL, target, spec);
    const auto after = Loaded(LoadPath(target));
    CHECK(RulesOf(*after->tokenizer()) == RulesOf(*expected->tokenizer()));
    if (tokenizer == BITNET_TINY_MODEL)  // the folder has none
      CHECK(after->tokenizer()->chat_template() == expected->tokenizer()->chat_template());
  }
  spec.tokenizer = sets + "bpe-llama/tokenizer.json";
  CheckNotConverted(BITNET_TINY_MODEL, target, spec, Code::kBadFormat, "1536 rows, but the tokenizer has 2200 tokens");
  spec.tokenizer = folder.File("absent.json");
  CheckNotConverted(BITNET_TINY_MODEL, target, spec, Code::kNotFound, "absent.json");
  spec.tokenizer = folder.path();
  CheckNotConverted(BITNET_TINY_MODEL, target, spec, Code::kNotFound, "tokenizer.json or tokenizer.model");
}

TEST_CASE("a tokenizer.model becomes the tokens and scores of the GGUF", "[convert]") {
  const ConvertFolder folder;
  WriteLlama(folder, SmallModel(), 1610);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) fs::remove(folder.File(name));
  for (const char* set : {"spm-llama", "spm-noprefix"}) {
    CAPTURE(set);
    const std::string from = Cat(BITNET_TEST_UNPACKED "/tokenizers/", set);
    const std::string target = folder.File(Cat(set, ".gguf"));
    ConvertSpec spec;
    if (std::string_view(set) == "spm-llama") {
      fs::copy_file(from + "/tokenizer.model", folder.File("tokenizer.model"));  // that of the folder itself
    } else {
      spec.tokenizer = from + "/tokenizer.model";
    }
    Converted(folder.path(), target, spec);
    const auto after = Loaded(LoadPath(target));
    CHECK(after->tokenizer()->size() == 1610);
    const auto file = MappedFile::Map(from + "/vocab.gguf");
    REQUIRE(file.ok());
    const auto gguf = Gguf::Parse(file->bytes());
    REQUIRE(gguf.ok());
    const auto original = Tokenizer::FromGguf(*gguf, "", {});
    REQUIRE(original.ok());
    const auto vectors = ParseJson(FileText(from + "/vectors.json"));
    REQUIRE(vectors.ok());
    size_t n = 0;
    for (const JsonValue& vector : vectors->array) {
      const std::string& text = vector.Find("text")->string;
      CAPTURE(text);
      std::vector<int32_t> x, y;
      after->tokenizer()->Encode(text, {false, true}, x);
      (*original)->Encode(text, {false, true}, y);
      CHECK(x == y);
      ++n;
    }
    CHECK(n > 1000);
  }
}

}  // namespace
}  // namespace bitnet::core
