// Contexts: what was evaluated how must not matter, and what was saved must come back.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/host.h"

namespace bitnet::test {
namespace {

class Fixture {
 public:
  Fixture() : engine(MakeEngine()), model(LoadTiny(engine)) {}
  std::vector<int32_t> Text(const std::string& text) const { return Encode(bitnet_model_tokenizer(model.get()), text); }
  // Digest and tokens of a greedy generation after `prompt` in a session of its own.
  std::string Alone(const std::vector<int32_t>& prompt, std::vector<int32_t>* tokens = nullptr) const {
    const SessionPtr session = MakeSession(model);
    Generate(session.get(), prompt);
    if (tokens != nullptr) *tokens = GeneratedTokens(session.get());
    return LogitsSha256(session);
  }

  EnginePtr engine;
  ModelPtr model;
};

std::vector<std::byte> Save(const SessionPtr& session) {
  size_t n = 0;
  BN_OK(bitnet_session_save(session.get(), nullptr, 0, &n));
  std::vector<std::byte> state(n);
  BN_OK(bitnet_session_save(session.get(), state.data(), n, &n));
  CHECK(n == state.size());
  return state;
}

TEST_CASE_METHOD(Fixture, "chunks, single tokens and one call give equal digests", "[capi][session]") {
  const std::vector<int32_t> prompt = Text("Once upon a time there was a small fox named Ben. Ben lived");
  const std::string want = Alone(prompt);
  for (const uint32_t chunk : {1u, 3u, 7u}) {
    const SessionPtr session = MakeSession(model, BITNET_KV_F16, chunk);
    Generate(session.get(), prompt);
    CHECK(LogitsSha256(session) == want);
  }
  const SessionPtr session = MakeSession(model);
  for (const int32_t id : prompt) BN_OK(bitnet_session_eval(session.get(), &id, 1, BITNET_WANT_LAST));
  Generate(session.get(), {});
  CHECK(LogitsSha256(session) == want);
}

TEST_CASE_METHOD(Fixture, "a batch of three sessions gives each the digest that it has alone", "[capi][session]") {
  const std::vector<int32_t> prompts[] = {Text("Once upon a time"), Text("The capital of France is"),
                                          Text("Q: 2+2? A:")};
  SessionPtr sessions[3];
  std::vector<bitnet_batch_item_t> items;
  for (size_t i = 0; i < 3; ++i) {
    sessions[i] = MakeSession(model);
    items.push_back({sessions[i].get(), prompts[i].data(), prompts[i].size(), BITNET_WANT_LAST, 0});
  }
  BN_OK(bitnet_session_eval_batch(items.data(), items.size()));
  for (size_t i = 0; i < 3; ++i) {
    CHECK(ContextTokens(sessions[i].get()) == prompts[i]);
    Generate(sessions[i].get(), {});
    CHECK(LogitsSha256(sessions[i]) == Alone(prompts[i]));
  }

  // Decoding in a batch, too: one token of each session a call.
  std::vector<int32_t> want[3];
  for (size_t i = 0; i < 3; ++i) {
    Alone(prompts[i], &want[i]);
    BN_OK(bitnet_session_clear(sessions[i].get()));
    items[i] = {sessions[i].get(), prompts[i].data(), prompts[i].size(), BITNET_WANT_LAST, 0};
  }
  int32_t next[3];
  for (size_t step = 0; step < want[0].size(); ++step) {
    BN_OK(bitnet_session_eval_batch(items.data(), items.size()));
    for (size_t i = 0; i < 3; ++i) {
      bitnet_candidate_t best;
      size_t n = 0;
      BN_OK(bitnet_session_top(sessions[i].get(), 0, 1, &best, &n));
      REQUIRE(n == 1);
      CHECK(best.token == want[i][step]);
      next[i] = best.token;
      items[i] = {sessions[i].get(), &next[i], 1, BITNET_WANT_LAST, 0};
    }
  }
}

TEST_CASE_METHOD(Fixture, "a batch that cannot be changes no session", "[capi][session]") {
  const SessionPtr a = MakeSession(model), b = MakeSession(model);
  const std::vector<int32_t> prompt = Text("One day");
  const int32_t bad = 1536;
  BN_OK(bitnet_session_eval(a.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST));
  bitnet_batch_item_t items[] = {{a.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST, 0},
                                 {b.get(), &bad, 1, BITNET_WANT_LAST, 0}};
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_eval_batch(items, 2));
  CHECK(Info(a).n_logits == 1);  // still those of its own evaluation
  BN_OK(bitnet_session_clear(a.get()));
  items[1].session = a.get();
  items[1].tokens = prompt.data();
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_eval_batch(items, 2));  // twice the same
  const EnginePtr other_engine = MakeEngine();
  const ModelPtr other_model = LoadTiny(other_engine);
  const SessionPtr foreign = MakeSession(other_model);
  items[1].session = foreign.get();
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_eval_batch(items, 2));
  CHECK(Info(a).position == 0);
  CHECK(Info(b).position == 0);
  BN_OK(bitnet_session_eval_batch(nullptr, 0));
}

TEST_CASE_METHOD(Fixture, "a cancel of any session of a batch ends it, once", "[capi][session]") {
  const SessionPtr a = MakeSession(model), b = MakeSession(model);
  const std::vector<int32_t> prompt = Text("One day");
  const bitnet_batch_item_t items[] = {{a.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST, 0},
                                       {b.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST, 0}};
  for (const SessionPtr* one : {&a, &b}) {
    bitnet_session_cancel(one->get());
    BN_FAILS(BITNET_E_CANCELLED, bitnet_session_eval_batch(items, 2));
    CHECK(Info(a).position == 0);
    CHECK(Info(b).position == 0);
    BN_OK(bitnet_session_eval_batch(items, 2));
    BN_OK(bitnet_session_clear(a.get()));
    BN_OK(bitnet_session_clear(b.get()));
  }
}

TEST_CASE_METHOD(Fixture, "an evaluation of nothing is refused in its own words", "[capi][session]") {
  const SessionPtr session = MakeSession(model);
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_eval(session.get(), nullptr, 0, BITNET_WANT_LAST));
  CHECK(std::string(bitnet_last_error_message()) == "no tokens");
}

TEST_CASE_METHOD(Fixture, "a fork and its origin go on as if each were alone", "[capi][session]") {
  const std::vector<int32_t> start = Text("Once upon a time"), left = Text(" there was a cat"),
                             right = Text(" the sun");
  const auto join = [&](const std::vector<int32_t>& more) {
    std::vector<int32_t> all = start;
    all.insert(all.end(), more.begin() + 1, more.end());  // without the second bos
    return all;
  };
  const SessionPtr origin = MakeSession(model);
  BN_OK(bitnet_session_eval(origin.get(), start.data(), start.size(), BITNET_WANT_NONE));
  bitnet_session_t* raw = nullptr;
  BN_OK(bitnet_session_fork(origin.get(), &raw));
  const SessionPtr fork(raw);
  CHECK(ContextTokens(fork.get()) == start);
  CHECK(Info(fork).n_ctx == Info(origin).n_ctx);
  Generate(fork.get(), {right.begin() + 1, right.end()});
  Generate(origin.get(), {left.begin() + 1, left.end()});
  CHECK(LogitsSha256(fork) == Alone(join(right)));
  CHECK(LogitsSha256(origin) == Alone(join(left)));
}

TEST_CASE_METHOD(Fixture, "a roll back leaves nothing behind", "[capi][session]") {
  const std::vector<int32_t> prompt = Text("The capital of France is");
  const SessionPtr session = MakeSession(model);
  BN_OK(bitnet_session_eval(session.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST));
  Generate(session.get(), {}, 20);
  BN_OK(bitnet_session_roll_back(session.get(), 2));
  CHECK(Info(session).position == 2);
  CHECK(Info(session).n_logits == 0);
  Generate(session.get(), {prompt.begin() + 2, prompt.end()});
  CHECK(LogitsSha256(session) == Alone(prompt));
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_roll_back(session.get(), 500));
}

TEST_CASE_METHOD(Fixture, "a saved context goes on in another session, and a wrong one is refused", "[capi][session]") {
  const std::vector<int32_t> prompt = Text("Once upon a time there was");
  const SessionPtr session = MakeSession(model);
  BN_OK(bitnet_session_eval(session.get(), prompt.data(), prompt.size() - 1, BITNET_WANT_NONE));
  const std::vector<std::byte> state = Save(session);

  size_t n = 0;
  std::vector<std::byte> small(state.size() - 1);
  BN_FAILS(BITNET_E_BUFFER_TOO_SMALL, bitnet_session_save(session.get(), small.data(), small.size(), &n));
  CHECK(n == state.size());

  const SessionPtr other = MakeSession(model);
  BN_OK(bitnet_session_load(other.get(), state.data(), state.size()));
  CHECK(ContextTokens(other.get()) == std::vector<int32_t>(prompt.begin(), prompt.end() - 1));
  Generate(other.get(), {prompt.back()});
  CHECK(LogitsSha256(other) == Alone(prompt));

  const SessionPtr f32 = MakeSession(model, BITNET_KV_F32);
  BN_FAILS(BITNET_E_MODEL_MISMATCH, bitnet_session_load(f32.get(), state.data(), state.size()));
  bitnet_session_options_t short_options = BITNET_SESSION_OPTIONS_INIT;
  short_options.n_ctx = 3;
  bitnet_session_t* raw = nullptr;
  BN_OK(bitnet_session_create(model.get(), &short_options, &raw));
  const SessionPtr short_session(raw);
  BN_FAILS(BITNET_E_CONTEXT_FULL, bitnet_session_load(short_session.get(), state.data(), state.size()));

  // Every prefix and every damaged header byte: refused or, in the content, another context; never a crash.
  const SessionPtr victim = MakeSession(model);
  const int32_t keep = 1531;
  BN_OK(bitnet_session_eval(victim.get(), &keep, 1, BITNET_WANT_NONE));
  for (size_t cut = 0; cut < state.size(); cut += cut < 128 ? 1 : 997) {
    CHECK(bitnet_session_load(victim.get(), state.data(), cut) != BITNET_OK);
    CHECK(Info(victim).position == 1);
  }
  for (size_t at = 0; at < 56; ++at) {
    std::vector<std::byte> damaged = state;
    damaged[at] ^= std::byte{0x81};
    CHECK(bitnet_session_load(victim.get(), damaged.data(), damaged.size()) != BITNET_OK);
    CHECK(Info(victim).position == 1);
  }
}

TEST_CASE_METHOD(Fixture, "logits of all wanted rows, and the most probable tokens of one", "[capi][session]") {
  const std::vector<int32_t> prompt = Text("One day, Lily");
  const SessionPtr session = MakeSession(model);
  BN_OK(bitnet_session_eval(session.get(), prompt.data(), prompt.size(), BITNET_WANT_ALL));
  REQUIRE(Info(session).n_logits == prompt.size());
  const float* logits = nullptr;
  size_t n = 0;
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < prompt.size(); ++i) {
    BN_OK(bitnet_session_logits(session.get(), i, &logits, &n));
    REQUIRE(n == 1536);
    rows.emplace_back(logits, logits + n);
  }
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_logits(session.get(), prompt.size(), &logits, &n));
  CHECK(logits == nullptr);

  // Row by row is what one evaluation a token gives.
  const SessionPtr single = MakeSession(model);
  for (size_t i = 0; i < prompt.size(); ++i) {
    BN_OK(bitnet_session_eval(single.get(), &prompt[i], 1, BITNET_WANT_LAST));
    BN_OK(bitnet_session_logits(single.get(), 0, &logits, &n));
    CHECK(std::equal(rows[i].begin(), rows[i].end(), logits, logits + n));
  }

  std::vector<bitnet_candidate_t> top(300);
  BN_OK(bitnet_session_top(session.get(), prompt.size() - 1, top.size(), top.data(), &n));
  CHECK(n == 256);
  const std::vector<float>& row = rows.back();
  double sum = 0;
  for (const float x : row) sum += std::exp(double{x});
  for (size_t i = 0; i < n; ++i) {
    CHECK(top[i].logit == row[static_cast<size_t>(top[i].token)]);
    CHECK(std::abs(top[i].log_probability - (top[i].logit - std::log(sum))) < 1e-9);
    if (i > 0)
      CHECK((top[i - 1].logit > top[i].logit || (top[i - 1].logit == top[i].logit && top[i - 1].token < top[i].token)));
  }
  BN_OK(bitnet_session_top(session.get(), 0, 3, top.data(), &n));
  CHECK(n == 3);
  BN_OK(bitnet_session_eval(session.get(), prompt.data(), 1, BITNET_WANT_NONE));
  CHECK(Info(session).n_logits == 0);
}

TEST_CASE_METHOD(Fixture, "a context that is full says so and stays", "[capi][session]") {
  bitnet_session_options_t options = BITNET_SESSION_OPTIONS_INIT;
  options.n_ctx = 8;
  bitnet_session_t* raw = nullptr;
  BN_OK(bitnet_session_create(model.get(), &options, &raw));
  const SessionPtr session(raw);
  const std::vector<int32_t> nine(9, 300);
  BN_FAILS(BITNET_E_CONTEXT_FULL, bitnet_session_eval(session.get(), nine.data(), 9, BITNET_WANT_LAST));
  CHECK(Info(session).position == 0);
  BN_OK(bitnet_session_eval(session.get(), nine.data(), 5, BITNET_WANT_LAST));
  Generate(session.get(), {}, 100);
  CHECK(GeneratedTokens(session.get()).size() == 4);  // three fit, the fourth cannot be evaluated
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.token == -1);
  CHECK(step.reason == BITNET_STOP_CONTEXT);
}

TEST_CASE_METHOD(Fixture, "handles are freed in any order", "[capi][session]") {
  const std::vector<int32_t> prompt = Text("One day");
  const std::string want = Alone(prompt);
  EnginePtr e = MakeEngine();
  ModelPtr m = LoadTiny(e);
  SessionPtr s = MakeSession(m);
  bitnet_session_t* raw = nullptr;
  BN_OK(bitnet_session_fork(s.get(), &raw));
  SessionPtr fork(raw);
  e.reset();
  m.reset();
  Generate(s.get(), prompt);
  CHECK(LogitsSha256(s) == want);
  const FactsPtr facts = Facts(s);
  s.reset();
  bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
  BN_OK(bitnet_facts_info(facts.get(), &info));
  CHECK(info.logits_sha256 == want);
  Generate(fork.get(), prompt);
  CHECK(LogitsSha256(fork) == want);
}

}  // namespace
}  // namespace bitnet::test
