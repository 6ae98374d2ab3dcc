// GGUF files to other GGUF files.
#include "support/small_model.h"
#include "unit/convert/convert_helpers.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;
using test::SmallModel;
using test::TernaryFile;

constexpr TernaryFile kForms[] = {TernaryFile::kI2_S,     TernaryFile::kI2_S_Arm, TernaryFile::kTQ1_0,
                                  TernaryFile::kTQ2_0,    TernaryFile::kIQ1_BN,   TernaryFile::kIQ2_BN,
                                  TernaryFile::kIQ2_BN_R4};
constexpr QuantType kTargets[] = {QuantType::kI2_S, QuantType::kTQ1_0, QuantType::kTQ2_0};

TEST_CASE("every form becomes every target with the same codes and, where they fit, scales", "[convert]") {
  const ConvertFolder folder;
  for (const char* architecture : {"bitnet-b1.58", "llama"}) {
    for (const TernaryFile form : kForms) {
      SmallModel small;
      small.architecture = architecture;
      small.ternary = form;
      const std::string source = folder.Write("source.gguf", small.Builder().Build());
      LoadSpec load;
      load.i2s_arm_layout = form == TernaryFile::kI2_S_Arm;
      const auto before = Loaded(LoadPath(source, load));
      for (const QuantType type : kTargets) {
        CAPTURE(architecture, static_cast<uint32_t>(form), QuantTypeName(type));
        ConvertSpec spec;
        spec.linear = type;
        spec.i2s_arm_layout = load.i2s_arm_layout;
        spec.overwrite = true;
        const std::string target = folder.File("target.gguf");
        const ConvertReport report = Converted(source, target, spec);
        CHECK(report.exact_scales);
        CHECK(report.n_codes == 2u * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 256 * 512));
        const auto after = LoadConverted(target, report);
        CHECK(ToHex(after->TernarySha256()) == ToHex(before->TernarySha256()));
        CHECK(after->quantization() == QuantTypeName(type));
        CHECK(after->weights().layers[1].down.scale[0] == small.scale);
        const std::string first = FileText(target);
        Converted(source, target, spec);
        CHECK(FileText(target) == first);
      }
    }
  }
  CHECK(folder.Names() == std::vector<std::string>{"source.gguf", "target.gguf"});
}

TEST_CASE("scales that differ within a matrix fit the types of blocks and not I2_S", "[convert]") {
  for (const TernaryFile form : {TernaryFile::kIQ2_BN, TernaryFile::kTQ2_0}) {
    const ConvertFolder folder;
    SmallModel small;
    small.ternary = form;
    std::vector<float> scales(ScaleCount(form, small.Matrix("blk.1.ffn_up")), 0.5f);
    scales[3] = 0.75f;
    small.scales["blk.1.ffn_up"] = scales;
    const std::string source = folder.Write("source.gguf", small.Builder().Build());
    CheckNotConverted(source, folder.File("target.gguf"), {}, Code::kUnsupported, "scales that differ");
    ConvertSpec spec;
    spec.linear = QuantType::kTQ1_0;
    spec.overwrite = true;
    const ConvertReport report = Converted(source, folder.File("target.gguf"), spec);
    CHECK(report.exact_scales);
    const auto after = LoadConverted(folder.File("target.gguf"), report);
    const Matrix& up = after->weights().layers[1].up;
    REQUIRE(up.kind == Matrix::Kind::kTernaryBlocks);
    CHECK(std::vector<float>(up.scale, up.scale + scales.size()) == scales);
  }
}

TEST_CASE("scales beyond f16 are kept by I2_S, rounded or refused by the types of blocks", "[convert]") {
  const ConvertFolder folder;
  SmallModel small;
  small.scale = 0.1f;
  std::string source = folder.Write("source.gguf", small.Builder().Build());
  ConvertSpec spec;
  spec.overwrite = true;
  const std::string target = folder.File("target.gguf");
  CHECK(Converted(source, target, spec).exact_scales);
  CHECK(Loaded(LoadPath(target))->weights().layers[0].q.scale[0] == 0.1f);
  spec.linear = QuantType::kTQ2_0;
  CHECK_FALSE(Converted(source, target, spec).exact_scales);
  CHECK(Loaded(LoadPath(target))->weights().layers[0].q.scale[0] == kernels::F16ToF32(kernels::F32ToF16(0.1f)));
  for (const float scale : {1e6f, 1e-9f}) {
    small.scale = scale;
    source = folder.Write("source.gguf", small.Builder().Build());
    CheckNotConverted(source, target, spec, Code::kUnsupported, "that f16 does not hold");
  }
}

TEST_CASE("a .scale tensor and a bias come along: one multiplied in, the other as F32", "[convert]") {
  const ConvertFolder folder;
  SmallModel small;
  auto b = small.Builder();
  b.Add({"blk.0.attn_q.scale", {1}, 0, test::Bytes(3.0f)});
  std::vector<uint16_t> bias(256);
  for (size_t i = 0; i < 256; ++i) bias[i] = kernels::F32ToF16(static_cast<float>(i) / 8);
  b.Add({"blk.0.attn_q.bias", {256}, 1, test::BytesOf(bias)});
  const std::string source = folder.Write("source.gguf", b.Build());
  const ConvertReport report = Converted(source, folder.File("target.gguf"));
  const auto after = LoadConverted(folder.File("target.gguf"), report);
  const Matrix& q = after->weights().layers[0].q;
  CHECK(q.scale[0] == 0.0625f * 3.0f);
  CHECK(after->file().FindTensor("blk.0.attn_q.scale") == nullptr);
  CHECK(after->file().FindTensor("blk.0.attn_q.bias")->type == QuantType::kF32);
  for (size_t i = 0; i < 256; ++i) CHECK(q.bias[i] == static_cast<float>(i) / 8);
}

TEST_CASE("embeddings become the type that is asked for, norms F32", "[convert]") {
  const ConvertFolder folder;
  auto b = SmallModel().Builder();
  auto* norm = b.FindTensor("blk.0.attn_norm.weight");
  norm->type = 1;
  norm->data = test::BytesOf(std::vector<uint16_t>(256, kernels::F32ToF16(0.5f)));
  const std::string source = folder.Write("source.gguf", b.Build());
  for (const QuantType type : {QuantType::kF16, QuantType::kBF16, QuantType::kQ8_0, QuantType::kQ6_K}) {
    ConvertSpec spec;
    spec.table = type;
    spec.overwrite = true;
    const ConvertReport report = Converted(source, folder.File("target.gguf"), spec);
    const auto after = LoadConverted(folder.File("target.gguf"), report);
    CHECK(after->file().FindTensor("token_embd.weight")->type == type);
    CHECK(after->file().FindTensor("blk.0.attn_norm.weight")->type == QuantType::kF32);
    CHECK(after->weights().layers[0].attn_norm[7] == 0.5f);
  }
  const std::string from_f16 = FileText(folder.File("target.gguf"));  // with a table of Q6_K
  auto* table = b.FindTensor("token_embd.weight");                    // F64, as which f16 is exact, makes no difference
  std::vector<double> wide(table->data.size() / 2);
  for (size_t i = 0; i < wide.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, table->data.data() + 2 * i, sizeof half);
    wide[i] = kernels::F16ToF32(half);
  }
  auto from_f64 = b;
  *from_f64.FindTensor("token_embd.weight") = {table->name, table->ne, 28, test::BytesOf(wide)};
  *from_f64.FindTensor("blk.0.attn_norm.weight") = {norm->name, norm->ne, 28,
                                                    test::BytesOf(std::vector<double>(256, 0.5))};
  ConvertSpec same;
  same.overwrite = true;
  ConvertSpec q6;
  q6.overwrite = true;
  q6.table = QuantType::kQ6_K;
  Converted(folder.Write("f64.gguf", from_f64.Build()), folder.File("target.gguf"), q6);
  CHECK(FileText(folder.File("target.gguf")) == from_f16);
  Converted(source, folder.File("target.gguf"), same);
  const std::string file = FileText(folder.File("target.gguf"));
  CHECK(file.find(b.FindTensor("token_embd.weight")->data) != std::string::npos);
}

TEST_CASE("metadata stays as it is but for what the conversion says", "[convert]") {
  const ConvertFolder folder;
  auto b = SmallModel().Builder();
  b.U32("general.alignment", 64).U32("general.file_type", 1).Strings("my.list", {"x", "y"}).F32("my.number", 0.1f);
  const std::string source = folder.Write("source.gguf", b.Build(64));
  ConvertSpec spec;
  spec.name = "other";
  spec.pre = "gpt-2";
  spec.linear = QuantType::kTQ1_0;
  Converted(source, folder.File("target.gguf"), spec);
  const auto after = Loaded(LoadPath(folder.File("target.gguf")));
  CHECK(after->name() == "other");
  CHECK(after->tokenizer()->pre() == "gpt-2");
  CHECK(**after->file().Count("general.file_type") == 36);
  CHECK(**after->file().Count("general.quantization_version") == 2);
  CHECK(**after->file().Strings("my.list") == std::vector<std::string_view>{"x", "y"});
  CHECK(**after->file().Float("my.number") == 0.1f);
  spec.pre = "no-such";
  CheckNotConverted(source, folder.File("other.gguf"), spec, Code::kInvalidArgument, "no-such");
}

TEST_CASE("what cannot be converted is named, and nothing is left", "[convert]") {
  const ConvertFolder folder;
  const auto refused = [&](test::GgufBuilder b, const ConvertSpec& spec, Code code, std::string_view part) {
    CheckNotConverted(folder.Write("source.gguf", b.Build()), folder.File("target.gguf"), spec, code, part);
  };
  auto b = SmallModel().Builder();
  b.FindTensor("blk.1.ffn_down.weight")->data[100] = '\xff';
  refused(b, {}, Code::kBadFormat, "code 3 in row 0");
  b = SmallModel().Builder();
  b.FindTensor("token_embd.weight")->data[513] = '\x7c';
  refused(b, {}, Code::kBadFormat, "in row 1 ");
  b = SmallModel().Builder();
  auto* norm = b.FindTensor("output_norm.weight");
  norm->type = 8;
  norm->data.assign(256 / 32 * 34, '\0');
  refused(b, {}, Code::kBadFormat, "quantised type Q8_0");
  SmallModel small;
  small.embd = 384;
  small.heads = 6;
  small.ffn = 128;
  ConvertSpec spec;
  spec.linear = QuantType::kTQ2_0;
  refused(small.Builder(), spec, Code::kUnsupported, "needs a multiple of 256");
  spec.linear = QuantType::kIQ2_BN;
  refused(small.Builder(), spec, Code::kInvalidArgument, "linears become");
  CHECK(folder.Names() == std::vector<std::string>{"source.gguf"});
}

TEST_CASE("a target that is there, or is the source, stays as it is", "[convert]") {
  const ConvertFolder folder;
  const std::string source = folder.Write("source.gguf", SmallModel().Builder().Build());
  folder.Write("old.gguf", "old");
  CheckNotConverted(source, folder.File("old.gguf"), {}, Code::kIo, "exists already");
  CHECK(FileText(folder.File("old.gguf")) == "old");
  ConvertSpec spec;
  spec.overwrite = true;
  fs::create_hard_link(source, folder.File("same.gguf"));
  for (const char* name : {"source.gguf", "same.gguf"}) {
    CheckNotConverted(source, folder.File(name), spec, Code::kInvalidArgument, "is a file of the source");
  }
  CHECK(FileText(source) == SmallModel().Builder().Build());
  Converted(source, folder.File("old.gguf"), spec);
  Loaded(LoadPath(folder.File("old.gguf")));
}

TEST_CASE("progress goes up to the total, and cancels at any moment without a trace", "[convert]") {
  const ConvertFolder folder;
  const std::string source = folder.Write("source.gguf", SmallModel().Builder().Build());
  ConvertSpec spec;
  uint64_t n_calls = 0, last = 0, all = 0;
  spec.progress = [&](uint64_t done, uint64_t total) {
    CHECK(done >= last);
    CHECK(done <= total);
    last = done;
    all = total;
    ++n_calls;
    return true;
  };
  Converted(source, folder.File("target.gguf"), spec);
  CHECK(last > all / 10 * 9);
  CHECK(n_calls > 20);
  fs::remove(folder.File("target.gguf"));
  for (uint64_t stop = 0; stop < n_calls; ++stop) {
    uint64_t calls = 0;
    spec.progress = [&](uint64_t, uint64_t) { return calls++ < stop; };
    CheckNotConverted(source, folder.File("target.gguf"), spec, Code::kCancelled, "cancelled");
    CHECK(folder.Names() == std::vector<std::string>{"source.gguf"});
  }
}

}  // namespace
}  // namespace bitnet::core
