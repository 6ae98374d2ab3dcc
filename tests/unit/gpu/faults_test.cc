// What goes wrong on a GPU, and what is not there: statuses with the words of a CPU, nothing left behind.
#include <algorithm>
#include <utility>

#include "core/runtime/session.h"
#include "unit/gpu/emulated_engine.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using bitnet_test::Gpus;
using core::DeviceMode;
using core::Want;

void Reset() { Gpus() = {}; }

TEST_CASE("a lost gpu is a status with the kernel's name, and the session stays unusable", "[gpu]") {
  Reset();
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = LoadTiny(*engine);
  const std::vector<int32_t> prompt = {1, 2, 3};
  for (const int64_t launches : {0, 7, 60}) {
    const auto session = MakeSession(engine, model);
    Gpus().n_launches = 0;
    Gpus().fail_launch = launches;
    core::Status status = session->Eval(prompt);
    for (int i = 0; i < 20 && status.ok(); ++i) status = session->Eval({prompt.data(), 1});
    Gpus().fail_launch = -1;
    REQUIRE(status.code() == core::Code::kTargetUnavailable);
    CHECK_THAT(std::string(status.message()), Catch::Contains("kernel "));
    CHECK_THAT(std::string(status.message()), Catch::Contains("cannot be used any more"));
    CHECK(session->Eval(prompt).code() == core::Code::kTargetUnavailable);
    const auto fresh = MakeSession(engine, model);
    CHECK(fresh->Eval(prompt).ok());
  }
}

TEST_CASE("a launch that a gpu refuses ends the session, inside a recording too", "[gpu]") {
  const std::vector<int32_t> prompt = {1, 2, 3};
  size_t n_in_recordings = 0;
  int64_t pass = 0;  // launches of a token
  {
    Reset();
    const auto engine = EngineOn(DeviceMode::kCuda);
    const auto session = MakeSession(engine, LoadTiny(*engine));
    REQUIRE(session->Eval({prompt.data(), 1}).ok());
    pass = static_cast<int64_t>(Gpus().n_taken);
  }
  // The second token is recorded.
  for (const int64_t taken : {int64_t{0}, int64_t{5}, pass, pass + pass / 2, 2 * pass - 1}) {
    Reset();
    {
      const auto engine = EngineOn(DeviceMode::kCuda);
      const auto model = LoadTiny(*engine);
      const auto session = MakeSession(engine, model);
      Gpus().refuse_launch = taken;
      core::Status status;
      for (int i = 0; i < 20 && status.ok(); ++i) status = session->Eval({prompt.data(), 1});
      INFO(taken << ": " << status.message());
      REQUIRE(status.code() == core::Code::kTargetUnavailable);
      CHECK_THAT(std::string(status.message()), Catch::Contains("kernel "));
      CHECK(session->Top(0).status().code() != core::Code::kOk);
      CHECK(session->Eval(prompt).code() == core::Code::kTargetUnavailable);
      if (session->position() > 0) CHECK(session->Save().status().code() == core::Code::kTargetUnavailable);
      n_in_recordings += Gpus().n_recordings > Gpus().n_replays ? 1 : 0;
    }
    CHECK(Gpus().misuse == 0);  // nothing was freed inside a recording
    CHECK(Gpus().open_recordings == 0);
    CHECK(Gpus().open_queues == 0);
    CHECK(Gpus().allocated_bytes == 0);
  }
  CHECK(n_in_recordings > 0);
}

TEST_CASE("memory that a gpu refuses is a status, and nothing stays behind", "[gpu]") {
  const std::vector<int32_t> prompt = {1, 2, 3};
  size_t n_refused = 0;
  for (int64_t granted = 0;; ++granted) {
    Reset();
    bool made_it = false;
    {
      const auto engine = EngineOn(DeviceMode::kCuda);
      const auto model = LoadTiny(*engine);
      Gpus().fail_allocate = granted;
      auto session = core::Session::Create(engine, model, {});
      if (session.ok()) {
        const core::Status status = (*session)->Eval(prompt, Want::kAll);
        made_it = status.ok();
        if (!made_it) {  // the session is as it was
          CHECK(status.code() == core::Code::kNoMemory);
          CHECK((*session)->position() == 0);
          Gpus().fail_allocate = -1;
          CHECK((*session)->Eval(prompt, Want::kAll).ok());
        }
      } else {
        CHECK(session.status().code() == core::Code::kNoMemory);
      }
    }
    CHECK(Gpus().allocated_bytes == 0);
    CHECK(Gpus().open_queues == 0);
    CHECK(Gpus().misuse == 0);
    if (made_it) break;
    ++n_refused;
  }
  CHECK(n_refused > 5);
}

TEST_CASE("a non-finite value on a gpu names layer, operation and position as on a cpu", "[gpu]") {
  Reset();
  std::vector<std::string> messages;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    // Attention scores overflow under an absurd factor.
    auto& weights = const_cast<core::Weights&>(model->weights());
    weights.layers[1].attention_scale = 3e38f;
    const auto session = MakeSession(engine, model);
    const std::vector<int32_t> prompt = {5, 6, 7, 8, 9};
    const core::Status status = session->Eval(prompt);
    weights.layers[1].attention_scale = 1.0f;
    REQUIRE(status.code() == core::Code::kNonFinite);
    messages.push_back(std::string(status.message()));
    CHECK(session->position() == 0);
  }
  CHECK(messages[0] == messages[1]);
}

TEST_CASE("a value that one cache type of a batch cannot hold is told at its position as on a cpu", "[gpu]") {
  Reset();
  const std::vector<int32_t> text = {9, 8, 7}, other = {5, 4};
  const std::vector<float> huge(4096, 1e9f);  // of the values: too much for f16, not for f32
  std::vector<std::string> messages;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    core::Matrix& v = const_cast<core::Weights&>(model->weights()).layers[1].v;
    REQUIRE(v.rows <= huge.size());
    const float* const scale = std::exchange(v.scale, huge.data());
    const auto wide = MakeSession(engine, model, OptionsOf(kernels::Dense::kF32, 400));
    const auto narrow = MakeSession(engine, model, OptionsOf(kernels::Dense::kF16, 16));
    REQUIRE(wide->Eval(text).ok());
    const core::Session::BatchItem items[] = {{wide.get(), other, Want::kAll}, {narrow.get(), other, Want::kAll}};
    const core::Status status = core::Session::EvalBatch(items);
    v.scale = scale;
    REQUIRE(status.code() == core::Code::kNonFinite);
    messages.push_back(std::string(status.message()));
    CHECK_THAT(messages.back(), Catch::Contains("layer 1 cache at position 0;"));
  }
  CHECK(messages[0] == messages[1]);
}

TEST_CASE("devices: what is not there is refused, and only auto falls back", "[gpu]") {
  Reset();
  Gpus().n_devices = 0;
  std::string log;
  core::EngineOptions o;
  o.gpu = &bitnet_test::EmulatedTable();
  for (const DeviceMode mode : {DeviceMode::kCuda, DeviceMode::kHybrid}) {
    o.device = mode;
    const auto engine = core::Engine::Create(o);
    REQUIRE(engine.status().code() == core::Code::kTargetUnavailable);
    CHECK_THAT(std::string(engine.status().message()), Catch::Contains("cuda: no driver"));
    o.gpu = nullptr;
    CHECK_THAT(std::string(core::Engine::Create(o).status().message()), Catch::Contains("cuda: not built in"));
    o.gpu = &bitnet_test::EmulatedTable();
  }
  const auto engine = EngineOn(DeviceMode::kAuto, 0, &log);
  CHECK_THAT(log, Catch::Contains("no driver"));
  const auto model = LoadTiny(*engine);
  const auto session = MakeSession(engine, model);
  CHECK(session->Facts().device == "cpu");
  CHECK(session->Facts().requested_device == "auto");
  CHECK(session->Facts().fallback_reason == "cuda: no driver");
}

TEST_CASE("the memory limit of a gpu is checked before anything is allocated", "[gpu]") {
  Reset();
  const auto refused = EngineOn(DeviceMode::kCuda, 1 << 20);
  const auto model = LoadTiny(*refused);
  const auto session = core::Session::Create(refused, model, {});
  REQUIRE(session.status().code() == core::Code::kNoMemory);
  CHECK_THAT(std::string(session.status().message()), Catch::Contains("1048576"));
  CHECK(Gpus().allocated_bytes == 0);
  std::string log;
  const auto engine = EngineOn(DeviceMode::kAuto, 1 << 20, &log);
  const auto on_cpu = MakeSession(engine, model);
  CHECK(on_cpu->Facts().device == "cpu");
  CHECK_THAT(on_cpu->Facts().fallback_reason, Catch::Contains("bytes"));
  CHECK_THAT(log, Catch::Contains("computing on the cpu"));
  // What a session takes is within what was estimated.
  const uint64_t limit = uint64_t{512} << 20;
  const auto fits = EngineOn(DeviceMode::kCuda, limit);
  const auto made = MakeSession(fits, model);
  CHECK(Gpus().allocated_bytes <= limit);
}

}  // namespace
}  // namespace bitnet
