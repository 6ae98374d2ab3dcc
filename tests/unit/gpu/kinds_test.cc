// Models of every kind of matrix that a GPU computes with, on an emulated one against the CPU.
#include <limits>
#include <map>

#include "core/runtime/session.h"
#include "kernels/cuda/kernel_list.h"
#include "support/small_model.h"
#include "unit/gpu/emulated_engine.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using core::DeviceMode;

enum class Head { kF32, kF16, kBF16, kQ8_0, kQ6_K };

// Bytes of a [260, 256] matrix of a type, and its number in a file.
std::string HeadBytes(Head type, uint32_t* id) {
  constexpr size_t kRows = SmallModel::kVocab, kCols = 256;
  std::string out;
  const auto value = [](size_t i) { return static_cast<float>(i * 2654435761u % 251) / 256 - 0.49f; };
  switch (type) {
    case Head::kF32: *id = 0; break;
    case Head::kF16: *id = 1; break;
    case Head::kBF16: *id = 30; break;
    case Head::kQ8_0: *id = 8; break;
    case Head::kQ6_K: *id = 14; break;
  }
  if (*id == 8 || *id == 14) {
    const size_t elements = *id == 8 ? 32 : 256, bytes = *id == 8 ? 34 : 210, scale_at = *id == 8 ? 0 : 208;
    for (size_t b = 0; b < kRows * kCols / elements; ++b) {
      std::string block(bytes, '\0');
      for (size_t i = 0; i < bytes; ++i) block[i] = static_cast<char>((b * 31 + i * 7919) % 256);
      const std::string d = Bytes(kernels::F32ToF16(value(b) / 64));
      block.replace(scale_at, 2, d);
      out += block;
    }
    return out;
  }
  for (size_t i = 0; i < kRows * kCols; ++i) {
    const float x = value(i);
    out += *id == 0 ? Bytes(x) : Bytes(*id == 1 ? kernels::F32ToF16(x) : kernels::F32ToBF16(x));
  }
  return out;
}

std::string Digest(const std::string& file, DeviceMode mode) {
  const auto engine = EngineOn(mode);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(file.data()), file.size());
  auto model = core::Model::LoadMemory(bytes, {}, engine->pool(), engine->allocator());
  INFO(model.status().message());
  REQUIRE(model.ok());
  std::string digests;
  for (const size_t n : {1, 3, 9, 33}) {  // one row, dp4a, two sizes of tiles of the tensor cores
    core::SessionOptions options;
    options.head = core::HeadMode::kFull;
    const auto session = MakeSession(engine, *model, options);
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>((17 * i + 5) % SmallModel::kVocab));
    const core::Status status = session->Eval(tokens, core::Want::kAll);
    INFO(status.message());
    REQUIRE(status.ok());
    digests += LogitsSha256(*session);
    auto top = session->Top(n - 1);
    REQUIRE(top.ok());
    core::Sha256 h;
    h.Update(top->data(), top->size_bytes());
    digests += core::ToHex(h.Finish());
  }
  return digests;
}

TEST_CASE("models with heads of every type give the cpu's bits on an emulated gpu", "[gpu]") {
  bitnet_test::Gpus() = {};
  for (const Head type : {Head::kF32, Head::kF16, Head::kBF16, Head::kQ8_0, Head::kQ6_K}) {
    for (const bool tied : {true, false}) {
      INFO("head " << static_cast<int>(type) << (tied ? " tied" : ""));
      SmallModel small;
      small.architecture = tied ? "bitnet-b1.58" : "llama";  // without inner norms, adjacent pairs, silu
      GgufBuilder b = small.Builder();
      uint32_t id = 0;
      const std::string bytes = HeadBytes(type, &id);
      if (tied) {
        b.FindTensor("token_embd.weight")->type = id;
        b.FindTensor("token_embd.weight")->data = bytes;
      } else {
        b.Add({"output.weight", {256, SmallModel::kVocab}, id, bytes});
      }
      const std::string file = b.Build();
      CHECK(Digest(file, DeviceMode::kCuda) == Digest(file, DeviceMode::kCpu));
    }
  }
}

TEST_CASE("scales of rows and blocks, and biases give the cpu's bits on an emulated gpu", "[gpu]") {
  bitnet_test::Gpus() = {};
  for (const TernaryFile type : {TernaryFile::kI2_S, TernaryFile::kTQ2_0, TernaryFile::kIQ2_BN}) {
    INFO("ternary type " << static_cast<uint32_t>(type));
    SmallModel small;
    small.ternary = type;
    for (const std::string& name : small.Linears()) {
      if (type == TernaryFile::kI2_S) continue;
      std::vector<float> scales(ScaleCount(type, small.Matrix(name)));
      for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.03125f * static_cast<float>(1 + i % 5);
      small.scales[name] = scales;
    }
    GgufBuilder b = small.Builder();
    for (const char* part : {"attn_q", "attn_k", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
      const std::string name = std::string("blk.1.") + part;
      std::vector<float> bias(small.Matrix(name).rows);
      for (size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i % 7) / 8 - 0.3f;
      b.Add({name + ".bias", {bias.size()}, 0, BytesOf(bias)});
    }
    const std::string file = b.Build();
    CHECK(Digest(file, DeviceMode::kCuda) == Digest(file, DeviceMode::kCpu));
  }
}

TEST_CASE("products take tiles by their blocks, and all tiles give the cpu's bits on an emulated gpu", "[gpu]") {
  using kernels::gpu::GpuKernel;
  bitnet_test::Gpus() = {};
  SmallModel small;
  small.layers = 1;
  small.ffn = 5120;  // gate and up together are 80 blocks of 128 rows, and all else is fewer
  const std::string file = small.Builder().Build();
  CHECK(Digest(file, DeviceMode::kCuda) == Digest(file, DeviceMode::kCpu));
  // Of the four inputs one has 9 rows, and one has 33. q, k and v are one launch.
  std::map<GpuKernel, uint64_t>& taken = bitnet_test::Gpus().taken;
  CHECK(taken[GpuKernel::kTernaryMma128x16] == 1);
  CHECK(taken[GpuKernel::kTernaryMma32x16] == 3);
  CHECK(taken[GpuKernel::kTernaryMma128x64] == 1);
  CHECK(taken[GpuKernel::kTernaryMma64x32] == 3);
  CHECK(bitnet_test::Gpus().misuse == 0);
}

TEST_CASE("an input of a block-quantised head that is not finite is refused on a gpu as on a cpu", "[gpu]") {
  bitnet_test::Gpus() = {};
  uint32_t id = 0;
  GgufBuilder b = SmallModel().Builder();
  b.FindTensor("token_embd.weight")->data = HeadBytes(Head::kQ6_K, &id);
  b.FindTensor("token_embd.weight")->type = id;
  const std::string file = b.Build();
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    core::EngineOptions o;
    o.device = mode;
    o.gpu = &bitnet_test::EmulatedTable();
    const auto engine = core::Engine::Create(o);
    REQUIRE(engine.ok());
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(file.data()), file.size());
    const auto model = core::Model::LoadMemory(bytes, {}, (*engine)->pool(), (*engine)->allocator());
    REQUIRE(model.ok());
    const_cast<float&>((*model)->weights().output_norm[0]) = std::numeric_limits<float>::infinity();
    const auto session = MakeSession(*engine, *model);
    REQUIRE(session->Eval(std::vector<int32_t>{5, 6, 7}, core::Want::kAll).ok());
    CHECK(session->Logits(1).status().code() == core::Code::kNonFinite);
    CHECK(session->Top(1).status().code() == core::Code::kNonFinite);
    CHECK(session->Logits(2).status().code() == core::Code::kNonFinite);
  }
}

}  // namespace
}  // namespace bitnet
