// Engines, targets, devices, the self test, versions, and the error detail.
#include <bitnet/version.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/host.h"

namespace bitnet::test {
namespace {

TEST_CASE("every available target makes an engine and passes its self test", "[capi][engine]") {
  const size_t n = bitnet_target_count();
  REQUIRE(n > 0);
  bool was_available = true, has_portable = false;
  for (size_t i = 0; i < n; ++i) {
    bitnet_target_t target = BITNET_TARGET_INIT;
    BN_OK(bitnet_target(i, &target));
    INFO(target.name);
    CHECK((was_available || !target.available));  // those that run come first
    was_available = target.available != 0;
    has_portable |= std::string(target.name) == "portable";
    bitnet_self_test_t result = BITNET_SELF_TEST_INIT;
    bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
    options.target = target.name;
    options.threads = 2;
    bitnet_engine_t* raw = nullptr;
    if (!was_available) {
      BN_FAILS(BITNET_E_TARGET_UNAVAILABLE, bitnet_engine_create(&options, &raw));
      BN_FAILS(BITNET_E_TARGET_UNAVAILABLE, bitnet_target_self_test(target.name, &result));
      continue;
    }
    BN_OK(bitnet_engine_create(&options, &raw));
    const EnginePtr engine(raw);
    bitnet_engine_info_t info = BITNET_ENGINE_INFO_INIT;
    BN_OK(bitnet_engine_info(engine.get(), &info));
    CHECK(std::string(info.target) == target.name);
    CHECK(std::string(info.device) == "cpu");
    CHECK(info.threads == 2);
    BN_OK(bitnet_target_self_test(target.name, &result));
    INFO((result.first_different == nullptr ? "" : result.first_different));
    CHECK(result.n_different == 0);
    CHECK(result.n_checks > 50);
    CHECK(result.first_different == nullptr);
  }
  CHECK(has_portable);
  bitnet_target_t beyond = BITNET_TARGET_INIT;
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_target(n, &beyond));
  bitnet_self_test_t result = BITNET_SELF_TEST_INIT;
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_target_self_test("", &result));
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_target_self_test("no such target", &result));
}

TEST_CASE("a process forked from this one uses and frees what it inherits", "[capi][engine]") {
  EnginePtr engine = MakeEngine(nullptr, 3);
  ModelPtr model = LoadTiny(engine);
  SessionPtr session = MakeSession(model);
  const std::vector<int32_t> prompt = {1531, 402, 456, 258};
  Generate(session.get(), prompt);
  const std::string want = LogitsSha256(session);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);  // a child that waits for threads that it has not is killed by that
    bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
    options.max_new_tokens = 16;
    options.ignore_eos = 1;
    bitnet_step_t step = BITNET_STEP_INIT;
    bitnet_facts_t* facts = nullptr;
    bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
    bool good = bitnet_session_clear(session.get()) == BITNET_OK &&
                bitnet_session_begin(session.get(), prompt.data(), prompt.size(), &options) == BITNET_OK;
    while (good && step.reason == BITNET_STOP_NONE) good = bitnet_session_next(session.get(), &step) == BITNET_OK;
    good = good && bitnet_session_facts(session.get(), &facts) == BITNET_OK &&
           bitnet_facts_info(facts, &info) == BITNET_OK && want == info.logits_sha256;
    bitnet_facts_free(facts);
    session.reset();
    model.reset();
    engine.reset();
    ::_exit(good ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  BN_OK(bitnet_session_clear(session.get()));
  Generate(session.get(), prompt);
  CHECK(LogitsSha256(session) == want);
}

TEST_CASE("the cpu is a device, and a gpu that is not here cannot be asked for", "[capi][engine]") {
  const size_t n = bitnet_device_count();
  REQUIRE(n >= 2);  // the place of GPUs is there without one
  bitnet_device_t device = BITNET_DEVICE_INIT;
  BN_OK(bitnet_device(0, &device));
  CHECK(std::string(device.name) == "cpu");
  CHECK(device.available == 1);
  CHECK(device.memory_bytes > (uint64_t{1} << 20));
  BN_OK(bitnet_device(1, &device));
  CHECK(std::string(device.name).rfind("cuda", 0) == 0);
  const bool gpu = device.available != 0;
  if (!gpu) CHECK(std::string(device.description).rfind("cuda: ", 0) == 0);
  bitnet_device_t beyond = BITNET_DEVICE_INIT;
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_device(n, &beyond));
  // Functions without a status leave the message for whoever shows it beside what there is.
  CHECK(bitnet_device_count() == n);
  CHECK(bitnet_target_count() > 0);
  CHECK(std::string(bitnet_last_error_message()).rfind("no device number", 0) == 0);

  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.threads = 1;
  bitnet_engine_t* raw = nullptr;
  options.device = "abacus";
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_engine_create(&options, &raw));
  std::string log;
  options.log_user_data = &log;
  options.log = [](bitnet_log_level_t, const char* message, void* to) noexcept {
    *static_cast<std::string*>(to) += message;
  };
  options.device = "auto";
  BN_OK(bitnet_engine_create(&options, &raw));
  const EnginePtr engine(raw);
  bitnet_engine_info_t info = BITNET_ENGINE_INFO_INIT;
  BN_OK(bitnet_engine_info(engine.get(), &info));
  CHECK(std::string(info.device) == (gpu ? "auto" : "cpu"));
  CHECK(std::string(info.fallback_reason).empty() == gpu);
  CHECK(log.empty() == gpu);  // said once
  for (const char* name : {"cuda", "hybrid"}) {
    options.device = name;
    bitnet_engine_t* other = nullptr;
    if (!gpu) {
      BN_FAILS(BITNET_E_TARGET_UNAVAILABLE, bitnet_engine_create(&options, &other));
      CHECK(std::string(bitnet_last_error_message()).find("cuda: ") != std::string::npos);
    }
  }
}

TEST_CASE("versions agree with the headers", "[capi][engine]") {
  CHECK(std::string(bitnet_version()) == BITNET_VERSION_STRING);
  CHECK(bitnet_version_number() == BITNET_VERSION_NUMBER);
  CHECK(std::string(bitnet_numerics_version()) == "bitnet-numerics/1");
  CHECK(!std::string(bitnet_build_info()).empty());
}

TEST_CASE("every status has a name of its own", "[capi][errors]") {
  const bitnet_status_t known[] = {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 40, 41, 42, 43, 50, 51, 90};
  for (const bitnet_status_t a : known) {
    CHECK(std::string(bitnet_status_name(a)) != "unknown status");
    for (const bitnet_status_t b : known) {
      CHECK((a == b) == (std::string(bitnet_status_name(a)) == bitnet_status_name(b)));
    }
  }
  for (const bitnet_status_t none : {-1, 4, 19, 89, 91, INT32_MAX}) {
    CHECK(std::string(bitnet_status_name(none)) == "unknown status");
  }
}

TEST_CASE("the error detail names what and where, belongs to a thread and is cleared by the next call",
          "[capi][errors]") {
  bitnet_file_t* file = nullptr;
  const char cut[] = "GGUF\3\0\0\0";
  REQUIRE(bitnet_file_open_memory(cut, 8, &file) == BITNET_E_BAD_FORMAT);
  bitnet_error_info_t info = BITNET_ERROR_INFO_INIT;
  REQUIRE(bitnet_last_error(&info) == BITNET_OK);
  CHECK(info.status == BITNET_E_BAD_FORMAT);
  CHECK(std::string(info.message) == bitnet_last_error_message());
  CHECK(info.offset == 8);

  std::thread([] {
    CHECK(std::string(bitnet_last_error_message()).empty());
    bitnet_error_info_t other = BITNET_ERROR_INFO_INIT;
    CHECK(bitnet_last_error(&other) == BITNET_OK);
    CHECK(other.status == BITNET_OK);
    CHECK(other.offset == BITNET_NO_OFFSET);
  }).join();
  CHECK(!std::string(bitnet_last_error_message()).empty());

  const EnginePtr engine = MakeEngine();  // a success
  CHECK(std::string(bitnet_last_error_message()).empty());
  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.target = "z80";
  bitnet_engine_t* none = nullptr;
  CHECK(bitnet_engine_create(&options, &none) == BITNET_E_INVALID_ARGUMENT);
  REQUIRE(bitnet_last_error(&info) == BITNET_OK);
  CHECK(info.offset == BITNET_NO_OFFSET);
  CHECK(std::string(info.what) == "target");
  CHECK(std::string(info.message).find("z80") != std::string::npos);
  CHECK(bitnet_last_error(nullptr) == BITNET_E_INVALID_ARGUMENT);
}

TEST_CASE("a very long name in an error is cut, not overrun", "[capi][errors]") {
  const std::string path(100000, 'x');
  bitnet_file_t* file = nullptr;
  CHECK(bitnet_file_open(path.c_str(), &file) != BITNET_OK);
  CHECK(std::string(bitnet_last_error_message()).size() < 1024);
}

}  // namespace
}  // namespace bitnet::test
