// Help, man page and completion: all of them name what the tool takes.
#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

// The long options that a help text shows.
std::set<std::string> Options(const std::string& help) {
  std::set<std::string> options;
  for (size_t at = help.find(" --"); at != std::string::npos; at = help.find(" --", at + 1)) {
    size_t end = at + 3;
    while (end < help.size() && (std::isalnum(static_cast<unsigned char>(help[end])) || help[end] == '-')) ++end;
    if (end > at + 3) options.insert(help.substr(at + 1, end - at - 1));
  }
  return options;
}

// As the overview lists them: a line each, two blanks before the name.
std::vector<std::string> Commands() {
  const std::string help = RunTool({"--help"}).out;
  const size_t begin = help.find("Commands:\n"), end = help.find("\nOptions:");
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  std::istringstream lines(help.substr(begin, end - begin));
  std::vector<std::string> commands;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ") && line[2] != ' ') commands.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  for (const char* known : {"run", "chat", "logits", "tokenize", "info", "doctor", "bench"}) {
    REQUIRE(std::find(commands.begin(), commands.end(), known) != commands.end());
  }
  return commands;
}

TEST_CASE("every command has a help with examples, and so has the tool", "[golden]") {
  const Outcome overview = RunTool({"--help"});
  CHECK(overview.exit_code == 0);
  for (const std::string& command : Commands()) {
    INFO(command);
    CHECK(overview.out.find("\n  " + command + " ") != std::string::npos);
    const Outcome help = RunTool({command, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    CHECK(RunTool({"help", command}).out == help.out);
    CHECK(help.out.find("Examples:\n  bitnet " + command) != std::string::npos);
    CHECK(help.out.find("--json") != std::string::npos);
    CHECK(help.out.find("--quiet") != std::string::npos);
    CHECK(help.out.find("--version") != std::string::npos);
    size_t begin = 0;
    for (size_t end; (end = help.out.find('\n', begin)) != std::string::npos; begin = end + 1) {
      CHECK(end - begin <= 100);  // what a terminal shows without wrapping
    }
  }
}

TEST_CASE("every command takes the options that all of them take", "[golden]") {
  for (const std::string& command : Commands()) {
    INFO(command);
    const Outcome run = RunTool({command, "--threads", "1", "--ctx", "64", "--kv", "f16", "--json", "--quiet",
                                 "--model", BITNET_TINY_MODEL, "--version"});
    CHECK(run.exit_code == 0);
    CHECK(run.out.starts_with("bitnet "));
  }
}

TEST_CASE("man page and completion name every option of the help", "[golden]") {
  const std::string man = RunTool({"--generate-man"}).out;
  CHECK(man.starts_with(".TH BITNET 1"));
  const std::string bash = RunTool({"--generate-completion", "bash"}).out;
  const std::string zsh = RunTool({"--generate-completion", "zsh"}).out;
  const std::string fish = RunTool({"--generate-completion", "fish"}).out;
  size_t n_options = 0;
  for (const std::string& command : Commands()) {
    for (const std::string& option : Options(RunTool({command, "--help"}).out)) {
      INFO(command << " " << option);
      std::string escaped = option;
      for (size_t i = 0; (i = escaped.find('-', i)) != std::string::npos; i += 2) escaped.insert(i, "\\");
      CHECK(man.find(escaped) != std::string::npos);
      for (const std::string& completion : {bash, zsh}) CHECK(completion.find(option) != std::string::npos);
      CHECK(fish.find("-l " + option.substr(2)) != std::string::npos);
      ++n_options;
    }
  }
  CHECK(n_options > 60);
  CHECK(RunTool({"--generate-completion", "tcsh"}).exit_code == 2);
}

}  // namespace
}  // namespace bitnet::test
