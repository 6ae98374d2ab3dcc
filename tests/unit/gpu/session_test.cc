// Whole models on emulated GPUs: the launches of GpuOps, their order, recordings, splits and failures. What these
// tests cannot see is what only a GPU has: the compiled kernels, races, its memory system. scripts/gpu_check.sh looks
// there.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "core/graph/forward.h"
#include "core/runtime/session.h"
#include "support/golden.h"
#include "unit/gpu/emulated_engine.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using bitnet_test::Gpus;
using bitnet_test::LaneOrder;
using core::DeviceMode;
using core::Want;

void Reset() { Gpus() = {}; }

std::vector<int32_t> Draws(const core::Session& s) {
  return {s.generated_tokens().begin(), s.generated_tokens().end()};
}

// Runs a golden prompt as the CPU's golden test does.
void CheckGolden(core::Session& session, const GoldenPrompt& p, const GoldenRun& want) {
  REQUIRE(session.Eval(p.tokens, Want::kAll).ok());
  CHECK(LogitsSha256(session) == want.prompt_logits_sha256);
  CHECK(core::ToHex(*DrawGreedy(session, {}, want.drawn.size()).logits_sha256) == want.logits_sha256);
  CHECK(Draws(session) == want.drawn);
}

TEST_CASE("golden prompts on an emulated gpu give the twin's ids and digests", "[gpu][golden]") {
  Reset();
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = LoadTiny(*engine);
  size_t n = 0;
  for (const GoldenPrompt& p : GoldenPrompts()) {
    for (const auto kv : {kernels::Dense::kF16, kernels::Dense::kF32}) {
      INFO(p.name << (kv == kernels::Dense::kF16 ? " f16" : " f32"));
      if (kv == kernels::Dense::kF32 && p.tokens.size() > 64) continue;  // loops are slow; f16 has all prompts
      Gpus().order = n++ % 2 == 0 ? LaneOrder::kFalling : LaneOrder::kRising;
      core::SessionOptions options;
      options.kv_type = kv;
      const auto session = MakeSession(engine, model, options);
      CheckGolden(*session, p, kv == kernels::Dense::kF16 ? p.f16 : p.f32);
      const core::RunFacts facts = session->Facts();
      CHECK(facts.device == "cuda");
      CHECK(facts.target == "CUDA");
      REQUIRE(facts.gpus.size() == 1);
      CHECK(facts.gpus[0].name == "emulated");
      CHECK(facts.fallback_reason.empty());
      for (const core::KernelCalls& k : facts.kernels) CHECK(k.id.rfind("CUDA.", 0) == 0);
    }
  }
  CHECK(n >= 8);
  CHECK(Gpus().misuse == 0);
  CHECK(Gpus().n_replays > 0);
  CHECK(Gpus().n_recordings < Gpus().n_replays);
}

TEST_CASE("a gpu counts the rows that a cpu counts", "[gpu]") {
  Reset();
  const auto prompts = GoldenPrompts();
  std::vector<std::map<std::string, uint64_t>> counts;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    core::SessionOptions options;
    options.head = core::HeadMode::kFull;
    const auto session = MakeSession(engine, model, options);
    core::GenerateOptions g;
    g.max_new_tokens = 5;
    g.ignore_eos = true;
    REQUIRE(session->Begin(prompts[0].tokens, g).ok());
    Drain(*session);
    counts.push_back(RowsByOperation(session->Facts().generation_kernels));
  }
  REQUIRE(counts[0].size() > 5);
  CHECK(counts[0] == counts[1]);
}

TEST_CASE("layers split over a cpu and gpus give the same bits", "[gpu][golden]") {
  Reset();
  const auto prompts = GoldenPrompts();
  const GoldenPrompt& p = *std::min_element(
      prompts.begin(), prompts.end(), [](const auto& a, const auto& b) { return a.tokens.size() < b.tokens.size(); });
  std::vector<uint32_t> gpu_layers;
  for (const uint32_t n_devices : {1u, 2u}) {
    Gpus().n_devices = n_devices;
    const auto probe = EngineOn(DeviceMode::kCuda);
    const auto model = LoadTiny(*probe);
    const uint32_t n_layers = model->hparams().n_layers;
    std::set<std::string> seen;  // splits
    // From all layers on the first GPU to none that fits.
    for (uint64_t limit = uint64_t{64} << 20;; limit = limit * 15 / 16) {
      const auto engine = EngineOn(DeviceMode::kHybrid, limit);
      auto made = core::Session::Create(engine, model, {});
      if (!made.ok()) {
        CHECK(made.status().code() == core::Code::kNoMemory);
        break;
      }
      uint32_t on_gpus = 0;
      std::string split;
      for (const core::GpuFacts& g : (*made)->Facts().gpus) on_gpus += g.n_layers;
      for (const core::GpuFacts& g : (*made)->Facts().gpus) split += std::to_string(g.n_layers) + " ";
      if (!seen.insert(split).second) continue;
      gpu_layers.push_back(on_gpus);
      INFO(n_devices << " devices, limit " << limit << ", layers on them: " << split);
      CheckGolden(**made, p, p.f16);
      const core::RunFacts facts = (*made)->Facts();
      CHECK(facts.device == (on_gpus == n_layers ? "cuda" : "hybrid"));
    }
  }
  std::sort(gpu_layers.begin(), gpu_layers.end());
  CHECK(gpu_layers.front() < gpu_layers.back());
  CHECK(Gpus().misuse == 0);
  CHECK(Gpus().allocated_bytes == 0);
  CHECK(Gpus().open_queues == 0);
}

TEST_CASE("forks, saved states and batches work across devices", "[gpu]") {
  Reset();
  const auto prompts = GoldenPrompts();
  const GoldenPrompt& p = prompts[0];
  const auto gpu = EngineOn(DeviceMode::kCuda), cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTiny(*gpu);
  core::GenerateOptions g;
  g.max_new_tokens = 6;
  g.ignore_eos = true;
  const auto digest = [&](core::Session& s) {
    REQUIRE(s.Begin(p.tokens, g).ok());
    Drain(s);
    return core::ToHex(*s.Facts().logits_sha256);
  };
  const std::vector<int32_t> context(p.tokens.begin(),
                                     p.tokens.begin() + std::min<ptrdiff_t>(3, p.tokens.end() - p.tokens.begin()));
  const auto on_cpu = MakeSession(cpu, model), on_gpu = MakeSession(gpu, model), other = MakeSession(gpu, model);
  REQUIRE(on_cpu->Eval(context, Want::kNone).ok());
  const core::Session::BatchItem items[] = {{on_gpu.get(), context, Want::kLast}, {other.get(), context, Want::kAll}};
  REQUIRE(core::Session::EvalBatch(items).ok());
  const auto saved_cpu = on_cpu->Save(), saved_gpu = on_gpu->Save();
  REQUIRE(saved_cpu.ok());
  REQUIRE(saved_gpu.ok());
  CHECK(*saved_cpu == *saved_gpu);
  auto fork = on_gpu->Fork();
  REQUIRE(fork.ok());
  const std::string want = digest(*on_cpu);
  CHECK(digest(*on_gpu) == want);
  CHECK(digest(*other) == want);
  CHECK(digest(**fork) == want);
  const auto loaded = MakeSession(gpu, model);
  REQUIRE(loaded->Load(*saved_cpu).ok());
  CHECK(digest(*loaded) == want);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("what a gpu makes in one session's queue is there for another session", "[gpu]") {
  Reset();
  const auto gpu = EngineOn(DeviceMode::kCuda), cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTiny(*gpu);
  const std::vector<int32_t> first = {1, 2, 3, 4, 5}, second = {9, 8, 7, 6};
  using Texts = std::vector<std::vector<int32_t>>;
  const auto evaluated = [&](const Texts& texts) {
    auto s = MakeSession(cpu, model);
    for (const auto& t : texts) REQUIRE(s->Eval(t, Want::kAll).ok());
    return LogitsSha256(*s);
  };
  SECTION("rows that a batch kept") {
    const auto a = MakeSession(gpu, model), b = MakeSession(gpu, model);
    const core::Session::BatchItem items[] = {{a.get(), first, Want::kAll}, {b.get(), second, Want::kAll}};
    for (int turn = 0; turn < 2; ++turn) {  // the second finds its memory allocated
      REQUIRE(core::Session::EvalBatch(items).ok());
      CHECK(LogitsSha256(*b) == evaluated(turn == 0 ? Texts{second} : Texts{second, second}));
    }
  }
  SECTION("a fork, when the original goes on") {
    const auto a = MakeSession(gpu, model);
    REQUIRE(a->Eval(first).ok());
    auto fork = a->Fork();
    REQUIRE(fork.ok());
    a->Clear();
    REQUIRE(a->Eval(second).ok());
    REQUIRE((*fork)->Eval(second, Want::kAll).ok());
    CHECK(LogitsSha256(**fork) == evaluated({first, second}));
  }
  SECTION("caches, after a batch that was cancelled") {
    const auto a = MakeSession(gpu, model), b = MakeSession(gpu, model);
    const core::Session::BatchItem items[] = {{a.get(), second, Want::kAll}, {b.get(), second, Want::kAll}};
    Gpus().at_launch = 30;
    Gpus().call = [&] { a->Cancel(); };
    CHECK(core::Session::EvalBatch(items).code() == core::Code::kCancelled);
    REQUIRE(b->Eval(first).ok());
    REQUIRE(a->Eval(first).ok());
    REQUIRE(b->Eval(second, Want::kAll).ok());
    CHECK(LogitsSha256(*b) == evaluated({first, second}));
  }
  SECTION("a state that was loaded, for a fork") {
    const auto original = MakeSession(cpu, model), a = MakeSession(gpu, model);
    REQUIRE(original->Eval(first).ok());
    REQUIRE(a->Load(*original->Save()).ok());
    auto fork = a->Fork();
    REQUIRE(fork.ok());
    REQUIRE((*fork)->Eval(second, Want::kAll).ok());
    CHECK(LogitsSha256(**fork) == evaluated({first, second}));
  }
  SECTION("what a batch left in a session, when that is saved and rolled back") {
    const auto original = MakeSession(cpu, model), a = MakeSession(gpu, model), b = MakeSession(gpu, model);
    REQUIRE(original->Eval(second).ok());
    const core::Session::BatchItem items[] = {{a.get(), first, Want::kAll}, {b.get(), second, Want::kAll}};
    REQUIRE(core::Session::EvalBatch(items).ok());
    CHECK(*b->Save() == *original->Save());
    REQUIRE(b->RollBack(2).ok());
    REQUIRE(b->Eval(first, Want::kAll).ok());
    CHECK(LogitsSha256(*b) == evaluated({{second[0], second[1]}, first}));
    REQUIRE(a->Load(*original->Save()).ok());  // what its batch kept is still to be copied
    REQUIRE(a->Eval(first, Want::kAll).ok());
    CHECK(LogitsSha256(*a) == evaluated({second, first}));
  }
  SECTION("rows that a batch kept, when a session of it goes away") {
    for (const bool lead_goes : {false, true}) {
      auto a = MakeSession(gpu, model), b = MakeSession(gpu, model);
      const core::Session::BatchItem items[] = {{a.get(), first, Want::kAll}, {b.get(), second, Want::kAll}};
      REQUIRE(core::Session::EvalBatch(items).ok());
      (lead_goes ? a : b).reset();
      CHECK(LogitsSha256(*(lead_goes ? b : a)) == evaluated({lead_goes ? second : first}));
    }
  }
  SECTION("a fork, when the original goes away") {
    auto a = MakeSession(gpu, model);
    REQUIRE(a->Eval(first).ok());
    auto fork = a->Fork();
    REQUIRE(fork.ok());
    a.reset();
    REQUIRE((*fork)->Eval(second, Want::kAll).ok());
    CHECK(LogitsSha256(**fork) == evaluated({first, second}));
  }
  CHECK(Gpus().misuse == 0);
}

// An engine that splits the model over both of two GPUs.
std::shared_ptr<core::Engine> EngineOnTwo(const std::shared_ptr<const core::Model>& model) {
  for (uint64_t limit = uint64_t{64} << 20; limit > (1 << 20); limit = limit * 15 / 16) {
    auto engine = EngineOn(DeviceMode::kHybrid, limit);
    const auto session = core::Session::Create(engine, model, {});
    if (!session.ok()) break;
    const auto gpus = (*session)->Facts().gpus;
    if (gpus.size() == 2 && (*session)->Facts().device == "cuda") return engine;
  }
  FAIL("no limit puts layers on both GPUs and none on the CPU");
  return nullptr;
}

TEST_CASE("a state that was loaded into all devices of a session is there for the batch of another session", "[gpu]") {
  Reset();
  Gpus().n_devices = 2;
  const std::vector<int32_t> first = {1, 2, 3, 4, 5}, second = {9, 8, 7, 6};
  const auto cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTiny(*cpu);
  const auto gpus = EngineOnTwo(model);
  const auto original = MakeSession(cpu, model), a = MakeSession(gpus, model), b = MakeSession(gpus, model);
  REQUIRE(original->Eval(first).ok());
  REQUIRE(b->Load(*original->Save()).ok());
  const core::Session::BatchItem items[] = {{a.get(), first, Want::kAll}, {b.get(), second, Want::kAll}};
  REQUIRE(core::Session::EvalBatch(items).ok());
  REQUIRE(original->Eval(second, Want::kAll).ok());
  CHECK(LogitsSha256(*b) == LogitsSha256(*original));
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("sessions of one batch differ in context and cache type", "[gpu]") {
  Reset();
  const std::vector<int32_t> text(150, 7), other = {5, 4, 3};
  std::vector<std::string> digests;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    const auto small = MakeSession(engine, model, OptionsOf(kernels::Dense::kF32, 16, 1));
    const auto large = MakeSession(engine, model, OptionsOf(kernels::Dense::kF16, 400));
    const auto third = MakeSession(engine, model, OptionsOf(kernels::Dense::kF32, 400));
    REQUIRE(large->Eval(text).ok());
    const core::Session::BatchItem items[] = {
        {small.get(), other, Want::kAll}, {large.get(), other, Want::kAll}, {third.get(), other, Want::kAll}};
    REQUIRE(core::Session::EvalBatch(items).ok());
    digests.push_back(LogitsSha256(*small) + LogitsSha256(*large) + LogitsSha256(*third));
  }
  CHECK(digests[0] == digests[1]);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("single rows of a batch meet the recording of their cache type, and a session's own copies come first",
          "[gpu]") {
  Reset();
  const std::vector<int32_t> text = {9, 8}, other = {5, 4, 3};
  std::vector<std::string> digests;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    const auto lead = MakeSession(engine, model, OptionsOf(kernels::Dense::kF16, 400, 1));
    const auto rest = MakeSession(engine, model, OptionsOf(kernels::Dense::kF32, 16));
    REQUIRE(rest->Eval(text).ok());
    const core::Session::BatchItem items[] = {{lead.get(), other, Want::kAll}, {rest.get(), other, Want::kAll}};
    REQUIRE(core::Session::EvalBatch(items).ok());
    digests.push_back(LogitsSha256(*lead) + LogitsSha256(*rest));
  }
  CHECK(digests[0] == digests[1]);
  CHECK(Gpus().misuse == 0);
}

// The tiny model, said to be trained for 2048 positions, so that a context has several blocks of keys.
std::shared_ptr<const core::Model> LoadTinyOfLongContext(core::Engine& engine) {
  std::string bytes = ReadFile(BITNET_TINY_MODEL);
  const std::string key = "bitnet-b1.58.context_length";
  const size_t at = bytes.find(key);
  REQUIRE(at != std::string::npos);
  const uint32_t n_ctx = 2048;
  std::memcpy(bytes.data() + at + key.size() + sizeof(uint32_t), &n_ctx, sizeof n_ctx);  // behind its type
  core::LoadSpec spec;
  spec.mode = core::LoadMode::kCopy;
  auto model = core::Model::LoadMemory(std::as_bytes(std::span(bytes)), spec, engine.pool(), engine.allocator());
  INFO(model.status().message());
  REQUIRE(model.ok());
  REQUIRE((*model)->hparams().n_ctx_train == n_ctx);
  return *std::move(model);
}

TEST_CASE("the recording of fewer blocks of keys is not replayed where a context has no power of two of them",
          "[gpu]") {
  Reset();
  const auto gpu = EngineOn(DeviceMode::kCuda), cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTinyOfLongContext(*cpu);
  core::SessionOptions options;
  options.n_ctx = 3 * 256;
  const auto on_cpu = MakeSession(cpu, model, options), on_gpu = MakeSession(gpu, model, options);
  std::vector<int32_t> prompt(2 * 256 - 4);
  for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = 3 + static_cast<int32_t>(i * 7919 % 200);
  REQUIRE(on_cpu->Eval(prompt).ok());
  REQUIRE(on_gpu->Load(*on_cpu->Save()).ok());
  for (int32_t token = 3; token < 10; ++token) {  // over the end of the second block
    REQUIRE(on_cpu->Eval({&token, 1}).ok());
    REQUIRE(on_gpu->Eval({&token, 1}).ok());
    INFO("position " << on_cpu->position());
    CHECK(LogitsSha256(*on_gpu) == LogitsSha256(*on_cpu));
  }
  CHECK(Gpus().n_recordings == 2);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("passes of a batch of single tokens are recorded by their rows, blocks of keys and cache type", "[gpu]") {
  Reset();
  const auto gpu = EngineOn(DeviceMode::kCuda), cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTinyOfLongContext(*cpu);
  std::vector<int32_t> prompt(254);
  for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = 3 + static_cast<int32_t>(i * 7919 % 200);
  struct Pair {
    std::unique_ptr<core::Session> on_cpu, on_gpu;
  };
  const auto make = [&](kernels::Dense type, uint32_t n_ctx, size_t n) {
    Pair p = {MakeSession(cpu, model, OptionsOf(type, n_ctx)), MakeSession(gpu, model, OptionsOf(type, n_ctx))};
    REQUIRE(p.on_cpu->Eval(std::span(prompt).first(n)).ok());
    REQUIRE(p.on_gpu->Load(*p.on_cpu->Save()).ok());
    return p;
  };
  // The first comes into its second block of keys with the third pass; the last has another type of cache.
  std::vector<Pair> pairs;
  pairs.push_back(make(kernels::Dense::kF16, 700, 254));
  pairs.push_back(make(kernels::Dense::kF16, 16, 3));
  pairs.push_back(make(kernels::Dense::kF16, 300, 7));
  pairs.push_back(make(kernels::Dense::kF32, 300, 5));
  const auto pass = [&](size_t n, int32_t token) {
    std::vector<core::Session::BatchItem> items;
    for (size_t i = 0; i < n; ++i) {
      items.push_back({pairs[i].on_gpu.get(), {&token, 1}, Want::kLast});
      REQUIRE(pairs[i].on_cpu->Eval({&token, 1}).ok());
    }
    REQUIRE(core::Session::EvalBatch(items).ok());
    for (size_t i = 0; i < n; ++i) {
      INFO("rows " << n << ", session " << i << ", position " << pairs[i].on_cpu->position());
      CHECK(LogitsSha256(*pairs[i].on_gpu) == LogitsSha256(*pairs[i].on_cpu));
    }
  };
  for (int32_t token = 3; token < 8; ++token) pass(3, token);
  CHECK(Gpus().n_recordings == 2);  // of one block of keys, and of two
  CHECK(Gpus().n_replays == 4);     // all but the first
  for (int32_t token = 3; token < 5; ++token) pass(2, token);
  CHECK(Gpus().n_recordings == 3);
  for (int32_t token = 3; token < 5; ++token) pass(4, token);
  CHECK(Gpus().n_recordings == 3);  // two types of caches
  pass(3, 9);
  CHECK(Gpus().n_replays == 6);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("arrays of a pass start where a gpu reads 16 bytes at a time, whatever the widths", "[gpu]") {
  core::HParams h;
  h.n_embd = 65, h.n_heads = 3, h.n_heads_kv = 1, h.head_dim = 7, h.n_ff = 33;
  const auto engine = MakeEngine();
  for (const size_t max_rows : {1u, 3u, 16u}) {
    const auto s = core::ForwardScratch::Allocate(h, max_rows, engine->allocator());
    REQUIRE(s.ok());
    for (const float* array : {s->x, s->y, s->q, s->k, s->v, s->mix, s->gate, s->up}) {
      CHECK(reinterpret_cast<uintptr_t>(array) % 16 == 0);
    }
    CHECK(reinterpret_cast<const std::byte*>(s->up + max_rows * h.n_ff) <=
          s->buffer.as<std::byte>() + core::ForwardScratch::Bytes(h, max_rows));
  }
}

TEST_CASE("one token of a gpu moves little over the bus, and is waited for once", "[gpu]") {
  Reset();
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = LoadTiny(*engine);
  const auto session = MakeSession(engine, model);
  core::GenerateOptions g;
  g.max_new_tokens = 9;
  g.ignore_eos = true;
  const std::vector<int32_t> prompt = {1, 2, 3};
  REQUIRE(session->Begin(prompt, g).ok());
  REQUIRE(session->Next().ok());
  REQUIRE(session->Next().ok());
  Gpus().bytes_in = Gpus().bytes_out = Gpus().n_waits = 0;
  REQUIRE(session->Next().ok());
  CHECK(Gpus().bytes_in < 1024);
  CHECK(Gpus().bytes_out <= 256 * 8 + 16);
  CHECK(Gpus().n_waits == 1);
}

}  // namespace
}  // namespace bitnet
