// The golden prompts on a real GPU. Skipped where there is none: that is no proof, and is counted as skipped.
#include <algorithm>

#include "core/runtime/session.h"
#include "kernels/half.h"
#include "support/golden.h"
#include "support/tiny.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using core::DeviceMode;
using core::Want;

// An engine on GPUs, null where there is none.
std::shared_ptr<core::Engine> GpuEngine(DeviceMode mode, uint64_t limit = 0) {
  core::EngineOptions o;
  o.threads = 2;
  o.device = mode;
  o.gpu_memory_limit = limit;
  auto engine = core::Engine::Create(o);
  if (engine.status().code() == core::Code::kTargetUnavailable) return nullptr;
  INFO(engine.status().message());
  REQUIRE(engine.ok());
  return *engine;
}

TEST_CASE("gpu: golden prompts give the twin's ids and digests, in chunks of every kind", "[cuda][golden]") {
  const auto engine = GpuEngine(DeviceMode::kCuda);
  if (engine == nullptr) BN_SKIP("a GPU");
  const auto model = LoadTiny(*engine);
  for (const GoldenPrompt& p : GoldenPrompts()) {
    for (const auto kv : {kernels::Dense::kF16, kernels::Dense::kF32}) {
      const GoldenRun& want = kv == kernels::Dense::kF16 ? p.f16 : p.f32;
      for (const uint32_t chunk : {0u, 1u, 3u, 7u, 64u}) {
        INFO(p.name << (kv == kernels::Dense::kF16 ? " f16" : " f32") << " chunk " << chunk);
        core::SessionOptions options;
        options.kv_type = kv;
        options.chunk = chunk;
        const auto session = MakeSession(engine, model, options);
        REQUIRE(session->Eval(p.tokens, Want::kAll).ok());
        CHECK(LogitsSha256(*session) == want.prompt_logits_sha256);
        if (chunk != 0) continue;
        core::GenerateOptions g;
        g.max_new_tokens = static_cast<uint32_t>(want.drawn.size());
        g.ignore_eos = true;
        REQUIRE(session->Begin({}, g).ok());
        Drain(*session);
        CHECK(std::vector<int32_t>(session->generated_tokens().begin(), session->generated_tokens().end()) ==
              want.drawn);
        CHECK(core::ToHex(*session->Facts().logits_sha256) == want.logits_sha256);
        CHECK(session->Facts().device == "cuda");
      }
    }
  }
}

TEST_CASE("gpu: the head shortcut draws from the same bits and finds a cpu's survivors", "[cuda][golden]") {
  const auto gpu = GpuEngine(DeviceMode::kCuda);
  if (gpu == nullptr) BN_SKIP("a GPU");
  const auto cpu = MakeEngine();
  const auto model = LoadTiny(*gpu);
  core::SessionOptions options;
  options.head = core::HeadMode::kShortcut;
  for (const GoldenPrompt& p : GoldenPrompts()) {
    INFO(p.name);
    uint64_t survivors = 0;
    for (const auto& engine : {cpu, gpu}) {
      const auto session = MakeSession(engine, model, options);
      const core::RunFacts facts = DrawGreedy(*session, p.tokens, p.f16.drawn.size());
      CHECK(core::ToHex(*facts.logits_sha256) == p.f16.logits_sha256);
      CHECK(facts.head == "shortcut");
      if (engine == cpu) survivors = facts.head_survivors;
      CHECK(facts.head_survivors == survivors);
    }
  }
}

TEST_CASE("gpu: layers split over a cpu and gpus give the same bits", "[cuda][golden]") {
  const auto probe = GpuEngine(DeviceMode::kCuda);
  if (probe == nullptr) BN_SKIP("a GPU");
  const auto model = LoadTiny(*probe);
  const auto prompts = GoldenPrompts();
  size_t n_hybrid = 0;
  for (uint64_t limit = uint64_t{64} << 20; limit > (1 << 20); limit = limit * 7 / 8) {
    const auto engine = GpuEngine(DeviceMode::kHybrid, limit);
    auto session = core::Session::Create(engine, model, {});
    if (!session.ok()) break;
    if ((*session)->Facts().device != "hybrid") continue;
    ++n_hybrid;
    REQUIRE((*session)->Eval(prompts[0].tokens, Want::kAll).ok());
    CHECK(LogitsSha256(**session) == prompts[0].f16.prompt_logits_sha256);
  }
  CHECK(n_hybrid > 0);
}

TEST_CASE("gpu: sessions in one batch, a fork and a saved state give the same bits", "[cuda]") {
  const auto gpu = GpuEngine(DeviceMode::kCuda);
  if (gpu == nullptr) BN_SKIP("a GPU");
  const auto cpu = MakeEngine();
  const auto model = LoadTiny(*gpu);
  const GoldenPrompt p = GoldenPrompts()[0];
  const auto on_cpu = MakeSession(cpu, model), a = MakeSession(gpu, model), b = MakeSession(gpu, model);
  REQUIRE(on_cpu->Eval(p.tokens, Want::kAll).ok());
  const core::Session::BatchItem items[] = {{a.get(), p.tokens, Want::kAll}, {b.get(), p.tokens, Want::kAll}};
  REQUIRE(core::Session::EvalBatch(items).ok());
  CHECK(LogitsSha256(*a) == LogitsSha256(*on_cpu));
  CHECK(LogitsSha256(*b) == LogitsSha256(*on_cpu));
  const auto state = a->Save();
  REQUIRE(state.ok());
  CHECK(*state == *on_cpu->Save());
  auto fork = a->Fork();
  REQUIRE(fork.ok());
  CHECK(*(*fork)->Save() == *state);
}

// Two groups of a shared head, passes as they are, recorded and replayed, and a session that leaves in between.
TEST_CASE("gpu: single tokens of many sessions give each the candidates and logits of a cpu", "[cuda]") {
  const auto gpu = GpuEngine(DeviceMode::kCuda);
  if (gpu == nullptr) BN_SKIP("a GPU");
  const auto cpu = MakeEngine();
  const auto model = LoadTiny(*gpu);
  std::vector<std::unique_ptr<core::Session>> batched, alone;
  for (int i = 0; i < 18; ++i) {
    batched.push_back(MakeSession(gpu, model));
    alone.push_back(MakeSession(cpu, model));
  }
  for (size_t step = 0; step < 6; ++step) {
    if (step == 4) {
      batched.pop_back();
      alone.pop_back();
    }
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < batched.size(); ++i) tokens.push_back(static_cast<int32_t>(3 + (i * 31 + step * 17) % 200));
    std::vector<core::Session::BatchItem> items;
    for (size_t i = 0; i < batched.size(); ++i) items.push_back({batched[i].get(), {&tokens[i], 1}, Want::kLast});
    REQUIRE(core::Session::EvalBatch(items).ok());
    for (size_t i = 0; i < batched.size(); ++i) {
      INFO("step " << step << ", session " << i);
      REQUIRE(alone[i]->Eval({&tokens[i], 1}).ok());
      const auto found = batched[i]->Top(0), want = alone[i]->Top(0);
      REQUIRE(found.ok());
      REQUIRE(want.ok());
      CHECK(std::equal(found->begin(), found->end(), want->begin(), want->end(), [](const auto& x, const auto& y) {
        return x.id == y.id && kernels::BitsOf(x.logit) == kernels::BitsOf(y.logit);
      }));
      if (i % 4 == step % 4) CHECK(LogitsSha256(*batched[i]) == LogitsSha256(*alone[i]));
    }
  }
}

}  // namespace
}  // namespace bitnet
