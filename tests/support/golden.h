// The golden prompts (tests/data/golden/golden.json): outputs of the independent twin, tests/reference/canonical.py.
#ifndef BITNET_TESTS_SUPPORT_GOLDEN_H_
#define BITNET_TESTS_SUPPORT_GOLDEN_H_

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json_reader.h"
#include "support/catch.h"

namespace bitnet::test {

struct GoldenRun {
  std::string prompt_logits_sha256;  // of all prompt logits, f32 [T, vocab]
  std::string logits_sha256;         // of the draws
  std::vector<int32_t> drawn;
};

struct GoldenPrompt {
  std::string name;
  std::vector<int32_t> tokens;
  GoldenRun f16, f32;  // 48 greedy tokens, by cache type
  GoldenRun sampled;   // f16 cache
  float temp, top_p, min_p, penalty;
  uint32_t top_k, repeat_last_n;
  uint64_t seed;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

inline std::vector<int32_t> Ids(const core::JsonValue& v) {
  std::vector<int32_t> ids;
  for (const core::JsonValue& x : v.array) ids.push_back(static_cast<int32_t>(x.uinteger));
  return ids;
}

inline std::vector<GoldenPrompt> GoldenPrompts() {
  auto json = core::ParseJson(ReadFile(BITNET_TEST_DATA "/golden/golden.json"));
  REQUIRE(json.ok());
  std::vector<GoldenPrompt> prompts;
  const auto run = [](const core::JsonValue& v, const char* drawn) {
    const core::JsonValue* prompt = v.Find("prompt_logits_sha256");
    return GoldenRun{prompt ? prompt->string : "", v.Find("logits_sha256")->string, Ids(*v.Find(drawn))};
  };
  for (const core::JsonValue& p : json->Find("prompts")->array) {
    const core::JsonValue& s = *p.Find("sampled");
    const auto number = [&s](const char* key) { return static_cast<float>(s.Find(key)->number); };
    prompts.push_back({p.Find("name")->string, Ids(*p.Find("tokens")), run(*p.Find("f16"), "greedy"),
                       run(*p.Find("f32"), "greedy"), run(s, "drawn"), number("temp"), number("top_p"), number("min_p"),
                       number("penalty"), static_cast<uint32_t>(s.Find("top_k")->uinteger),
                       static_cast<uint32_t>(s.Find("repeat_last_n")->uinteger), std::stoull(s.Find("seed")->string)});
  }
  REQUIRE(!prompts.empty());
  return prompts;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_GOLDEN_H_
