// bitnet: the command-line tool of libbitnet. Everything it does goes through the public API (docs/tool.md).
#include <bitnet/version.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"
#include "exit_codes.h"
#include "failure.h"
#include "interrupt.h"
#include "manual.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {

std::span<const Command* const> AllCommands() {
  static constexpr const Command* kCommands[] = {
      &kRunCommand,
      &kChatCommand,
      &kLogitsCommand,
      &kTokenizeCommand,
      &kInfoCommand,
      &kDiffCommand,
      &kDoctorCommand,
      &kBenchCommand,
      &kConvertCommand,
      &kQuantizeCommand,
      &kExportCommand,
      &kInspectCommand,
      &kValidatePolicyCommand,
      &kGuardCommand,
      &kVerifyReceiptCommand,
      &kCompareOutputsCommand,
  };
  return kCommands;
}

namespace {

std::string VersionLine() { return std::string("bitnet ") + bitnet_version() + "\n"; }

}  // namespace

std::function<ExitCode()> SetUpCommand(const Command& command, CLI::App& app) {
  app.set_help_flag("-h,--help", "show this");
  app.set_version_flag("--version", VersionLine(), "show the version");
  return command.set_up(app);
}

namespace {

// What stands in place of a command. False: `word` is none of these.
bool HandleGlobalFlag(const std::string& word, const std::vector<std::string>& rest) {
  if (word == "-h" || word == "--help" || word == "help") {
    Print(OverviewHelp());
  } else if (word == "--version") {
    Print(VersionLine());
  } else if (word == "--help-exit-codes") {
    Print(ExitCodeTable());
  } else if (word == "--generate-man") {
    Print(ManPage(bitnet_version()));
  } else if (word == "--generate-completion") {
    const std::string text = Completion(rest.empty() ? "" : rest[0]);
    if (text.empty()) throw Failure(ExitCode::kUsage, "--generate-completion: expected bash, zsh or fish");
    Print(text);
  } else {
    return false;
  }
  return true;
}

// A variable that stands for a promise: a value that is none must not pass for one.
void CheckSwitch(const char* name) {
  const char* const value = std::getenv(name);
  const std::string_view text = value != nullptr ? value : "";
  if (text.empty() || text == "0" || text == "1") return;
  throw Failure(ExitCode::kUsage, std::string(name) + ": found " + Quoted(text) + ", expected 1 or 0");
}

ExitCode RunCommand(const Command& command, std::vector<std::string> arguments) {
  CLI::App app(command.summary, command.name);
  const std::function<ExitCode()> run = SetUpCommand(command, app);
  // CLI11 takes the next word for the value of "--name="; an empty value is meant, unless the word is itself a value.
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string& word = arguments[i];
    if (word == "--") break;
    const CLI::Option* const option = word.size() > 1 && word[0] == '-' ? app.get_option_no_throw(word) : nullptr;
    if (option != nullptr && option->get_items_expected_max() > 0) {
      ++i;
      continue;
    }
    // CLI11 reads the values of options and variables first, and fails at a bad one.
    if (word == "-h" || word == "--help") {
      Print(CommandHelp(command, app));
      return ExitCode::kSuccess;
    }
    if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1) {
      word.pop_back();
      arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, "");
      ++i;
    }
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants a vector
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    Print(CommandHelp(command, app));
    return ExitCode::kSuccess;
  } catch (const CLI::CallForVersion&) {
    Print(VersionLine());
    return ExitCode::kSuccess;
  } catch (const CLI::ParseError& error) {
    throw Failure(ExitCode::kUsage, Printable(error.what()) + " (see bitnet " + command.name + " --help)");
  }
  CheckSwitch("BITNET_STRICT_NO_FAKE_GPU");
  return run();
}

ExitCode Main(const std::vector<std::string>& words) {
  if (words.empty()) {
    Note(OverviewHelp());
    return ExitCode::kUsage;
  }
  if (words[0] == "help" && words.size() > 2) {
    throw Failure(ExitCode::kUsage, "help takes one command (bitnet --help lists them)");
  }
  if (words[0] == "help" && words.size() == 2) return Main({words[1], "--help"});
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (HandleGlobalFlag(words[0], rest)) return ExitCode::kSuccess;
  const Command* nearest = nullptr;
  if (const Command* command = FindCommand(words[0], &nearest)) return RunCommand(*command, rest);
  throw Failure(ExitCode::kUsage, "no command " + Quoted(words[0]) +
                                      (nearest ? std::string("; did you mean ") + nearest->name + "?" : "") +
                                      " (see bitnet --help)");
}

}  // namespace
}  // namespace bitnet::tool

int main(int argc, char** argv) {
  using namespace bitnet::tool;
  ExitCode code = ExitCode::kUnexpected;
  try {
    HoldStandardStreams();
    InstallInterruptHandler();
    InstallBusErrorHandler();
    code = Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
  } catch (const ClosedPipe&) {
    code = ExitCode::kSuccess;  // the reader has seen all that it wanted
  } catch (const Failure& failure) {
    code = failure.code();
    if (code == ExitCode::kInterrupted) {
      Say(StdinIsTerminal() ? "\nbitnet: interrupted" : "bitnet: interrupted");  // the terminal has printed ^C
    } else {
      PrintError(failure.what());
    }
  } catch (const std::bad_alloc&) {
    code = ExitCode::kRequestNotMet;
    PrintError("out of memory");
  } catch (const std::exception& error) {
    PrintError(std::string("unexpected: ") + Printable(error.what()) + "; please report this");
  }
  return static_cast<int>(code);
}
