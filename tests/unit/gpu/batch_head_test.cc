// One reading of the head for the sessions of a batch, on the CPU and on an emulated GPU: each has what it has alone.
#include <algorithm>
#include <thread>

#include "core/runtime/session.h"
#include "kernels/cuda/kernel_list.h"
#include "support/golden.h"
#include "support/small_model.h"
#include "unit/gpu/emulated_engine.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using bitnet_test::Gpus;
using core::Code;
using core::DeviceMode;
using core::Session;
using core::Want;
using Ids = std::vector<int32_t>;

std::shared_ptr<const core::Model> Load(core::Engine& engine, const GgufBuilder& b) {
  const std::string bytes = b.Build();
  core::LoadSpec spec;
  spec.mode = core::LoadMode::kCopy;
  auto model = core::Model::LoadMemory(std::as_bytes(std::span(bytes)), spec, engine.pool(), engine.allocator());
  INFO(model.status().message());
  REQUIRE(model.ok());
  return *std::move(model);
}

// The small model with a head of its own.
GgufBuilder WithHead() {
  GgufBuilder b = SmallModel().Builder();
  const GgufBuilder::Tensor embedding = *b.FindTensor("token_embd.weight");
  b.Add({"output.weight", embedding.ne, embedding.type, embedding.data});
  return b;
}

void CheckSameTop(Session& found, Session& expected) {
  const auto a = found.Top(0), b = expected.Top(0);
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  REQUIRE(std::equal(a->begin(), a->end(), b->begin(), b->end(), [](const auto& x, const auto& y) {
    return x.id == y.id && kernels::BitsOf(x.logit) == kernels::BitsOf(y.logit);
  }));
}

void CheckSameCounts(const Session& found, const Session& expected) {
  CHECK(RowsByOperation(found.Facts().kernels) == RowsByOperation(expected.Facts().kernels));
}

// Sessions with texts of their own, each twice: in batches and alone.
struct Pairs {
  Pairs(const std::shared_ptr<core::Engine>& engine, const std::shared_ptr<const core::Model>& model, size_t n,
        const core::SessionOptions& options = {}) {
    for (size_t i = 0; i < n; ++i) {
      batched.push_back(MakeSession(engine, model, options));
      alone.push_back(MakeSession(engine, model, options));
    }
  }
  // A token of each session from `first` on.
  void Eval(size_t first, std::span<const int32_t> tokens) {
    std::vector<Session::BatchItem> items;
    for (size_t i = first; i < batched.size(); ++i) {
      items.push_back({batched[i].get(), tokens.subspan(i - first, 1), Want::kLast});
    }
    REQUIRE(Session::EvalBatch(items).ok());
    for (size_t i = first; i < batched.size(); ++i) REQUIRE(alone[i]->Eval(tokens.subspan(i - first, 1)).ok());
  }
  // Of each another one.
  void Step(size_t first, int32_t step) {
    Ids tokens;
    for (size_t i = first; i < batched.size(); ++i) {
      tokens.push_back(static_cast<int32_t>(3 + (i * 31 + static_cast<size_t>(step) * 17) % 200));
    }
    Eval(first, tokens);
  }
  std::vector<std::unique_ptr<Session>> batched, alone;
};

TEST_CASE("sessions of a batch share readings of the head, and each has its own candidates", "[gpu][batch]") {
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    Gpus() = {};
    const auto engine = EngineOn(mode);
    const auto model = LoadTiny(*engine);
    const size_t n = 18;  // two groups
    {
      Pairs p(engine, model, n);
      const uint64_t before = Gpus().allocated_bytes;
      for (int32_t step = 0; step < 2; ++step) {
        p.Step(0, step);
        Gpus().taken.clear();
        for (size_t i = 0; i < n; ++i) CheckSameTop(*p.batched[n - 1 - i], *p.alone[n - 1 - i]);
        // One for each of two groups, and one for each session alone.
        CHECK(Gpus().taken[kernels::gpu::GpuKernel::kSelectTop] == (mode == DeviceMode::kCuda ? 2 + n : 0));
      }
      p.batched[3].reset();  // one leaves, and its row with it
      p.batched.erase(p.batched.begin() + 3);
      p.alone.erase(p.alone.begin() + 3);
      p.Step(0, 2);
      for (size_t i = 0; i < n - 1; ++i) CheckSameTop(*p.batched[i], *p.alone[i]);
      for (size_t i = 0; i < n - 1; ++i) CheckSameCounts(*p.batched[i], *p.alone[i]);
      CheckSameTop(*p.batched[0], *p.alone[0]);  // asked twice
      // Alone again, they let go of what they shared.
      for (const auto& session : p.batched) REQUIRE(session->Eval(Ids{4}).ok());
      CHECK(Gpus().allocated_bytes <= before);
    }
    CHECK(Gpus().misuse == 0);
    CHECK(Gpus().allocated_bytes == 0);
    CHECK(Gpus().open_queues == 0);
  }
}

TEST_CASE("logits of sessions of a batch are those alone, in whatever order they are asked for", "[gpu][batch]") {
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    Gpus() = {};
    const auto engine = EngineOn(mode);
    const auto model = Load(*engine, WithHead());
    Pairs p(engine, model, 18);
    p.Step(0, 0);
    const auto check_logits = [&](size_t i) { CHECK(LogitsSha256(*p.batched[i]) == LogitsSha256(*p.alone[i])); };
    check_logits(5);
    CheckSameTop(*p.batched[5], *p.alone[5]);    // of logits that are there
    CheckSameTop(*p.batched[17], *p.alone[17]);  // another group
    check_logits(17);
    check_logits(2);  // whose group gave way
    CheckSameTop(*p.batched[2], *p.alone[2]);
    CheckSameTop(*p.batched[1], *p.alone[1]);
    check_logits(1);  // computed again, and counted so
    for (const size_t i : {5u, 17u, 2u, 9u}) CheckSameCounts(*p.batched[i], *p.alone[i]);
    // A session that goes on alone, while the others still have their rows.
    const Ids more = {9, 8};
    REQUIRE(p.batched[0]->Eval(more).ok());
    REQUIRE(p.alone[0]->Eval(more).ok());
    CheckSameTop(*p.batched[3], *p.alone[3]);
    check_logits(0);
    CheckSameTop(*p.batched[16], *p.alone[16]);
    // And a batch of those that are left, while one keeps its row of the last.
    p.Step(1, 1);
    CheckSameTop(*p.batched[0], *p.alone[0]);
    for (size_t i = 1; i < 18; ++i) CheckSameTop(*p.batched[i], *p.alone[i]);
  }
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("rows of a batch of any shape are those alone", "[gpu][batch]") {
  const Ids one = {5}, two = {6, 7}, many = {3, 9, 4, 8, 5, 7, 6};
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    for (const uint32_t chunk : {1u, 4u, 256u}) {
      Gpus() = {};
      const auto engine = EngineOn(mode);
      const auto model = Load(*engine, WithHead());
      core::SessionOptions options;
      options.chunk = chunk;
      Pairs p(engine, model, 5, options);
      const std::vector<std::pair<Ids, Want>> parts = {
          {one, Want::kLast}, {many, Want::kAll}, {two, Want::kLast}, {two, Want::kNone}, {many, Want::kLast}};
      for (int turn = 0; turn < 2; ++turn) {
        std::vector<Session::BatchItem> items;
        for (size_t i = 0; i < parts.size(); ++i) {
          items.push_back({p.batched[i].get(), parts[i].first, parts[i].second});
          REQUIRE(p.alone[i]->Eval(parts[i].first, parts[i].second).ok());
        }
        REQUIRE(Session::EvalBatch(items).ok());
        INFO("chunk " << chunk << ", turn " << turn);
        for (size_t i = 0; i < parts.size(); ++i) {
          REQUIRE(p.batched[i]->n_logits() == p.alone[i]->n_logits());
          if (parts[i].second == Want::kLast) CheckSameTop(*p.batched[i], *p.alone[i]);
          CHECK(LogitsSha256(*p.batched[i]) == LogitsSha256(*p.alone[i]));
        }
      }
    }
  }
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("a row that the session that computes keeps last is there for the others", "[gpu][batch]") {
  Gpus() = {};
  const auto engine = EngineOn(DeviceMode::kCuda);
  const auto model = Load(*engine, WithHead());
  core::SessionOptions small, large;  // the one of the larger context computes, in two chunks
  small.chunk = large.chunk = 4;
  small.n_ctx = 32;
  large.n_ctx = 64;
  const auto other = MakeSession(engine, model, small), other_alone = MakeSession(engine, model, small);
  const auto lead = MakeSession(engine, model, large), lead_alone = MakeSession(engine, model, large);
  const Ids one = {20}, many = {3, 9, 4, 8};
  REQUIRE(other_alone->Eval(one).ok());
  REQUIRE(lead_alone->Eval(many).ok());
  const std::vector<Session::BatchItem> items = {{other.get(), one, Want::kLast}, {lead.get(), many, Want::kLast}};
  REQUIRE(Session::EvalBatch(items).ok());
  CheckSameTop(*other, *other_alone);
  CheckSameTop(*lead, *lead_alone);
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("logits of a row of a batch count where its candidates came from the shortcut", "[batch]") {
  const auto engine = EngineOn(DeviceMode::kCpu);
  core::SessionOptions options;
  options.head = core::HeadMode::kShortcut;
  Pairs p(engine, Load(*engine, WithHead()), 2, options);
  p.Step(0, 0);
  core::GenerateOptions g;
  g.ignore_eos = true;
  for (auto* sessions : {&p.batched, &p.alone}) {
    REQUIRE((*sessions)[0]->Begin({}, g).ok());
    REQUIRE((*sessions)[0]->Next().ok());
    REQUIRE((*sessions)[0]->Logits(0).ok());
  }
  CheckSameCounts(*p.batched[0], *p.alone[0]);
}

// Where one element of output_norm is near the largest float, that element's size decides whose row is finite.
TEST_CASE("a row that is not finite fails its own session of a batch, in its own words", "[gpu][batch]") {
  Gpus() = {};
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    const Ids tokens = {20, 51, 82, 113, 144, 175};
    int32_t good = -1, bad = -1;
    for (uint32_t element = 0; good < 0 || bad < 0; ++element) {
      REQUIRE(element < SmallModel().embd);
      GgufBuilder b = WithHead();
      const float huge = 3.3e38f;
      std::memcpy(b.FindTensor("output_norm.weight")->data.data() + element * sizeof huge, &huge, sizeof huge);
      std::string& head = b.FindTensor("output.weight")->data;
      for (size_t row = 0; row < SmallModel::kVocab; ++row) {  // it decides nothing else
        std::fill_n(head.begin() + static_cast<ptrdiff_t>((row * SmallModel().embd + element) * sizeof(uint16_t)),
                    sizeof(uint16_t), '\0');
      }
      const auto model = Load(*engine, b);
      Pairs p(engine, model, tokens.size());
      p.Eval(0, tokens);
      good = bad = -1;
      for (size_t i = 0; i < tokens.size(); ++i) {
        const core::Status want = p.alone[i]->Top(0).status(), found = p.batched[i]->Top(0).status();
        REQUIRE(found.message() == want.message());
        CHECK(p.batched[i]->Logits(0).status().message() == want.message());
        (want.ok() ? good : bad) = tokens[i];
        if (want.ok()) CheckSameTop(*p.batched[i], *p.alone[i]);
        if (!want.ok()) CHECK_THAT(std::string(want.message()), Catch::Contains("input of the output head"));
      }
      if (good < 0 || bad < 0) continue;
      // A group that fails when the logits of another are there.
      Ids many(17, good);
      many[16] = bad;
      Pairs q(engine, model, many.size());
      q.Eval(0, many);
      CheckSameTop(*q.batched[0], *q.alone[0]);
      CHECK(!q.batched[16]->Top(0).ok());
      CHECK(LogitsSha256(*q.batched[1]) == LogitsSha256(*q.alone[1]));
    }
  }
}

TEST_CASE("a generation whose next pass is not finite stays where it was", "[gpu][batch]") {
  Gpus() = {};
  const Ids prompt = {7, 8, 9};
  core::GenerateOptions g;
  g.max_new_tokens = 8;
  g.ignore_eos = true;
  g.sampler.temperature = 1;
  g.sampler.seed = 5;
  const auto drawn = [&] {
    const auto engine = EngineOn(DeviceMode::kCpu);
    const auto session = MakeSession(engine, Load(*engine, WithHead()));
    REQUIRE(session->Begin(prompt, g).ok());
    Drain(*session);
    return Ids(session->generated_tokens().begin(), session->generated_tokens().end());
  }();
  // The first token that is not drawn twice cannot be evaluated.
  const auto bad = std::find_if(drawn.begin() + 1, drawn.end() - 1, [&](int32_t id) {
    return std::count(drawn.begin(), drawn.end(), id) == 1 && std::count(prompt.begin(), prompt.end(), id) == 0;
  });
  REQUIRE(bad != drawn.end() - 1);
  std::vector<std::string> messages;
  for (const DeviceMode mode : {DeviceMode::kCpu, DeviceMode::kCuda}) {
    const auto engine = EngineOn(mode);
    GgufBuilder b = WithHead();
    const uint16_t infinity = 0x7c00;
    std::memcpy(b.FindTensor("token_embd.weight")->data.data() +
                    static_cast<size_t>(*bad) * SmallModel().embd * sizeof infinity,
                &infinity, sizeof infinity);
    const auto session = MakeSession(engine, Load(*engine, b));
    REQUIRE(session->Begin(prompt, g).ok());
    const auto n_good = static_cast<size_t>(bad - drawn.begin()) + 1;
    for (size_t i = 0; i < n_good; ++i) REQUIRE(session->Next().ok());
    const uint32_t position = session->position();
    const core::RunFacts before = session->Facts();
    for (int turn = 0; turn < 2; ++turn) {
      const auto step = session->Next();
      REQUIRE(step.status().code() == Code::kNonFinite);
      messages.push_back(std::string(step.status().message()));
      CHECK_THAT(messages.back(), Catch::Contains("token_embd at position " + std::to_string(position) + ";"));
      CHECK(messages.back() == messages.front());
      CHECK(session->position() == position);
      CHECK(session->Facts().n_evaluated_tokens == before.n_evaluated_tokens);
      CHECK(Ids(session->generated_tokens().begin(), session->generated_tokens().end()) ==
            Ids(drawn.begin(), drawn.begin() + static_cast<ptrdiff_t>(n_good)));
    }
    REQUIRE(session->RollBack(0).ok());
    REQUIRE(session->Begin(prompt, g).ok());
    CHECK(session->Next()->token == drawn[0]);
  }
  CHECK(Gpus().misuse == 0);
}

TEST_CASE("sessions of a batch ask for their rows on threads of their own", "[batch]") {
  const auto engine = EngineOn(DeviceMode::kCpu);
  Pairs p(engine, Load(*engine, WithHead()), 20);
  for (int32_t step = 0; step < 3; ++step) {
    p.Step(0, step);
    std::vector<std::thread> threads;
    std::vector<core::Status> statuses(4);
    for (size_t t = 0; t < statuses.size(); ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = t; i < p.batched.size() && statuses[t].ok(); i += statuses.size()) {
          statuses[t] = (i / 4) % 2 == 0 ? p.batched[i]->Top(0).status() : p.batched[i]->Logits(0).status();
        }
      });
    }
    for (std::thread& t : threads) t.join();
    for (const core::Status& status : statuses) CHECK(status.ok());
    for (size_t i = 0; i < p.batched.size(); ++i) CheckSameTop(*p.batched[i], *p.alone[i]);
  }
}

TEST_CASE("a batch that finds no memory for its head leaves it to each session", "[gpu][batch]") {
  for (int64_t granted = 0; granted < 2; ++granted) {
    Gpus() = {};
    {
      const auto engine = EngineOn(DeviceMode::kCuda);
      Pairs p(engine, Load(*engine, WithHead()), 3);
      Gpus().fail_allocate = static_cast<int64_t>(Gpus().n_allocations) + granted;
      p.Step(0, 1);
      for (size_t i = 0; i < 3; ++i) CheckSameTop(*p.batched[i], *p.alone[i]);
      Gpus().fail_allocate = -1;
      p.Step(0, 2);
      for (size_t i = 0; i < 3; ++i) CheckSameTop(*p.batched[i], *p.alone[i]);
    }
    CHECK(Gpus().allocated_bytes == 0);
    CHECK(Gpus().open_queues == 0);
    CHECK(Gpus().misuse == 0);
  }
}

}  // namespace
}  // namespace bitnet
