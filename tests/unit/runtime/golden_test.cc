// Every golden prompt, bit for bit, on every kernel table that this CPU runs.
#include <algorithm>
#include <cmath>

#include "support/golden.h"
#include "support/tiny.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using core::Want;

std::vector<std::string> Targets() {
  size_t n = 0;
  const kernels::KernelTable* const* tables = kernels::AvailableTables(&n);
  std::vector<std::string> names;
  for (size_t i = 0; i < n; ++i) names.emplace_back(tables[i]->name);
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  names.resize(1);  // some of what threads share is one table's; the others are left to builds that are not as slow
#endif
#endif
  return names;
}

core::GenerateOptions Sampled(const GoldenPrompt& p) {
  core::GenerateOptions g;
  g.sampler = {p.temp, p.top_k, p.top_p, p.min_p, p.penalty, p.repeat_last_n, p.seed};
  return g;
}

// Evaluates the prompt and draws greedily after it; both digests and the ids are the twin's.
void CheckGolden(const std::shared_ptr<core::Engine>& engine, const std::shared_ptr<const core::Model>& model,
                 const GoldenPrompt& p, kernels::Dense kv) {
  const GoldenRun& want = kv == kernels::Dense::kF16 ? p.f16 : p.f32;
  INFO(engine->table().name << " " << p.name << (kv == kernels::Dense::kF16 ? " f16" : " f32"));
  core::SessionOptions options;
  options.kv_type = kv;
  const auto session = MakeSession(engine, model, options);
  REQUIRE(session->Eval(p.tokens, Want::kAll).ok());
  CHECK(LogitsSha256(*session) == want.prompt_logits_sha256);
  core::GenerateOptions g;
  g.max_new_tokens = static_cast<uint32_t>(want.drawn.size());
  g.ignore_eos = true;
  REQUIRE(session->Begin({}, g).ok());
  Drain(*session);
  CHECK(std::vector<int32_t>(session->generated_tokens().begin(), session->generated_tokens().end()) == want.drawn);
  CHECK(core::ToHex(*session->Facts().logits_sha256) == want.logits_sha256);
}

bool IsLong(const GoldenPrompt& p) { return p.tokens.size() > 256; }

TEST_CASE("golden prompts give the twin's ids and digests on every target", "[runtime][golden]") {
  size_t n_runs = 0;
  for (const std::string& target : Targets()) {
    const auto engine = MakeEngine(target);
    const auto model = LoadTiny(*engine);
    for (const GoldenPrompt& p : GoldenPrompts()) {
      CheckGolden(engine, model, p, kernels::Dense::kF16);
      ++n_runs;
      if (IsLong(p)) continue;  // the test below
      CheckGolden(engine, model, p, kernels::Dense::kF32);
      ++n_runs;
    }
  }
  CHECK(n_runs >= 13);
}

// Apart from the others, because emulation has no time for it.
TEST_CASE("the long golden prompt on an f32 cache gives the twin's ids and digests", "[runtime][golden]") {
  size_t n_runs = 0;
  for (const std::string& target : Targets()) {
    const auto engine = MakeEngine(target);
    const auto model = LoadTiny(*engine);
    for (const GoldenPrompt& p : GoldenPrompts()) {
      if (!IsLong(p)) continue;
      CheckGolden(engine, model, p, kernels::Dense::kF32);
      ++n_runs;
    }
  }
  CHECK(n_runs == Targets().size());
}

TEST_CASE("sampled golden runs give the twin's ids and digests", "[runtime][golden]") {
  const auto engine = MakeEngine();
  const auto model = LoadTiny(*engine);
  for (const GoldenPrompt& p : GoldenPrompts()) {
    INFO(p.name);
    const auto session = MakeSession(engine, model);
    core::GenerateOptions g = Sampled(p);
    g.max_new_tokens = static_cast<uint32_t>(p.sampled.drawn.size());
    g.ignore_eos = true;
    REQUIRE(session->Begin(p.tokens, g).ok());
    Drain(*session);
    CHECK(std::vector<int32_t>(session->generated_tokens().begin(), session->generated_tokens().end()) ==
          p.sampled.drawn);
    CHECK(core::ToHex(*session->Facts().logits_sha256) == p.sampled.logits_sha256);
  }
}

TEST_CASE("the head shortcut draws from the same bits", "[runtime][golden]") {
  for (const std::string& target : Targets()) {
    const auto engine = MakeEngine(target, 2);
    const auto model = LoadTiny(*engine);
    for (const GoldenPrompt& p : GoldenPrompts()) {
      if (IsLong(p)) continue;  // the head sees the draws alone
      INFO(target << " " << p.name);
      core::SessionOptions options;
      options.head = core::HeadMode::kShortcut;
      const auto session = MakeSession(engine, model, options);
      const core::RunFacts facts = DrawGreedy(*session, p.tokens, p.f16.drawn.size());
      CHECK(core::ToHex(*facts.logits_sha256) == p.f16.logits_sha256);
      CHECK(facts.head == "shortcut");
      CHECK(facts.head_survivors >= 256 * p.f16.drawn.size());
      // The row that was searched can still be read in full.
      const auto top = session->Top(0);
      REQUIRE(top.ok());
      const kernels::TopEntry best = (*top)[0];
      const auto logits = session->Logits(0);
      REQUIRE(logits.ok());
      CHECK((*logits)[best.id] == best.logit);
    }
  }
}

TEST_CASE("threads and chunks change no bit", "[runtime][golden]") {
  const auto prompts = GoldenPrompts();
  const GoldenPrompt& p = *std::find_if(prompts.begin(), prompts.end(), [](auto& x) { return x.name == "long"; });
  for (const uint32_t threads : {1u, 2u, 3u, 7u}) {
    const auto engine = MakeEngine("", threads);
    const auto model = LoadTiny(*engine);
    for (const uint32_t chunk : {1u, 7u, 64u, 256u, 512u}) {
      INFO("threads " << threads << " chunk " << chunk);
      core::SessionOptions options;
      options.chunk = chunk;
      const auto session = MakeSession(engine, model, options);
      REQUIRE(session->Eval(p.tokens, Want::kAll).ok());
      CHECK(LogitsSha256(*session) == p.f16.prompt_logits_sha256);
    }
  }
}

TEST_CASE("logits are near the binary64 reference at every position", "[runtime][golden]") {
  const auto engine = MakeEngine();
  const auto model = LoadTiny(*engine);
  for (const GoldenPrompt& p : GoldenPrompts()) {
    const std::string raw = ReadFile(BITNET_TEST_DATA "/golden/" + p.name + ".ref64.f32");
    core::SessionOptions options;
    options.kv_type = kernels::Dense::kF32;
    const auto session = MakeSession(engine, model, options);
    REQUIRE(session->Eval(p.tokens, Want::kAll).ok());
    const size_t n_vocab = model->hparams().n_vocab;
    REQUIRE(raw.size() == p.tokens.size() * n_vocab * sizeof(float));
    const auto* ref = reinterpret_cast<const float*>(raw.data());
    std::vector<double> cosines;
    for (size_t t = 0; t < p.tokens.size(); ++t) {
      const auto row = session->Logits(t);
      REQUIRE(row.ok());
      double ab = 0, aa = 0, bb = 0;
      for (size_t i = 0; i < n_vocab; ++i) {
        const double a = (*row)[i], b = ref[t * n_vocab + i];
        ab += a * b;
        aa += a * a;
        bb += b * b;
      }
      cosines.push_back(ab / std::sqrt(aa * bb));
    }
    std::sort(cosines.begin(), cosines.end());
    INFO(p.name);
    CHECK(cosines.front() >= 0.999);  // one flipped activation code moves all logits a little
    CHECK(cosines[cosines.size() / 2] >= 0.9999);
  }
}

}  // namespace
}  // namespace bitnet
