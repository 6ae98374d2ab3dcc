// The way back: packed SafeTensors of a model in any form.
#include "core/convert/export.h"

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
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("no tokenizer.json is written") != std::string::npos);
  CHECK_FALSE(fs::exists(target + "/tokenizer.json"));
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(std::string(BITNET_TEST_UNPACKED "/tokenizers/tiny/") + name, target + "/" + name);
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
}

}  // namespace
}  // namespace bitnet::core
