#include "manual.h"

#include <algorithm>
#include <string>
#include <vector>

#include "exit_codes.h"
#include "text.h"

namespace bitnet::tool {
namespace {

constexpr const char* kPurpose = "run 1.58-bit language models, bit for bit the same everywhere";
constexpr size_t kIndent = 30, kWidth = 100;  // columns of the help

// Environment variables of no single option.
constexpr struct {
  const char* name;
  const char* meaning;
} kEnvironment[] = {
    {"BITNET_DETERMINISTIC", "accepted for scripts that set it: results are always deterministic"},
    {"NO_COLOR", "no colour and no progress bars"},
};

struct OptionRow {
  std::vector<std::string> names;  // "-m", "--model"; empty for a positional
  std::string positional;
  std::string type;         // "PATH", "f16|f32"; "" for a flag
  std::string description;  // with the environment variable
  std::string env;
  std::string group;

  std::string Left() const {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    if (!positional.empty()) out = positional;
    return type.empty() ? out : out + " " + type;
  }
};

std::vector<OptionRow> Rows(const CLI::App& app) {
  std::vector<OptionRow> rows;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    OptionRow row;
    for (const std::string& name : option->get_snames()) row.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) row.names.push_back("--" + name);
    if (option->get_positional()) row.positional = option->get_name(true);
    row.type = option->get_items_expected_max() == 0 ? "" : option->get_type_name();
    row.env = option->get_envname();
    row.description = option->get_description() + (row.env.empty() ? "" : " [" + row.env + "]");
    row.group = option->get_positional() ? "Arguments" : option->get_group();
    rows.push_back(std::move(row));
  }
  return rows;
}

// The groups of `rows`, positionals first and the rest in order of appearance.
std::vector<std::string> Groups(const std::vector<OptionRow>& rows) {
  std::vector<std::string> groups;
  for (const OptionRow& row : rows) {
    if (std::find(groups.begin(), groups.end(), row.group) == groups.end()) groups.push_back(row.group);
  }
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& g) { return g == "Arguments"; });
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& g) { return g != "Options"; });
  return groups;
}

std::string HelpRow(const std::string& left, const std::string& right) {
  std::string out = "  " + left;
  if (out.size() + 2 > kIndent) {
    out += "\n" + std::string(kIndent, ' ');
  } else {
    out.resize(kIndent, ' ');
  }
  size_t column = kIndent;
  for (size_t begin = 0; begin < right.size();) {
    const size_t end = std::min(right.find(' ', begin), right.size());
    const size_t length = end - begin;
    if (column > kIndent && column + 1 + length > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += right.substr(begin, length);
    column += length;
    begin = end + 1;
  }
  return out + "\n";
}

std::string Usage(const Command& command, const std::vector<OptionRow>& rows) {
  std::string usage = std::string("bitnet ") + command.name + " [options]";
  for (const OptionRow& row : rows) {
    if (!row.positional.empty()) usage += " [" + row.positional + "]";
  }
  return usage;
}

// Runs `visit(command, rows)` for every command.
template <typename Visit>
void ForEachCommand(Visit visit) {
  for (const Command* command : AllCommands()) {
    CLI::App app;
    const auto keeps_values_alive = SetUpCommand(*command, app);
    visit(*command, Rows(app));
  }
}

std::string Roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
      out += c;
    }
  }
  return out;
}

// For a word in single quotes of a shell.
std::string ShellQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The values of a type "a|b|c"; none for other types.
std::vector<std::string> Choices(const std::string& type) {
  std::vector<std::string> out;
  if (type.find('|') == std::string::npos) return out;
  for (size_t begin = 0; begin <= type.size();) {
    const size_t end = std::min(type.find('|', begin), type.size());
    out.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool TakesFile(const OptionRow& row) { return row.type == "PATH" || row.type == "FILE" || row.positional == "MODEL"; }

std::string Join(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

std::string BashCompletion() {
  std::string commands, cases;
  ForEachCommand([&](const Command& command, const std::vector<OptionRow>& rows) {
    commands += (commands.empty() ? "" : " ") + std::string(command.name);
    std::string options, values;
    for (const OptionRow& row : rows) {
      for (const std::string& name : row.names) options += (options.empty() ? "" : " ") + name;
      const std::vector<std::string> choices = Choices(row.type);
      if (row.names.empty() || row.type.empty()) continue;
      const std::string reply = !choices.empty() ? "COMPREPLY=($(compgen -W '" + Join(choices, " ") + "' -- \"$word\"))"
                                : TakesFile(row) ? "compopt -o default; COMPREPLY=()"
                                                 : "COMPREPLY=()";
      values += "        " + Join(row.names, "|") + ") " + reply + "; return ;;\n";
    }
    cases += "    " + std::string(command.name) + ")\n      options='" + options + "'\n      case $before in\n" +
             values + "      esac ;;\n";
  });
  return "# bash completion for bitnet\n"
         "_bitnet() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options=''\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W '" +
         commands +
         " --help --version --help-exit-codes' -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  case $word in\n"
         "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
         "    *) compopt -o default; COMPREPLY=() ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _bitnet bitnet\n";
}

std::string ZshCompletion() {
  // In a specification of _arguments, colons and brackets have a meaning.
  const auto text = [](const std::string& s) {
    std::string out;
    for (const char c : s) {
      if (c == ':' || c == '[' || c == ']') out += '\\';
      out += c;
    }
    return out;
  };
  std::string commands, cases;
  ForEachCommand([&](const Command& command, const std::vector<OptionRow>& rows) {
    commands += "    " + ShellQuoted(std::string(command.name) + ":" + command.summary) + "\n";
    cases += "    " + std::string(command.name) + ") _arguments";
    for (const OptionRow& row : rows) {
      const std::vector<std::string> choices = Choices(row.type);
      const std::string value = row.type.empty() && row.positional.empty() ? ""
                                : !choices.empty()                         ? ":value:(" + Join(choices, " ") + ")"
                                : TakesFile(row)                           ? ":file:_files"
                                                 : ":" + text(row.positional.empty() ? row.type : row.positional) + ":";
      for (const std::string& name : row.names) {
        cases += " \\\n      " + ShellQuoted(name + "[" + text(row.description) + "]" + value);
      }
      if (!row.positional.empty()) cases += " \\\n      " + ShellQuoted(":" + value);
    }
    cases += " ;;\n";
  });
  return "#compdef bitnet\n"
         "_bitnet() {\n"
         "  local -a commands=(\n" +
         commands +
         "  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    _values option --help --version --help-exit-codes\n"
         "    return\n"
         "  fi\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $words[1] in\n" +
         cases +
         "  esac\n"
         "}\n"
         "_bitnet \"$@\"\n";
}

std::string FishCompletion() {
  std::string out = "# fish completion for bitnet\n";
  const std::string first = "complete -c bitnet -n __fish_use_subcommand -f";
  out += first + " -l help -d 'show the commands'\n" + first + " -l version -d 'show the version'\n" + first +
         " -l help-exit-codes -d 'show the exit codes'\n";
  ForEachCommand([&](const Command& command, const std::vector<OptionRow>& rows) {
    out += first + " -a " + command.name + " -d " + ShellQuoted(command.summary) + "\n";
    for (const OptionRow& row : rows) {
      if (row.names.empty()) continue;
      out += std::string("complete -c bitnet -n '__fish_seen_subcommand_from ") + command.name + "'";
      for (const std::string& name : row.names) {
        out += name.size() == 2 ? " -s " + name.substr(1) : " -l " + name.substr(2);
      }
      const std::vector<std::string> choices = Choices(row.type);
      if (!choices.empty()) {
        out += " -x -a " + ShellQuoted(Join(choices, " "));
      } else if (!row.type.empty()) {
        out += TakesFile(row) ? " -r -F" : " -x";
      }
      out += " -d " + ShellQuoted(row.description) + "\n";
    }
  });
  return out;
}

// Levenshtein distance.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string OverviewHelp() {
  std::string out = std::string("bitnet: ") + kPurpose +
                    "\n\nusage: bitnet COMMAND [options]\n       bitnet COMMAND --help\n\nCommands:\n";
  for (const Command* command : AllCommands()) out += HelpRow(command->name, command->summary);
  out += "\nOptions:\n" + HelpRow("-h, --help", "show this") + HelpRow("--version", "show the version") +
         HelpRow("--help-exit-codes", "show the exit codes of all commands");
  out +=
      "\nWithout --model the small model that is built in is used, so this works at once:\n"
      "  bitnet run --prompt \"Tell me a story.\"\n";
  return out;
}

std::string CommandHelp(const Command& command, const CLI::App& app) {
  const std::vector<OptionRow> rows = Rows(app);
  std::string out =
      std::string("bitnet ") + command.name + ": " + command.summary + "\n\nusage: " + Usage(command, rows) + "\n";
  for (const std::string& group : Groups(rows)) {
    out += "\n" + group + ":\n";
    for (const OptionRow& row : rows) {
      if (row.group == group) out += HelpRow(row.Left(), row.description);
    }
  }
  out += "\nExamples:\n";
  std::string_view examples = command.examples;
  while (!examples.empty()) {
    const size_t end = std::min(examples.find('\n'), examples.size());
    out += "  " + std::string(examples.substr(0, end)) + "\n";
    examples.remove_prefix(std::min(end + 1, examples.size()));
  }
  return out;
}

std::string ManPage(std::string_view version) {
  std::string out = ".TH BITNET 1 \"\" \"bitnet " + std::string(version) +
                    "\" \"User Commands\"\n.SH NAME\nbitnet \\- " + Roff(kPurpose) +
                    "\n.SH SYNOPSIS\n.B bitnet\n.I COMMAND\n[options]\n.SH DESCRIPTION\nResults go to standard output, "
                    "all else to standard error. Without a model the small one that is built in is used.\n";
  std::string environment;
  std::vector<std::string> seen;
  out += ".SH COMMANDS\n";
  ForEachCommand([&](const Command& command, const std::vector<OptionRow>& rows) {
    out += ".SS " + Roff(Usage(command, rows)) + "\n" + Roff(command.summary) + ".\n";
    for (const OptionRow& row : rows) {
      out += ".TP\n.B " + Roff(row.Left()) + "\n" + Roff(row.description) + "\n";
      if (row.env.empty() || std::find(seen.begin(), seen.end(), row.env) != seen.end()) continue;
      seen.push_back(row.env);
      environment += ".TP\n.B " + row.env + "\nas " + Roff(row.names.back()) + "\n";
    }
    out += ".PP\nExamples:\n.PP\n.EX\n" + Roff(command.examples) + "\n.EE\n";
  });
  for (const auto& variable : kEnvironment) {
    environment += ".TP\n.B " + std::string(variable.name) + "\n" + Roff(variable.meaning) + "\n";
  }
  return out + ".SH ENVIRONMENT\nAn option on the command line wins.\n" + environment + ".SH EXIT STATUS\n" +
         ExitCodeManual();
}

std::string Completion(std::string_view shell) {
  return shell == "bash"   ? BashCompletion()
         : shell == "zsh"  ? ZshCompletion()
         : shell == "fish" ? FishCompletion()
                           : "";
}

const Command* FindCommand(std::string_view name, const Command** nearest) {
  size_t best = 3;  // further apart: no suggestion
  *nearest = nullptr;
  for (const Command* command : AllCommands()) {
    if (name == command->name) return command;
    const size_t distance = Distance(name, command->name);
    if (distance < best) {
      best = distance;
      *nearest = command;
    }
  }
  return nullptr;
}

}  // namespace bitnet::tool
