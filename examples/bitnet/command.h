// A command of the tool: its name, its options, what it does. One file defines it, one line in main.cc registers it.
#ifndef BITNET_EXAMPLES_BITNET_COMMAND_H_
#define BITNET_EXAMPLES_BITNET_COMMAND_H_

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <span>

#include "exit_codes.h"

namespace bitnet::tool {

struct Command {
  const char* name;
  const char* summary;   // one line, lower case, without a full stop
  const char* examples;  // whole command lines, each with "  # why" where that helps
  // Adds the command's options to `app` and returns what to run once they are parsed.
  std::function<ExitCode()> (*set_up)(CLI::App& app);
};

// Gives `app` the options of `command`, help and version among them; returns what to run once they are parsed.
std::function<ExitCode()> SetUpCommand(const Command& command, CLI::App& app);

// Every command, in the order of the help.
std::span<const Command* const> AllCommands();

extern const Command kRunCommand;
extern const Command kChatCommand;
extern const Command kLogitsCommand;
extern const Command kTokenizeCommand;
extern const Command kInfoCommand;
extern const Command kDiffCommand;
extern const Command kDoctorCommand;
extern const Command kBenchCommand;
extern const Command kConvertCommand;
extern const Command kQuantizeCommand;
extern const Command kExportCommand;
extern const Command kInspectCommand;
extern const Command kValidatePolicyCommand;
extern const Command kGuardCommand;
extern const Command kVerifyReceiptCommand;
extern const Command kCompareOutputsCommand;

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_COMMAND_H_
