// Exit codes (docs/exit-codes.md) and the one line that says what is wrong and what to do.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

bool IsOneHarmlessLine(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.back() == '\n' &&
         std::none_of(text.begin(), text.end() - 1, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// Runs the tool, which must fail with `code`, print nothing on standard output and one line on standard error; all of
// `words` must be in that line.
void CheckFails(int code, const std::vector<std::string>& arguments, const std::vector<std::string>& words,
                const Given& given = {}) {
  std::string line;
  for (const std::string& argument : arguments) line += argument + " ";
  const Outcome run = RunTool(arguments, given);
  INFO("bitnet " << line << "\n" << run.err);
  CHECK(run.exit_code == code);
  CHECK(run.out.empty());
  CHECK(IsOneHarmlessLine(run.err));
  CHECK(run.err.starts_with("bitnet: error: "));
  for (const std::string& word : words) {
    INFO("word: " << word);
    CHECK(run.err.find(word) != std::string::npos);
  }
}

TEST_CASE("the table of exit codes is the one of the README and of its page", "[golden]") {
  const Outcome run = RunTool({"--help-exit-codes"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.starts_with("| code | meaning |\n|---|---|\n| 0 | success |\n"));
  for (const char* page : {"/docs/exit-codes.md", "/README.md"}) {
    INFO(page);
    CHECK(ReadBytes(std::string(BITNET_SOURCE_FOLDER) + page).find(run.out) != std::string::npos);
  }
}

TEST_CASE("wrong usage exits with 2 and names the option, what was found and what is expected", "[golden]") {
  CheckFails(2, {"rum"}, {"\"rum\"", "did you mean run?"});
  CheckFails(2, {"run"}, {"--prompt", "--tokens"});
  CheckFails(2, {"inspect", "--gate", "none", "--rules", "x.yaml"}, {"--rules", "--gate none"});
  CheckFails(2, {"run", "--prompt", "a", "--tokens", "1"}, {"--prompt", "--tokens"});
  CheckFails(2, {"run", "--frobnicate"}, {"--frobnicate", "bitnet run --help"});
  CheckFails(2, {"run", "--prompt"}, {"--prompt"});
  CheckFails(2, {"run", "--prompt", "a", "-n", "12x"}, {"--max-new-tokens", "\"12x\"", "from 0 to"});
  CheckFails(2, {"run", "--prompt", "a", "-n", "-1"}, {"--max-new-tokens", "\"-1\""});
  CheckFails(2, {"run", "--prompt", "a", "-n", "0x10"}, {"--max-new-tokens", "\"0x10\""});
  CheckFails(2, {"run", "--prompt", "a", "-n", ""}, {"--max-new-tokens", "\"\""});
  CheckFails(2, {"run", "--prompt", "a", "--threads", "0"}, {"--threads", "\"0\"", "from 1 to"});
  CheckFails(2, {"run", "--prompt", "a", "--temp", "-0.5"}, {"--temp", "at least 0"});
  CheckFails(2, {"run", "--prompt", "a", "--temp", "nan"}, {"--temp", "\"nan\""});
  CheckFails(2, {"run", "--prompt", "a", "--temp", "inf"}, {"--temp", "\"inf\""});
  CheckFails(2, {"run", "--prompt", "a", "--top-p", "0"}, {"--top-p", "above 0"});
  CheckFails(2, {"run", "--prompt", "a", "--top-p", "1.5"}, {"--top-p", "at most 1"});
  CheckFails(2, {"run", "--prompt", "a", "--min-p", "2"}, {"--min-p", "from 0 to 1"});
  CheckFails(2, {"run", "--prompt", "a", "--repeat-penalty", "0"}, {"--repeat-penalty", "above 0"});
  CheckFails(2, {"run", "--prompt", "a", "--seed", "18446744073709551616"}, {"--seed", "18446744073709551615"});
  CheckFails(2, {"run", "--prompt", "a", "--stop", ""}, {"--stop"});
  CheckFails(2, {"run", "--prompt", "a", "--stop", "a", "--stop", "\xE2\x82"}, {"stop string 1", "utf-8"});
  CheckFails(2, {"run", "--prompt", "a", "--kv", "f64"}, {"--kv", "\"f64\"", "f16 or f32"});
  CheckFails(2, {"run", "--prompt", "a", "--template", "alpaca"}, {"--template", "llama3", "chatml"});
  CheckFails(2, {"run", "--tokens", "1,,2"}, {"--tokens", "1,2,3"});
  CheckFails(2, {"run", "--tokens", "1,2,"}, {"--tokens"});
  CheckFails(2, {"run", "--tokens", "1536"}, {"--tokens", "1536"});
  CheckFails(2, {"run", "--tokens", "1", "--system", "s"}, {"--system"});
  CheckFails(2, {"run", "--prompt", "a", "--system", "s", "--template", "raw"}, {"--system", "raw"});
  CheckFails(2, {"run", "--prompt", "a", "-n", "0", "--receipt", "r.json"}, {"--receipt", "-n"});
  CheckFails(2, {"chat", "-n", "0", "--receipt", "r.json"}, {"--receipt", "-n"});
  CheckFails(2, {"chat", "--system", "s", "--template", "instruct"}, {"--system", "instruct"});
  CheckFails(2, {"logits"}, {"--prompt", "--tokens"});
  CheckFails(2, {"tokenize"}, {"TEXT", "--decode"});
  CheckFails(2, {"tokenize", "--decode", "99999"}, {"--decode", "99999"});
  CheckFails(2, {"info", "--model", "a.gguf", "b.gguf"}, {"a.gguf", "b.gguf"});
  CheckFails(2, {"info", "a.gguf", "b.gguf"}, {"b.gguf"});
  CheckFails(2, {"run", "--prompt", "a", "--json=", "x"}, {"MODEL"});
  // Nothing of a bad value reaches the terminal as it is.
  for (const char* time :
       {"\033[31m", " 2024-07-06", "2024-7-6", "2024-07- 6", "2024-07-06T01:02", "2024-02-30", "2024-07-06T-0:05:03"}) {
    CheckFails(2, {"run", "--prompt", "a", "--chat-time", time}, {"--chat-time", "2024-07-26T09:05:03"});
  }
  CheckFails(2, {"bench", "-t", "0"}, {"--threads", "from 1 to"});
}

TEST_CASE("an empty name, a file that is read and two outputs of one name are refused", "[golden]") {
  for (const char* option : {"--model", "--receipt", "--output", "--target", "--tokenizer", "--correction-policy"}) {
    CheckFails(2, {"run", "--prompt", "a", option, ""}, {option, "found \"\"", "expected a name"});
  }
  const ScratchFolder folder;
  const std::string model = folder / "model.gguf", link = folder / "link.json";
  std::filesystem::copy_file(BITNET_TINY_MODEL, model);
  std::filesystem::create_symlink(model, link);
  for (const std::string& name : {model, link}) {
    CheckFails(2, {"run", "--prompt", "a", "-n", "1", "--model", model, "--output", name}, {"would be overwritten"});
    CheckFails(2, {"run", "--prompt", "a", "-n", "1", "--model", model, "--receipt", name}, {"would be overwritten"});
    CheckFails(2, {"logits", "--prompt", "a", "--model", model, "--out", name}, {"would be overwritten"});
    CheckFails(2, {"inspect", "--model", model, "--output", name}, {"would be overwritten"});
  }
  CHECK(ReadBytes(model) == ReadBytes(BITNET_TINY_MODEL));
  const std::string both = folder / "both.json";
  CheckFails(2, {"run", "--prompt", "a", "-n", "1", "--output", both, "--receipt", both}, {"two outputs"});
  CheckFails(2, {"inspect", "--output", both, "--generate-policy", both, model}, {"two outputs"});
  const std::string rules = folder / "rules.yaml";
  std::ofstream(rules) << "version: 1\n";
  CheckFails(2, {"inspect", "--rules", rules, "--output", rules, model}, {"would be overwritten"});
  CheckFails(2, {"convert", "--tokenizer", model, BITNET_TINY_MODEL, model, "--force"}, {"is a file of the tokenizer"});
  CHECK(ReadBytes(model) == ReadBytes(BITNET_TINY_MODEL));
}

TEST_CASE("no output is named - by chance, and what cannot be written is known before the work", "[golden]") {
  CheckFails(2, {"run", "--prompt", "a", "--output", "-"}, {"\"-\"", "./-"});
  CheckFails(2, {"run", "--prompt", "a", "--receipt", "-"}, {"\"-\"", "./-"});
  CheckFails(2, {"chat", "--receipt", "-"}, {"\"-\"", "./-"}, {.input = "hi\n"});
  CheckFails(2, {"logits", "--prompt", "a", "--out", "-"}, {"\"-\"", "./-"});
  CheckFails(2, {"inspect", "--generate-policy", "-"}, {"\"-\"", "./-"});
  CheckFails(2, {"convert", BITNET_TINY_MODEL, "-"}, {"\"-\"", "./-"});
  CheckFails(2, {"export", "--safetensors", "packed", BITNET_TINY_MODEL, "-"}, {"\"-\"", "./-"});
  const ScratchFolder folder;
  CheckFails(3, {"chat", "--receipt", folder / "no/such/r.json"}, {"r.json"}, {.input = "hi\n"});
  CheckFails(3, {"chat", "--receipt", folder.path()}, {"Is a directory"}, {.input = "hi\n"});
  CheckFails(3, {"logits", "--model", folder / "absent.gguf", "--prompt", "a", "--out", folder / "no/such/l.f32"},
             {"l.f32"});
}

TEST_CASE("a value that looks like an option is a value", "[golden]") {
  for (const char* text : {"--temp=", "--x=", "--json", "-p"}) {
    INFO(text);
    const Json run = RunToolJson({"run", "--json", "--template", "raw", "-n", "0", "--prompt", text});
    CHECK(Ids(run, "prompt_tokens") == Ids(RunToolJson({"tokenize", "--json", "--", text}), "tokens"));
  }
  const std::vector<std::string> empty = {"run", "--json", "-n", "0", "--system=", "--prompt="};
  CHECK(Ids(RunToolJson(empty), "prompt_tokens") ==
        Ids(RunToolJson({"run", "--json", "-n", "0", "--prompt", ""}), "prompt_tokens"));
}

TEST_CASE("help is given whatever else is wrong", "[golden]") {
  const Given bad{.variables = {{"BITNET_ALLOW_RUNTIME_CORRECTIONS", "x"},
                                {"BITNET_STRICT_NO_FAKE_GPU", "x"},
                                {"BITNET_SEED", "x"}}};
  CHECK(RunTool({"run", "--help"}, bad).exit_code == 0);
  CHECK(RunTool({"--generate-man"}, bad).exit_code == 0);
  CHECK(RunTool({"run", "-n", "x", "--help"}).exit_code == 0);
}

TEST_CASE("a permission is given by 1 alone", "[golden]") {
  for (const char* value : {"no", "off", "FALSE", "true", "00", " "}) {
    CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_ALLOW_RUNTIME_CORRECTIONS", "expected 1 or 0"},
               {.variables = {{"BITNET_ALLOW_RUNTIME_CORRECTIONS", value}}});
  }
}

TEST_CASE("a bad variable of the environment is named as such, and a flag wins over a good one", "[golden]") {
  CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_CPU_THREADS", "\"many\""},
             {.variables = {{"BITNET_CPU_THREADS", "many"}}});
  CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_SEED", "\"-3\""}, {.variables = {{"BITNET_SEED", "-3"}}});
  CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_GPU_MEMORY_LIMIT"},
             {.variables = {{"BITNET_GPU_MEMORY_LIMIT", "8G"}}});
  CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_STRICT_NO_FAKE_GPU", "banana", "1 or 0"},
             {.variables = {{"BITNET_STRICT_NO_FAKE_GPU", "banana"}}});
  CheckFails(2, {"run", "--prompt", "a"}, {"BITNET_DEVICE", "gpu", "cuda or hybrid"},
             {.variables = {{"BITNET_DEVICE", "gpu"}}});
  const Given three{.variables = {{"BITNET_CPU_THREADS", "3"}, {"BITNET_DETERMINISTIC", "1"}, {"BITNET_SEED", "1"}}};
  const std::vector<std::string> run = {"run", "--json", "--prompt", "a", "-n", "1"};
  CHECK(At(RunToolJson(run, three), "threads").uinteger == 3);
  std::vector<std::string> two = run;
  two.insert(two.end(), {"--threads", "2"});
  CHECK(At(RunToolJson(two, three), "threads").uinteger == 2);
}

TEST_CASE("a seed of the environment draws as the flag does, and the flag wins", "[golden]") {
  const std::vector<std::string> run = {"run", "--json", "--prompt", "Tell me a story.", "-n", "12", "--temp", "1.5"};
  const auto with = [&](std::vector<std::string> more, const Given& given) {
    std::vector<std::string> all = run;
    all.insert(all.end(), more.begin(), more.end());
    return Ids(RunToolJson(all, given), "output_tokens");
  };
  const Given seven{.variables = {{"BITNET_SEED", "7"}}};
  CHECK(with({}, seven) == with({"--seed", "7"}, {}));
  CHECK(with({"--seed", "8"}, seven) == with({"--seed", "8"}, {}));
  CHECK(with({"--seed", "7"}, {}) != with({"--seed", "8"}, {}));
}

TEST_CASE("what cannot be met exits with 3", "[golden]") {
  const ScratchFolder folder;
  CheckFails(3, {"run", "--tokens", "1,2,3,4,5,6,7,8", "--ctx", "5"}, {"8 tokens", "holds 5"});
  CheckFails(3, {"logits", "--tokens", "1,2,3,4,5,6", "--ctx", "5"}, {"6 tokens", "holds 5"});
  CheckFails(3, {"run", "--prompt-file", folder / "absent.txt"}, {"absent.txt", "No such file"});
  CheckFails(3, {"run", "--prompt", "a", "--output", folder / "no/such/folder.json"}, {"folder.json"});
  CheckFails(3, {"tokenize", "--ndjson"}, {"line 1"}, {.input = "{\"text\": 3}\n"});
  // A template that refuses, one that fails and one that asks for what is not supported.
  for (const auto& [text, word] : {std::pair{"{{ raise_exception('no pirates') }}", "no pirates"},
                                   {"{{ 1 / 0 }}", "division by zero"},
                                   {"{{ lipsum() }}", "lipsum"}}) {
    std::ofstream(folder / "chat.jinja") << text;
    for (const char* command : {"run", "chat"}) {
      std::vector<std::string> arguments = {command, "--chat-template", folder / "chat.jinja"};
      if (std::string(command) == "run") arguments.insert(arguments.end(), {"--prompt", "a"});
      CheckFails(3, arguments, {word}, {.input = "a\n"});
    }
  }
  CheckFails(3, {"bench", "-p", "100000"}, {"100000", "512"});
  // Without memory to measure with, and with none, one or two of the threads that measure.
  for (const char* fault : {"mmap:1:12", "pthread_create:1:11", "pthread_create:2:11", "pthread_create:3:11"}) {
    INFO(fault);
    CheckFails(3, {"bench", "--quiet", "-p", "2", "-n", "0", "-r", "1", "-t", "3"},
               {fault[0] == 'm' ? "memory" : "threads"},
               {.variables = {{"LD_PRELOAD", BITNET_FAULT_LIBRARY}, {"BITNET_TEST_FAULT", fault}}});
  }
  if (std::filesystem::exists("/dev/full")) {
    const Outcome run = RunTool({"run", "--prompt", "a", "-n", "1", "--output", "/dev/full"});
    CHECK(run.exit_code == 3);  // the text has streamed by then
    CHECK(run.err.find("\"/dev/full\": No space left") != std::string::npos);
  }
}

TEST_CASE("compare-outputs takes the share of equal tokens that it is given, to the last digit", "[golden]") {
  const ScratchFolder folder;
  const auto document = [&](const char* name, int n, int n_other) {
    std::string ids;
    for (int i = 0; i < n; ++i) ids += (i == 0 ? "" : ",") + std::string(i < n_other ? "2" : "1");
    std::ofstream(folder / name) << "{\"output_tokens\": [" << ids << "]}";
    return folder / name;
  };
  const std::string a = document("a.json", 100, 0), b = document("b.json", 100, 1), c = document("c.json", 99, 1);
  CHECK(RunTool({"compare-outputs", a, b}).exit_code == 0);  // 0.99 is the default
  CHECK(RunTool({"compare-outputs", a, b, "--min-agreement", "0.99"}).exit_code == 0);
  CHECK(RunTool({"compare-outputs", a, b, "--min-agreement", "0.9900001"}).exit_code == 18);
  CHECK(RunTool({"compare-outputs", a, c}).exit_code == 18);
}

TEST_CASE("a model that cannot be loaded exits with 10 and says what is wrong with it", "[golden]") {
  const ScratchFolder folder;
  std::ofstream(folder / "text.gguf") << "this is no model\n";
  std::ofstream(folder / "empty.gguf");
  for (const char* command : {"info", "run", "logits", "bench"}) {
    std::vector<std::string> arguments = {command, "--model"};
    const auto with = [&](const std::string& path) {
      std::vector<std::string> all = {command, "--model", path};
      if (std::string(command) == "run" || std::string(command) == "logits") all.insert(all.end(), {"--tokens", "1"});
      return all;
    };
    CheckFails(10, with(folder / "absent.gguf"), {"absent.gguf"});
    CheckFails(10, with(folder / "text.gguf"), {"text.gguf"});
    CheckFails(10, with(folder / "empty.gguf"), {"empty.gguf"});
    CheckFails(10, with(folder.path()), {});
  }
  CheckFails(10, {"tokenize", "--model", folder / "absent.gguf", "a"}, {"absent.gguf"});
  CheckFails(10, {"info"}, {"absent.gguf"}, {.variables = {{"BITNET_GGUF", folder / "absent.gguf"}}});
}

TEST_CASE("a vocabulary alone can be shown and used to tokenize, not run", "[golden]") {
  for (const char* file : {"bpe-llama/vocab.gguf", "bpe-llama/tokenizer.json", "spm-llama/tokenizer.model"}) {
    INFO(file);
    const std::string path = std::string(BITNET_TEST_UNPACKED "/tokenizers/") + file;
    CHECK(Text(RunToolJson({"info", "--json", path}), "kind") == "vocabulary");
    CHECK(RunTool({"info", path}).exit_code == 0);
    CHECK_FALSE(Ids(RunToolJson({"tokenize", "--json", "--model", path, "hello"}), "tokens").empty());
    CheckFails(10, {"info", "--verify", path}, {});
    CheckFails(10, {"run", "--model", path, "--prompt", "hello"}, {});
  }
}

TEST_CASE("tokenize takes the tokenizer beside a SafeTensors file, and info shortens a long name for people",
          "[golden]") {
  const ScratchFolder folder;
  REQUIRE(RunTool({"export", "--safetensors", "packed", BITNET_TINY_MODEL, folder / "packed"}).exit_code == 0);
  const std::string weights = folder / "packed/model.safetensors";
  const auto ids = [&](const std::string& model) {
    return Ids(RunToolJson({"tokenize", "--json", "--model", model, "hello"}), "tokens");
  };
  CHECK(ids(weights) == ids(BITNET_TINY_MODEL));
  const Outcome run = RunTool({"run", "--model", folder / "packed", "--prompt", "What is the capital of Japan?"});
  CHECK(run.out == "The capital of Japan is Tokyo.\n");
  std::filesystem::remove(folder / "packed/tokenizer.json");
  CheckFails(10, {"tokenize", "--model", weights, "hello"}, {"tokenizer.json"});

  const std::string name(70000, 'n');
  REQUIRE(RunTool({"quantize", BITNET_TINY_MODEL, folder / "long.gguf", "--name", name}).exit_code == 0);
  const Outcome info = RunTool({"info", folder / "long.gguf"});
  CHECK(info.exit_code == 0);
  CHECK(info.out.size() < 4000);
  CHECK(info.out.find("nnn... (70,000 bytes)") != std::string::npos);
  CHECK(Text(RunToolJson({"info", "--json", folder / "long.gguf"}), "name") == name);
}

TEST_CASE("a device or a target that is not here exits with 17, an unknown one with 2", "[golden]") {
  CheckFails(2, {"run", "--prompt", "a", "--target", "Z80"}, {"Z80"});
  CheckFails(2, {"run", "--prompt", "a"}, {"Z80"}, {.variables = {{"BITNET_FORCE_TARGET", "Z80"}}});
  CheckFails(17, {"run", "--prompt", "a", "--device", "cuda"}, {"cuda"});
  CheckFails(17, {"run", "--prompt", "a"}, {"cuda"}, {.variables = {{"BITNET_DEVICE", "cuda"}}});
  CHECK(RunTool({"run", "--prompt", "a", "-n", "1", "--device", "auto"}).exit_code == 0);
  const Json doctor = RunToolJson({"doctor", "--json"});
  for (const Json& target : At(doctor, "targets").array) {
    if (At(target, "available").boolean) continue;
    CheckFails(17, {"run", "--prompt", "a", "--target", Text(target, "name")}, {Text(target, "name")});
  }
}

}  // namespace
}  // namespace bitnet::test
