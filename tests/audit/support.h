// Runs and receipts through the public interface, for the tests of this folder.
#ifndef BITNET_TESTS_AUDIT_SUPPORT_H_
#define BITNET_TESTS_AUDIT_SUPPORT_H_

#include <bitnet/bitnet.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/bad_models.h"
#include "support/catch.h"

namespace bitnet::test {

template <typename T>
T Must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return *std::move(result);
}

inline std::vector<std::string> Targets() {
  std::vector<std::string> names;
  for (size_t i = 0; i < bitnet_target_count(); ++i) {
    bitnet_target_t target = BITNET_TARGET_INIT;
    REQUIRE(bitnet_target(i, &target) == BITNET_OK);
    if (target.available != 0) names.emplace_back(target.name);
  }
  return names;
}

inline Engine MakeEngine(const char* target = nullptr, uint32_t threads = 1) {
  EngineOptions options;
  options.target = target;
  options.threads = threads;
  return Must(Engine::create(options));
}

struct Run {
  std::string prompt = "Once upon a time";
  uint32_t n = 16;
  uint32_t chunk = 0;
  bitnet_kv_type_t kv_type = BITNET_KV_F16;
  float temperature = 0;
  uint32_t top_k = 0;
  float top_p = 0;
  float repeat_penalty = 0;
  uint64_t seed = 0;
  bool no_text = false;
};

// The receipt of one generation.
inline std::string ReceiptOf(const Model& model, const Run& run = {}) {
  SessionOptions session_options;
  session_options.n_ctx = 256;
  session_options.chunk = run.chunk;
  session_options.kv_type = run.kv_type;
  Session session = Must(Session::create(model, session_options));
  GenerateOptions options;
  options.max_new_tokens = run.n;
  options.temperature = run.temperature;
  options.top_k = run.top_k;
  options.top_p = run.top_p;
  options.repeat_penalty = run.repeat_penalty;
  options.seed = run.seed;
  const auto prompt = Must(model.tokenizer().encode(run.prompt));
  auto generation = Must(session.generate(prompt, options));
  for (const Step& step : generation) (void)step;
  if (!generation.result()) FAIL(generation.result().error().message());
  ReceiptOptions receipt_options;
  receipt_options.no_text = run.no_text;
  return Must(receipt(session, receipt_options));
}

inline std::string ProblemsOf(const Verification& v) {
  std::string out;
  for (const bitnet_problem_t& p : v.problems()) out += std::string(p.field) + ": " + p.message + "\n";
  return out;
}

// A model file in the test's own folder.
inline std::string Write(const BadModel& model, const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / "bitnet_audit_test";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / name).string();
  model.WriteTo(path);
  return path;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_AUDIT_SUPPORT_H_
