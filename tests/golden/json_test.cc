// The shapes of the documents that scripts read (docs/tool.md).
#include <filesystem>
#include <fstream>
#include <sstream>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

void CheckNumbers(const Json& json, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    INFO(path);
    CHECK(At(json, path).is_number());
  }
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

TEST_CASE("a run without a token has no digest and no time to the first one", "[golden]") {
  const Json run = RunToolJson({"run", "--json", "--prompt", "Why is the sky blue?", "-n", "0"});
  CHECK(Text(run, "stop_reason") == "length");
  CHECK(Ids(run, "output_tokens").empty());
  CHECK(run.Find("logits_sha256") == nullptr);
  CHECK(At(run, "timings.time_to_first_token_ms").kind == Json::Kind::kNull);
  const Json bench = RunToolJson({"bench", "--json", "-p", "8", "-n", "0", "-r", "1"});
  CHECK(At(At(bench, "load").array[0], "time_to_first_token_ms").kind == Json::Kind::kNull);
}

TEST_CASE("the document of run has every field of its contract", "[golden]") {
  const Json run = RunToolJson({"run", "--json", "--prompt", "Why is the sky blue?"});
  CHECK(Text(run, "model.path") == "embedded");
  CHECK(Text(run, "model.architecture") == "bitnet-b1.58");
  CHECK_FALSE(Text(run, "model.name").empty());
  CHECK(Text(run, "model.quantization") == "I2_S");
  CHECK(At(run, "model.size_bytes").uinteger == ReadBytes(BITNET_TINY_MODEL).size());
  CHECK(Text(run, "model.source") == "embedded");
  CHECK_FALSE(Text(run, "model.source_reason").empty());
  CHECK(Ids(run, "prompt_tokens").size() == 13);
  CHECK(Ids(run, "output_tokens").back() == 1533);  // the stop id is among the drawn ids, but not in the text
  CHECK(Text(run, "output") == "The sky is blue because air scatters blue light more than red light.");
  CHECK(Text(run, "stop_reason") == "stop_id");
  CHECK(IsSha256(Text(run, "logits_sha256")));
  CHECK_FALSE(Text(run, "target").empty());
  CheckNumbers(run, {"threads", "timings.load_ms", "timings.prompt_ms", "timings.generate_ms",
                     "timings.time_to_first_token_ms", "timings.prompt_tokens_per_sec", "timings.tokens_per_sec"});
  REQUIRE_FALSE(At(run, "kernels").array.empty());
  for (const Json& kernel : At(run, "kernels").array) {
    CHECK_FALSE(Text(kernel, "id").empty());
    CHECK(At(kernel, "calls").uinteger > 0);
  }
}

TEST_CASE("a run without a draw has no digest of logits", "[golden]") {
  const Json run = RunToolJson({"run", "--json", "--prompt", "a", "-n", "0"});
  CHECK(run.Find("logits_sha256") == nullptr);
  CHECK(Ids(run, "output_tokens").empty());
  CHECK(Text(run, "stop_reason") == "length");
}

TEST_CASE("each reason to stop has its name", "[golden]") {
  const auto reason = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "--json", "--prompt", "Tell me a story."};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Text(RunToolJson(arguments), "stop_reason");
  };
  CHECK(reason({"-n", "3"}) == "length");
  CHECK(reason({"--stop", "."}) == "stop_string");
  CHECK(reason({"--ctx", "20"}) == "context");
  CHECK(reason({"-n", "400"}) == "stop_id");
}

TEST_CASE("a stop string may span tokens and is not shown", "[golden]") {
  const std::string whole = Text(RunToolJson({"run", "--json", "--prompt", "Why is the sky blue?"}), "output");
  const size_t at = whole.find("ue because a");
  REQUIRE(at != std::string::npos);
  const Json run = RunToolJson({"run", "--json", "--prompt", "Why is the sky blue?", "--stop", "ue because a"});
  CHECK(Text(run, "output") == whole.substr(0, at));
  CHECK(Text(run, "stop_reason") == "stop_string");
  const Outcome text = RunTool({"run", "--prompt", "Why is the sky blue?", "--stop=ue because a"});
  CHECK(text.out == whole.substr(0, at) + "\n");
}

TEST_CASE("with --stream a line for each token comes before the document", "[golden]") {
  const Outcome run = RunTool({"run", "--json", "--stream", "--prompt", "Why is the sky blue?"});
  REQUIRE(run.exit_code == 0);
  std::istringstream lines(run.out);
  std::string text, line;
  std::vector<int32_t> tokens;
  Json last;
  while (std::getline(lines, line)) {
    last = Parse(line);
    if (last.Find("token") == nullptr) continue;
    text += Text(last, "text");
    if (At(last, "token").is_number()) tokens.push_back(static_cast<int32_t>(At(last, "token").uinteger));
  }
  CHECK(text == Text(last, "output"));
  CHECK(tokens == Ids(last, "output_tokens"));
}

TEST_CASE("the document goes to --output while the text streams", "[golden]") {
  const ScratchFolder folder;
  std::ofstream(folder / "run.json") << "old";
  const Outcome run = RunTool({"run", "--prompt", "Why is the sky blue?", "--output", folder / "run.json"});
  CHECK(run.exit_code == 0);
  const Json document = Parse(ReadBytes(folder / "run.json"));
  CHECK(run.out == Text(document, "output") + "\n");
}

TEST_CASE("a run that fails leaves the old file of --output as it was and nothing beside it", "[golden]") {
  const ScratchFolder folder;
  std::ofstream(folder / "run.json") << "old";
  CHECK(RunTool({"run", "--tokens", "1,2,3", "--ctx", "2", "--output", folder / "run.json"}).exit_code == 3);
  CHECK(ReadBytes(folder / "run.json") == "old");
  size_t n_files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++n_files;
  CHECK(n_files == 1);
}

TEST_CASE("repeat-last-n 0 looks at no token", "[golden]") {
  const std::vector<std::string> plain = {"run", "--json", "--prompt", "Tell me a story.", "-n", "24"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = plain;
    all.insert(all.end(), more.begin(), more.end());
    return Ids(RunToolJson(all), "output_tokens");
  };
  CHECK(with({"--repeat-penalty", "1.8", "--repeat-last-n", "0"}) == with({}));
  CHECK(with({"--repeat-penalty", "1.8"}) != with({}));
}

TEST_CASE("logits write one row of floats for each token", "[golden]") {
  const ScratchFolder folder;
  const Json logits = RunToolJson({"logits", "--json", "--prompt", "Once upon a time", "--out", folder / "l.f32"});
  const size_t n = Ids(logits, "tokens").size();
  CHECK(Ids(logits, "tokens").front() == 1531);
  CHECK(ReadBytes(folder / "l.f32").size() == n * At(logits, "vocab").uinteger * 4);
  CHECK(IsSha256(Text(logits, "prompt_logits_sha256")));
  CHECK_FALSE(Text(logits, "target").empty());
  CHECK(Ids(RunToolJson({"logits", "--json", "--no-special", "--prompt", "Once upon a time"}), "tokens").size() ==
        n - 1);
}

TEST_CASE("tokens and pieces go both ways", "[golden]") {
  const Json tokens = RunToolJson({"tokenize", "--json", "Hello, world"});
  const std::vector<int32_t> ids = Ids(tokens, "tokens");
  CHECK(At(tokens, "pieces").array.size() == ids.size());
  CHECK(RunTool({"tokenize", "--decode", List({ids.begin() + 1, ids.end()})}).out == "Hello, world");
  CHECK(Ids(RunToolJson({"tokenize", "--json", "--no-special", "Hello, world"}), "tokens").size() == ids.size() - 1);
  // A text that names a command or looks like an option is a text.
  CHECK(RunTool({"tokenize", "run"}).exit_code == 0);
  CHECK(RunTool({"tokenize", "--", "--json"}).exit_code == 0);
}

TEST_CASE("control tokens are found in text only when asked for", "[golden]") {
  const std::string text = "a<|eot_id|>b";
  const auto has_eot = [](const Json& json) {
    for (const int32_t id : Ids(json, "tokens")) {
      if (id == 1533) return true;
    }
    return false;
  };
  CHECK_FALSE(has_eot(RunToolJson({"tokenize", "--json", text})));
  CHECK(has_eot(RunToolJson({"tokenize", "--json", "--parse-special", text})));
  const Json run = RunToolJson({"run", "--json", "-n", "0", "--template", "raw", "--prompt", text});
  for (const int32_t id : Ids(run, "prompt_tokens")) CHECK(id != 1533);
}

TEST_CASE("lines of JSON are answered line by line", "[golden]") {
  const Outcome run =
      RunTool({"tokenize", "--ndjson"}, {.input = "{\"text\": \"caf\\u00e9\", \"add_special\": false}\n"
                                                  "{\"bytes_hex\": \"ff41\"}\n"
                                                  "{\"text\": \"a<|eot_id|>\", \"parse_special\": true}"});
  REQUIRE(run.exit_code == 0);
  std::istringstream lines(run.out);
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(Text(Parse(line), "decoded") == "caf\u00e9");
  REQUIRE(std::getline(lines, line));
  CHECK(Text(Parse(line), "bytes_hex") == "3c7c626567696e5f6f665f746578747c3eff41");  // the begin token in its spelling
  REQUIRE(std::getline(lines, line));
  CHECK(Ids(Parse(line), "ids").back() == 1533);
  CHECK_FALSE(std::getline(lines, line));
  // A flag stands for what a line leaves out.
  const std::string both =
      "{\"text\": \"a<|eot_id|>\"}\n{\"text\": \"a<|eot_id|>\", \"add_special\": true, "
      "\"parse_special\": false}\n";
  const Outcome flags = RunTool({"tokenize", "--ndjson", "--no-special", "--parse-special"}, {.input = both});
  std::istringstream answers(flags.out);
  REQUIRE(std::getline(answers, line));
  CHECK(Ids(Parse(line), "ids") == std::vector<int32_t>{64, 1533});
  REQUIRE(std::getline(answers, line));
  CHECK(Ids(Parse(line), "ids").front() == 1531);
  CHECK(Ids(Parse(line), "ids").back() != 1533);
}

TEST_CASE("info tells what was detected and why", "[golden]") {
  const Json info = RunToolJson({"info", "--json", "--verify", "--ctx", "128"});
  CHECK(Text(info, "kind") == "model");
  CHECK(Text(info, "source") == "embedded");
  CHECK(Text(info, "format.container") == "GGUF");
  CHECK(At(info, "types.I2_S.tensors").uinteger == 42);
  CHECK(Text(info, "tokenizer.pre") == "llama-bpe");
  CHECK(Text(info, "template") == "template");
  CHECK(At(info, "memory.ctx").uinteger == 128);
  CheckNumbers(info, {"memory.weights_mapped_bytes", "memory.weights_owned_bytes", "memory.cache_bytes",
                      "memory.scratch_bytes", "n_params", "context_length"});
  CHECK(At(info, "memory.cache_bytes").uinteger == 6u * 128 * 2 * 2 * 64 * 2);  // layers, tokens, K and V, heads, f16
  CHECK(IsSha256(Text(info, "ternary_sha256")));
  CHECK(IsSha256(Text(info, "ternary_scales_sha256")));
  CHECK(At(info, "verified").boolean);
  const Json by_path = RunToolJson({"info", "--json", BITNET_TINY_MODEL});
  CHECK(Text(by_path, "source") == "flag");
  CHECK(Text(by_path, "path") == BITNET_TINY_MODEL);
  CHECK(Text(by_path, "ternary_sha256") == Text(info, "ternary_sha256"));
  CHECK_FALSE(At(by_path, "verified").boolean);
}

TEST_CASE("the model is found by flag, then environment, then discovery, then built in", "[golden]") {
  const Given named{.variables = {{"BITNET_GGUF", BITNET_TINY_MODEL}}};
  CHECK(Text(RunToolJson({"info", "--json"}, named), "source") == "environment");
  CHECK(Text(RunToolJson({"info", "--json", "--model", BITNET_TINY_MODEL}, named), "source") == "flag");
  const ScratchFolder folder;
  const Given cache{.variables = {{"XDG_CACHE_HOME", folder.path()}}};
  CHECK(Text(RunToolJson({"info", "--json", "--discover"}, cache), "source") == "embedded");
  std::filesystem::create_directory(folder / "bitnet");
  std::filesystem::copy_file(BITNET_TINY_MODEL, folder / "bitnet/one.gguf");
  CHECK(Text(RunToolJson({"info", "--json", "--discover"}, cache), "source") == "discovered");
  CHECK(Text(RunToolJson({"info", "--json", "--discover"}, cache), "path") == folder / "bitnet/one.gguf");
  CHECK(Text(RunToolJson({"info", "--json"}, cache), "source") == "embedded");
  std::filesystem::copy_file(BITNET_TINY_MODEL, folder / "bitnet/two.gguf");
  const Outcome two = RunTool({"info", "--discover"}, cache);
  CHECK(two.exit_code == 10);
  CHECK(two.err.find("--model") != std::string::npos);
}

TEST_CASE("the doctor tests every target and finds every bit equal", "[golden]") {
  const Json doctor = RunToolJson({"doctor", "--json"});
  CHECK(At(doctor, "healthy").boolean);
  CHECK(Text(doctor, "numerics") == "bitnet-numerics/1");
  CHECK_FALSE(Text(doctor, "build").empty());
  REQUIRE_FALSE(At(doctor, "devices").array.empty());
  CHECK(Text(At(doctor, "devices").array[0], "name") == "cpu");
  REQUIRE_FALSE(At(doctor, "targets").array.empty());
  for (const Json& target : At(doctor, "targets").array) {
    if (!At(target, "available").boolean) continue;
    CHECK(At(target, "checks").uinteger > 0);
    CHECK(At(target, "different").uinteger == 0);
    CHECK(At(target, "first_different").kind == Json::Kind::kNull);
  }
}

TEST_CASE("bench compares its speed with limits that it measured", "[golden]") {
  const Json bench = RunToolJson({"bench", "--json", "-p", "16", "-n", "4", "-t", "1,2", "-r", "2", "--profile"});
  CheckNumbers(bench, {"limits.read_gb_per_s.1", "limits.read_gb_per_s.2", "limits.int_gmac_per_s.1",
                       "limits.int_gmac_per_s.2", "peak_rss_bytes"});
  REQUIRE(At(bench, "results").array.size() == 4);
  for (const Json& result : At(bench, "results").array) {
    CHECK((Text(result, "test") == "pp16" || Text(result, "test") == "tg4"));
    CHECK(At(result, "tokens_per_second.min").number <= At(result, "tokens_per_second.median").number);
    CHECK(At(result, "tokens_per_second.median").number <= At(result, "tokens_per_second.max").number);
    CHECK(At(result, "limit_fraction").number > 0);
    // What a test does not measure is not 0.
    const bool prompt = Text(result, "test") == "pp16";
    CHECK((At(result, "gb_per_s").kind == Json::Kind::kNull) == prompt);
    CHECK((At(result, "cache_gb_per_s").kind == Json::Kind::kNull) == prompt);
    CHECK((At(result, "gmac_per_s").kind == Json::Kind::kNull) == !prompt);
    CHECK(At(result, "profile.ternary product").number > 0);
    CHECK(At(result, "profile.attention").number > 0);
    CHECK((At(result, "profile.logits digest").number > 0) == Text(result, "test").starts_with("tg"));
    CHECK(At(result, "profile.the rest").number >= 0);
  }
  CHECK_FALSE(Text(bench, "target").empty());
  CHECK(Text(bench, "model.path") == "embedded");
}

}  // namespace
}  // namespace bitnet::test
