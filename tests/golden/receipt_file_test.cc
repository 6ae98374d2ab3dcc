// A receipt's file is absent or whole, whatever happens while it is written: a full disk, a kill at any moment, another
// process that writes the same name.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>

#include "golden/tool.h"
#include "support/catch.h"
#include "support/hf_master.h"

namespace bitnet::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> RunWithReceipt(const std::string& file, const std::string& prompt = "Once upon a time") {
  return {"run", "--quiet", "-p", prompt, "-n", "4", "--receipt", file};
}

size_t FilesIn(const std::string& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

bool IsWhole(const std::string& file) { return RunTool({"verify-receipt", file}).exit_code == 0; }

// How a call of the tool's writer is made to end; see fault.c.
Given Fault(const std::string& fault) {
  return {.variables = {{"LD_PRELOAD", BITNET_FAULT_LIBRARY}, {"BITNET_TEST_FAULT", fault}}};
}

TEST_CASE("a failing call of the receipt's writer leaves what was there, nothing beside it, and exits with 3",
          "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  for (const bool before : {false, true}) {
    if (before) std::ofstream(file) << "what was there";
    for (const char* call : {"write", "fsync", "close", "rename"}) {
      for (const int error : {ENOSPC, EIO}) {
        const std::string fault = std::string(call) + ":1:" + std::to_string(error);
        INFO(fault << ", a file before: " << before);
        const Outcome run = RunTool(RunWithReceipt(file), Fault(fault));
        CHECK(run.exit_code == 3);
        CHECK(run.err.find("cannot write \"" + file + "\"") != std::string::npos);
        CHECK(FilesIn(folder.path()) == (before ? 1 : 0));
        if (before) CHECK(ReadBytes(file) == "what was there");
      }
    }
  }
  // The last bytes do not fit: the first write takes half, the second fails.
  CHECK(RunTool(RunWithReceipt(file), Fault("write:2:" + std::to_string(ENOSPC))).exit_code == 0);  // one write
  CHECK(IsWhole(file));
  CHECK(RunTool(RunWithReceipt(file), Fault("write:1:short")).exit_code == 0);  // the rest follows
  CHECK(IsWhole(file));
}

// The kernel's own limit, not a double: what a full disk or quota does to a file that grows.
TEST_CASE("a receipt that meets the largest size that a file may have is absent", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  rlimit old{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);  // the tool inherits that: a write gives EFBIG
  for (const rlim_t size : {rlim_t{0}, rlim_t{1}, rlim_t{512}, rlim_t{2048}}) {
    const rlimit limit{size, old.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const Outcome run = RunTool(RunWithReceipt(file));
    REQUIRE(setrlimit(RLIMIT_FSIZE, &old) == 0);
    INFO(size << " bytes: " << run.err);
    CHECK(run.exit_code == 3);
    CHECK(FilesIn(folder.path()) == 0);
  }
  signal(SIGXFSZ, handler);
  CHECK(RunTool(RunWithReceipt(file)).exit_code == 0);
  CHECK(IsWhole(file));
}

TEST_CASE("a kill at any step of the receipt's writer leaves the old receipt or the new one", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  const auto is_old = [&] { return ReadBytes(file) == "what was there"; };
  for (const char* fault : {"write:1:kill", "write:1:half", "fsync:1:kill", "close:1:kill", "rename:1:kill"}) {
    INFO(fault);
    fs::remove(file);
    CHECK(RunTool(RunWithReceipt(file), Fault(fault)).exit_code == -SIGKILL);
    CHECK_FALSE(fs::exists(file));
    std::ofstream(file) << "what was there";
    CHECK(RunTool(RunWithReceipt(file), Fault(fault)).exit_code == -SIGKILL);
    CHECK(is_old());
  }
}

TEST_CASE("a kill at a random moment leaves no receipt or a whole one", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  std::mt19937 random(1);
  // Moments from the start to a little after the usual end, so that both outcomes occur.
  size_t n_absent = 0, n_whole = 0;
  unsigned longest_us = 20000;
  for (int i = 0; i < 40; ++i) {
    fs::remove(file);
    ToolProcess tool(RunWithReceipt(file));
    usleep(random() % longest_us);
    tool.Kill();
    tool.Finish();
    if (fs::exists(file)) {
      ++n_whole;
      INFO(ReadBytes(file));
      CHECK(IsWhole(file));
      longest_us = std::max(1000u, longest_us * 3 / 4);
    } else {
      ++n_absent;
      longest_us = longest_us * 4 / 3;
    }
  }
  CHECK(n_absent > 0);
  CHECK(n_whole > 0);
}

TEST_CASE("of two processes that write one receipt's name, the file is of one of them, whole", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  for (int i = 0; i < 8; ++i) {
    ToolProcess a(RunWithReceipt(file, "Once upon a time")), b(RunWithReceipt(file, "What is 7 plus 8?"));
    CHECK(a.Finish().exit_code == 0);
    CHECK(b.Finish().exit_code == 0);
    CHECK(IsWhole(file));
    const std::string prompt = Text(Parse(ReadBytes(file)), "inference.prompt");
    CHECK((prompt.find("Once upon") != std::string::npos) != (prompt.find("7 plus 8") != std::string::npos));
    CHECK(FilesIn(folder.path()) == 1);
  }
}

TEST_CASE("the digest of a model file is remembered until anything about the file changes, and never for a replay",
          "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string model = folder / "model.gguf", file = folder / "receipt.json", cache = folder / "cache";
  const Given given{.variables = {{"XDG_CACHE_HOME", cache}}};
  fs::copy(BITNET_TINY_MODEL, model);
  const auto origin = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> run = RunWithReceipt(file);
    run.insert(run.end(), {"--model", model});
    run.insert(run.end(), more.begin(), more.end());
    REQUIRE(RunTool(run, given).exit_code == 0);
    return Text(Parse(ReadBytes(file)), "model.fingerprint_origin");
  };
  // A file this young may change within one tick of its time stamps: nothing is remembered.
  CHECK(origin() == "computed");
  CHECK_FALSE(fs::exists(cache));
  usleep(2100000);
  CHECK(origin() == "computed");
  CHECK(origin() == "cached");
  const Json cached = Parse(ReadBytes(file));
  // A home that is not there is not made.
  const std::string home = folder / "home";
  std::vector<std::string> run = RunWithReceipt(file);
  run.insert(run.end(), {"--model", model});
  CHECK(RunTool(run, {.variables = {{"HOME", home}}}).exit_code == 0);
  CHECK_FALSE(fs::exists(home));
  fs::create_directory(home);
  CHECK(RunTool(run, {.variables = {{"HOME", home}}}).exit_code == 0);
  CHECK(fs::exists(home + "/.cache/bitnet/sha256"));
  CHECK(origin({"--no-hash-cache"}) == "computed");
  CHECK(Text(cached, "model.fingerprint") == Text(Parse(ReadBytes(file)), "model.fingerprint"));
  fs::last_write_time(model, fs::last_write_time(model) + std::chrono::nanoseconds(1));
  CHECK(origin() == "computed");

  // What the cache says is the host's word: a wrong one is found by whoever looks at the file.
  usleep(2100000);
  CHECK(origin() == "computed");
  for (const auto& entry : fs::directory_iterator(cache + "/bitnet/sha256")) {
    std::ofstream(entry.path()) << std::string(64, '0') << "\n";
  }
  CHECK(origin() == "cached");
  CHECK(RunTool({"verify-receipt", file}, given).exit_code == 0);
  const Outcome replay = RunTool({"verify-receipt", file, "--replay", "--model", model}, given);
  CHECK(replay.exit_code == 14);
  CHECK(replay.out.starts_with("model.fingerprint: "));
}

TEST_CASE("a file that is no receipt is named with the place of what is wrong, and is never read beyond the limit",
          "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string good = folder / "good.json", bad = folder / "bad.json", quoted = "\"" + bad + "\"";
  REQUIRE(RunTool(RunWithReceipt(good)).exit_code == 0);
  const std::string text = ReadBytes(good);
  std::string wrong = text;
  const size_t seed = text.find("\"seed\": \"0\"");
  REQUIRE(seed != std::string::npos);
  wrong.replace(seed + 8, 3, "0");
  const std::string place =
      "line " + std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(seed), '\n')) +
      ", column " + std::to_string(seed + 8 - text.rfind('\n', seed)) + ": ";
  const struct {
    std::string text, verify, compare;
  } rows[] = {
      {"", "line 1, column 1: json without a value\n", quoted + ": line 1, column 1: json without a value\n"},
      {"{\n \"a\": 1,\n}", "line 3, column 1: malformed json: found '}'",
       quoted + ": line 3, column 1: malformed json"},
      {text.substr(0, text.find("\n  \"library\"") + 3), "line 4, column 3: malformed json: found the end",
       quoted + ": line 4, column 3: malformed json: found the end"},
      {std::string((16 << 20) + 1, ' '), "more than 16777216 bytes, the most that are read\n",
       quoted + ": more than 16777216 bytes"},
      {wrong, "inference.options.seed: " + place + "found an integer, expected a 64-bit integer as a decimal string\n",
       ""},
  };
  for (const auto& row : rows) {
    std::ofstream(bad) << row.text;
    const Outcome verify = RunTool({"verify-receipt", bad});
    INFO(verify.out << verify.err);
    CHECK(verify.exit_code == 14);
    CHECK(verify.out.starts_with(row.verify));
    CHECK(verify.err == "bitnet: error: the receipt " + quoted + " is rejected\n");
    const Outcome json = RunTool({"verify-receipt", "--json", bad});
    CHECK(json.exit_code == 14);
    CHECK_FALSE(At(Parse(json.out), "accepted").boolean);
    for (const std::vector<std::string>& two : {std::vector<std::string>{good, bad}, {bad, good}}) {
      const Outcome compare = RunTool({"compare-outputs", two[0], two[1]});
      INFO(compare.err);
      CHECK(compare.exit_code == (row.compare.empty() ? 0 : 3));
      CHECK(compare.err.starts_with(row.compare.empty() ? "" : "bitnet: error: " + row.compare));
    }
  }
}

TEST_CASE("a comparison says what it does not know", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string receipt = folder / "receipt.json", result = folder / "result.json";
  std::vector<std::string> run = RunWithReceipt(receipt);
  run.insert(run.end(), {"--output", result});
  REQUIRE(RunTool(run).exit_code == 0);
  CHECK(RunTool({"compare-outputs", receipt, receipt})
            .out.find("corrections       the same\noptions           the same\n") != std::string::npos);
  const Outcome mixed = RunTool({"compare-outputs", receipt, result});
  CHECK(mixed.exit_code == 0);
  CHECK(mixed.out.find("corrections       not known\noptions           not known\n") != std::string::npos);
  const Outcome json_run = RunTool({"compare-outputs", "--json", receipt, result});
  const Json json = Parse(json_run.out);
  CHECK(At(json, "corrections").kind == Json::Kind::kNull);
  CHECK(At(json, "options").kind == Json::Kind::kNull);
  CHECK(At(json, "model").array.empty());
}

TEST_CASE("a target that no release has is wrong usage, known before a model is loaded", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  REQUIRE(RunTool(RunWithReceipt(file)).exit_code == 0);
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--model", folder / "absent.gguf"}}) {
    std::vector<std::string> command = {"verify-receipt", file, "--require-target", "NOPE"};
    command.insert(command.end(), more.begin(), more.end());
    const Outcome run = RunTool(command);
    CHECK(run.exit_code == 2);
    CHECK(run.err.find("require_target: found 'NOPE', expected one of portable, AVX2") != std::string::npos);
  }
  const std::string target = Text(Parse(ReadBytes(file)), "backend.target");
  CHECK(RunTool({"verify-receipt", file, "--require-target", target}).exit_code == 0);
  CHECK(RunTool({"verify-receipt", file, "--require-target", target == "NEON" ? "AVX2" : "NEON"}).exit_code == 14);
}

TEST_CASE("a variable of the environment that is not UTF-8 spoils no receipt", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string file = folder / "receipt.json";
  const Outcome run = RunTool(RunWithReceipt(file), {.variables = {{"CI", "a\xFFz"}}});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(Text(Parse(ReadBytes(file)), "environment.variables.CI") == "a\xEF\xBF\xBDz");
  CHECK(IsWhole(file));
}

TEST_CASE("two forms of one model are two files with the same weights in their receipts", "[golden][receipt]") {
  const ScratchFolder folder;
  const std::string original = folder / "original";
  fs::create_directory(original);
  REQUIRE(WriteHfMaster(BITNET_TINY_MODEL, BITNET_TEST_UNPACKED "/tokenizers/tiny/tokenizer.json", original).ok());
  const auto receipt = [&](const std::string& model, const std::string& file) {
    std::vector<std::string> run = RunWithReceipt(folder / file);
    run.insert(run.end(), {"--model", model});
    REQUIRE(RunTool(run).exit_code == 0);
    return Parse(ReadBytes(folder / file));
  };
  const Json packed = receipt(BITNET_TINY_MODEL, "packed.json"), master = receipt(original, "master.json");
  const Json info = RunToolJson({"info", "--json", BITNET_TINY_MODEL});
  for (const std::string key : {"ternary_sha256", "ternary_scales_sha256"}) {
    CHECK(Text(packed, "model." + key) == Text(info, key));
    CHECK(Text(master, "model." + key) == Text(info, key));
  }
  CHECK(Text(packed, "logits_sha256") == Text(master, "logits_sha256"));
  CHECK(Text(packed, "model.fingerprint") != Text(master, "model.fingerprint"));
  // A replay is of the very file.
  const Outcome replay = RunTool({"verify-receipt", folder / "master.json", "--replay", "--model", BITNET_TINY_MODEL});
  CHECK(replay.exit_code == 14);
  CHECK(replay.out.starts_with("model.fingerprint: "));
  CHECK(RunTool({"verify-receipt", folder / "master.json", "--replay", "--model", original}).exit_code == 0);
}

}  // namespace
}  // namespace bitnet::test
