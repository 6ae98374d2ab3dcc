// Structs that grow: what older and newer headers pass is understood, what is not understood is refused.
#include "support/struct_checks.h"

namespace bitnet::test {
namespace {

TEST_CASE("options of every kind read older, newer and zeroed structs and refuse the rest", "[capi][structs]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  size_t n = 0;
  const void* tiny = bitnet_tiny_model(&n);

  CheckOptions<bitnet_engine_options_t>(BITNET_ENGINE_OPTIONS_INIT,
                                        BN_FIRST_SIZE(bitnet_engine_options_t, log_user_data), [](auto* o) {
                                          bitnet_engine_t* e = nullptr;
                                          const bitnet_status_t s = bitnet_engine_create(o, &e);
                                          CHECK((e == nullptr) == (s != BITNET_OK));
                                          bitnet_engine_free(e);
                                          return s;
                                        });
  CheckOptions<bitnet_allocator_t>(BITNET_ALLOCATOR_INIT, BN_FIRST_SIZE(bitnet_allocator_t, user_data), [](auto* a) {
    bitnet_engine_options_t o = BITNET_ENGINE_OPTIONS_INIT;
    o.allocator = a;
    bitnet_engine_t* e = nullptr;
    const bitnet_status_t s = bitnet_engine_create(&o, &e);
    bitnet_engine_free(e);
    return s;
  });
  CheckOptions<bitnet_model_options_t>(
      BITNET_MODEL_OPTIONS_INIT, BN_FIRST_SIZE(bitnet_model_options_t, progress_user_data), [&](auto* o) {
        bitnet_model_t* m = nullptr;
        const bitnet_status_t s = bitnet_model_load_memory(engine.get(), tiny, n, o, &m);
        CHECK((m == nullptr) == (s != BITNET_OK));
        bitnet_model_free(m);
        return s;
      });
  CheckOptions<bitnet_tokenizer_options_t>(BITNET_TOKENIZER_OPTIONS_INIT,
                                           BN_FIRST_SIZE(bitnet_tokenizer_options_t, log_user_data), [&](auto* o) {
                                             bitnet_tokenizer_t* t = nullptr;
                                             const bitnet_status_t s = bitnet_tokenizer_load_memory(tiny, n, o, &t);
                                             bitnet_tokenizer_free(t);
                                             return s;
                                           });
  CheckOptions<bitnet_chat_options_t>(
      BITNET_CHAT_OPTIONS_INIT, BN_FIRST_SIZE(bitnet_chat_options_t, time_s), [&](auto* o) {
        size_t n_ids = 0;
        return bitnet_tokenizer_chat_tokens(bitnet_model_tokenizer(model.get()), nullptr, 0, o, nullptr, 0, &n_ids);
      });
  CheckOptions<bitnet_session_options_t>(BITNET_SESSION_OPTIONS_INIT, BN_FIRST_SIZE(bitnet_session_options_t, reserved),
                                         [&](auto* o) {
                                           bitnet_session_t* s = nullptr;
                                           const bitnet_status_t status = bitnet_session_create(model.get(), o, &s);
                                           bitnet_session_free(s);
                                           return status;
                                         });
  const std::vector<int32_t> prompt = Encode(bitnet_model_tokenizer(model.get()), "One day");
  CheckOptions<bitnet_generate_options_t>(BITNET_GENERATE_OPTIONS_INIT,
                                          BN_FIRST_SIZE(bitnet_generate_options_t, reserved), [&](auto* o) {
                                            BN_OK(bitnet_session_clear(session.get()));
                                            return bitnet_session_begin(session.get(), prompt.data(), prompt.size(), o);
                                          });
}

TEST_CASE("results of every kind fill older and newer structs and refuse the rest", "[capi][structs]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  const bitnet_file_t* file = bitnet_model_file(model.get());
  Generate(session.get(), {1531}, 2);
  const FactsPtr facts = Facts(session);

  CheckResult<bitnet_engine_info_t>(BITNET_ENGINE_INFO_INIT, BN_FIRST_SIZE(bitnet_engine_info_t, device),
                                    [&](auto* o) { return bitnet_engine_info(engine.get(), o); });
  CheckResult<bitnet_target_t>(BITNET_TARGET_INIT, BN_FIRST_SIZE(bitnet_target_t, name),
                               [&](auto* o) { return bitnet_target(0, o); });
  CheckResult<bitnet_self_test_t>(BITNET_SELF_TEST_INIT, BN_FIRST_SIZE(bitnet_self_test_t, first_different),
                                  [&](auto* o) { return bitnet_target_self_test("portable", o); });
  CheckResult<bitnet_device_t>(BITNET_DEVICE_INIT, BN_FIRST_SIZE(bitnet_device_t, memory_bytes),
                               [&](auto* o) { return bitnet_device(0, o); });
  CheckResult<bitnet_file_info_t>(BITNET_FILE_INFO_INIT, BN_FIRST_SIZE(bitnet_file_info_t, alignment),
                                  [&](auto* o) { return bitnet_file_info(file, o); });
  CheckResult<bitnet_metadata_t>(BITNET_METADATA_INIT, BN_FIRST_SIZE(bitnet_metadata_t, offset),
                                 [&](auto* o) { return bitnet_file_metadata(file, 0, o); });
  CheckResult<bitnet_tensor_t>(BITNET_TENSOR_INIT, BN_FIRST_SIZE(bitnet_tensor_t, offset),
                               [&](auto* o) { return bitnet_file_tensor(file, 0, o); });
  CheckResult<bitnet_model_info_t>(BITNET_MODEL_INFO_INIT, BN_FIRST_SIZE(bitnet_model_info_t, path),
                                   [&](auto* o) { return bitnet_model_info(model.get(), o); });
  CheckResult<bitnet_memory_t>(BITNET_MEMORY_INIT, BN_FIRST_SIZE(bitnet_memory_t, scratch_bytes),
                               [&](auto* o) { return bitnet_file_memory(file, engine.get(), nullptr, nullptr, o); });
  CheckResult<bitnet_tokenizer_info_t>(
      BITNET_TOKENIZER_INFO_INIT, BN_FIRST_SIZE(bitnet_tokenizer_info_t, chat_form),
      [&](auto* o) { return bitnet_tokenizer_info(bitnet_model_tokenizer(model.get()), o); });
  CheckResult<bitnet_session_info_t>(BITNET_SESSION_INFO_INIT, BN_FIRST_SIZE(bitnet_session_info_t, reserved),
                                     [&](auto* o) { return bitnet_session_info(session.get(), o); });
  CheckResult<bitnet_step_t>(BITNET_STEP_INIT, BN_FIRST_SIZE(bitnet_step_t, reserved),
                             [&](auto* o) { return bitnet_session_next(session.get(), o); });
  CheckResult<bitnet_facts_info_t>(BITNET_FACTS_INFO_INIT, BN_FIRST_SIZE(bitnet_facts_info_t, n_kernels),
                                   [&](auto* o) { return bitnet_facts_info(facts.get(), o); });
  CheckResult<bitnet_kernel_t>(BITNET_KERNEL_INIT, BN_FIRST_SIZE(bitnet_kernel_t, calls),
                               [&](auto* o) { return bitnet_facts_kernel(facts.get(), 0, o); });
}

TEST_CASE("reserved fields and switches that are not 0 or 1 are refused", "[capi][structs]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  const SessionPtr session = MakeSession(model);
  size_t n = 0;
  const void* tiny = bitnet_tiny_model(&n);

  for (uint32_t bitnet_model_options_t::*field :
       {&bitnet_model_options_t::mode, &bitnet_model_options_t::verify, &bitnet_model_options_t::i2s_arm_layout,
        &bitnet_model_options_t::allow_suspicious_norms, &bitnet_model_options_t::allow_dense_linears,
        &bitnet_model_options_t::hash, &bitnet_model_options_t::reserved}) {
    bitnet_model_options_t o = BITNET_MODEL_OPTIONS_INIT;
    o.*field = field == &bitnet_model_options_t::mode ? BITNET_LOAD_MAP + 1 : 2;
    bitnet_model_t* m = nullptr;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_model_load_memory(engine.get(), tiny, n, &o, &m));
  }
  for (uint32_t bitnet_session_options_t::*field :
       {&bitnet_session_options_t::kv_type, &bitnet_session_options_t::head, &bitnet_session_options_t::reserved}) {
    bitnet_session_options_t o = BITNET_SESSION_OPTIONS_INIT;
    o.*field = 3;
    bitnet_session_t* s = nullptr;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_create(model.get(), &o, &s));
  }
  const int32_t bos = 1531;
  for (uint32_t bitnet_generate_options_t::*field :
       {&bitnet_generate_options_t::ignore_eos, &bitnet_generate_options_t::reserved,
        &bitnet_generate_options_t::n_stop_ids, &bitnet_generate_options_t::n_stop_strings}) {
    bitnet_generate_options_t o = BITNET_GENERATE_OPTIONS_INIT;
    o.*field = 2;  // counts without lists, too
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_session_begin(session.get(), &bos, 1, &o));
  }
  CHECK(Info(session).position == 0);
}

}  // namespace
}  // namespace bitnet::test
