// Two models compared: each outcome, in each form.
#include "core/model/diff.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/json_reader.h"
#include "support/catch.h"
#include "support/hf_folder.h"

namespace bitnet::core {
namespace {

using test::Bytes;
using test::BytesOf;
using test::Folder;
using test::Form;
using test::GgufBuilder;
using test::HfModel;
using test::SmallModel;
using test::TernaryFile;
using test::TernaryMatrix;
using Outcome = TensorDiff::Outcome;

class Fixture {
 public:
  // Compares two files that hold these bytes.
  Diff Compare(const std::string& a, const std::string& b, const DiffOptions& options = {}) const {
    folder_.Write("a.gguf", a);
    folder_.Write("b.gguf", b);
    return ComparePaths(folder_.File("a.gguf"), folder_.File("b.gguf"), options);
  }
  static Diff ComparePaths(const std::string& a, const std::string& b, const DiffOptions& options = {}) {
    auto diff = DiffModels(a, b, options);
    INFO(diff.status().message());
    REQUIRE(diff.ok());
    return *std::move(diff);
  }
  // The one tensor that is not equal.
  static TensorDiff Only(const Diff& diff) {
    REQUIRE(diff.Count(Outcome::kEqual) == diff.tensors.size() - 1);
    return *std::find_if(diff.tensors.begin(), diff.tensors.end(),
                         [](const TensorDiff& t) { return t.outcome != Outcome::kEqual; });
  }
  // The tensors that are not equal, by name.
  static std::map<std::string, Outcome> Different(const Diff& diff) {
    std::map<std::string, Outcome> out;
    for (const TensorDiff& t : diff.tensors) {
      if (t.outcome != Outcome::kEqual) out[t.name] = t.outcome;
    }
    return out;
  }

  Folder folder_;
};

TEST_CASE_METHOD(Fixture, "one model in every ternary type is equal to itself", "[model][diff]") {
  const std::string i2s = SmallModel().Builder().Build();
  for (const TernaryFile type : {TernaryFile::kI2_S, TernaryFile::kI2_S_Arm, TernaryFile::kTQ1_0, TernaryFile::kTQ2_0,
                                 TernaryFile::kIQ1_BN, TernaryFile::kIQ2_BN, TernaryFile::kIQ2_BN_R4}) {
    SmallModel other;
    other.ternary = type;
    DiffOptions options;
    options.i2s_arm_layout_b = type == TernaryFile::kI2_S_Arm;
    const Diff diff = Compare(i2s, other.Builder().Build(), options);
    INFO("type " << static_cast<uint32_t>(type));
    CHECK(diff.equal());
    CHECK(diff.tensors.size() == 24);
    CHECK(diff.Count(Outcome::kEqual) == 24);
    CHECK(diff.n_metadata >= 15);
    const auto q = std::find_if(diff.tensors.begin(), diff.tensors.end(),
                                [](const TensorDiff& t) { return t.name == "blk.1.attn_q.weight"; });
    REQUIRE(q != diff.tensors.end());
    CHECK(q->n_compared == 256 * 256);
    CHECK(q->type_a == "I2_S");
    CHECK(q->shape_b == "[256, 256]");
  }
  SmallModel arm;
  arm.ternary = TernaryFile::kI2_S_Arm;
  const Diff misread = Compare(i2s, arm.Builder().Build());
  CHECK(misread.Count(Outcome::kValues) == 14);
}

TEST_CASE_METHOD(Fixture, "another scale and another code are told apart", "[model][diff]") {
  const SmallModel model;
  const std::string name = "blk.0.ffn_up";
  SmallModel scaled;
  scaled.scales[name] = {0.125f};
  TensorDiff t = Only(Compare(model.Builder().Build(), scaled.Builder().Build()));
  CHECK(t.name == name + ".weight");
  CHECK(t.outcome == Outcome::kScale);
  CHECK(t.n_compared == 1);  // of the whole matrix
  CHECK(t.n_different == 1);
  CHECK(t.n_scales == 1);
  CHECK(t.n_scales_different == 1);
  CHECK(t.first_different < 256);
  CHECK(t.max_difference == 0.0625);

  // Row 3, column 130: bits 5:4 of byte 2 of the second group of the row are column 162; 7:6 are 130.
  GgufBuilder changed = model.Builder();
  char& byte = changed.FindTensor(name + ".weight")->data[(3 * 256 + 128) / 4 + 2];
  const auto old = static_cast<uint8_t>(byte);
  byte = static_cast<char>((old & 0x3f) | (old >> 6 == 0 ? 2 : 0) << 6);
  t = Only(Compare(model.Builder().Build(), changed.Build()));
  CHECK(t.outcome == Outcome::kValues);
  CHECK(t.n_compared == 512 * 256);
  CHECK(t.n_different == 1);
  CHECK(t.first_different == 3 * 256 + 130);
  CHECK(t.n_scales == 1);
  CHECK(t.n_scales_different == 0);
  const double was = (old >> 6) - 1, is = old >> 6 == 0 ? 1 : -1;
  CHECK(t.max_difference == std::fabs(was - is) * 0.0625);

  // Both: a code, and the scale of the matrix. Weights that are -s in the one and 2s in the other would be 0.375 apart.
  GgufBuilder both = scaled.Builder();
  both.FindTensor(name + ".weight")->data[(3 * 256 + 128) / 4 + 2] = byte;
  t = Only(Compare(model.Builder().Build(), both.Build()));
  CHECK(t.outcome == Outcome::kValues);
  CHECK(t.n_different == 1);
  CHECK(t.first_different == 3 * 256 + 130);
  CHECK(t.n_scales_different == 1);
  CHECK(t.max_difference == std::max(0.0625, std::fabs(was * 0.0625 - is * 0.125)));

  // Row scales: one row of 512.
  SmallModel rows;
  rows.ternary = TernaryFile::kIQ2_BN;
  rows.scales[name] = std::vector<float>(512, 0.0625f);
  rows.scales[name][7] = 0.25f;
  t = Only(Compare(model.Builder().Build(), rows.Builder().Build()));
  CHECK(t.outcome == Outcome::kScale);
  CHECK(t.n_compared == 512);
  CHECK(t.n_different == 1);
  CHECK(t.first_different / 256 == 7);  // the first weight of the row that is not 0
  CHECK(t.max_difference == 0.1875);
}

TEST_CASE_METHOD(Fixture, "a scale above nothing but zeros makes no difference", "[model][diff]") {
  SmallModel a, b;
  a.ternary = b.ternary = TernaryFile::kIQ2_BN;
  a.scales["blk.0.attn_v"] = b.scales["blk.0.attn_v"] = std::vector<float>(128, 0.0625f);
  b.scales["blk.0.attn_v"][5] = 0.5f;
  GgufBuilder one = a.Builder(), other = b.Builder();
  for (GgufBuilder* builder : {&one, &other}) {
    std::string& data = builder->FindTensor("blk.0.attn_v.weight")->data;
    std::fill_n(data.begin() + 5 * (4 + 64) + 4, 64, '\x55');  // row 5: code 1 everywhere
  }
  CHECK(Compare(one.Build(), other.Build()).equal());
}

TEST_CASE_METHOD(Fixture, "a .scale tensor is part of its matrix", "[model][diff]") {
  SmallModel whole, half;
  half.scale = 0.03125f;
  GgufBuilder with = half.Builder();
  with.Add({"blk.0.attn_q.scale", {1}, 0, Bytes(2.0f)});
  const std::map<std::string, Outcome> different = Different(Compare(whole.Builder().Build(), with.Build()));
  CHECK(different.size() == 13);
  CHECK_FALSE(different.contains("blk.0.attn_q.weight"));
  CHECK_FALSE(different.contains("blk.0.attn_q.scale"));
  CHECK(different.at("blk.0.attn_k.weight") == Outcome::kScale);
}

TEST_CASE_METHOD(Fixture, "dense values, shapes, types and missing tensors", "[model][diff]") {
  const SmallModel model;
  GgufBuilder a = model.Builder(), b = model.Builder();
  std::string& norm = b.FindTensor("output_norm.weight")->data;
  norm.replace(4 * 17, 4, Bytes(std::nanf("")));
  norm.replace(4 * 18, 4, Bytes(-1.0f));
  GgufBuilder::Tensor* sub_norm = b.FindTensor("blk.1.ffn_sub_norm.weight");
  sub_norm->ne = {256};
  sub_norm->data.resize(1024);
  b.FindTensor("blk.0.ffn_norm.weight")->name = "blk.9.ffn_norm.weight";
  a.Add({"same.bytes", {2}, 26, std::string("12345678")});
  b.Add({"same.bytes", {2}, 26, std::string("12345678")});
  a.Add({"other.bytes", {2}, 26, std::string("12345678")});
  b.Add({"other.bytes", {2}, 26, std::string("123x56x8")});
  a.Add({"other.type", {2}, 26, std::string("12345678")});
  b.Add({"other.type", {2}, 27, std::string("1234567812345678")});
  const Diff diff = Compare(a.Build(), b.Build());
  CHECK_FALSE(diff.equal());
  CHECK(Different(diff) == std::map<std::string, Outcome>{{"output_norm.weight", Outcome::kValues},
                                                          {"blk.1.ffn_sub_norm.weight", Outcome::kShape},
                                                          {"blk.0.ffn_norm.weight", Outcome::kOnlyA},
                                                          {"blk.9.ffn_norm.weight", Outcome::kOnlyB},
                                                          {"other.bytes", Outcome::kValues},
                                                          {"other.type", Outcome::kNotCompared}});
  for (const TensorDiff& t : diff.tensors) {
    if (t.name == "output_norm.weight") {
      CHECK(t.n_different == 2);
      CHECK(t.first_different == 17);
      CHECK(std::isinf(t.max_difference));
    }
    if (t.name == "other.bytes") {
      CHECK(t.n_compared == 8);
      CHECK(t.n_different == 2);
      CHECK(t.first_different == 3);
    }
  }
  const auto json = ParseJson(DiffJson(diff));
  REQUIRE(json.ok());
  CHECK_FALSE(json->Find("equal")->boolean);
  CHECK(json->Find("summary")->Find("values")->uinteger == 2);
  CHECK(json->Find("tensors")->array.size() == diff.tensors.size());
}

TEST_CASE_METHOD(Fixture, "dense linears of one magnitude are ternary", "[model][diff]") {
  const SmallModel model;
  GgufBuilder dense = model.Builder();
  const TernaryMatrix m = model.Matrix("blk.1.ffn_down");
  GgufBuilder::Tensor* tensor = dense.FindTensor("blk.1.ffn_down.weight");
  std::vector<uint16_t> values;
  for (const int8_t w : m.weights) values.push_back(kernels::F32ToF16(static_cast<float>(w) * model.scale));
  tensor->type = 1;
  tensor->data = BytesOf(values);
  CHECK(Compare(model.Builder().Build(), dense.Build()).equal());
  GgufBuilder wide = dense;
  const std::vector<float> plain = [&] {
    std::vector<float> out;
    for (const uint16_t v : values) out.push_back(kernels::F16ToF32(v));
    return out;
  }();
  *wide.FindTensor(tensor->name) = {tensor->name, tensor->ne, 28,
                                    BytesOf(std::vector<double>(plain.begin(), plain.end()))};
  CHECK(Compare(wide.Build(), dense.Build()).equal());
  values[100] = kernels::F32ToF16(0.03f);  // no longer ternary: compared as values
  tensor->data = BytesOf(values);
  const TensorDiff t = Only(Compare(model.Builder().Build(), dense.Build()));
  CHECK(t.outcome == Outcome::kValues);
  CHECK(t.n_different == 1);
  CHECK(t.first_different == 100);
}

TEST_CASE_METHOD(Fixture, "folders have the codes of the same model in GGUF", "[model][diff][safetensors]") {
  folder_.Write("model.gguf", SmallModel().Builder().Build());
  for (const Form form : {Form::kPackedAuto, Form::kPackedReciprocal, Form::kMaster}) {
    HfModel hf;
    hf.form = form;
    folder_.Write("config.json", hf.Config());
    folder_.Write("model.safetensors", test::Safetensors(hf.Tensors()));
    const Diff diff = ComparePaths(folder_.File("model.gguf"), folder_.path());
    INFO("form " << static_cast<int>(form));
    CHECK(diff.tensors.size() == 24);
    size_t n_linears = 0;
    for (const TensorDiff& t : diff.tensors) {
      if (t.type_a != "I2_S") {
        CHECK(t.outcome == Outcome::kValues);  // the embedding and the norms are others
        continue;
      }
      CHECK(t.outcome == (form == Form::kMaster ? Outcome::kScale : Outcome::kEqual));
      CHECK(t.shape_a == t.shape_b);
      CHECK(t.name_b == "model.layers." + t.name.substr(4, 1) + t.name_b.substr(14));
      ++n_linears;
    }
    CHECK(n_linears == 14);
    // The folder has no tokenizer here, and says so.
    CHECK(std::any_of(diff.metadata.begin(), diff.metadata.end(),
                      [](const MetadataDiff& m) { return m.key == "tokenizer" && !m.a && m.b; }));
    CHECK(ComparePaths(folder_.path(), folder_.File("model.safetensors")).Count(Outcome::kEqual) == 24);
  }
}

TEST_CASE_METHOD(Fixture, "rows that a converter reordered are compared in one order", "[model][diff]") {
  SmallModel llama;
  llama.architecture = "llama";
  GgufBuilder gguf = llama.Builder();
  for (const std::string name : {"blk.0.attn_q", "blk.0.attn_k"}) {
    const TernaryMatrix m = llama.Matrix(name);
    TernaryMatrix moved = m;
    for (size_t r = 0; r < m.rows; ++r) {  // as converters do: halves of a head become neighbours
      const size_t head = r / 64, half = r % 64 / 32, j = r % 32;
      std::copy_n(m.weights.begin() + static_cast<std::ptrdiff_t>(r * m.cols), m.cols,
                  moved.weights.begin() + static_cast<std::ptrdiff_t>((head * 64 + 2 * j + half) * m.cols));
    }
    gguf.FindTensor(name + ".weight")->data = test::Encode(TernaryFile::kI2_S, moved, {0.0625f});
  }
  folder_.Write("model.gguf", gguf.Build());
  HfModel hf;
  std::string config = hf.Config();
  const std::string_view bitnet = R"("bitnet","hidden_act":"relu2")";
  config.replace(config.find(bitnet), bitnet.size(), R"("llama","hidden_act":"silu")");
  folder_.Write("config.json", config);
  std::vector<test::HfTensor> tensors = hf.Tensors();
  std::erase_if(tensors, [](const test::HfTensor& t) { return t.name.find("sub_norm") != std::string::npos; });
  folder_.Write("model.safetensors", test::Safetensors(tensors));
  const auto different = Different(ComparePaths(folder_.File("model.gguf"), folder_.path()));
  CHECK_FALSE(different.contains("blk.0.attn_q.weight"));
  CHECK_FALSE(different.contains("blk.0.attn_k.weight"));
  CHECK(different.at("blk.1.attn_q.weight") == Outcome::kValues);  // not moved in this file
}

TEST_CASE_METHOD(Fixture, "metadata: keys that are missing, differ, or are equal in another type", "[model][diff]") {
  GgufBuilder a = SmallModel().Builder(), b = SmallModel().Builder();
  a.U32("x.count", 7).String("x.name", "one").U32("x.only_a", 1).Strings("x.list", {"p", "q"});
  b.Raw("x.count", 10, Bytes<uint64_t>(7)).String("x.name", std::string(500, 'z')).Strings("x.list", {"p", "r"});
  b.Bool("x.only_b", true);
  const Diff diff = Compare(a.Build(), b.Build());
  CHECK(diff.Count(Outcome::kEqual) == diff.tensors.size());
  CHECK_FALSE(diff.equal());
  std::map<std::string, MetadataDiff> found;
  for (const MetadataDiff& m : diff.metadata) found[m.key] = m;
  REQUIRE(found.size() == 4);
  CHECK(found.at("x.name").a == "one");
  CHECK(found.at("x.name").b->starts_with("500 bytes, sha256 "));
  CHECK(found.at("x.only_a").a == "1");
  CHECK_FALSE(found.at("x.only_a").b);
  CHECK(found.at("x.only_b").b == "true");
  CHECK(found.at("x.list").a->starts_with("2 of string, sha256 "));
  CHECK(found.at("x.list").a != found.at("x.list").b);
}

TEST_CASE_METHOD(Fixture, "keys that name tensor types are notes where the types differ", "[model][diff]") {
  SmallModel rows;
  rows.ternary = TernaryFile::kIQ2_BN;
  GgufBuilder a = SmallModel().Builder(), same = SmallModel().Builder(), repacked = rows.Builder();
  a.U32("general.file_type", 40);
  same.U32("general.file_type", 1);
  repacked.U32("general.file_type", 1).U32("general.quantization_version", 2);
  const Diff notes = Compare(a.Build(), repacked.Build());
  CHECK(notes.equal());
  CHECK(notes.metadata.empty());
  REQUIRE(notes.notes.size() == 2);
  CHECK(notes.notes[0].key == "general.file_type");
  CHECK(notes.notes[0].a == "40");
  CHECK_FALSE(notes.notes[1].a);
  CHECK(ParseJson(DiffJson(notes))->Find("notes")->array.size() == 2);
  const Diff different = Compare(a.Build(), same.Build());  // of the same types
  CHECK_FALSE(different.equal());
  CHECK(different.metadata.size() == 1);
  CHECK(different.notes.empty());
}

TEST_CASE_METHOD(Fixture, "tokenizers that cannot be read or compared are not equal", "[model][diff][safetensors]") {
  const HfModel hf;
  folder_.Write("config.json", hf.Config());
  folder_.Write("model.safetensors", test::Safetensors(hf.Tensors()));
  CHECK(ComparePaths(folder_.path(), folder_.path()).equal());  // neither has one
  folder_.Write("tokenizer.json", "{}");
  const Diff diff = ComparePaths(folder_.path(), folder_.path());
  CHECK_FALSE(diff.equal());
  REQUIRE(diff.metadata.size() == 1);
  CHECK(diff.metadata[0].key == "tokenizer");
  CHECK(diff.metadata[0].a->starts_with("not compared: not readable: "));
}

TEST_CASE_METHOD(Fixture, "progress rises to the end, and may cancel", "[model][diff]") {
  SmallModel tq2;
  tq2.ternary = TernaryFile::kTQ2_0;
  uint64_t last = 0, calls = 0, end = 0;
  DiffOptions options;
  options.progress = [&](uint64_t done, uint64_t total) {
    CHECK(done >= last);
    CHECK(done <= total);
    last = done;
    end = total;
    ++calls;
    return true;
  };
  const std::string a = SmallModel().Builder().Build(), b = tq2.Builder().Build();
  CHECK(Compare(a, b, options).equal());
  CHECK(last == end);
  CHECK(calls > 20);
  for (uint64_t left : {uint64_t{0}, uint64_t{5}}) {
    options.progress = [&left](uint64_t, uint64_t) { return left-- != 0; };
    const auto cancelled = DiffModels(folder_.File("a.gguf"), folder_.File("b.gguf"), options);
    REQUIRE_FALSE(cancelled.ok());
    CHECK(cancelled.status().code() == Code::kCancelled);
  }
}

TEST_CASE_METHOD(Fixture, "a model that does not open is named", "[model][diff]") {
  folder_.Write("a.gguf", SmallModel().Builder().Build());
  folder_.Write("b.gguf", "GGUF");
  for (const std::string& bad : {folder_.File("b.gguf"), folder_.File("absent.gguf")}) {
    const auto diff = DiffModels(folder_.File("a.gguf"), bad, {});
    REQUIRE_FALSE(diff.ok());
    CHECK(diff.status().message().find(Quoted(bad, 256)) != std::string_view::npos);
  }
}

}  // namespace
}  // namespace bitnet::core
