// One digest, whatever computes it: threads, chunks, instruction sets, cuts of the prompt.
#include <set>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

const Json& Golden(std::string_view name) {
  for (const Json& prompt : At(Goldens(), "prompts").array) {
    if (Text(prompt, "name") == name) return prompt;
  }
  FAIL("no golden prompt " << name);
  return Goldens();
}

TEST_CASE("threads and chunks do not change a bit of the logits", "[golden]") {
  const Json& prompt = Golden("two_turns");
  const std::string ids = List(Ids(prompt, "tokens"));
  for (const char* threads : {"1", "2", "3", "7"}) {
    for (const char* chunk : {"1", "7", "64", "256", "512"}) {
      INFO(threads << " threads, chunks of " << chunk);
      const Json logits = RunToolJson({"logits", "--json", "--tokens", ids, "--threads", threads, "--chunk", chunk});
      CHECK(Text(logits, "prompt_logits_sha256") == Text(prompt, "f16.prompt_logits_sha256"));
      CHECK(std::to_string(At(logits, "threads").uinteger) == threads);
    }
  }
}

TEST_CASE("threads and chunks do not change a bit of a long prompt's logits", "[golden]") {
  const Json& prompt = Golden("long");  // 301 tokens: more than one block of keys and one chunk
  const std::string ids = List(Ids(prompt, "tokens"));
  for (const auto& [threads, chunk] : {std::pair{"1", "256"}, {"2", "64"}, {"3", "512"}, {"7", "7"}}) {
    INFO(threads << " threads, chunks of " << chunk);
    const Json logits = RunToolJson({"logits", "--json", "--tokens", ids, "--threads", threads, "--chunk", chunk});
    CHECK(Text(logits, "prompt_logits_sha256") == Text(prompt, "f16.prompt_logits_sha256"));
  }
}

TEST_CASE("every target that this CPU runs gives the same bits and says which one it is", "[golden]") {
  const Json& prompt = Golden("sky");
  const std::string ids = List(Ids(prompt, "tokens"));
  std::set<std::string> targets;
  const Json doctor = RunToolJson({"doctor", "--json"});
  for (const Json& target : At(doctor, "targets").array) {
    if (!At(target, "available").boolean) continue;
    const std::string name = Text(target, "name");
    INFO(name);
    targets.insert(name);
    const Json run = RunToolJson({"run", "--json", "--tokens", ids, "-n", "48", "--ignore-eos"},
                                 {.variables = {{"BITNET_FORCE_TARGET", name}}});
    CHECK(Text(run, "target") == name);
    CHECK(Text(run, "logits_sha256") == Text(prompt, "f16.logits_sha256"));
    const auto& kernels = At(run, "kernels").array;
    CHECK_FALSE(kernels.empty());
    for (const Json& kernel : kernels) {
      // A table takes an operation that it does not have itself from the reference, and the id says so.
      const std::string id = Text(kernel, "id");
      CHECK((id.starts_with(name + ".") || id.starts_with("portable.")));
      CHECK(At(kernel, "calls").uinteger > 0);
    }
  }
  CHECK(targets.contains("portable"));
}

TEST_CASE("how the head is computed does not change a bit of a run", "[golden]") {
  const Json& prompt = Golden("germany");
  for (const char* head : {"auto", "full", "shortcut"}) {
    INFO(head);
    const Json run = RunToolJson(
        {"run", "--json", "--tokens", List(Ids(prompt, "tokens")), "-n", "48", "--ignore-eos", "--head", head});
    CHECK(Text(run, "logits_sha256") == Text(prompt, "f16.logits_sha256"));
  }
}

}  // namespace
}  // namespace bitnet::test
