// The options of a command as rows: what help, man page and shell completion are made from.
#ifndef BITNET_EXAMPLES_BITNET_OPTION_TABLE_H_
#define BITNET_EXAMPLES_BITNET_OPTION_TABLE_H_

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "command.h"

namespace bitnet::tool {

struct OptionRow {
  std::vector<std::string> names;  // "-m", "--model"; empty for a positional
  std::string positional;
  std::string type;         // "PATH", "f16|f32"; "" for a flag
  std::string description;  // with the environment variable
  std::string env;
  std::string group;

  std::string Left() const;                  // "-m, --model PATH"
  std::vector<std::string> Choices() const;  // of a type "f16|f32"; none for other types
  bool TakesFile() const;
};

// Without the hidden ones, in the order of the help.
std::vector<OptionRow> Rows(const CLI::App& app);

// Runs `visit(command, rows)` for every command.
template <typename Visit>
void ForEachCommand(Visit visit) {
  for (const Command* command : AllCommands()) {
    CLI::App app;
    const auto keeps_values_alive = SetUpCommand(*command, app);
    visit(*command, Rows(app));
  }
}

std::string Join(const std::vector<std::string>& words, const char* between);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_OPTION_TABLE_H_
