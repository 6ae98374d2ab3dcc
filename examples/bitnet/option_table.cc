#include "option_table.h"

#include <algorithm>

namespace bitnet::tool {

std::string OptionRow::Left() const {
  const std::string out = positional.empty() ? Join(names, ", ") : positional;
  return type.empty() ? out : out + " " + type;
}

std::vector<std::string> OptionRow::Choices() const {
  std::vector<std::string> out;
  if (type.find('|') == std::string::npos) return out;
  for (size_t begin = 0; begin <= type.size();) {
    const size_t end = std::min(type.find('|', begin), type.size());
    out.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool OptionRow::TakesFile() const { return type == "PATH" || type == "FILE" || positional == "MODEL"; }

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
  // What every command has comes last.
  std::stable_partition(rows.begin(), rows.end(), [](const OptionRow& row) { return row.group != "Options"; });
  return rows;
}

std::string Join(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

}  // namespace bitnet::tool
