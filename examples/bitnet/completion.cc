// Shell completion, made from the option tables.
#include "manual.h"
#include "option_table.h"

namespace bitnet::tool {
namespace {

// For a word in single quotes of a shell.
std::string ShellQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string BashCompletion() {
  std::string commands, cases;
  ForEachCommand([&](const Command& command, const std::vector<OptionRow>& rows) {
    commands += (commands.empty() ? "" : " ") + std::string(command.name);
    std::string options, values;
    for (const OptionRow& row : rows) {
      for (const std::string& name : row.names) options += (options.empty() ? "" : " ") + name;
      const std::vector<std::string> choices = row.Choices();
      if (row.names.empty() || row.type.empty()) continue;
      const std::string reply = !choices.empty() ? "COMPREPLY=($(compgen -W '" + Join(choices, " ") + "' -- \"$word\"))"
                                : row.TakesFile() ? "compopt -o default; COMPREPLY=()"
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
      const std::vector<std::string> choices = row.Choices();
      const std::string value = row.type.empty() && row.positional.empty() ? ""
                                : !choices.empty()                         ? ":value:(" + Join(choices, " ") + ")"
                                : row.TakesFile()
                                    ? ":file:_files"
                                    : ":" + text(row.positional.empty() ? row.type : row.positional) + ":";
      for (const std::string& name : row.names) {
        // An option that takes a value may be given again: the last one wins, or all count.
        const std::string again = row.type.empty() ? "" : "*";
        cases += " \\\n      " + ShellQuoted(again + name + "[" + text(row.description) + "]" + value);
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
      const std::vector<std::string> choices = row.Choices();
      if (!choices.empty()) {
        out += " -x -a " + ShellQuoted(Join(choices, " "));
      } else if (!row.type.empty()) {
        out += row.TakesFile() ? " -r -F" : " -x";
      }
      out += " -d " + ShellQuoted(row.description) + "\n";
    }
  });
  return out;
}

}  // namespace

std::string Completion(std::string_view shell) {
  return shell == "bash"   ? BashCompletion()
         : shell == "zsh"  ? ZshCompletion()
         : shell == "fish" ? FishCompletion()
                           : "";
}

}  // namespace bitnet::tool
