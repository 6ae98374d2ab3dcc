// The sessions of the documentation, run as they stand there: fenced blocks that begin with "$ ". Every command must
// print what the page shows; "..." stands for anything, in a line or as a line of its own, and a line "[exit code N]"
// is needed after a command that does not end with 0.
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <sstream>

#include "golden/tool.h"
#include "support/bad_models.h"
#include "support/catch.h"
#include "support/hf_master.h"

namespace bitnet::test {
namespace {

namespace fs = std::filesystem;

using Lines = std::vector<std::string>;

struct Command {
  std::string text;
  Lines expected;
};

Lines SplitLines(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Command> CommandsOf(const std::string& page) {
  std::vector<Command> commands;
  bool in_block = false, in_session = false;
  for (const std::string& line : SplitLines(page)) {
    if (line.starts_with("```")) {
      in_block = !in_block;
      in_session = false;
    } else if (in_block && line.starts_with("$ ")) {
      in_session = true;
      commands.push_back({line.substr(2), {}});
    } else if (in_session) {
      commands.back().expected.push_back(line);
    }
  }
  return commands;
}

// Whether `line` is `pattern`, in which "..." stands for any text.
bool MatchesLine(std::string_view pattern, std::string_view line) {
  const size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return pattern == line;
  if (line.substr(0, dots) != pattern.substr(0, dots)) return false;
  const std::string_view rest = pattern.substr(dots + 3);
  for (size_t at = std::min(dots, line.size()); at <= line.size(); ++at) {
    if (MatchesLine(rest, line.substr(at))) return true;
  }
  return false;
}

bool MatchesAll(const Lines& patterns, size_t p, const Lines& lines, size_t n) {
  if (p == patterns.size()) return n == lines.size();
  if (patterns[p] == "...") {
    for (size_t next = n; next <= lines.size(); ++next) {
      if (MatchesAll(patterns, p + 1, lines, next)) return true;
    }
    return false;
  }
  return n < lines.size() && MatchesLine(patterns[p], lines[n]) && MatchesAll(patterns, p + 1, lines, n + 1);
}

// What a shell prints for `command` in `folder`, where `bitnet` is the tool: both streams, and the exit code unless 0.
Lines Shell(const std::string& folder, const std::string& command) {
  const std::string script = folder / fs::path("command.sh");
  FILE* file = fopen(script.c_str(), "w");
  REQUIRE(file != nullptr);
  fprintf(file, "cd '%s/work' && %s\n", folder.c_str(), command.c_str());
  REQUIRE(fclose(file) == 0);
  const std::string line = "env -i HOME=/nonexistent LD_LIBRARY_PATH=\"$LD_LIBRARY_PATH\" PATH='" + folder +
                           "/bin:/usr/bin:/bin' sh '" + script + "' 2>&1 </dev/null";
  FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  char chunk[4096];
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;) out.append(chunk, n);
  const int status = pclose(pipe);
  Lines lines = SplitLines(out);
  if (status != 0) lines.push_back("[exit code " + std::to_string(WEXITSTATUS(status)) + "]");
  return lines;
}

void CheckPage(const std::string& name, size_t n_commands) {
  const ScratchFolder folder;
  fs::create_directory(folder / "bin");
  fs::create_directory(folder / "work");
  fs::create_symlink(BITNET_TOOL, folder / "bin/bitnet");
  BadModel(BITNET_TINY_MODEL).ScaleNorms(Named("blk.3.attn_sub_norm.weight"), 64).WriteTo(folder / "work/bad.gguf");
  fs::create_directory(folder / "work/original");
  REQUIRE(
      WriteHfMaster(BITNET_TINY_MODEL, BITNET_TEST_UNPACKED "/tokenizers/tiny/tokenizer.json", folder / "work/original")
          .ok());
  const std::vector<Command> commands = CommandsOf(ReadBytes(std::string(BITNET_SOURCE_FOLDER) + "/docs/" + name));
  CHECK(commands.size() == n_commands);
  for (const Command& command : commands) {
    const Lines found = Shell(folder.path(), command.text);
    std::string text;
    for (const std::string& line : found) text += line + "\n";
    INFO(name << ": $ " << command.text << "\n" << text);
    CHECK(MatchesAll(command.expected, 0, found, 0));
  }
}

TEST_CASE("the patterns of documented output match what they say", "[golden][docs]") {
  CHECK(MatchesLine("a ... c", "a b c"));
  CHECK(MatchesLine("...", ""));
  CHECK_FALSE(MatchesLine("a ... c", "a b d"));
  CHECK_FALSE(MatchesLine("a b", "a b c"));
  CHECK(MatchesAll({"a", "...", "d"}, 0, {"a", "b", "c", "d"}, 0));
  CHECK_FALSE(MatchesAll({"a", "...", "d"}, 0, {"a", "b", "c"}, 0));
  CHECK_FALSE(MatchesAll({"a"}, 0, {"a", "b"}, 0));
}

TEST_CASE("the session of docs/corrections.md is what the tool says", "[golden][docs]") {
  CheckPage("corrections.md", 12);
}

TEST_CASE("the session of docs/receipts.md is what the tool says", "[golden][docs]") { CheckPage("receipts.md", 6); }

}  // namespace
}  // namespace bitnet::test
