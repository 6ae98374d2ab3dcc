#include <cmath>

#include "kernels/pack.h"
#include "support/small_model.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {
namespace {

using test::Bytes;
using test::GgufBuilder;
using test::SmallModel;
using test::TernaryFile;
using test::TernaryMatrix;

constexpr TernaryFile kAllTypes[] = {TernaryFile::kI2_S,      TernaryFile::kI2_S_Arm, TernaryFile::kTQ1_0,
                                     TernaryFile::kTQ2_0,     TernaryFile::kIQ1_BN,   TernaryFile::kIQ2_BN,
                                     TernaryFile::kIQ2_BN_R4, TernaryFile::kQ2_0,     TernaryFile::kQ2_0_Long};

LoadSpec SpecFor(TernaryFile type) {
  LoadSpec spec;
  spec.i2s_arm_layout = type == TernaryFile::kI2_S_Arm;
  return spec;
}

// What Model::TernarySha256 must give, from the test's own weights.
Digest CodesDigest(const SmallModel& small) {
  Sha256 h;
  for (const std::string& name : small.Linears()) {
    const TernaryMatrix m = small.Matrix(name);
    for (const int8_t w : m.weights) {
      const auto code = static_cast<uint8_t>(w + 1);
      h.Update(&code, 1);
    }
  }
  return h.Finish();
}

TEST_CASE("every ternary type gives the codes that were written, and one digest", "[model]") {
  for (const TernaryFile type : kAllTypes) {
    SmallModel small;
    small.ternary = type;
    const std::string file = small.Builder().Build();
    const auto m = Loaded(Load(file, SpecFor(type)));
    INFO("type " << static_cast<int>(type));
    CHECK(ToHex(m->TernarySha256()) == ToHex(CodesDigest(small)));
    const Matrix& up = m->weights().layers[1].up;
    CHECK(up.kind == Matrix::Kind::kTernary);
    CHECK(up.scale[0] == 0.0625f);
  }
}

TEST_CASE("rows that are no multiple of the packed block are padded with weights of 0", "[model]") {
  SmallModel small;
  small.embd = 192;
  small.ffn = 320;
  small.heads = 3;
  small.heads_kv = 1;
  for (const TernaryFile type :
       {TernaryFile::kIQ1_BN, TernaryFile::kIQ2_BN, TernaryFile::kIQ2_BN_R4, TernaryFile::kQ2_0}) {
    small.ternary = type;
    const std::string file = small.Builder().Build();
    const auto m = Loaded(Load(file));
    CHECK(ToHex(m->TernarySha256()) == ToHex(CodesDigest(small)));
    const Matrix& down = m->weights().layers[0].down;
    CHECK(down.cols == 320);
    std::vector<uint8_t> codes(384);
    kernels::UnpackTernaryRow(static_cast<const uint8_t*>(down.data) + kernels::PackedRowBytes(384), 384, codes.data());
    CHECK(std::count(codes.begin() + 320, codes.end(), 1) == 64);
  }
}

TEST_CASE("llama files have their codes counted in the order of the original rows", "[model]") {
  SmallModel small;
  small.architecture = "llama";
  const std::string file = small.Builder().Build();
  const auto m = Loaded(Load(file));
  Sha256 h;
  for (const std::string& name : small.Linears()) {
    const TernaryMatrix t = small.Matrix(name);
    const bool reordered = name.ends_with("attn_q") || name.ends_with("attn_k");
    const size_t half = small.head_dim() / 2;
    for (size_t r = 0; r < t.rows; ++r) {
      // The converter moved row `i` of half `h` of a head to 2 i + h.
      const size_t head = r / (2 * half), in_half = r % half, which = r % (2 * half) / half;
      const size_t from = reordered ? head * 2 * half + 2 * in_half + which : r;
      for (size_t c = 0; c < t.cols; ++c) {
        const auto code = static_cast<uint8_t>(t.Code(from, c));
        h.Update(&code, 1);
      }
    }
  }
  CHECK(ToHex(m->TernarySha256()) == ToHex(h.Finish()));
}

TEST_CASE("row scales are kept row by row", "[model]") {
  SmallModel small;
  std::vector<float> scales(256);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.5f + static_cast<float>(i) / 512;
  small.scales["blk.0.attn_q"] = scales;
  for (const TernaryFile type : {TernaryFile::kIQ1_BN, TernaryFile::kIQ2_BN, TernaryFile::kIQ2_BN_R4}) {
    small.ternary = type;
    const std::string file = small.Builder().Build();
    const auto m = Loaded(Load(file));
    const Matrix& q = m->weights().layers[0].q;
    REQUIRE(q.scale_stride == 1);
    CHECK(std::equal(scales.begin(), scales.end(), q.scale));
  }
}

// A file of TQ2_0 with these scales for blk.0.ffn_gate [512, 256], one block a row; blocks in `zero` have no weight.
std::string WithBlockScales(const std::vector<float>& scales, const std::vector<size_t>& zero) {
  SmallModel small;
  small.ternary = TernaryFile::kTQ2_0;
  small.scales["blk.0.ffn_gate"] = scales;
  GgufBuilder b = small.Builder();
  for (const size_t block : zero)
    b.FindTensor("blk.0.ffn_gate.weight")->data.replace(66 * block, 64, std::string(64, '\x55'));
  return b.Build();
}

TEST_CASE("block scales are one scale unless two blocks with weights differ", "[model]") {
  std::vector<float> scales(512, 0.5f);
  scales[3] = 0.25f;
  const std::string differing = WithBlockScales(scales, {});
  const auto blocks = Loaded(Load(differing));
  const Matrix& gate = blocks->weights().layers[0].gate;
  CHECK(gate.kind == Matrix::Kind::kTernaryBlocks);
  CHECK(gate.block == 256);
  CHECK(gate.scale_stride == 1);
  CHECK(gate.scale[3] == 0.25f);
  CHECK(gate.scale[4] == 0.5f);

  const std::string unused = WithBlockScales(scales, {3});
  const auto common = Loaded(Load(unused));
  CHECK(common->weights().layers[0].gate.kind == Matrix::Kind::kTernary);
  CHECK(common->weights().layers[0].gate.scale[0] == 0.5f);

  // The first block is one without weights: the others decide.
  std::vector<float> first_differs(512, 0.5f);
  first_differs[0] = 0.125f;
  const std::string first_unused = WithBlockScales(first_differs, {0});
  CHECK(Loaded(Load(first_unused))->weights().layers[0].gate.scale[0] == 0.5f);

  // No weight at all: block 0's scale.
  std::vector<size_t> all(512);
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  const std::string empty = WithBlockScales(first_differs, all);
  const auto zeros = Loaded(Load(empty));
  CHECK(zeros->weights().layers[0].gate.kind == Matrix::Kind::kTernary);
  CHECK(zeros->weights().layers[0].gate.scale[0] == 0.125f);
}

TEST_CASE("blocks of 64 and of 128 have scales of their own", "[model]") {
  for (const TernaryFile type : {TernaryFile::kQ2_0, TernaryFile::kQ2_0_Long}) {
    const uint32_t block = type == TernaryFile::kQ2_0 ? 64 : 128;
    SmallModel small;
    small.embd = 192 + (block - 64);  // with blocks of 64 half of the last packed block is padding
    small.heads = 4;
    small.heads_kv = 4;
    small.ternary = type;
    const TernaryMatrix k = small.Matrix("blk.0.attn_k");
    const uint32_t per_row = static_cast<uint32_t>(k.cols) / block;
    std::vector<float> scales(k.rows * per_row, 0.5f);
    scales[per_row + 1] = 0.25f;
    small.scales["blk.0.attn_k"] = scales;
    GgufBuilder b = small.Builder();
    const std::string differing = b.Build();
    const auto m = Loaded(Load(differing));
    const Matrix& loaded = m->weights().layers[0].k;
    CHECK(loaded.kind == Matrix::Kind::kTernaryBlocks);
    CHECK(loaded.block == block);
    REQUIRE(loaded.scale_stride == per_row);
    CHECK(std::equal(scales.begin(), scales.end(), loaded.scale));
    // The block that differs without a weight, its neighbours in the same bytes with some.
    b.FindTensor("blk.0.attn_k.weight")
        ->data.replace((per_row + 1) * (2 + block / 4) + 2, block / 4, std::string(block / 4, '\x55'));
    const std::string unused = b.Build();
    const auto common = Loaded(Load(unused));
    CHECK(common->weights().layers[0].k.kind == Matrix::Kind::kTernary);
    CHECK(common->weights().layers[0].k.scale[0] == 0.5f);
  }
}

TEST_CASE("a binary file is a ternary one without zeros", "[model]") {
  SmallModel small;
  small.ternary = TernaryFile::kQ1_0;
  const TernaryMatrix gate = small.Matrix("blk.0.ffn_gate");
  std::vector<float> scales(gate.rows * 2, 0.5f);
  scales[5] = 0.0f;  // the only way to say that a block is 0
  small.scales["blk.0.ffn_gate"] = scales;
  const std::string file = small.Builder().Build();
  const auto m = Loaded(Load(file));
  CHECK(m->quantization() == "Q1_0");
  CHECK(m->weights().layers[0].gate.kind == Matrix::Kind::kTernaryBlocks);
  CHECK(m->weights().layers[0].gate.scale[5] == 0.0f);
  CHECK(m->weights().layers[0].up.kind == Matrix::Kind::kTernary);
  std::vector<uint8_t> codes(256);
  kernels::UnpackTernaryRow(static_cast<const uint8_t*>(m->weights().layers[0].gate.data), 256, codes.data());
  for (size_t c = 0; c < 256; ++c) REQUIRE(codes[c] == (gate.At(0, c) > 0 ? 2 : 0));
}

TEST_CASE("a .scale tensor multiplies every scale once, in f32", "[model]") {
  const float factor = 0.1f;
  for (const TernaryFile type : kAllTypes) {
    SmallModel small;
    small.ternary = type;
    small.scale = 0.3125f;
    GgufBuilder b = small.Builder();
    b.Add({"blk.0.ffn_down.scale", {1}, 0, Bytes(factor)});
    const std::string file = b.Build();
    const auto m = Loaded(Load(file, SpecFor(type)));
    const Matrix& down = m->weights().layers[0].down;
    CHECK(down.scale[0] == 0.3125f * factor);
    if (down.scale_stride == 1) CHECK(down.scale[down.rows - 1] == 0.3125f * factor);
    CHECK(m->weights().layers[1].down.scale[0] == 0.3125f);
  }
  std::vector<float> scales(512, 0.5f);
  scales[7] = 0.75f;
  SmallModel small;
  small.ternary = TernaryFile::kTQ1_0;
  small.scales["blk.0.ffn_up"] = scales;
  const std::string file = small.Builder().Add({"blk.0.ffn_up.scale", {1}, 0, Bytes(factor)}).Build();
  const auto m = Loaded(Load(file));
  CHECK(m->weights().layers[0].up.kind == Matrix::Kind::kTernaryBlocks);
  CHECK(m->weights().layers[0].up.scale[7] == 0.75f * factor);
}

TEST_CASE("a code 3 is refused wherever it stands", "[model]") {
  for (const TernaryFile type : kAllTypes) {
    if (type == TernaryFile::kTQ1_0 || type == TernaryFile::kIQ1_BN) continue;  // trits have no fourth value
    SmallModel small;
    small.ternary = type;
    for (const bool at_end : {false, true}) {
      GgufBuilder b = small.Builder();
      std::string& data = b.FindTensor("blk.1.attn_v.weight")->data;
      const bool is_q2 = type == TernaryFile::kQ2_0 || type == TernaryFile::kQ2_0_Long;
      const size_t tail = type == TernaryFile::kI2_S || type == TernaryFile::kI2_S_Arm ? 32 : is_q2 ? 0 : 2;
      const size_t at = at_end ? data.size() - tail - 1 : 16;
      data[at] = static_cast<char>(static_cast<unsigned char>(data[at]) | 0x30);
      CheckRefused(Load(b.Build(), SpecFor(type)), is_q2 ? Code::kUnsupported : Code::kBadFormat, "blk.1.attn_v.weight",
                   "code 3");
    }
  }
}

TEST_CASE("a scale must be finite, not negative, and 0 only where no weight is", "[model]") {
  for (const TernaryFile type : kAllTypes) {
    SmallModel small;
    small.ternary = type;
    const size_t n = test::ScaleCount(type, small.Matrix("blk.0.attn_k"));
    for (const float bad : {NAN, INFINITY, -0.5f, 0.0f}) {
      std::vector<float> scales(n, 0.5f);
      scales[n - 1] = bad;
      small.scales["blk.0.attn_k"] = scales;
      CheckRefused(Load(small.Builder().Build(), SpecFor(type)), Code::kBadFormat, "blk.0.attn_k.weight", "scale");
    }
  }
  SmallModel small;
  small.scales["blk.0.attn_k"] = {0.0f};
  GgufBuilder b = small.Builder();
  b.FindTensor("blk.0.attn_k.weight")->data.replace(0, 128 * 64, std::string(128 * 64, '\x55'));
  const std::string zeros = b.Build();
  CHECK(Loaded(Load(zeros))->weights().layers[0].k.scale[0] == 0.0f);

  const std::string overflow = SmallModel().Builder().Add({"blk.0.attn_q.scale", {1}, 0, Bytes(3e38f)}).Build();
  CHECK(Loaded(Load(overflow))->weights().layers[0].q.scale[0] == 3e38f * 0.0625f);
  SmallModel large;
  large.scale = 4.0f;
  CheckRefused(Load(large.Builder().Add({"blk.0.attn_q.scale", {1}, 0, Bytes(3e38f)}).Build()), Code::kBadFormat,
               "blk.0.attn_q.weight", "inf");
  CheckRefused(Load(large.Builder().Add({"blk.0.attn_q.scale", {1}, 0, Bytes(-1.0f)}).Build()), Code::kBadFormat,
               "blk.0.attn_q.scale");
  CheckRefused(Load(large.Builder().Add({"blk.0.attn_q.scale", {1}, 0, Bytes(0.0f)}).Build()), Code::kBadFormat,
               "blk.0.attn_q.weight");
}

TEST_CASE("the digests of codes and scales are computed once, by a load that was asked for them", "[model]") {
  const SmallModel small;
  const std::string codes = ToHex(CodesDigest(small));
  for (const bool hash : {false, true}) {
    std::string file = small.Builder().Build();
    LoadSpec spec;
    spec.hash = hash;
    const auto m = Loaded(Load(file, spec));
    const std::string scales = ToHex(Loaded(Load(small.Builder().Build()))->TernaryScalesSha256());
    // Nobody may change the weights of a model: who does sees when they were read.
    const Matrix& down = m->weights().layers[1].down;
    auto& code = *const_cast<uint8_t*>(static_cast<const uint8_t*>(down.data));
    auto& scale = *const_cast<float*>(down.scale);
    code ^= 1;
    scale *= 2;
    CHECK((ToHex(m->TernarySha256()) == codes) == hash);
    CHECK((ToHex(m->TernaryScalesSha256()) == scales) == hash);
    const Digest first[] = {m->TernarySha256(), m->TernaryScalesSha256()};
    code ^= 1;
    scale /= 2;
    CHECK(m->TernarySha256() == first[0]);
    CHECK(m->TernaryScalesSha256() == first[1]);
  }
}

TEST_CASE("the tiny model has one set of codes in every form", "[model]") {
  const auto i2s = Loaded(LoadPath(BITNET_TINY_MODEL));
  const std::string codes = ToHex(i2s->TernarySha256());
  CHECK(codes == "90cb5dcc26b6cf7e4384c9f2694e6f10570e3140aab38917026115de47889213");
  CHECK(ToHex(i2s->TernaryScalesSha256()) == "8e2936982f0541823509ab232c48617a7cd2beeb78f0e943445a3e20913284cc");
  const std::string folder = BITNET_TEST_UNPACKED;
  for (const auto& [file, type] : {std::pair{"/tiny.tq1_0.gguf", "TQ1_0"},
                                   {"/tiny.tq2_0.gguf", "TQ2_0"},
                                   {"/tiny.iq1_bn.gguf", "IQ1_BN"},
                                   {"/tiny.iq2_bn_r4.gguf", "IQ2_BN_R4"}}) {
    const auto m = Loaded(LoadPath(folder + file));
    CHECK(ToHex(m->TernarySha256()) == codes);
    CHECK(m->quantization() == type);
  }
}

}  // namespace
}  // namespace bitnet::core
