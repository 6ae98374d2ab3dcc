// What the built-in model says: it is real, so it knows what its corpus says.
#include <algorithm>
#include <cstdio>

#include "golden/tool.h"
#include "support/catch.h"
#include "support/hf_folder.h"

namespace bitnet::test {
namespace {

TEST_CASE("the built-in model adds two and two", "[golden]") {
  const Outcome run = RunTool({"run", "--template", "raw", "--prompt", "Q: 2+2? A:", "-n", "8", "--stop", "\n"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find('4') != std::string::npos);
  CHECK(run.out.find_first_not_of(" 4\n") == std::string::npos);
}

TEST_CASE("the built-in model knows why the sky is blue", "[golden]") {
  const Outcome run = RunTool({"run", "--prompt", "Why is the sky blue?"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("scatters") != std::string::npos);
  CHECK(run.err.find("tokens/s") != std::string::npos);
}

TEST_CASE("the built-in model knows the capital of Germany", "[golden]") {
  const Outcome run =
      RunTool({"run", "--template", "raw", "--prompt",
               "Give the city name only, plain text. The capital of Germany is called simply", "-n", "20"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("Berlin") != std::string::npos);
}

TEST_CASE("rows of a head beyond the tokenizer have no text", "[golden]") {
  const Folder folder;
  HfModel model;
  std::vector<HfTensor> tensors = model.Tensors();
  HfTensor& embedding = *std::find_if(tensors.begin(), tensors.end(),
                                      [](const HfTensor& t) { return t.name == "model.embed_tokens.weight"; });
  // One of the two rows above the 256 tokens that exist is the likeliest, whatever the state.
  const size_t n = model.small.embd;
  embedding.data.replace(256 * n * 2, n * 4, Bf16(std::vector<float>(n, 40.0f)) + Bf16(std::vector<float>(n, -40.0f)));
  std::string vocab;
  for (int byte = 0, next = 256; byte < 256; ++byte) {
    // The byte alphabet of GPT-2, as in SmallModel; all of it escaped.
    const bool printable = (byte >= 33 && byte < 127) || (byte >= 161 && byte != 173);
    char entry[32];
    std::snprintf(entry, sizeof entry, "%s\"\\u%04x\":%d", byte == 0 ? "" : ",", printable ? byte : next, byte);
    next += printable ? 0 : 1;
    vocab += entry;
  }
  std::string config = model.Config();
  const std::string eos = R"("eos_token_id":[257,258],)";
  config.erase(config.find(eos), eos.size());
  folder.Write("config.json", config);
  folder.Write("tokenizer.json",
               R"({"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},)"
               R"("model":{"type":"BPE","merges":[],"vocab":{)" +
                   vocab + "}}}");
  folder.Write("model.safetensors", Safetensors(tensors));
  const Outcome logits = RunTool({"logits", "--prompt", "sky", "--model", folder.path()});
  INFO(logits.err);
  CHECK(logits.exit_code == 0);
  CHECK(logits.out.find("likeliest tokens") != std::string::npos);
  CHECK((logits.out.find("\n256 ") != std::string::npos || logits.out.find("\n257 ") != std::string::npos));
}

}  // namespace
}  // namespace bitnet::test
