// NULL where it must not be: a status with a message, never a crash.
#include "support/host.h"

namespace bitnet::test {
namespace {

#define BN_NULL(call) BN_FAILS(BITNET_E_INVALID_ARGUMENT, call)

TEST_CASE("NULL handles and NULL results are refused by every function", "[capi][null]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  const bitnet_tokenizer_t* tokenizer = bitnet_model_tokenizer(model.get());
  const bitnet_file_t* file = bitnet_model_file(model.get());
  size_t n = 0;
  const void* tiny = bitnet_tiny_model(&n);
  char hex[BITNET_SHA256_HEX_SIZE];
  const int32_t id = 1531;
  size_t count = 0;
  bitnet_step_t step = BITNET_STEP_INIT;

  BN_NULL(bitnet_engine_create(nullptr, nullptr));
  bitnet_engine_info_t engine_info = BITNET_ENGINE_INFO_INIT;
  BN_NULL(bitnet_engine_info(nullptr, &engine_info));
  bitnet_self_test_t self_test = BITNET_SELF_TEST_INIT;
  BN_NULL(bitnet_target_self_test(nullptr, &self_test));

  bitnet_file_t* new_file = nullptr;
  BN_NULL(bitnet_file_open(nullptr, &new_file));
  BN_NULL(bitnet_file_open("x", nullptr));
  BN_NULL(bitnet_file_open_memory(nullptr, 8, &new_file));
  BN_NULL(bitnet_file_open_memory(tiny, n, nullptr));
  bitnet_file_info_t file_info = BITNET_FILE_INFO_INIT;
  BN_NULL(bitnet_file_info(nullptr, &file_info));
  bitnet_metadata_t metadata = BITNET_METADATA_INIT;
  BN_NULL(bitnet_file_metadata(nullptr, 0, &metadata));
  BN_NULL(bitnet_file_metadata_text(nullptr, "a", nullptr, 0, &count));
  BN_NULL(bitnet_file_metadata_text(file, nullptr, nullptr, 0, &count));
  BN_NULL(bitnet_file_metadata_text(file, "general.architecture", nullptr, 0, nullptr));
  BN_NULL(bitnet_file_metadata_text(file, "general.architecture", nullptr, 9, &count));
  bitnet_tensor_t tensor = BITNET_TENSOR_INIT;
  BN_NULL(bitnet_file_tensor(nullptr, 0, &tensor));
  BN_NULL(bitnet_file_sha256(nullptr, hex));
  BN_NULL(bitnet_file_sha256(file, nullptr));
  bitnet_memory_t memory = BITNET_MEMORY_INIT;
  BN_NULL(bitnet_file_memory(nullptr, engine.get(), nullptr, nullptr, &memory));
  BN_NULL(bitnet_file_memory(file, nullptr, nullptr, nullptr, &memory));

  bitnet_model_t* new_model = nullptr;
  const auto read = [](uint64_t, void*, size_t, void*) -> int32_t { return 1; };
  BN_NULL(bitnet_model_load(nullptr, "x", nullptr, &new_model));
  BN_NULL(bitnet_model_load(engine.get(), nullptr, nullptr, &new_model));
  BN_NULL(bitnet_model_load(engine.get(), "x", nullptr, nullptr));
  BN_NULL(bitnet_model_load_memory(nullptr, tiny, n, nullptr, &new_model));
  BN_NULL(bitnet_model_load_memory(engine.get(), nullptr, n, nullptr, &new_model));
  BN_NULL(bitnet_model_load_memory(engine.get(), tiny, n, nullptr, nullptr));
  BN_NULL(bitnet_model_load_callback(nullptr, read, nullptr, n, nullptr, &new_model));
  BN_NULL(bitnet_model_load_callback(engine.get(), nullptr, nullptr, n, nullptr, &new_model));
  BN_NULL(bitnet_model_load_callback(engine.get(), read, nullptr, n, nullptr, nullptr));
  bitnet_model_info_t model_info = BITNET_MODEL_INFO_INIT;
  BN_NULL(bitnet_model_info(nullptr, &model_info));
  BN_NULL(bitnet_model_ternary_sha256(nullptr, hex));
  BN_NULL(bitnet_model_ternary_sha256(model.get(), nullptr));
  BN_NULL(bitnet_model_ternary_scales_sha256(nullptr, hex));
  BN_NULL(bitnet_model_ternary_scales_sha256(model.get(), nullptr));
  CHECK(bitnet_model_tokenizer(nullptr) == nullptr);
  CHECK(bitnet_model_file(nullptr) == nullptr);

  bitnet_tokenizer_t* new_tokenizer = nullptr;
  BN_NULL(bitnet_tokenizer_load(nullptr, nullptr, &new_tokenizer));
  BN_NULL(bitnet_tokenizer_load("x", nullptr, nullptr));
  BN_NULL(bitnet_tokenizer_load_memory(nullptr, 8, nullptr, &new_tokenizer));
  BN_NULL(bitnet_tokenizer_load_memory(tiny, n, nullptr, nullptr));
  bitnet_tokenizer_info_t tokenizer_info = BITNET_TOKENIZER_INFO_INIT;
  BN_NULL(bitnet_tokenizer_info(nullptr, &tokenizer_info));
  BN_NULL(bitnet_tokenizer_encode(nullptr, "a", 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_encode(tokenizer, nullptr, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_encode(tokenizer, "a", 1, 0, nullptr, 0, nullptr));
  BN_NULL(bitnet_tokenizer_encode(tokenizer, "a", 1, 4, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_decode(nullptr, &id, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_decode(tokenizer, nullptr, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_decode(tokenizer, &id, 1, 0, nullptr, 0, nullptr));
  BN_NULL(bitnet_tokenizer_decode(tokenizer, &id, 1, 2, nullptr, 0, &count));
  bitnet_token_type_t type = 0;
  BN_NULL(bitnet_tokenizer_token_type(nullptr, id, &type));
  BN_NULL(bitnet_tokenizer_token_type(tokenizer, id, nullptr));
  BN_NULL(bitnet_tokenizer_token_type(tokenizer, -1, &type));
  BN_NULL(bitnet_tokenizer_token_type(tokenizer, 1536, &type));
  BN_NULL(bitnet_tokenizer_stop_ids(nullptr, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_chat_template(nullptr, nullptr, 0, &count));
  const bitnet_chat_message_t messages[] = {{"user", "hi", 0}, {nullptr, "hi", 0}, {"user", nullptr, 0}};
  BN_NULL(bitnet_tokenizer_apply_chat(nullptr, nullptr, messages, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_apply_chat(tokenizer, nullptr, nullptr, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_apply_chat(tokenizer, nullptr, messages, 2, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_apply_chat(tokenizer, nullptr, messages + 2, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_apply_chat(tokenizer, "no such form", messages, 1, 0, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_apply_chat(tokenizer, nullptr, messages, 1, 8, nullptr, 0, &count));
  bitnet_chat_options_t chat = BITNET_CHAT_OPTIONS_INIT;
  BN_NULL(bitnet_tokenizer_chat_tokens(nullptr, messages, 1, &chat, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_chat_tokens(tokenizer, nullptr, 1, &chat, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_chat_tokens(tokenizer, messages, 2, &chat, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_chat_tokens(tokenizer, messages, 1, &chat, nullptr, 0, nullptr));
  BN_NULL(bitnet_tokenizer_chat_text(nullptr, messages, 1, &chat, nullptr, 0, &count));
  BN_NULL(bitnet_tokenizer_chat_text(tokenizer, messages + 2, 1, &chat, nullptr, 0, &count));
  chat.flags = 4;
  BN_NULL(bitnet_tokenizer_chat_text(tokenizer, messages, 1, &chat, nullptr, 0, &count));
  CHECK(bitnet_chat_stop_string(nullptr, 0) == nullptr);

  bitnet_session_t* new_session = nullptr;
  BN_NULL(bitnet_session_create(nullptr, nullptr, &new_session));
  BN_NULL(bitnet_session_create(model.get(), nullptr, nullptr));
  bitnet_session_info_t session_info = BITNET_SESSION_INFO_INIT;
  BN_NULL(bitnet_session_info(nullptr, &session_info));
  BN_NULL(bitnet_session_tokens(nullptr, nullptr, 0, &count));
  BN_NULL(bitnet_session_tokens(session.get(), nullptr, 0, nullptr));
  BN_NULL(bitnet_session_eval(nullptr, &id, 1, BITNET_WANT_LAST));
  BN_NULL(bitnet_session_eval(session.get(), nullptr, 1, BITNET_WANT_LAST));
  BN_NULL(bitnet_session_eval(session.get(), &id, 1, 3));
  const bitnet_batch_item_t no_session = {nullptr, &id, 1, BITNET_WANT_LAST, 0};
  const bitnet_batch_item_t no_tokens = {session.get(), nullptr, 1, BITNET_WANT_LAST, 0};
  const bitnet_batch_item_t reserved = {session.get(), &id, 1, BITNET_WANT_LAST, 1};
  BN_NULL(bitnet_session_eval_batch(nullptr, 1));
  BN_NULL(bitnet_session_eval_batch(&no_session, 1));
  BN_NULL(bitnet_session_eval_batch(&no_tokens, 1));
  BN_NULL(bitnet_session_eval_batch(&reserved, 1));
  const float* logits = nullptr;
  bitnet_candidate_t candidate;
  BN_NULL(bitnet_session_logits(nullptr, 0, &logits, nullptr));
  BN_NULL(bitnet_session_logits(session.get(), 0, nullptr, nullptr));
  BN_NULL(bitnet_session_logits(session.get(), 0, &logits, nullptr));  // no row yet
  BN_NULL(bitnet_session_top(nullptr, 0, 1, &candidate, &count));
  BN_NULL(bitnet_session_top(session.get(), 0, 1, nullptr, &count));
  BN_NULL(bitnet_session_top(session.get(), 0, 1, &candidate, nullptr));
  BN_NULL(bitnet_session_begin(nullptr, &id, 1, nullptr));
  BN_NULL(bitnet_session_begin(session.get(), nullptr, 1, nullptr));
  BN_NULL(bitnet_session_begin_chat(nullptr, nullptr, messages, 1, nullptr));
  BN_NULL(bitnet_session_begin_chat(session.get(), nullptr, nullptr, 1, nullptr));
  BN_NULL(bitnet_session_begin_chat(session.get(), "no such form", messages, 1, nullptr));
  BN_NULL(bitnet_session_next(nullptr, &step));
  BN_NULL(bitnet_session_generate(session.get(), &id, 1, nullptr, nullptr, nullptr));
  BN_NULL(bitnet_session_generated_text(nullptr, nullptr, 0, &count));
  BN_NULL(bitnet_session_generated_tokens(nullptr, nullptr, 0, &count));
  bitnet_session_cancel(nullptr);
  BN_NULL(bitnet_session_clear(nullptr));
  BN_NULL(bitnet_session_roll_back(nullptr, 0));
  BN_NULL(bitnet_session_fork(nullptr, &new_session));
  BN_NULL(bitnet_session_fork(session.get(), nullptr));
  BN_NULL(bitnet_session_save(nullptr, nullptr, 0, &count));
  BN_NULL(bitnet_session_save(session.get(), nullptr, 0, nullptr));
  BN_NULL(bitnet_session_load(nullptr, tiny, n));
  BN_NULL(bitnet_session_load(session.get(), nullptr, n));
  bitnet_facts_t* facts = nullptr;
  BN_NULL(bitnet_session_facts(nullptr, &facts));
  BN_NULL(bitnet_session_facts(session.get(), nullptr));
  bitnet_facts_info_t facts_info = BITNET_FACTS_INFO_INIT;
  BN_NULL(bitnet_facts_info(nullptr, &facts_info));
  bitnet_kernel_t kernel = BITNET_KERNEL_INIT;
  BN_NULL(bitnet_facts_kernel(nullptr, 0, &kernel));

  CHECK((new_file == nullptr && new_model == nullptr && new_tokenizer == nullptr && new_session == nullptr));
  CHECK(facts == nullptr);
  CHECK(Info(session).position == 0);
}

TEST_CASE("freeing NULL does nothing", "[capi][null]") {
  bitnet_engine_free(nullptr);
  bitnet_model_free(nullptr);
  bitnet_session_free(nullptr);
  bitnet_tokenizer_free(nullptr);
  bitnet_file_free(nullptr);
  bitnet_facts_free(nullptr);
  SUCCEED();
}

TEST_CASE("a failed call clears the handle that it would have made", "[capi][null]") {
  const EnginePtr engine = MakeEngine();
  auto* const stale = reinterpret_cast<void*>(uintptr_t{16});
  auto* e = static_cast<bitnet_engine_t*>(stale);
  bitnet_engine_options_t bad_engine = BITNET_ENGINE_OPTIONS_INIT;
  bad_engine.target = "no such target";
  CHECK(bitnet_engine_create(&bad_engine, &e) == BITNET_E_INVALID_ARGUMENT);
  CHECK(e == nullptr);
  auto* m = static_cast<bitnet_model_t*>(stale);
  CHECK(bitnet_model_load(engine.get(), "/no/such/file.gguf", nullptr, &m) == BITNET_E_NOT_FOUND);
  CHECK(m == nullptr);
  auto* t = static_cast<bitnet_tokenizer_t*>(stale);
  CHECK(bitnet_tokenizer_load("/no/such/file.gguf", nullptr, &t) == BITNET_E_NOT_FOUND);
  CHECK(t == nullptr);
  auto* f = static_cast<bitnet_file_t*>(stale);
  CHECK(bitnet_file_open("/no/such/file.gguf", &f) == BITNET_E_NOT_FOUND);
  CHECK(f == nullptr);
  auto* s = static_cast<bitnet_session_t*>(stale);
  CHECK(bitnet_session_create(nullptr, nullptr, &s) == BITNET_E_INVALID_ARGUMENT);
  CHECK(s == nullptr);
  s = static_cast<bitnet_session_t*>(stale);
  CHECK(bitnet_session_fork(nullptr, &s) == BITNET_E_INVALID_ARGUMENT);
  CHECK(s == nullptr);
  auto* facts = static_cast<bitnet_facts_t*>(stale);
  CHECK(bitnet_session_facts(nullptr, &facts) == BITNET_E_INVALID_ARGUMENT);
  CHECK(facts == nullptr);
}

}  // namespace
}  // namespace bitnet::test
