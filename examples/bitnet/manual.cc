#include "manual.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "exit_codes.h"
#include "option_table.h"
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

// The groups of `rows`, positionals first and the rest in order of appearance.
std::vector<std::string> Groups(const std::vector<OptionRow>& rows) {
  std::vector<std::string> groups;
  for (const OptionRow& row : rows) {
    if (std::find(groups.begin(), groups.end(), row.group) == groups.end()) groups.push_back(row.group);
  }
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& g) { return g == "Arguments"; });
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

// "Answer one prompt."
std::string Sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
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
    out += ".SS " + Roff(Usage(command, rows)) + "\n" + Roff(Sentence(command.summary)) + "\n";
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
