// Generation by pull and by callback: text, ends, cancels, and calls from inside a callback.
#include <algorithm>

#include "support/host.h"

namespace bitnet::test {
namespace {

class Fixture {
 public:
  Fixture() : engine(MakeEngine()), model(LoadTiny(engine)), session(MakeSession(model)) {}
  std::string GeneratedText() const {
    size_t n = 0;
    BN_OK(bitnet_session_generated_text(session.get(), nullptr, 0, &n));
    std::string text(n, '\0');
    BN_OK(bitnet_session_generated_text(session.get(), text.data(), n, &n));
    text.resize(n - 1);
    return text;
  }

  EnginePtr engine;
  ModelPtr model;
  SessionPtr session;
  const bitnet_chat_message_t question = {"user", "What is the capital of France?", 0};
};

TEST_CASE_METHOD(Fixture, "a chat answer comes token by token and ends with a stop id", "[capi][generation]") {
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, nullptr));
  CHECK(Info(session).generating == 1);
  const std::string text = Drain(session.get());
  CHECK(text == "The capital of France is Paris.");
  CHECK(GeneratedText() == text);
  CHECK(Info(session).generating == 0);
  const std::vector<int32_t> tokens = GeneratedTokens(session.get());
  CHECK(tokens.back() == 1533);
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.token == -1);
  CHECK(step.reason == BITNET_STOP_ID);
  CHECK(std::string(bitnet_stop_reason_name(step.reason)) == "stop_id");
  CHECK(step.text_bytes == 0);
  CHECK(std::string(step.text).empty());
}

TEST_CASE_METHOD(Fixture, "a session without a generation has no next", "[capi][generation]") {
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_FAILS(BITNET_E_BAD_STATE, bitnet_session_next(session.get(), &step));
  BN_FAILS(BITNET_E_BAD_STATE, bitnet_session_begin(session.get(), nullptr, 0, nullptr));
}

TEST_CASE_METHOD(Fixture, "stop strings, stop ids and lengths end a generation", "[capi][generation]") {
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  const char* const stops[] = {"never said", "of Fra"};
  options.stop_strings = stops;
  options.n_stop_strings = 2;
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, &options));
  CHECK(Drain(session.get()) == "The capital ");
  CHECK(GeneratedText() == "The capital ");
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_STRING);

  BN_OK(bitnet_session_clear(session.get()));
  const int32_t third = [&] {
    BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, nullptr));
    Drain(session.get());
    return GeneratedTokens(session.get())[2];
  }();
  BN_OK(bitnet_session_clear(session.get()));
  options = BITNET_GENERATE_OPTIONS_INIT;
  options.stop_ids = &third;
  options.n_stop_ids = 1;
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, &options));
  Drain(session.get());
  CHECK(GeneratedTokens(session.get()).size() == 3);

  BN_OK(bitnet_session_clear(session.get()));
  options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 2;
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, &options));
  Drain(session.get());
  CHECK(GeneratedTokens(session.get()).size() == 2);
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_LENGTH);

  for (const char* const text : {"", "\xE2\x82", "\xFF"}) {
    options.stop_strings = &text;
    options.n_stop_strings = 1;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_begin_chat(session.get(), nullptr, &question, 1, &options));
  }
}

TEST_CASE_METHOD(Fixture, "options out of range are refused by name", "[capi][generation]") {
  const int32_t bos = 1531;
  const auto refuse = [&](auto member, auto value, const char* name) {
    bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
    options.*member = value;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_begin(session.get(), &bos, 1, &options));
    CHECK(std::string(bitnet_last_error_message()).find(name) != std::string::npos);
  };
  refuse(&bitnet_generate_options_t::temperature, -1.0f, "temperature");
  refuse(&bitnet_generate_options_t::top_p, 1.5f, "top_p");
  refuse(&bitnet_generate_options_t::top_p, -0.5f, "top_p");
  refuse(&bitnet_generate_options_t::min_p, 2.0f, "min_p");
  refuse(&bitnet_generate_options_t::repeat_penalty, -1.0f, "repeat_penalty");
  for (const int32_t id : {-1, 1536}) {  // not in the vocabulary: it would never stop anything
    bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
    options.stop_ids = &id;
    options.n_stop_ids = 1;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_begin(session.get(), &bos, 1, &options));
    CHECK(std::string(bitnet_last_error_message()).find("stop id") != std::string::npos);
  }
  CHECK(Info(session).position == 0);
}

TEST_CASE_METHOD(Fixture, "the largest length asked for allocates no more than the context needs",
                 "[capi][generation]") {
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = UINT32_MAX;
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, &options));
  CHECK(Drain(session.get()) == "The capital of France is Paris.");
}

struct Stream {
  bitnet_session_t* session = nullptr;
  std::string text;
  int n_steps = 0;
  int stop_after = 0;                    // 0: never
  void (*inside)(Stream*) = nullptr;     // called in the callback
  std::vector<bitnet_status_t> results;  // of calls made inside
};

int32_t OnToken(const bitnet_step_t* step, void* user_data) {
  auto* stream = static_cast<Stream*>(user_data);
  stream->text.append(step->text, step->text_bytes);
  ++stream->n_steps;
  if (stream->inside != nullptr) stream->inside(stream);
  return stream->n_steps == stream->stop_after;
}

TEST_CASE_METHOD(Fixture, "the callback form gives the same tokens and can end the generation", "[capi][generation]") {
  const std::vector<int32_t> prompt = Encode(bitnet_model_tokenizer(model.get()), "Once upon a time");
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 12;
  BN_OK(bitnet_session_begin(session.get(), prompt.data(), prompt.size(), &options));
  const std::string want = Drain(session.get());
  const std::string digest = LogitsSha256(session);

  const SessionPtr other = MakeSession(model);
  Stream stream;
  BN_OK(bitnet_session_generate(other.get(), prompt.data(), prompt.size(), &options, OnToken, &stream));
  CHECK(stream.text == want);
  CHECK(stream.n_steps == 12);
  CHECK(LogitsSha256(other) == digest);

  BN_OK(bitnet_session_clear(other.get()));
  Stream three;
  three.stop_after = 3;
  BN_FAILS(BITNET_E_CANCELLED,
           bitnet_session_generate(other.get(), prompt.data(), prompt.size(), &options, OnToken, &three));
  CHECK(three.n_steps == 3);
  CHECK(GeneratedTokens(other.get()).size() == 3);
  CHECK(Info(other).generating == 0);
  BN_OK(bitnet_session_eval(other.get(), prompt.data(), 1, BITNET_WANT_LAST));  // the generation is over
  bitnet_step_t step = BITNET_STEP_INIT;

  // One that ends with the step at which the callback ends it leaves no cancel behind for the next call.
  BN_OK(bitnet_session_clear(other.get()));
  bitnet_generate_options_t short_options = options;
  short_options.max_new_tokens = 3;
  Stream last;
  last.stop_after = 3;
  BN_FAILS(BITNET_E_CANCELLED,
           bitnet_session_generate(other.get(), prompt.data(), prompt.size(), &short_options, OnToken, &last));
  BN_OK(bitnet_session_next(other.get(), &step));
  CHECK(step.reason == BITNET_STOP_LENGTH);
  BN_OK(bitnet_session_eval(other.get(), prompt.data(), 1, BITNET_WANT_LAST));

  // It is still good for another run.
  BN_OK(bitnet_session_clear(other.get()));
  Stream again;
  BN_OK(bitnet_session_generate(other.get(), prompt.data(), prompt.size(), &options, OnToken, &again));
  CHECK(again.text == want);
}

TEST_CASE_METHOD(Fixture, "calls with the same session from its callback are refused, others work",
                 "[capi][generation]") {
  Stream stream;
  stream.session = session.get();
  stream.inside = [](Stream* s) {
    const int32_t id = 300;
    size_t n = 0;
    bitnet_step_t step = BITNET_STEP_INIT;
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    bitnet_session_t* fork = nullptr;
    const float* logits = nullptr;
    const bitnet_batch_item_t item = {s->session, &id, 1, BITNET_WANT_LAST, 0};
    s->results = {bitnet_session_eval(s->session, &id, 1, BITNET_WANT_LAST),
                  bitnet_session_eval_batch(&item, 1),
                  bitnet_session_next(s->session, &step),
                  bitnet_session_begin(s->session, &id, 1, nullptr),
                  bitnet_session_clear(s->session),
                  bitnet_session_roll_back(s->session, 0),
                  bitnet_session_logits(s->session, 0, &logits, &n),
                  bitnet_session_save(s->session, nullptr, 0, &n),
                  bitnet_session_load(s->session, &id, 4),
                  bitnet_session_fork(s->session, &fork),
                  bitnet_session_tokens(s->session, nullptr, 0, &n),
                  bitnet_session_info(s->session, &info)};
    // A new session, a new engine and another generation are as good here as anywhere.
    const EnginePtr engine = MakeEngine();
    const ModelPtr model = LoadTiny(engine);
    const SessionPtr other = MakeSession(model);
    Generate(other.get(), {1531}, 2);
  };
  const int32_t bos = 1531;
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 3;
  BN_OK(bitnet_session_generate(session.get(), &bos, 1, &options, OnToken, &stream));
  REQUIRE(stream.results.size() == 12);
  for (const bitnet_status_t status : stream.results) CHECK(status == BITNET_E_BAD_STATE);
  CHECK(stream.n_steps == 3);

  const SessionPtr alone = MakeSession(model);
  Generate(alone.get(), {bos}, 3);
  CHECK(LogitsSha256(session) == LogitsSha256(alone));
}

TEST_CASE_METHOD(Fixture, "a session freed in its own callback ends its generation", "[capi][generation]") {
  Stream stream;
  stream.session = session.release();
  stream.inside = [](Stream* s) { bitnet_session_free(s->session); };
  const int32_t bos = 1531;
  BN_FAILS(BITNET_E_CANCELLED, bitnet_session_generate(stream.session, &bos, 1, nullptr, OnToken, &stream));
  CHECK(stream.n_steps == 1);
}

TEST_CASE_METHOD(Fixture, "an engine and a model freed in a callback stay alive as long as needed",
                 "[capi][generation]") {
  struct Owner {
    Fixture* fixture;
  } owner = {this};
  const auto free_both = [](const bitnet_step_t*, void* user_data) -> int32_t {
    static_cast<Owner*>(user_data)->fixture->engine.reset();
    static_cast<Owner*>(user_data)->fixture->model.reset();
    return 0;
  };
  const int32_t bos = 1531;
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 4;
  BN_OK(bitnet_session_generate(session.get(), &bos, 1, &options, free_both, &owner));
  CHECK(GeneratedTokens(session.get()).size() == 4);
}

TEST_CASE_METHOD(Fixture, "a cancel ends the generation that runs", "[capi][generation]") {
  BN_OK(bitnet_session_begin_chat(session.get(), nullptr, &question, 1, nullptr));
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_NONE);
  REQUIRE(step.text_bytes > 0);
  bitnet_session_cancel(session.get());
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_CANCELLED);
  CHECK(step.token == -1);
  CHECK(step.text_bytes == 0);  // the first step's text is not repeated
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_CANCELLED);

  // A cancel before an evaluation counts for it, once.
  BN_OK(bitnet_session_clear(session.get()));
  const std::vector<int32_t> prompt(40, 300);
  bitnet_session_cancel(session.get());
  BN_FAILS(BITNET_E_CANCELLED, bitnet_session_eval(session.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST));
  CHECK(Info(session).position == 0);
  BN_OK(bitnet_session_eval(session.get(), prompt.data(), prompt.size(), BITNET_WANT_LAST));
}

TEST_CASE_METHOD(Fixture, "a cancel after an evaluation ends the generation that goes on from it",
                 "[capi][generation]") {
  const int32_t bos = 1531;
  BN_OK(bitnet_session_eval(session.get(), &bos, 1, BITNET_WANT_LAST));
  bitnet_session_cancel(session.get());
  BN_OK(bitnet_session_begin(session.get(), nullptr, 0, nullptr));
  bitnet_step_t step = BITNET_STEP_INIT;
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.reason == BITNET_STOP_CANCELLED);
  BN_OK(bitnet_session_begin(session.get(), nullptr, 0, nullptr));
  BN_OK(bitnet_session_next(session.get(), &step));
  CHECK(step.token >= 0);
}

TEST_CASE_METHOD(Fixture, "a draw that fails leaves no trace in the digest", "[capi][generation]") {
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.repeat_penalty = 0x1p-149f;  // overflows as soon as something could be said again
  const std::vector<int32_t> prompt = {1, 5, 9};
  BN_OK(bitnet_session_begin(session.get(), prompt.data(), prompt.size(), &options));
  bitnet_step_t step = BITNET_STEP_INIT;
  bitnet_status_t status = BITNET_OK;
  while (status == BITNET_OK && step.reason == BITNET_STOP_NONE) status = bitnet_session_next(session.get(), &step);
  REQUIRE(status == BITNET_E_NON_FINITE);
  const std::vector<int32_t> drawn = GeneratedTokens(session.get());
  REQUIRE(!drawn.empty());
  const std::string digest = LogitsSha256(session);

  // The same draws alone.
  BN_OK(bitnet_session_clear(session.get()));
  options.repeat_penalty = 1;
  options.max_new_tokens = static_cast<uint32_t>(drawn.size());
  BN_OK(bitnet_session_begin(session.get(), prompt.data(), prompt.size(), &options));
  Drain(session.get());
  CHECK(GeneratedTokens(session.get()) == drawn);
  CHECK(LogitsSha256(session) == digest);
}

TEST_CASE_METHOD(Fixture, "facts say what ran, and do not change afterwards", "[capi][generation]") {
  const FactsPtr before = Facts(session);
  bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
  BN_OK(bitnet_facts_info(before.get(), &info));
  CHECK(std::string(info.logits_sha256).empty());
  CHECK(info.n_kernels == 0);

  Generate(session.get(), {1531, 300, 301}, 5);
  const FactsPtr facts = Facts(session);
  BN_OK(bitnet_facts_info(facts.get(), &info));
  bitnet_engine_info_t engine_info = BITNET_ENGINE_INFO_INIT;
  BN_OK(bitnet_engine_info(engine.get(), &engine_info));
  CHECK(std::string(info.target) == engine_info.target);
  CHECK(info.threads == 1);
  CHECK(info.n_prompt_tokens == 3);
  CHECK(info.n_generated_tokens == 5);
  CHECK(info.n_evaluated_tokens == 7);  // the last draw is not evaluated
  CHECK(std::string(info.logits_sha256).size() == 64);
  CHECK(info.prompt_ms > 0);
  CHECK(info.time_to_first_token_ms >= info.prompt_ms);
  REQUIRE(info.n_kernels > 5);
  bool has_ternary = false;
  for (size_t i = 0; i < info.n_kernels; ++i) {
    bitnet_kernel_t kernel = BITNET_KERNEL_INIT;
    BN_OK(bitnet_facts_kernel(facts.get(), i, &kernel));
    CHECK(std::string(kernel.id).find(std::string(info.target) + ".") == 0);
    CHECK(kernel.calls > 0);
    has_ternary |= std::string(kernel.id).find("ternary") != std::string::npos;
  }
  CHECK(has_ternary);
  bitnet_kernel_t beyond = BITNET_KERNEL_INIT;
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_facts_kernel(facts.get(), info.n_kernels, &beyond));
  BN_OK(bitnet_facts_info(before.get(), &info));
  CHECK(info.n_evaluated_tokens == 0);
}

}  // namespace
}  // namespace bitnet::test
