// What a host program does, shortened for tests: handles that free themselves, the tiny model, whole generations.
#ifndef BITNET_TESTS_SUPPORT_HOST_H_
#define BITNET_TESTS_SUPPORT_HOST_H_

#include <bitnet/bitnet.h>
#include <bitnet/tiny.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.h"

namespace bitnet::test {

template <auto free_handle>
struct Free {
  template <typename T>
  void operator()(T* handle) const {
    free_handle(handle);
  }
};
using EnginePtr = std::unique_ptr<bitnet_engine_t, Free<bitnet_engine_free>>;
using ModelPtr = std::unique_ptr<bitnet_model_t, Free<bitnet_model_free>>;
using SessionPtr = std::unique_ptr<bitnet_session_t, Free<bitnet_session_free>>;
using TokenizerPtr = std::unique_ptr<bitnet_tokenizer_t, Free<bitnet_tokenizer_free>>;
using FilePtr = std::unique_ptr<bitnet_file_t, Free<bitnet_file_free>>;
using FactsPtr = std::unique_ptr<bitnet_facts_t, Free<bitnet_facts_free>>;

// Functions, not macros of checks: there are hundreds of calls, and each check costs the compiler much.
inline void ExpectOk(bitnet_status_t status, const char* call, int line) {
  INFO("line " << line << ": " << call << ": " << bitnet_last_error_message());
  REQUIRE(status == BITNET_OK);
}
inline void ExpectFailure(bitnet_status_t status, bitnet_status_t expected, const char* call, int line) {
  const std::string message = bitnet_last_error_message();
  INFO("line " << line << ": " << call << ": " << message);
  CHECK(status == expected);
  CHECK(!message.empty());
  CHECK(message.find('\n') == std::string::npos);
  CHECK((message.empty() || message[0] < 'A' || message[0] > 'Z'));
}
// The call must succeed.
#define BN_OK(...) ExpectOk((__VA_ARGS__), #__VA_ARGS__, __LINE__)
// The call must fail with `expected` and a one-line lower-case message.
#define BN_FAILS(expected, ...) ExpectFailure((__VA_ARGS__), (expected), #__VA_ARGS__, __LINE__)

inline EnginePtr MakeEngine(const char* target = nullptr, uint32_t threads = 1) {
  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.target = target;
  options.threads = threads;
  bitnet_engine_t* engine = nullptr;
  BN_OK(bitnet_engine_create(&options, &engine));
  return EnginePtr(engine);
}

inline ModelPtr LoadTiny(const EnginePtr& engine, const bitnet_model_options_t* options = nullptr) {
  size_t n = 0;
  const void* data = bitnet_tiny_model(&n);
  bitnet_model_t* model = nullptr;
  BN_OK(bitnet_model_load_memory(engine.get(), data, n, options, &model));
  return ModelPtr(model);
}

inline SessionPtr MakeSession(const ModelPtr& model, bitnet_kv_type_t kv_type = BITNET_KV_F16, uint32_t chunk = 0) {
  bitnet_session_options_t options = BITNET_SESSION_OPTIONS_INIT;
  options.kv_type = kv_type;
  options.chunk = chunk;
  bitnet_session_t* session = nullptr;
  BN_OK(bitnet_session_create(model.get(), &options, &session));
  return SessionPtr(session);
}

// Draws until the generation ends; the text of all steps.
inline std::string Drain(bitnet_session_t* session) {
  std::string text;
  bitnet_step_t step = BITNET_STEP_INIT;
  while (step.reason == BITNET_STOP_NONE) {
    BN_OK(bitnet_session_next(session, &step));
    text.append(step.text, step.text_bytes);
  }
  return text;
}

inline std::vector<int32_t> GeneratedTokens(const bitnet_session_t* session) {
  size_t n = 0;
  BN_OK(bitnet_session_generated_tokens(session, nullptr, 0, &n));
  std::vector<int32_t> ids(n);
  BN_OK(bitnet_session_generated_tokens(session, ids.data(), n, &n));
  return ids;
}

inline std::vector<int32_t> ContextTokens(const bitnet_session_t* session) {
  size_t n = 0;
  BN_OK(bitnet_session_tokens(session, nullptr, 0, &n));
  std::vector<int32_t> ids(n);
  BN_OK(bitnet_session_tokens(session, ids.data(), n, &n));
  return ids;
}

inline bitnet_session_info_t Info(const SessionPtr& session) {
  bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
  BN_OK(bitnet_session_info(session.get(), &info));
  return info;
}

inline FactsPtr Facts(const SessionPtr& session) {
  bitnet_facts_t* facts = nullptr;
  BN_OK(bitnet_session_facts(session.get(), &facts));
  return FactsPtr(facts);
}

inline bitnet_facts_info_t FactsInfo(const SessionPtr& session) {
  bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
  BN_OK(bitnet_facts_info(Facts(session).get(), &info));
  info.target = info.head = nullptr;  // they lived as long as the facts
  return info;
}

inline std::string LogitsSha256(const SessionPtr& session) { return FactsInfo(session).logits_sha256; }

inline std::vector<int32_t> Encode(const bitnet_tokenizer_t* tokenizer, const std::string& text,
                                   uint32_t flags = BITNET_ENCODE_ADD_SPECIAL) {
  size_t n = 0;
  BN_OK(bitnet_tokenizer_encode(tokenizer, text.data(), text.size(), flags, nullptr, 0, &n));
  std::vector<int32_t> ids(n);
  BN_OK(bitnet_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids.data(), n, &n));
  return ids;
}

// Greedy generation of `n` tokens after `prompt`, stop ids ignored.
inline void Generate(bitnet_session_t* session, const std::vector<int32_t>& prompt, uint32_t n = 16) {
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = n;
  options.ignore_eos = 1;
  BN_OK(bitnet_session_begin(session, prompt.data(), prompt.size(), &options));
  Drain(session);
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_HOST_H_
