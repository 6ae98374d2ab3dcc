// Engines, sessions and cancels on many threads at once. Meant for ThreadSanitizer, true without it.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

#include "support/host.h"

namespace bitnet::test {
namespace {

// What a thread sees without Catch, whose checks are for one thread.
std::string RunOnce(const bitnet_model_t* model, std::atomic<bitnet_session_t*>* shown = nullptr) {
  bitnet_session_t* session = nullptr;
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 12;
  options.ignore_eos = 1;
  const int32_t prompt[] = {1531, 402, 456, 258};
  bitnet_facts_t* facts = nullptr;
  bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
  bitnet_step_t step = BITNET_STEP_INIT;
  if (bitnet_session_create(model, nullptr, &session) != BITNET_OK) return bitnet_last_error_message();
  if (shown != nullptr) shown->store(session);
  std::string result = "cancelled";
  if (bitnet_session_begin(session, prompt, 4, &options) == BITNET_OK) {
    while (step.reason == BITNET_STOP_NONE && bitnet_session_next(session, &step) == BITNET_OK) {
    }
    if (step.reason == BITNET_STOP_LENGTH && bitnet_session_facts(session, &facts) == BITNET_OK &&
        bitnet_facts_info(facts, &info) == BITNET_OK) {
      result = info.logits_sha256;
    }
  }
  if (shown != nullptr) {
    while (shown->exchange(nullptr) == nullptr) std::this_thread::yield();  // the other thread has it right now
  }
  bitnet_facts_free(facts);
  bitnet_session_free(session);
  return result;
}

TEST_CASE("two engines and four sessions on four threads give one digest", "[capi][threads]") {
  const EnginePtr engines[] = {MakeEngine(nullptr, 2), MakeEngine("portable", 1)};
  const ModelPtr models[] = {LoadTiny(engines[0]), LoadTiny(engines[1])};
  const std::string want = RunOnce(models[0].get());
  REQUIRE(want.size() == 64);
  std::string got[4];
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { got[i] = RunOnce(models[i % 2].get()); });
  }
  for (std::thread& t : threads) t.join();
  for (const std::string& digest : got) CHECK(digest == want);
}

TEST_CASE("one file loaded by several threads at once is one model to each", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 2);
  const std::string want = RunOnce(LoadTiny(engine).get());
  std::string got[3];
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) {
        bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
        options.hash = i == 0 ? 1 : 0;  // by a thread of its own
        bitnet_model_t* model = nullptr;
        if (bitnet_model_load(engine.get(), BITNET_TINY_MODEL, &options, &model) != BITNET_OK) return;
        got[i] = RunOnce(model);
        bitnet_model_free(model);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const std::string& digest : got) CHECK(digest == want);
}

TEST_CASE("the ternary digests of a model are one value to each of several threads", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 1);
  const ModelPtr model = LoadTiny(engine);
  std::string codes[4], scales[4];
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      char hex[BITNET_SHA256_HEX_SIZE];
      if (bitnet_model_ternary_scales_sha256(model.get(), hex) == BITNET_OK) scales[i] = hex;
      if (bitnet_model_ternary_sha256(model.get(), hex) == BITNET_OK) codes[i] = hex;
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(codes[0].size() == 64);
  CHECK(scales[0].size() == 64);
  CHECK(std::count(std::begin(codes), std::end(codes), codes[0]) == 4);
  CHECK(std::count(std::begin(scales), std::end(scales), scales[0]) == 4);
}

TEST_CASE("cancels from another thread end each run cleanly or come too late", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 2);
  const ModelPtr model = LoadTiny(engine);
  const std::string want = RunOnce(model.get());
  std::atomic<bitnet_session_t*> shown{nullptr};
  std::atomic<bool> done{false};
  std::thread canceller([&] {
    while (!done) {
      if (bitnet_session_t* session = shown.exchange(nullptr)) {
        bitnet_session_cancel(session);
        shown.store(session);
      }
      std::this_thread::yield();
    }
  });
  int n_cancelled = 0;
  for (int i = 0; i < 10; ++i) {
    const std::string digest = RunOnce(model.get(), &shown);
    CHECK((digest == "cancelled" || digest == want));
    n_cancelled += digest == "cancelled";
  }
  done = true;
  canceller.join();
  CHECK(n_cancelled > 0);
  CHECK(RunOnce(model.get()) == want);
}

TEST_CASE("a session used by two threads refuses one of them, and neither crashes", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 1);
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  std::atomic<int> n_other{0};
  const auto hammer = [&] {
    const int32_t id = 300;
    for (int i = 0; i < 60; ++i) {
      const bitnet_status_t s = bitnet_session_eval(session.get(), &id, 1, BITNET_WANT_LAST);
      if (s != BITNET_OK && s != BITNET_E_BAD_STATE) ++n_other;
    }
  };
  std::thread other(hammer);
  hammer();
  other.join();
  CHECK(n_other == 0);
  CHECK(Info(session).position > 0);
  CHECK(Info(session).position <= 120);
}

constexpr size_t kStackBytes = size_t{BITNET_TEST_STACK_KIB} << 10;

// `n` times `open`, then `middle`, then `n` times `close`.
std::string Nested(size_t n, const std::string& open, const std::string& middle, const std::string& close) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += open;
  out += middle;
  for (size_t i = 0; i < n; ++i) out += close;
  return out;
}

struct SmallStack {
  const bitnet_model_t* model = nullptr;
  std::string digest;
  std::vector<bitnet_status_t> templates;
  bitnet_status_t policy = BITNET_OK;
};

void* UseSmallStack(void* p) {
  auto* s = static_cast<SmallStack*>(p);
  s->digest = RunOnce(s->model);
  const std::string templates[] = {
      "{{ " + Nested(98, "(", "1", ")") + " }}",
      Nested(98, "{% for a in [1] %}", "{{ " + Nested(98, "[", "1", "]") + " }}", "{% endfor %}"),
      "{% macro m(n=m()) %}{{ 1 }}{% endmacro %}{{ m() }}",
  };
  for (const std::string& text : templates) {
    bitnet_chat_options_t options = BITNET_CHAT_OPTIONS_INIT;
    options.chat_template = text.c_str();
    size_t n = 0;
    s->templates.push_back(
        bitnet_tokenizer_chat_text(bitnet_model_tokenizer(s->model), nullptr, 0, &options, nullptr, 0, &n));
  }
  const std::string yaml = Nested(10000, "[", "1", "]");
  bitnet_policy_t* policy = nullptr;
  s->policy = bitnet_policy_parse(yaml.data(), yaml.size(), nullptr, &policy);
  return nullptr;
}

TEST_CASE("a thread with as little stack as the documentation says makes the deepest calls", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 1);
  const ModelPtr model = LoadTiny(engine);
  SmallStack result;
  result.model = model.get();
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, kStackBytes) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, &UseSmallStack, &result) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  CHECK(result.digest == RunOnce(model.get()));
  CHECK(result.templates.size() == 3);
  CHECK(std::count(result.templates.begin(), result.templates.end(), BITNET_E_LIMIT) == 3);
  CHECK(result.policy == BITNET_E_POLICY_INVALID);
}

TEST_CASE("a session may be freed as soon as another thread finds it outside its call", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 1);
  const ModelPtr model = LoadTiny(engine);
  for (int i = 0; i < 20; ++i) {
    bitnet_session_t* session = nullptr;
    REQUIRE(bitnet_session_create(model.get(), nullptr, &session) == BITNET_OK);
    std::thread other([session] {
      const int32_t ids[] = {1531, 402};
      // The other thread's look at the session may be what refuses the call.
      while (bitnet_session_eval(session, ids, 2, BITNET_WANT_LAST) == BITNET_E_BAD_STATE) std::this_thread::yield();
    });
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    while (bitnet_session_info(session, &info) != BITNET_OK || info.position == 0) std::this_thread::yield();
    bitnet_session_free(session);
    other.join();
  }
  SUCCEED();
}

TEST_CASE("a tokenizer and a model serve many threads", "[capi][threads]") {
  const EnginePtr engine = MakeEngine(nullptr, 1);
  const ModelPtr model = LoadTiny(engine);
  const bitnet_tokenizer_t* tokenizer = bitnet_model_tokenizer(model.get());
  const std::string text = "Once upon a time there was a small fox named Ben. \xE6\x9D\xB1\xE4\xBA\xAC";
  const std::vector<int32_t> want = Encode(tokenizer, text);
  std::atomic<int> n_wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<int32_t> ids(want.size());
      char hex[BITNET_SHA256_HEX_SIZE];
      for (int i = 0; i < 50; ++i) {
        size_t n = 0;
        n_wrong += bitnet_tokenizer_encode(tokenizer, text.data(), text.size(), BITNET_ENCODE_ADD_SPECIAL, ids.data(),
                                           ids.size(), &n) != BITNET_OK ||
                   ids != want;
      }
      n_wrong += bitnet_file_sha256(bitnet_model_file(model.get()), hex) != BITNET_OK;
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(n_wrong == 0);
}

}  // namespace
}  // namespace bitnet::test
