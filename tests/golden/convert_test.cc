// bitnet convert and quantize: the files that they write, and what stays when they cannot.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "golden/tool.h"
#include "support/catch.h"
#include "support/hf_master.h"

namespace bitnet::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> NamesIn(const ScratchFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// The master of the tiny model in a folder of its own.
std::string Original(const ScratchFolder& folder) {
  const std::string path = folder / "original";
  fs::create_directory(path);
  REQUIRE(WriteHfMaster(BITNET_TINY_MODEL, BITNET_TEST_UNPACKED "/tokenizers/tiny/tokenizer.json", path).ok());
  return path;
}

void Write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

TEST_CASE("a file that is converted from the original answers as the good one does", "[golden]") {
  const ScratchFolder folder;
  const std::string original = Original(folder), target = folder / "regenerated.gguf";
  const Json report = RunToolJson({"convert", original, target, "--json"});
  CHECK(Text(report, "type") == "i2_s");
  CHECK(At(report, "exact_scales").boolean);
  CHECK(At(report, "size_bytes").uinteger == fs::file_size(target));
  const Json good = RunToolJson({"info", "--json", BITNET_TINY_MODEL});
  for (const char* digest : {"ternary_sha256", "ternary_scales_sha256"})
    CHECK(Text(report, digest) == Text(good, digest));
  for (const auto& [model, file] :
       {std::pair<std::string, const char*>{BITNET_TINY_MODEL, "good.json"}, {target, "new.json"}}) {
    CHECK(RunTool(
              {"run", "-m", model, "--prompt", "What is the capital of France?", "-n", "48", "--output", folder / file})
              .exit_code == 0);
  }
  const Outcome compared =
      RunTool({"compare-outputs", folder / "good.json", folder / "new.json", "--min-agreement", "1"});
  INFO(compared.out << compared.err);
  CHECK(compared.exit_code == 0);
  const Json before = Parse(ReadBytes(folder / "good.json")), after = Parse(ReadBytes(folder / "new.json"));
  CHECK(Text(before, "logits_sha256") == Text(after, "logits_sha256"));

  CHECK(RunTool({"convert", original, folder / "again.gguf", "--threads", "3"}).exit_code == 0);
  CHECK(ReadBytes(folder / "again.gguf") == ReadBytes(target));
}

TEST_CASE("quantize makes a smaller file of a GGUF and of nothing else", "[golden]") {
  const ScratchFolder folder;
  const Json report = RunToolJson(
      {"quantize", BITNET_TINY_MODEL, folder / "small.gguf", "--type", "tq1_0", "--embed", "q6_k", "--json"});
  const Json info = RunToolJson({"info", "--verify", "--json", folder / "small.gguf"});
  CHECK(Text(info, "ternary_sha256") == Text(report, "ternary_sha256"));
  CHECK(Text(info, "quantization") == "TQ1_0");
  CHECK_FALSE(At(report, "exact_scales").boolean);
  const Outcome refused = RunTool({"quantize", Original(folder), folder / "no.gguf"});
  CHECK(refused.exit_code == 10);
  CHECK(refused.err.find("bitnet convert") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "no.gguf"));
}

TEST_CASE("what convert refuses it names, and leaves all files as they were", "[golden]") {
  const ScratchFolder folder;
  Write(folder / "old.gguf", "old");
  const struct {
    int code;
    std::vector<std::string> arguments;
    const char* word;
  } cases[] = {
      {2, {"convert", BITNET_TINY_MODEL}, "SRC DST.gguf"},
      {2, {"convert", BITNET_TINY_MODEL, folder / "x.gguf", "--type", "q4_0"}, "--type"},
      {2, {"convert", BITNET_TINY_MODEL, folder / "x.gguf", "--pre", "no-such"}, "no-such"},
      {2, {"convert", folder / "link.gguf", folder / "link.gguf", "--force"}, "a file of the source"},
      {2, {"convert", folder / "link.gguf", folder / "link.gguf"}, "a file of the source"},
      {2, {"convert", BITNET_TINY_MODEL, folder / "."}, "no regular file"},
      {2, {"convert", BITNET_TINY_MODEL, "/dev/null"}, "no regular file"},
      {2, {"convert", BITNET_TINY_MODEL, folder / "pipe", "--force"}, "no regular file"},
      {3, {"convert", BITNET_TINY_MODEL, folder / "old.gguf"}, "--force"},
      {3, {"convert", BITNET_TINY_MODEL, folder / "no/such/folder.gguf"}, "cannot be created"},
      {3, {"convert", BITNET_TINY_MODEL, "/proc/new.gguf"}, "cannot be created"},
      {10, {"convert", folder / "old.gguf", folder / "x.gguf"}, "old.gguf"},
      {10, {"convert", folder / "absent", folder / "x.gguf"}, "absent"},
  };
  fs::create_symlink(BITNET_TINY_MODEL, folder / "link.gguf");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const auto& c : cases) {
    const Outcome run = RunTool(c.arguments);
    INFO(c.arguments.back() << ": " << run.err);
    CHECK(run.exit_code == c.code);
    CHECK(run.out.empty());
    CHECK(run.err.find(c.word) != std::string::npos);
    // Advice that would not help.
    if (c.code == 2) CHECK(run.err.find("--force") == std::string::npos);
  }
  CHECK(NamesIn(folder) == std::vector<std::string>{"link.gguf", "old.gguf", "pipe"});
  CHECK(ReadBytes(folder / "old.gguf") == "old");
}

// Runs the tool in a child that `prepare` sets up; `wait` may end it early. Its wait status.
template <typename Prepare, typename Wait>
int RunChild(const std::vector<std::string>& arguments, Prepare&& prepare, Wait&& wait) {
  std::vector<char*> argv = {const_cast<char*>(BITNET_TOOL)};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    prepare();
    execv(argv[0], argv.data());
    _exit(127);
  }
  wait(child);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

TEST_CASE("a conversion that is killed leaves the old file or the whole new one", "[golden]") {
  const ScratchFolder folder;
  const std::string target = folder / "target.gguf";
  REQUIRE(RunTool({"convert", BITNET_TINY_MODEL, target}).exit_code == 0);
  const std::string whole = ReadBytes(target), old = "the old file";
  size_t n_old = 0, n_new = 0;
  for (useconds_t pause = 0; pause < 60000; pause += 2000) {
    Write(target, old);
    RunChild(
        {"convert", BITNET_TINY_MODEL, target, "--force", "--quiet", "--threads", "1"},
        [] {
          if (freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
        },
        [&](pid_t child) {
          usleep(pause);
          kill(child, SIGKILL);
        });
    const std::string found = ReadBytes(target);
    CHECK((found == old || found == whole));
    ++(found == old ? n_old : n_new);
  }
  CHECK(n_old > 0);
  RunChild(
      {"convert", BITNET_TINY_MODEL, target, "--force", "--quiet"},
      [] {
        if (freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
      },
      [](pid_t) {});
  CHECK(ReadBytes(target) == whole);
}

TEST_CASE("a file that may not grow so large, or a full disk, is an error and leaves nothing", "[golden]") {
  const ScratchFolder folder;
  Write(folder / "old.gguf", "old");
  // 0: before the first byte; 1 MiB: somewhere in the middle.
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1} << 20}) {
    const int status = RunChild(
        {"convert", BITNET_TINY_MODEL, folder / "old.gguf", "--force"},
        [&] {
          struct rlimit size = {limit, limit};
          if (setrlimit(RLIMIT_FSIZE, &size) != 0) _exit(126);
          if (freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
        },
        [](pid_t) {});
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(ReadBytes(folder / "old.gguf") == "old");
    CHECK(NamesIn(folder) == std::vector<std::string>{"old.gguf"});
  }
  const Outcome full = RunTool({"convert", BITNET_TINY_MODEL, "/dev/full"});
  CHECK(full.exit_code != 0);
}

}  // namespace
}  // namespace bitnet::test
