// Help, man page and shell completion: all made from the same table, the options of each command.
#ifndef BITNET_EXAMPLES_BITNET_MANUAL_H_
#define BITNET_EXAMPLES_BITNET_MANUAL_H_

#include <CLI/App.hpp>
#include <string>
#include <string_view>

#include "command.h"

namespace bitnet::tool {

std::string OverviewHelp();
std::string CommandHelp(const Command& command, const CLI::App& app);
std::string ManPage(std::string_view version);
// For "bash", "zsh" or "fish"; "" for another shell.
std::string Completion(std::string_view shell);

// The command of `name`, or null; `nearest` receives the most alike one when they are alike at all.
const Command* FindCommand(std::string_view name, const Command** nearest);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_MANUAL_H_
