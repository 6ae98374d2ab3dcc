// What proving costs: planning and applying a policy, making a receipt, digests. Bounds: docs/policy.md, last line.
#include <benchmark/benchmark.h>

#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "core/base/sha256.h"
#include "core/model/norms.h"
#include "kernels/kernel_table.h"
#include "policy/plan.h"
#include "support/gguf_builder.h"

namespace {

namespace core = bitnet::core;
namespace policy = bitnet::policy;
using bitnet::test::BytesOf;
using bitnet::test::GgufBuilder;

template <typename T>
T Must(bitnet::Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << result.error().message() << "\n";
  std::exit(1);
}

// The norms of a model of the 2B-4T shape, all of them 64 times too large.
std::string ThirtyLayers() {
  GgufBuilder b;
  b.String("general.architecture", "bitnet-b1.58");
  for (int layer = 0; layer < 30; ++layer) {
    for (const auto& [cls, n] :
         {std::pair("attn_norm", 2560), {"attn_sub_norm", 2560}, {"ffn_norm", 2560}, {"ffn_sub_norm", 6912}}) {
      std::vector<float> gamma(static_cast<size_t>(n));
      for (size_t i = 0; i < gamma.size(); ++i) gamma[i] = 64 * (0.5f + 0.001f * static_cast<float>(i % 997));
      b.Add({"blk." + std::to_string(layer) + "." + cls + ".weight", {gamma.size()}, 0, BytesOf(gamma)});
    }
  }
  return b.Build();
}

void PlanAndApply(benchmark::State& state) {
  const std::string bytes = ThirtyLayers();
  const std::string yaml =
      "version: 1\npolicies:\n- name: all\n  fingerprint: {type: metadata, architecture: bitnet-b1.58}\n"
      "  corrections: [{type: layernorm_scale, parameters: {target_rms: 1, layers: all}}]\n";
  for (auto _ : state) {
    const auto file = policy::ParsePolicy(yaml);
    const auto gguf = core::Gguf::Parse(std::as_bytes(std::span(bytes)));
    const policy::Plan plan = policy::MakePlan(*file, *gguf, policy::IdentityOf(*gguf, ""));
    if (plan.result.norm_scales.size() != 120) std::abort();
    for (const core::NormScale& scale : plan.result.norm_scales) {
      const core::GgufTensor* tensor = gguf->FindTensor(scale.tensor);
      std::vector<float> gamma(tensor->ne[0]);
      if (!core::ReadVector(*tensor, false, gamma).ok() || !core::ApplyNormScale(scale, gamma).ok()) std::abort();
      benchmark::DoNotOptimize(gamma.data());
    }
  }
}

// A receipt of 128 draws of the model in BITNET_GGUF, of the built-in one without; its digest is known.
void MakeReceipt(benchmark::State& state) {
  const char* path = std::getenv("BITNET_GGUF");
  const bitnet::Engine engine = Must(bitnet::Engine::create());
  bitnet::ModelOptions options;
  const std::string sha256(64, '0');
  options.sha256 = sha256.c_str();
  const bitnet::Model model = path != nullptr ? Must(bitnet::Model::load(engine, path, options))
                                              : Must(bitnet::Model::load(engine, bitnet::tiny_model(), options));
  bitnet::Session session = Must(bitnet::Session::create(model));
  bitnet::GenerateOptions generate;
  generate.max_new_tokens = 128;
  generate.ignore_eos = 1;
  auto generation = Must(session.generate(Must(model.tokenizer().encode("Once upon a time")), generate));
  for (const bitnet::Step& step : generation) benchmark::DoNotOptimize(step.token);
  Must(model.ternary_sha256());  // the digests of the weights, computed once for a model
  Must(model.ternary_scales_sha256());
  for (auto _ : state) benchmark::DoNotOptimize(Must(bitnet::receipt(session)));
  state.SetLabel(model.info().name);
}

// What a draw adds to the digest of the logits: an entry for each of the largest, and the prefix so far.
void DrawDigest(benchmark::State& state) {
  const std::vector<bitnet::kernels::TopEntry> top(bitnet::kernels::kMaxTop);
  core::Sha256 digest;
  for (auto _ : state) {
    digest.Update(top.data(), top.size() * sizeof top[0]);
    benchmark::DoNotOptimize(digest.Finish());
  }
}

void FileDigest(benchmark::State& state) {
  const std::vector<char> bytes(size_t{256} << 20, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(core::Sha256Of(bytes.data(), bytes.size()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}

BENCHMARK(PlanAndApply)->Unit(benchmark::kMillisecond)->Name("plan and apply, 30 layers (bound: 50 ms)");
BENCHMARK(MakeReceipt)->Unit(benchmark::kMillisecond)->Name("receipt without digest (bound: 2 ms)");
BENCHMARK(DrawDigest)->Unit(benchmark::kMicrosecond)->Name("logits digest of a draw");
BENCHMARK(FileDigest)->Unit(benchmark::kMillisecond)->Name("sha-256 (bound: 1 GB/s with SHA extensions)");

}  // namespace

BENCHMARK_MAIN();
