// The golden prompts through the C interface: ids and digests of the independent twin, bit for bit.
#include "support/golden.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "support/fp_mode.h"
#include "support/host.h"

namespace bitnet::test {
namespace {

bitnet_generate_options_t SampledOptions(const GoldenPrompt& p) {
  bitnet_generate_options_t o = BITNET_GENERATE_OPTIONS_INIT;
  o.max_new_tokens = static_cast<uint32_t>(p.sampled.drawn.size());
  o.temperature = p.temp;
  o.top_k = p.top_k;
  o.top_p = p.top_p;
  o.min_p = p.min_p;
  o.repeat_penalty = p.penalty;
  o.repeat_last_n = p.repeat_last_n;
  o.seed = p.seed;
  o.ignore_eos = 1;
  return o;
}

bitnet_generate_options_t GreedyOptions(const GoldenRun& run) {
  bitnet_generate_options_t o = BITNET_GENERATE_OPTIONS_INIT;
  o.max_new_tokens = static_cast<uint32_t>(run.drawn.size());
  o.ignore_eos = 1;
  return o;
}

void CheckRun(const SessionPtr& session, const std::vector<int32_t>& prompt, const bitnet_generate_options_t& options,
              const GoldenRun& want) {
  BN_OK(bitnet_session_begin(session.get(), prompt.data(), prompt.size(), &options));
  Drain(session.get());
  CHECK(GeneratedTokens(session.get()) == want.drawn);
  CHECK(LogitsSha256(session) == want.logits_sha256);
}

TEST_CASE("every golden prompt, greedy and sampled, gives the twin's ids and digests", "[capi][golden]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  size_t n_runs = 0;
  for (const GoldenPrompt& p : GoldenPrompts()) {
    INFO(p.name);
    CheckRun(MakeSession(model), p.tokens, SampledOptions(p), p.sampled);
    CheckRun(MakeSession(model), p.tokens, GreedyOptions(p.f16), p.f16);
    CheckRun(MakeSession(model, BITNET_KV_F32), p.tokens, GreedyOptions(p.f32), p.f32);
    n_runs += 3;
  }
  CHECK(n_runs >= 21);
}

// The value of an f16 that is finite.
double FromF16(uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return h >> 15 != 0 ? -magnitude : magnitude;
}

// Logits [T, vocab] as f16, and greedy tokens with the distance of the two largest logits, of the master weights in
// BitNetForCausalLM of Hugging Face transformers in f32 (tests/reference/hf_logits.py). The embedded model has their
// codes and scales.
TEST_CASE("logits and greedy tokens are those of transformers", "[capi][golden]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const auto json = core::ParseJson(ReadFile(BITNET_TEST_DATA "/golden/hf.json"));
  REQUIRE(json.ok());
  size_t n_positions = 0, n_decided = 0;
  for (const core::JsonValue& reference : json->Find("prompts")->array) {
    const std::string name = reference.Find("name")->string;
    INFO(name);
    const std::vector<GoldenPrompt> prompts = GoldenPrompts();
    const auto prompt =
        std::find_if(prompts.begin(), prompts.end(), [&](const GoldenPrompt& p) { return p.name == name; });
    REQUIRE(prompt != prompts.end());
    const std::string raw = ReadFile(BITNET_TEST_DATA "/golden/" + name + ".hf.f16");
    std::vector<uint16_t> want(raw.size() / 2);
    std::memcpy(want.data(), raw.data(), raw.size());
    const size_t n_prompt = prompt->tokens.size();
    REQUIRE(want.size() == n_prompt * 1536);

    std::vector<int32_t> tokens = prompt->tokens;
    const std::vector<int32_t> greedy = Ids(*reference.Find("greedy"));
    REQUIRE(greedy.size() == 32);
    tokens.insert(tokens.end(), greedy.begin(), greedy.end() - 1);
    const SessionPtr session = MakeSession(model, BITNET_KV_F32);
    BN_OK(bitnet_session_eval(session.get(), tokens.data(), tokens.size(), BITNET_WANT_ALL));
    for (size_t t = 0; t < tokens.size(); ++t) {
      const float* row = nullptr;
      size_t n_vocab = 0;
      BN_OK(bitnet_session_logits(session.get(), t, &row, &n_vocab));
      if (t < n_prompt) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t i = 0; i < n_vocab; ++i) {
          const double a = static_cast<double>(row[i]);
          const double b = FromF16(want[t * n_vocab + i]);
          ab += a * b;
          aa += a * a;
          bb += b * b;
        }
        INFO("position " << t);
        CHECK(ab / std::sqrt(aa * bb) >= 0.9999);
        ++n_positions;
      }
      if (t + 1 < n_prompt) continue;
      const size_t drawn = t + 1 - n_prompt;
      if (reference.Find("margins")->array[drawn].number <= 1e-2) continue;
      INFO("greedy token " << drawn);
      CHECK(std::max_element(row, row + n_vocab) - row == greedy[drawn]);
      ++n_decided;
    }
  }
  CHECK(n_positions >= 60);
  CHECK(n_decided >= 100);
}

TEST_CASE("one session gives all golden prompts, one after the other", "[capi][golden]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  for (const GoldenPrompt& p : GoldenPrompts()) {
    INFO(p.name);
    BN_OK(bitnet_session_clear(session.get()));
    CheckRun(session, p.tokens, SampledOptions(p), p.sampled);
  }
}

TEST_CASE("a host that flushes denormals and rounds upwards gets the same bits, and its mode back", "[capi][golden]") {
  const std::vector<GoldenPrompt> prompts = GoldenPrompts();
  const HostFpMode host;  // set for the rest of this test
  const EnginePtr engine = MakeEngine(nullptr, 2);
  const ModelPtr model = LoadTiny(engine);
  for (const GoldenPrompt& p : prompts) {
    INFO(p.name);
    const SessionPtr session = MakeSession(model);
    CheckRun(session, p.tokens, SampledOptions(p), p.sampled);
    CHECK(host.IsSet());
  }
}

TEST_CASE("the host's floating-point mode makes a difference where nothing guards against it", "[capi][golden]") {
  // Volatile results too: nothing may be computed at another time or place.
  volatile float tiny = 2e-38f, one = 1.0f, little = 1e-9f;
  volatile float quarter = tiny * 0.25f, sum = one + little;
  CHECK(std::bit_cast<uint32_t>(static_cast<float>(quarter)) != 0);  // a denormal
  CHECK(sum == 1.0f);
  const HostFpMode host;
  REQUIRE(host.IsSet());
  quarter = tiny * 0.25f;
  sum = one + little;
  CHECK(sum > 1.0f);
  CHECK(std::bit_cast<uint32_t>(static_cast<float>(quarter)) == 0);  // flushed
}

}  // namespace
}  // namespace bitnet::test
