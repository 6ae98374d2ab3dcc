// The way back: packed SafeTensors of a model in any form.
#include "core/convert/export.h"

#include "core/base/json_reader.h"
#include "core/model/diff.h"
#include "support/hf_master.h"
#include "support/small_model.h"
#include "unit/convert/convert_helpers.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;
using test::SmallModel;
using test::TernaryFile;

ConvertReport Exported(const std::string& source, const std::string& target, const ConvertSpec& spec = {}) {
  const auto report = ExportSafetensors(source, target, spec, Pool());
  INFO(report.status().message());
  REQUIRE(report.ok());
  return *report;
}

TEST_CASE("the tiny model goes to a folder and back with the same codes, scales and dense tensors", "[convert]") {
  const ConvertFolder folder;
  const std::string target = folder.File("folder");
  ConvertSpec spec;
  std::vector<std::string> warnings;
  spec.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  const ConvertReport report = Exported(BITNET_TINY_MODEL, target, spec);
  CHECK(warnings.empty());
  // The tokenizer too: nothing that is compared differs.
  const auto diff = DiffModels(BITNET_TINY_MODEL, target, {});
  REQUIRE(diff.ok());
  for (const MetadataDiff& m : diff->metadata) UNSCOPED_INFO(m.key);
  CHECK(diff->equal());
  const auto tiny = Loaded(LoadPath(BITNET_TINY_MODEL)), packed = Loaded(LoadPath(target));
  CHECK(ToHex(packed->TernarySha256()) == ToHex(report.ternary_sha256));
  CHECK(ToHex(packed->TernarySha256()) == ToHex(tiny->TernarySha256()));
  CHECK(ToHex(packed->TernaryScalesSha256()) == ToHex(tiny->TernaryScalesSha256()));
  Converted(target, folder.File("back.gguf"));
  const auto back = Loaded(LoadPath(folder.File("back.gguf")));
  for (const GgufTensor& expected : tiny->file().tensors()) {
    const GgufTensor* found = back->file().FindTensor(expected.name);
    REQUIRE(found != nullptr);
    const size_t n = expected.type == QuantType::kI2_S ? expected.n_bytes - 28 : expected.n_bytes;  // less padding
    CHECK(std::equal(expected.data.begin(), expected.data.begin() + static_cast<ptrdiff_t>(n), found->data.begin()));
  }
  // From a folder the tokenizer comes along, and the bytes of the weights stay.
  Exported(target, folder.File("again"));
  CHECK(FileText(folder.File("again/model.safetensors")) == FileText(target + "/model.safetensors"));
  CHECK(FileText(folder.File("again/tokenizer.json")) == FileText(target + "/tokenizer.json"));
  CHECK(folder.Names() == std::vector<std::string>{"again", "back.gguf", "folder"});
}

TEST_CASE("every ternary form is exported with its heads in Hugging Face order", "[convert]") {
  const ConvertFolder folder;
  for (const char* architecture : {"bitnet-b1.58", "bitnet", "llama"}) {
    for (const TernaryFile form :
         {TernaryFile::kI2_S, TernaryFile::kTQ1_0, TernaryFile::kIQ1_BN, TernaryFile::kIQ2_BN_R4}) {
      CAPTURE(architecture, static_cast<uint32_t>(form));
      SmallModel small;
      small.architecture = architecture;
      small.ternary = form;
      const std::string source = folder.Write("source.gguf", small.Builder().Build());
      const auto before = Loaded(LoadPath(source));
      const std::string target = folder.File("folder");
      const ConvertReport report = Exported(source, target);
      LoadSpec spec;
      spec.tokenizer = before->tokenizer();
      const auto after = Loaded(LoadPath(target, spec));
      CHECK(after->hparams().architecture == before->hparams().architecture);
      CHECK_FALSE(after->hparams().rope_adjacent);
      CHECK(ToHex(after->TernarySha256()) == ToHex(before->TernarySha256()));
      CHECK(ToHex(after->TernarySha256()) == ToHex(report.ternary_sha256));
      CHECK(ToHex(after->TernaryScalesSha256()) == ToHex(report.ternary_scales_sha256));
      CHECK(after->weights().layers[0].q.scale[0] == small.scale);
      fs::remove_all(target);
    }
  }
}

TEST_CASE("what a packed folder cannot hold, or where it cannot be, is named and nothing is left", "[convert]") {
  const ConvertFolder folder;
  const auto refused = [&](const std::string& target, Code code, std::string_view part) {
    const auto report = ExportSafetensors(folder.File("source.gguf"), target, {}, Pool());
    REQUIRE_FALSE(report.ok());
    INFO(report.status().message());
    CHECK(report.status().code() == code);
    CHECK(report.status().message().find(part) != std::string_view::npos);
  };
  SmallModel small;
  small.ternary = TernaryFile::kIQ2_BN;
  std::vector<float> scales(256, 0.5f);
  scales[9] = 0.25f;
  small.scales["blk.0.attn_q"] = scales;
  folder.Write("source.gguf", small.Builder().Build());
  refused(folder.File("new"), Code::kUnsupported, "scales that differ");
  auto b = SmallModel().Builder();
  b.FindTensor("blk.1.ffn_down.weight")->data[100] = '\xff';
  folder.Write("source.gguf", b.Build());
  refused(folder.File("new"), Code::kBadFormat, "code 3 in row");
  folder.Write("source.gguf", SmallModel().Builder().Build());
  refused(folder.File("source.gguf"), Code::kIo, "exists already");
  refused(folder.File("no/such"), Code::kIo, "cannot be created");
  CHECK(folder.Names() == std::vector<std::string>{"source.gguf"});
  fs::create_directory(folder.File("empty"));
  Exported(folder.File("source.gguf"), folder.File("empty/"));
  CHECK(fs::exists(folder.File("empty/config.json")));
  // As load and convert refuse it.
  auto nan = SmallModel().Builder();
  std::string& table = nan.FindTensor("token_embd.weight")->data;
  table[table.size() - 1] = table[table.size() - 2] = '\xff';
  folder.Write("source.gguf", nan.Build());
  refused(folder.File("new"), Code::kBadFormat, "infinity or nan");
  CHECK_FALSE(fs::exists(folder.File("new")));
}

TEST_CASE("a link to an empty folder is followed, the current directory and a mount point are refused", "[convert]") {
  const ConvertFolder folder;
  const std::string source = folder.Write("source.gguf", SmallModel().Builder().Build());
  fs::create_directory(folder.File("empty"));
  fs::create_directory_symlink("empty", folder.File("link"));
  Exported(source, folder.File("link"));
  CHECK(fs::is_symlink(folder.File("link")));
  CHECK(fs::exists(folder.File("empty/config.json")));
  fs::create_symlink("nowhere", folder.File("dangling"));
  const auto refused = [&](const std::string& target, std::string_view part) {
    size_t n_calls = 0;
    ConvertSpec spec;
    spec.progress = [&](uint64_t, uint64_t) { return ++n_calls != 0; };
    const auto report = ExportSafetensors(source, target, spec, Pool());
    REQUIRE_FALSE(report.ok());
    INFO(report.status().message());
    CHECK(report.status().what() == "output");
    CHECK(report.status().message().find(part) != std::string_view::npos);
    CHECK(n_calls == 0);  // before the work
  };
  refused(folder.File("dangling"), "exists already");
  fs::create_directory(folder.File("here"));
  const fs::path before = fs::current_path();
  fs::current_path(folder.File("here"));
  refused(".", "is the current directory");
  refused(folder.File("here"), "is the current directory");
  fs::current_path(before);
  CHECK(folder.Names() == std::vector<std::string>{"dangling", "empty", "here", "link", "source.gguf"});
}

TEST_CASE("a tokenizer that no tokenizer.json can say is left out with a word, the weights are there", "[convert]") {
  const ConvertFolder folder;
  const std::string source = folder.Write("source.gguf", SmallModel().Builder().Build());
  ConvertSpec spec;
  spec.pre = "superbpe";
  std::vector<std::string> warnings;
  spec.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  Exported(source, folder.File("folder"), spec);
  REQUIRE_FALSE(warnings.empty());
  CHECK(warnings.back().starts_with("no tokenizer.json is written: "));
  CHECK(fs::exists(folder.File("folder/model.safetensors")));
  CHECK_FALSE(fs::exists(folder.File("folder/tokenizer.json")));
  CHECK_FALSE(fs::exists(folder.File("folder/tokenizer_config.json")));
}

TEST_CASE("an export keeps the ids and the type of config.json, and warns where there is no tokenizer", "[convert]") {
  const ConvertFolder folder;
  const std::string source = folder.File("source");
  fs::create_directory(source);
  REQUIRE(test::WriteHfMaster(BITNET_TINY_MODEL, BITNET_TEST_UNPACKED "/tokenizers/tiny/tokenizer.json", source).ok());
  const auto before = ParseJson(FileText(source + "/config.json"));
  REQUIRE(before.ok());
  const std::string bos = Cat(before->Find("bos_token_id")->uinteger);
  const std::string eos = Cat(R"("eos_token_id": )", before->Find("eos_token_id")->uinteger);
  std::string config = FileText(source + "/config.json");
  REQUIRE(config.find(eos) != std::string::npos);
  config.replace(config.find(eos), eos.size(),
                 R"("eos_token_id": [3, 5], "pad_token_id": -1, "torch_dtype": "bfloat16")");
  folder.Write("source/config.json", config);
  ConvertSpec spec;
  std::vector<std::string> warnings;
  spec.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  Exported(source, folder.File("target"), spec);
  CHECK(warnings.empty());
  const auto after = ParseJson(FileText(folder.File("target/config.json")));
  REQUIRE(after.ok());
  for (const char* key : {"bos_token_id", "pad_token_id", "torch_dtype"}) REQUIRE(after->Find(key) != nullptr);
  CHECK(Cat(after->Find("bos_token_id")->uinteger) == bos);
  const JsonValue* ids = after->Find("eos_token_id");
  REQUIRE(ids != nullptr);
  REQUIRE(ids->array.size() == 2);
  CHECK(ids->array[0].uinteger == 3);
  CHECK(ids->array[1].uinteger == 5);
  CHECK(after->Find("pad_token_id")->integer == -1);
  CHECK(after->Find("torch_dtype")->string == "bfloat16");
  fs::remove(source + "/tokenizer.json");
  Exported(source, folder.File("without"), spec);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("neither a tokenizer.json nor a tokenizer.model") != std::string::npos);
}

}  // namespace
}  // namespace bitnet::core
