// The head shortcut in sessions on emulated GPUs: the draws, survivors and counts of a CPU, what it takes of memory,
// and what stops it.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/runtime/session.h"
#include "core/runtime/stages.h"
#include "support/golden.h"
#include "unit/gpu/emulated_engine.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using bitnet_test::Gpus;
using core::DeviceMode;
using core::HeadMode;
using kernels::gpu::GpuKernel;

core::SessionOptions With(HeadMode head) {
  core::SessionOptions o;
  o.head = head;
  return o;
}

core::Status Generate(core::Session& s, std::vector<int32_t> prompt, uint32_t n) {
  core::GenerateOptions g;
  g.max_new_tokens = n;
  g.ignore_eos = true;
  BN_RETURN_IF_ERROR(s.Begin(prompt, g));
  for (uint32_t i = 0; i < n; ++i) BN_RETURN_IF_ERROR(s.Next().status());
  return {};
}

TEST_CASE("the head shortcut of a gpu draws from the same bits, and counts what a cpu counts", "[gpu][golden]") {
  Gpus() = {};
  const auto gpu = EngineOn(DeviceMode::kCuda), cpu = EngineOn(DeviceMode::kCpu);
  const auto model = LoadTiny(*gpu);
  size_t n_prompts = 0;
  for (const GoldenPrompt& p : GoldenPrompts()) {
    if (p.tokens.size() > 16 || n_prompts == 1) continue;  // the head sees the draws alone, and loops are slow
    INFO(p.name);
    ++n_prompts;
    Gpus().order = bitnet_test::LaneOrder::kFalling;
    std::vector<core::RunFacts> facts;
    for (const auto& engine : {cpu, gpu}) {
      const auto session = MakeSession(engine, model, With(HeadMode::kShortcut));
      REQUIRE(Generate(*session, p.tokens, static_cast<uint32_t>(p.f16.drawn.size())).ok());
      facts.push_back(session->Facts());
      CHECK(core::ToHex(*facts.back().logits_sha256) == p.f16.logits_sha256);
      CHECK(facts.back().head == "shortcut");
      const auto top = session->Top(0);  // the row that was searched can still be read in full
      REQUIRE(top.ok());
      const kernels::TopEntry best = (*top)[0];
      const auto logits = session->Logits(0);
      REQUIRE(logits.ok());
      CHECK((*logits)[best.id] == best.logit);
    }
    CHECK(facts[1].head_survivors == facts[0].head_survivors);
    CHECK(RowsByOperation(facts[1].generation_kernels) == RowsByOperation(facts[0].generation_kernels));
  }
  CHECK(n_prompts == 1);
  CHECK(Gpus().misuse == 0);
  CHECK(Gpus().allocated_bytes == 0);
}

TEST_CASE("the 8-bit copy of a head is made once on a gpu, for sessions that ask for it", "[gpu]") {
  Gpus() = {};
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = LoadTiny(*engine);
  const auto n_copies = [] {
    auto& taken = Gpus().taken;
    return taken[GpuKernel::kHeadCopyF32] + taken[GpuKernel::kHeadCopyF16] + taken[GpuKernel::kHeadCopyBF16];
  };
  const auto full = MakeSession(engine, model, With(HeadMode::kFull));
  const auto automatic = MakeSession(engine, model);  // a head so small is read whole
  REQUIRE(Generate(*full, {1, 2, 3}, 2).ok());
  REQUIRE(Generate(*automatic, {1, 2, 3}, 2).ok());
  CHECK(automatic->Facts().head == "full");
  CHECK(n_copies() == 0);
  const auto a = MakeSession(engine, model, With(HeadMode::kShortcut));
  const auto b = MakeSession(engine, model, With(HeadMode::kShortcut));
  REQUIRE(Generate(*a, {1, 2, 3}, 2).ok());
  REQUIRE(Generate(*b, {1, 2, 3}, 2).ok());
  REQUIRE(Generate(*a, {4}, 2).ok());
  CHECK(b->Facts().logits_sha256 == full->Facts().logits_sha256);
  CHECK(n_copies() == 1);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("one token with the head shortcut moves as little over the bus as without", "[gpu]") {
  Gpus() = {};
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = LoadTiny(*engine);
  const auto session = MakeSession(engine, model, With(HeadMode::kShortcut));
  core::GenerateOptions g;
  g.ignore_eos = true;
  REQUIRE(session->Begin(std::vector<int32_t>{1, 2, 3}, g).ok());
  REQUIRE(session->Next().ok());
  REQUIRE(session->Next().ok());
  Gpus().bytes_in = Gpus().bytes_out = 0;
  REQUIRE(session->Next().ok());
  CHECK(Gpus().bytes_in < 1024);
  CHECK(Gpus().bytes_out <= 256 * 8 + 24);
}

// The widest limit under which a session of that kind is refused.
uint64_t LimitFor(const std::shared_ptr<const core::Model>& model, HeadMode head) {
  uint64_t refused = 0, granted = uint64_t{1} << 30;
  while (granted - refused > 1) {
    const uint64_t limit = (granted + refused) / 2;
    const bool ok = core::Session::Create(EngineOn(DeviceMode::kCuda, limit), model, With(head)).ok();
    (ok ? granted : refused) = limit;
  }
  return refused;
}

TEST_CASE("the 8-bit copy of a head counts against the memory limit of a gpu", "[gpu]") {
  Gpus() = {};
  const auto model = LoadTiny(*EngineOn(DeviceMode::kCpu));
  const uint64_t short_of_copy = LimitFor(model, HeadMode::kShortcut), short_of_all = LimitFor(model, HeadMode::kFull);
  const core::Matrix& head = model->weights().head();
  CHECK(short_of_copy - short_of_all == core::GpuHeadCopyBytes(head) + core::HeadScratch::Bytes(head.rows, head.cols));

  const auto refused =
      core::Session::Create(EngineOn(DeviceMode::kCuda, short_of_copy), model, With(HeadMode::kShortcut));
  REQUIRE(refused.status().code() == core::Code::kNoMemory);
  CHECK_THAT(std::string(refused.status().message()), Catch::Contains("head full"));
  // Where it is to be had for no layer's place alone, less memory means none.
  const core::HParams& h = model->hparams();
  for (const uint64_t limit : {short_of_copy, short_of_copy + 1}) {
    for (const DeviceMode mode : {DeviceMode::kCuda, DeviceMode::kAuto, DeviceMode::kHybrid}) {
      const auto plan = core::MakePlan(*EngineOn(mode, limit), *model, h.n_ctx_train, std::min(h.n_ctx_train, 256u),
                                       kernels::Dense::kF16, core::HeadCopyUse::kIfItFits);
      REQUIRE(plan.ok());
      CHECK(plan->stages.size() == 1);
      CHECK(plan->stages[0].device == 0);
      CHECK(plan->head_copy == (limit > short_of_copy));
    }
  }
  // And what a session then takes is within the limit.
  const auto session = MakeSession(EngineOn(DeviceMode::kCuda, short_of_copy + 1), model, With(HeadMode::kShortcut));
  REQUIRE(Generate(*session, {1, 2, 3}, 2).ok());
  CHECK(session->Facts().head == "shortcut");
  CHECK(Gpus().allocated_bytes <= short_of_copy + 1);
}

TEST_CASE("memory that a gpu refuses for the copy of a head is a status, and the session goes on later", "[gpu]") {
  for (const int64_t granted : {0, 1}) {  // of the copy, of the scratch
    Gpus() = {};
    const auto engine = EngineOn(DeviceMode::kCuda);
    const auto session = MakeSession(engine, LoadTiny(*engine), With(HeadMode::kShortcut));
    core::GenerateOptions g;
    REQUIRE(session->Begin(std::vector<int32_t>{1, 2, 3}, g).ok());
    Gpus().fail_allocate = static_cast<int64_t>(Gpus().n_allocations) + granted;
    CHECK(session->Next().status().code() == core::Code::kNoMemory);
    Gpus().fail_allocate = -1;
    REQUIRE(session->Next().ok());
    CHECK(session->Facts().head == "shortcut");
    CHECK(Gpus().misuse == 0);
  }
}

TEST_CASE("where too many rows survive, a gpu reads the whole head as a cpu does", "[gpu]") {
  Gpus() = {};
  std::vector<core::RunFacts> facts;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    REQUIRE(model->hparams().n_vocab > 512);
    std::fill_n(const_cast<float*>(model->weights().output_norm), model->hparams().n_embd, 0.0f);  // all logits are 0
    const auto session = MakeSession(engine, model, With(HeadMode::kShortcut));
    REQUIRE(Generate(*session, {1, 2, 3}, 2).ok());
    facts.push_back(session->Facts());
    CHECK(facts.back().head == "full");
    CHECK(facts.back().head_survivors == 0);
  }
  CHECK(facts[0].logits_sha256 == facts[1].logits_sha256);
  CHECK(facts[0].generation_kernels.size() == facts[1].generation_kernels.size());
}

TEST_CASE("a value that is not finite stops the head shortcut of a gpu with the message of the whole head", "[gpu]") {
  constexpr std::pair<DeviceMode, HeadMode> kRuns[] = {{DeviceMode::kCpu, HeadMode::kFull},
                                                       {DeviceMode::kCpu, HeadMode::kShortcut},
                                                       {DeviceMode::kCuda, HeadMode::kShortcut}};
  std::vector<std::string> messages;
  for (const auto& [mode, head] : kRuns) {
    Gpus() = {};
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    const_cast<float&>(model->weights().output_norm[3]) = std::numeric_limits<float>::infinity();
    const auto session = MakeSession(engine, model, With(head));
    const core::Status status = Generate(*session, {1, 2, 3}, 1);
    CHECK(status.code() == core::Code::kNonFinite);
    messages.push_back(std::string(status.message()));
  }
  for (const std::string& m : messages) CHECK(m == messages[0]);
}

TEST_CASE("a gpu that is lost in the head shortcut is a status with the kernel's name", "[gpu]") {
  for (const bool refused : {false, true}) {
    Gpus() = {};
    const auto engine = EngineOn(DeviceMode::kCuda);
    const auto session = MakeSession(engine, LoadTiny(*engine), With(HeadMode::kShortcut));
    for (int i = 0; i < 3; ++i) REQUIRE(Generate(*session, {1}, 1).ok());  // the pass is a recording now
    const auto taken = static_cast<int64_t>(Gpus().n_taken), launched = static_cast<int64_t>(Gpus().n_launches);
    REQUIRE(Generate(*session, {1}, 1).ok());
    const int64_t n_taken = static_cast<int64_t>(Gpus().n_taken) - taken;
    CHECK(n_taken == 9);  // norm, digits, bounds, two, survivors, their rows, two
    if (refused) Gpus().refuse_launch = static_cast<int64_t>(Gpus().n_taken) + 4;
    if (!refused) Gpus().fail_launch = 2 * static_cast<int64_t>(Gpus().n_launches) - launched - 4;
    const core::Status status = Generate(*session, {1}, 1);
    CHECK(status.code() == core::Code::kTargetUnavailable);
    CHECK_THAT(std::string(status.message()), Catch::Contains(refused ? "kernel SelectTop" : "kernel HeadSurvivors"));
  }
}

}  // namespace
}  // namespace bitnet
