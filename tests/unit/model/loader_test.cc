#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/model/norms.h"
#include "core/model/vocabulary.h"
#include "support/small_model.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {
namespace {

using test::Bytes;
using test::BytesOf;
using test::GgufBuilder;
using test::SmallModel;
using test::TernaryFile;

// The bytes of `file` at the address of a view in the model.
bool IsInPlace(const std::string& file, const void* data) {
  const auto* p = static_cast<const char*>(data);
  return p >= file.data() && p < file.data() + file.size();
}

TEST_CASE("a model says what it is", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  const auto m = Loaded(Load(file));
  CHECK(m->hparams().architecture == "bitnet-b1.58");
  CHECK(m->hparams().n_layers == 2);
  CHECK(m->hparams().head_dim == 64);
  CHECK(m->hparams().n_rot == 64);
  CHECK(m->hparams().n_vocab == SmallModel::kVocab);
  CHECK(m->hparams().rope_base == 10000.0f);
  CHECK(m->hparams().activation == Activation::kRelu2);
  CHECK(m->name() == "small");
  CHECK(m->path().empty());
  CHECK(m->quantization() == "I2_S");
  CHECK(m->size_bytes() == file.size());
  CHECK_FALSE(m->corrected());
  CHECK(m->FileSha256() == Sha256Of(file.data(), file.size()));
  REQUIRE(m->tensors().size() == 24);
  CHECK(m->tensors()[0].name == "token_embd.weight");
  CHECK(m->tensors()[0].type == "F16");
  CHECK(m->tensors()[0].shape == std::vector<uint64_t>{SmallModel::kVocab, 256});
  // Per layer: q and output 256 x 256, k and v 128 x 256, three of the feed-forward part, norms 256 x 3 + 512.
  const uint64_t layer = 2 * 256 * 256 + 2 * 128 * 256 + 3 * 512 * 256 + 3 * 256 + 512;
  CHECK(m->n_params() == 2 * layer + SmallModel::kVocab * 256 + 256);
}

TEST_CASE("codes in the kernels' own layout and tables stay where the file has them", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  const auto m = Loaded(Load(file));
  CHECK(IsInPlace(file, m->weights().token_embd.data));
  CHECK(IsInPlace(file, m->weights().layers[1].down.data));
  CHECK(m->weights().token_embd.dense == kernels::Dense::kF16);
  CHECK(m->weights().output.kind == Matrix::Kind::kNone);
  CHECK(&m->weights().head() == &m->weights().token_embd);
  LoadSpec copy;
  copy.mode = LoadMode::kCopy;
  const auto copied = Loaded(Load(file, copy));
  CHECK_FALSE(IsInPlace(file, copied->weights().layers[1].down.data));
  CHECK(copied->buffer_bytes() >= m->buffer_bytes() + file.size());
  CHECK(copied->TernarySha256() == m->TernarySha256());
}

TEST_CASE("bytes that are not aligned are copied", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  std::string shifted = "x" + file;
  const auto m = Loaded(Model::LoadMemory(AsBytes(shifted).subspan(1), {}, Pool(), DefaultAllocator()));
  CHECK_FALSE(IsInPlace(shifted, m->weights().token_embd.data));
  CHECK(m->TernarySha256() == Loaded(Load(file))->TernarySha256());
}

TEST_CASE("norms are f32 whatever dense type the file has", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  const std::vector<uint16_t> f16(256, kernels::F32ToF16(0.3f)), bf16(256, kernels::F32ToBF16(0.3f));
  *b.FindTensor("blk.0.attn_norm.weight") = {"blk.0.attn_norm.weight", {256}, 1, BytesOf(f16)};
  *b.FindTensor("blk.0.ffn_norm.weight") = {"blk.0.ffn_norm.weight", {256}, 30, BytesOf(bf16)};
  const std::string file = b.Build();
  const auto m = Loaded(Load(file));
  CHECK(m->weights().layers[0].attn_norm[255] == kernels::F16ToF32(f16[0]));
  CHECK(m->weights().layers[0].ffn_norm[255] == kernels::BF16ToF32(bf16[0]));
  CHECK(m->weights().output_norm[4] == 1.25f);
}

TEST_CASE("a norm that is not finite or is quantised is refused", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  auto& norm = *b.FindTensor("blk.1.ffn_sub_norm.weight");
  const std::string good = norm.data;
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    norm.data.replace(4 * 77, 4, Bytes(bad));
    CheckRefused(Load(b.Build()), Code::kBadFormat, norm.name, "element 77");
  }
  // I2_S: codes of weight 1, scale 1.
  norm = {norm.name, {512}, 36, std::string(128, '\xaa') + Bytes(1.0f) + std::string(28, '\0')};
  CheckRefused(Load(b.Build()), Code::kBadFormat, norm.name, "quantised type I2_S");
  LoadSpec allow;
  allow.allow_suspicious_norms = true;
  const std::string file = b.Build();
  const auto m = Loaded(Load(file, allow));
  CHECK(m->weights().layers[1].ffn_sub_norm[511] == 1.0f);
  norm = {norm.name, {512}, 26, std::string(2048, '\0')};
  CheckRefused(Load(b.Build(), allow), Code::kUnsupported, norm.name, "type I32");
}

TEST_CASE("a bias is added and a wrong one refused", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  b.Add({"blk.0.attn_k.bias", {128}, 0, BytesOf(std::vector<float>(128, 0.5f))});
  const std::string file = b.Build();
  const auto m = Loaded(Load(file));
  REQUIRE(m->weights().layers[0].k.bias != nullptr);
  CHECK(m->weights().layers[0].k.bias[127] == 0.5f);
  CHECK(m->weights().layers[0].q.bias == nullptr);
  b.FindTensor("blk.0.attn_k.bias")->data.replace(0, 4, Bytes(NAN));
  CheckRefused(Load(b.Build()), Code::kBadFormat, "blk.0.attn_k.bias");
  CheckRefused(Load(SmallModel().Builder().Add({"blk.0.attn_norm.bias", {256}, 0, std::string(1024, '\0')}).Build()),
               Code::kUnsupported, "blk.0.attn_norm.bias");
  CheckRefused(Load(SmallModel().Builder().Add({"token_embd.scale", {1}, 0, Bytes(1.0f)}).Build()), Code::kUnsupported,
               "token_embd.scale");
}

TEST_CASE("an untied head and divisors of rope are found", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  b.Add({"output.weight", {256, SmallModel::kVocab}, 8, std::string(SmallModel::kVocab * 8 * 34, '\0')});
  b.Add({"rope_freqs.weight", {32}, 0, BytesOf(std::vector<float>(32, 2.0f))});
  const std::string file = b.Build();
  const auto m = Loaded(Load(file));
  CHECK(m->weights().head().kind == Matrix::Kind::kBlock);
  CHECK(m->weights().head().block_type == kernels::Block::kQ8_0);
  REQUIRE(m->weights().rope_freqs != nullptr);
  CHECK(m->weights().rope_freqs[31] == 2.0f);
  b.FindTensor("rope_freqs.weight")->data.replace(0, 4, Bytes(0.0f));
  CheckRefused(Load(b.Build()), Code::kBadFormat, "rope_freqs.weight", "above 0");
}

TEST_CASE("each architecture has its own graph", "[model]") {
  SmallModel small;
  small.architecture = "llama";
  const std::string llama_file = small.Builder().Build();
  const auto llama = Loaded(Load(llama_file));
  CHECK(llama->hparams().rope_adjacent);
  CHECK(llama->hparams().activation == Activation::kSilu);
  CHECK(llama->weights().layers[0].attn_sub_norm == nullptr);
  small.architecture = "bitnet";
  const std::string bitnet_file = small.Builder().Build();
  const auto bitnet = Loaded(Load(bitnet_file));
  CHECK_FALSE(bitnet->hparams().rope_adjacent);
  CHECK(bitnet->hparams().activation == Activation::kSilu);
  CHECK(bitnet->weights().layers[0].ffn_sub_norm != nullptr);
  small.architecture = "bitnet-25";
  const std::string alias_file = small.Builder().Build();
  const auto alias = Loaded(Load(alias_file));
  CHECK(alias->hparams().architecture == "bitnet-b1.58");
  CHECK(alias->hparams().architecture_key == "bitnet-25");
  small.architecture = "llama";
  GgufBuilder with_sub_norm = small.Builder();
  with_sub_norm.Add({"blk.0.attn_sub_norm.weight", {256}, 0, std::string(1024, '\0')});
  CheckRefused(Load(with_sub_norm.Build()), Code::kUnsupported, "blk.0.attn_sub_norm.weight");
}

// The small model with blk.0.ffn_up in another type.
GgufBuilder WithUp(uint32_t type, const std::string& data) {
  GgufBuilder b = SmallModel().Builder();
  *b.FindTensor("blk.0.ffn_up.weight") = {"blk.0.ffn_up.weight", {256, 512}, type, data};
  return b;
}

std::vector<float> DenseUp(float scale) {
  std::vector<float> w;
  for (const int8_t t : SmallModel().Matrix("blk.0.ffn_up").weights) w.push_back(static_cast<float>(t) * scale);
  return w;
}

TEST_CASE("a dense linear loads as a ternary one when it is exactly that, and only then", "[model]") {
  const std::string plain_file = SmallModel().Builder().Build();
  const auto plain = Loaded(Load(plain_file));
  std::vector<uint16_t> f16, bf16;
  for (const float w : DenseUp(0.3f)) {
    f16.push_back(kernels::F32ToF16(w));
    bf16.push_back(kernels::F32ToBF16(w));
  }
  for (const auto& [type, data, scale] : {std::tuple{0u, BytesOf(DenseUp(0.3f)), 0.3f},
                                          {1u, BytesOf(f16), kernels::F16ToF32(kernels::F32ToF16(0.3f))},
                                          {30u, BytesOf(bf16), kernels::BF16ToF32(kernels::F32ToBF16(0.3f))}}) {
    const std::string file = WithUp(type, data).Build();
    const auto dense = Loaded(Load(file));
    CHECK(dense->TernarySha256() == plain->TernarySha256());
    CHECK(dense->weights().layers[0].up.kind == Matrix::Kind::kTernary);
    CHECK(dense->weights().layers[0].up.scale[0] == scale);
    CHECK(dense->n_dense_linears() == 0);
  }
  std::vector<float> wrong = DenseUp(0.3f);
  for (const float near : {std::nextafter(0.3f, 1.0f), std::nextafter(-0.3f, 0.0f), 1e-40f, INFINITY}) {
    wrong.back() = near;
    CheckRefused(Load(WithUp(0, BytesOf(wrong)).Build()), Code::kUnsupported, "blk.0.ffn_up.weight", "not ternary");
  }
  wrong.front() = NAN;
  CheckRefused(Load(WithUp(0, BytesOf(wrong)).Build()), Code::kUnsupported, "blk.0.ffn_up.weight", "not ternary");
  // Not even the permission lets a scale stand beside a matrix that is not stored as ternary.
  LoadSpec allow;
  allow.allow_dense_linears = true;
  GgufBuilder scaled = WithUp(0, BytesOf(DenseUp(0.3f)));
  scaled.Add({"blk.0.ffn_up.scale", {1}, 0, Bytes(1.0f)});
  CheckRefused(Load(scaled.Build(), allow), Code::kUnsupported, "blk.0.ffn_up.scale", "beside a matrix of type F32");
}

TEST_CASE("linears that are not ternary need the permission, which is told", "[model]") {
  std::vector<float> w = DenseUp(0.3f);
  w[77] = 0.5f;
  std::vector<std::string> lines;
  LoadSpec allow;
  allow.allow_dense_linears = true;
  allow.warn = [&](std::string_view line) { lines.emplace_back(line); };
  for (const auto& [type, data] : {std::pair{0u, BytesOf(w)}, {12u, std::string(512 * 144, '\x11')}}) {
    const std::string file = WithUp(type, data).Build();
    CheckRefused(Load(file), Code::kUnsupported, "blk.0.ffn_up.weight", "allow dense linears");
    lines.clear();
    const auto m = Loaded(Load(file, allow));
    const Matrix& up = m->weights().layers[0].up;
    CHECK(up.kind == (type == 0 ? Matrix::Kind::kDense : Matrix::Kind::kBlock));
    CHECK((type == 0 || up.block_type == kernels::Block::kQ4_K));
    CHECK(IsInPlace(file, up.data));
    CHECK(m->n_dense_linears() == 1);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("'blk.0.ffn_up.weight'") != std::string::npos);
    m->TernarySha256();  // of the others
  }
  CheckRefused(Load(WithUp(26, std::string(256 * 512 * 4, '\0')).Build(), allow), Code::kUnsupported,
               "blk.0.ffn_up.weight", "type I32");
}

TEST_CASE("embeddings and heads have any dense or block type", "[model]") {
  using kernels::Block;
  for (const auto& [type, block, bytes] : {std::tuple{2u, Block::kQ4_0, 18u},
                                           {3u, Block::kQ4_1, 20u},
                                           {6u, Block::kQ5_0, 22u},
                                           {7u, Block::kQ5_1, 24u},
                                           {8u, Block::kQ8_0, 34u},
                                           {10u, Block::kQ2_K, 84u},
                                           {11u, Block::kQ3_K, 110u},
                                           {12u, Block::kQ4_K, 144u},
                                           {13u, Block::kQ5_K, 176u},
                                           {14u, Block::kQ6_K, 210u}}) {
    GgufBuilder b = SmallModel().Builder();
    const std::string data(SmallModel::kVocab * (256 / kernels::BlockElements(block)) * bytes, '\x11');
    b.FindTensor("token_embd.weight")->type = type;
    b.FindTensor("token_embd.weight")->data = data;
    b.Add({"output.weight", {256, SmallModel::kVocab}, type, data});
    const std::string file = b.Build();
    const auto m = Loaded(Load(file));
    CHECK(m->weights().token_embd.block_type == block);
    CHECK(m->weights().head().kind == Matrix::Kind::kBlock);
    CHECK(m->weights().head().block_type == block);
    // Each of the f16 numbers of the last block, made infinite, is found where it is looked for.
    const kernels::BlockLayout& layout = kernels::LayoutOf(block);
    LoadSpec verify;
    verify.verify = true;
    Loaded(Load(file, verify));
    for (const size_t at : {layout.d_at, layout.has_min ? layout.min_at : layout.d_at}) {
      std::string& bad = b.FindTensor("output.weight")->data;
      bad = data;
      bad.replace(bad.size() - bytes + at, 2, Bytes(uint16_t{0x7c00}));
      CheckRefused(Load(b.Build(), verify), Code::kBadFormat, "output.weight",
                   Cat("element ", SmallModel::kVocab * 256 - layout.elements));
    }
  }
}

// A tensor of F64 in place of one of F32.
void Widen(GgufBuilder& b, const std::string& name, double last) {
  GgufBuilder::Tensor& t = *b.FindTensor(name);
  std::vector<float> narrow(t.data.size() / sizeof(float));
  std::memcpy(narrow.data(), t.data.data(), t.data.size());
  std::vector<double> wide(narrow.begin(), narrow.end());
  wide.back() = last;
  t.type = 28;
  t.data = BytesOf(wide);
}

TEST_CASE("F64 is rounded to f32, to nearest even, wherever a dense type may stand", "[model]") {
  constexpr double kTie = 1 + 0x1p-24;  // halfway between two numbers of f32, the even one below
  const std::vector<double> table(SmallModel::kVocab * 256, kTie);
  std::vector<double> up;
  for (const float w : DenseUp(0.3f)) up.push_back(w == 0 ? 1e-60 : static_cast<double>(w) + 1e-12 * w);
  GgufBuilder b = WithUp(28, BytesOf(up));
  b.Add({"blk.0.attn_q.bias", {256}, 0, BytesOf(std::vector<float>(256, 0.5f))});
  b.Add({"rope_freqs.weight", {32}, 0, BytesOf(std::vector<float>(32, 2.0f))});
  for (const char* name : {"blk.0.attn_q.bias", "rope_freqs.weight"}) Widen(b, name, kTie);
  Widen(b, "blk.0.attn_norm.weight", 1 + 0x3p-24);  // halfway too, the even one above
  *b.FindTensor("token_embd.weight") = {"token_embd.weight", {256, SmallModel::kVocab}, 28, BytesOf(table)};
  const std::string file = b.Build();
  LoadSpec verify;
  verify.verify = true;
  const auto m = Loaded(Load(file, verify));
  const LayerWeights& first = m->weights().layers[0];
  CHECK(first.attn_norm[0] == 0.75f);
  CHECK(first.attn_norm[255] == 1 + 0x1p-22f);
  CHECK(first.q.bias[255] == 1.0f);
  CHECK(m->weights().rope_freqs[31] == 1.0f);
  CHECK(first.up.scale[0] == 0.3f);
  CHECK(m->TernarySha256() == Loaded(Load(SmallModel().Builder().Build()))->TernarySha256());
  const Matrix& embedding = m->weights().token_embd;
  REQUIRE(embedding.kind == Matrix::Kind::kDense);
  CHECK(embedding.dense == kernels::Dense::kF32);
  CHECK(std::all_of(static_cast<const float*>(embedding.data), static_cast<const float*>(embedding.data) + table.size(),
                    [](float x) { return x == 1; }));

  up[77] = 0.5;
  LoadSpec allow;
  allow.allow_dense_linears = true;
  const std::string dense_file = WithUp(28, BytesOf(up)).Build();
  CheckRefused(Load(dense_file), Code::kUnsupported, "blk.0.ffn_up.weight", "type F64 that is not ternary");
  const auto dense = Loaded(Load(dense_file, allow));
  CHECK(static_cast<const float*>(dense->weights().layers[0].up.data)[77] == 0.5f);
}

TEST_CASE("an F64 beyond f32 is infinite", "[model]") {
  // The largest f32 and half a unit of its last place: the tie that would round to 2^128.
  const double beyond = 0x1p128 - 0x1p103, within = std::nextafter(beyond, 0);
  for (const char* name : {"blk.1.ffn_sub_norm.weight", "output_norm.weight"}) {
    GgufBuilder b = SmallModel().Builder();
    Widen(b, name, within);
    Loaded(Load(b.Build()));
    for (const double bad : {beyond, -1e300, static_cast<double>(NAN)}) {
      b = SmallModel().Builder();
      Widen(b, name, bad);
      CheckRefused(Load(b.Build()), Code::kBadFormat, name, "expected finite numbers");
    }
  }
  LoadSpec verify;
  verify.verify = true;
  std::vector<double> table(SmallModel::kVocab * 256, within);
  table[1000] = -beyond;
  GgufBuilder b = SmallModel().Builder();
  *b.FindTensor("token_embd.weight") = {"token_embd.weight", {256, SmallModel::kVocab}, 28, BytesOf(table)};
  CheckRefused(Load(b.Build(), verify), Code::kBadFormat, "token_embd.weight", "element 1000");
}

TEST_CASE("tensors that the graph does not use are named in a warning", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  b.Add({"stranger", {1}, 0, Bytes(1.0f)});
  std::vector<std::string> lines;
  LoadSpec spec;
  spec.warn = [&](std::string_view line) { lines.emplace_back(line); };
  const std::string file = b.Build();
  Loaded(Load(file, spec));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("'stranger'") != std::string::npos);
}

TEST_CASE("progress rises to the total and can cancel", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  std::vector<uint64_t> seen;
  uint64_t last_total = 0;
  LoadSpec spec;
  spec.progress = [&](uint64_t done, uint64_t total) {
    seen.push_back(done);
    last_total = total;
    return true;
  };
  Loaded(Load(file, spec));
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.front() == 0);
  CHECK(seen.back() == last_total);
  for (const size_t stop : {size_t{0}, size_t{5}, seen.size() - 1}) {
    size_t calls = 0;
    spec.progress = [&](uint64_t, uint64_t) { return calls++ != stop; };
    const auto cancelled = Load(file, spec);
    REQUIRE_FALSE(cancelled.ok());
    CHECK(cancelled.status().code() == Code::kCancelled);
    CHECK(calls == stop + 1);
  }
}

TEST_CASE("corrections change the loader's own copy and must meet their postcondition", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  const auto plain = Loaded(Load(file));
  const std::vector<float> before(plain->weights().layers[0].attn_norm, plain->weights().layers[0].attn_norm + 256);
  const double rms = RootMeanSquare(before);
  LoadSpec spec;
  spec.corrections.norm_scales = {{"blk.0.attn_norm.weight", 3.0f, 2.9 * rms, 3.1 * rms},
                                  {"blk.0.attn_norm.weight", 0.5f, 0, 100}};
  spec.corrections.attention_scales = {{1, 1.25f}};
  const std::string bytes_before = file;
  const auto m = Loaded(Load(file, spec));
  CHECK(m->corrected());
  CHECK(file == bytes_before);
  for (size_t i = 0; i < 256; ++i) CHECK(m->weights().layers[0].attn_norm[i] == before[i] * 3.0f * 0.5f);
  CHECK(m->weights().layers[0].attention_scale == 1.0f);
  CHECK(m->weights().layers[1].attention_scale == 1.25f);

  spec.corrections.norm_scales = {{"blk.0.attn_norm.weight", 3.0f, 0, 2.9 * rms}};
  CheckRefused(Load(file, spec), Code::kPolicyPostcondition, "blk.0.attn_norm.weight", "expected");
  spec.corrections.norm_scales = {{"blk.0.attn_q.weight", 3.0f, 0, 100}};
  CheckRefused(Load(file, spec), Code::kPolicyInvalid, "blk.0.attn_q.weight");
  spec.corrections.norm_scales.clear();
  spec.corrections.attention_scales = {{2, 1.0f}};
  CheckRefused(Load(file, spec), Code::kPolicyInvalid, "attention_scale");
}

TEST_CASE("a correction lets a quantised norm load, and no NaN", "[model]") {
  GgufBuilder b = SmallModel().Builder();
  auto& norm = *b.FindTensor("blk.0.attn_norm.weight");
  norm = {norm.name, {256}, 36, std::string(64, '\xaa') + Bytes(0.5f) + std::string(28, '\0')};
  LoadSpec spec;
  spec.corrections.norm_scales = {{norm.name, 2.0f, 0.99, 1.01}};
  const std::string file = b.Build();
  CHECK(Loaded(Load(file, spec))->weights().layers[0].attn_norm[7] == 1.0f);
  norm.data.replace(64, 4, Bytes(NAN));
  CHECK_FALSE(Load(b.Build(), spec).ok());
}

TEST_CASE("the tokenizer may be another one of the same size", "[model]") {
  const std::string file = SmallModel().Builder().Build();
  LoadSpec spec;
  spec.tokenizer = Loaded(Load(file))->tokenizer();
  GgufBuilder b = SmallModel().Builder();
  b.RemoveKey("tokenizer.ggml.model");
  const std::string without = b.Build();
  CheckRefused(Load(without), Code::kBadFormat, "tokenizer.ggml.model");
  CHECK(Loaded(Load(without, spec))->tokenizer() == spec.tokenizer);
  b.U32("bitnet-b1.58.vocab_size", SmallModel::kVocab + 1);
  CheckRefused(Load(b.Build(), spec), Code::kBadFormat, "bitnet-b1.58.vocab_size");
}

TEST_CASE("a vocabulary alone gives a tokenizer and no model", "[model]") {
  GgufBuilder b;
  SmallModel::AddVocabulary(b);
  const auto path =
      (std::filesystem::temp_directory_path() / ("bitnet_vocabulary." + std::to_string(::getpid()))).string();
  std::ofstream(path, std::ios::binary) << b.Build();
  const auto tokenizer = LoadTokenizer(path, "", {});
  const auto model = LoadPath(path);
  std::remove(path.c_str());
  REQUIRE(tokenizer.ok());
  CHECK((*tokenizer)->size() == SmallModel::kVocab);
  CheckRefused(model, Code::kUnsupported, "tensor_count", "vocabulary alone");
}

TEST_CASE("an estimate comes close to what a load takes", "[model]") {
  const std::string forms = BITNET_TEST_UNPACKED;
  for (const std::string& path : {std::string(BITNET_TINY_MODEL), forms + "/tiny.tq1_0.gguf"}) {
    for (const LoadMode mode : {LoadMode::kAuto, LoadMode::kMap, LoadMode::kCopy}) {
      LoadSpec spec;
      spec.mode = mode;
      const auto estimate = Model::Estimate(path, spec);
      REQUIRE(estimate.ok());
      const auto m = Loaded(LoadPath(path, spec));
      CHECK(estimate->mapped_bytes == m->mapped_bytes());
      CHECK(estimate->owned_bytes <= m->buffer_bytes());
      CHECK(m->buffer_bytes() - estimate->owned_bytes < size_t{512} << 10);  // the rest of a block of small vectors
      CHECK(estimate->hparams.n_layers == m->hparams().n_layers);
    }
  }
}

}  // namespace
}  // namespace bitnet::core
