// Token ids and digests of every golden prompt, as the bit-exact twin in tests/reference computed them.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

const std::vector<Json>& Prompts() { return At(Goldens(), "prompts").array; }

std::vector<float> Floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

double Cosine(const float* a, const float* b, size_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < n; ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

TEST_CASE("greedy runs draw the pinned ids with the pinned digest", "[golden]") {
  REQUIRE(Prompts().size() == 7);
  for (const Json& prompt : Prompts()) {
    const std::vector<int32_t> ids = Ids(prompt, "tokens");
    for (const char* kv : {"f16", "f32"}) {
      INFO(Text(prompt, "name") << " " << kv);
      const Json run = RunToolJson({"run", "--json", "--tokens", List(ids), "-n", "48", "--ignore-eos", "--kv", kv});
      CHECK(Ids(run, "prompt_tokens") == ids);
      CHECK(Ids(run, "output_tokens") == Ids(At(prompt, kv), "greedy"));
      CHECK(Text(run, "logits_sha256") == Text(At(prompt, kv), "logits_sha256"));
      CHECK(Text(run, "stop_reason") == "length");
    }
  }
}

TEST_CASE("the logits of whole prompts have the pinned digest", "[golden]") {
  for (const Json& prompt : Prompts()) {
    const std::vector<int32_t> ids = Ids(prompt, "tokens");
    for (const char* kv : {"f16", "f32"}) {
      INFO(Text(prompt, "name") << " " << kv);
      const Json logits = RunToolJson({"logits", "--json", "--tokens", List(ids), "--kv", kv});
      CHECK(Ids(logits, "tokens") == ids);
      CHECK(At(logits, "vocab").uinteger == At(Goldens(), "vocab").uinteger);
      CHECK(Text(logits, "prompt_logits_sha256") == Text(At(prompt, kv), "prompt_logits_sha256"));
    }
  }
}

TEST_CASE("sampled runs draw the pinned ids with the pinned digest", "[golden]") {
  for (const Json& prompt : Prompts()) {
    INFO(Text(prompt, "name"));
    const Json& sampled = At(prompt, "sampled");
    const auto number = [&](const char* key) { return std::to_string(At(sampled, key).number); };
    const Json run = RunToolJson({"run", "--json", "--tokens", List(Ids(prompt, "tokens")), "-n", "48", "--ignore-eos",
                                  "--temp", number("temp"), "--top-k", std::to_string(At(sampled, "top_k").uinteger),
                                  "--top-p", number("top_p"), "--min-p", number("min_p"), "--repeat-penalty",
                                  number("penalty"), "--seed", Text(sampled, "seed")});
    CHECK(Ids(run, "output_tokens") == Ids(sampled, "drawn"));
    CHECK(Text(run, "logits_sha256") == Text(sampled, "logits_sha256"));
  }
}

TEST_CASE("prompts become the pinned ids, as text and as a turn of a conversation", "[golden]") {
  int n_texts = 0, n_turns = 0;
  for (const Json& prompt : Prompts()) {
    INFO(Text(prompt, "name"));
    if (const Json* text = prompt.Find("text")) {
      const Given given{.input = text->string};
      CHECK(Ids(RunToolJson({"tokenize", "--json", "-"}, given), "tokens") == Ids(prompt, "tokens"));
      CHECK(Ids(RunToolJson({"run", "--json", "-n", "0", "--template", "raw", "--prompt-file", "-"}, given),
                "prompt_tokens") == Ids(prompt, "tokens"));
      ++n_texts;
    } else if (At(prompt, "chat").array.size() == 1) {
      const std::string question = At(prompt, "chat").array[0].array[1].string;
      CHECK(Ids(RunToolJson({"run", "--json", "-n", "0", "--prompt", question}), "prompt_tokens") ==
            Ids(prompt, "tokens"));
      ++n_turns;
    }
  }
  CHECK(n_texts == 5);
  CHECK(n_turns == 1);
}

TEST_CASE("logits agree with the float64 reference", "[golden]") {
  const ScratchFolder folder;
  for (const Json& prompt : Prompts()) {
    INFO(Text(prompt, "name"));
    const std::vector<int32_t> ids = Ids(prompt, "tokens");
    RunToolJson({"logits", "--json", "--kv", "f32", "--tokens", List(ids), "--out", folder / "logits.f32"});
    const std::vector<float> ours = Floats(ReadBytes(folder / "logits.f32"));
    const std::vector<float> reference =
        Floats(ReadBytes(BITNET_TEST_DATA "/golden/" + Text(prompt, "reference_logits")));
    REQUIRE(ours.size() == reference.size());
    REQUIRE(ours.size() % ids.size() == 0);
    const size_t vocab = ours.size() / ids.size();
    std::vector<double> cosines;
    for (size_t t = 0; t < ids.size(); ++t) cosines.push_back(Cosine(&ours[t * vocab], &reference[t * vocab], vocab));
    std::sort(cosines.begin(), cosines.end());
    // A rounding that falls the other way flips an int8 activation: float64 is met within a tolerance, the twin
    // exactly.
    CHECK(cosines.front() >= 0.999);
    CHECK(cosines[cosines.size() / 2] >= 0.9999);
  }
}

}  // namespace
}  // namespace bitnet::test
