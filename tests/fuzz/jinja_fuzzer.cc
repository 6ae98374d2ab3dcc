// A chat template and a conversation: never a crash, a hang or a control token from a message.
//
// The input is a template and, after the first NUL, the content of messages with NULs between them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/tokenizer/jinja/template.h"

namespace {

using namespace bitnet::core;  // NOLINT: a program of one file
using jinja::MakeText;
using jinja::Origin;
using jinja::Value;

// A byte that only the variable `mark` and messages have.
constexpr std::string_view kMark = "\x7F";

jinja::Variables Conversation(std::string_view contents, jinja::Budget& budget) {
  constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool"};
  std::vector<Value> messages;
  for (size_t i = 0; i < 16 && !contents.empty(); ++i) {
    const std::string_view content = contents.substr(0, contents.find('\0'));
    contents.remove_prefix(std::min(content.size() + 1, contents.size()));
    auto message = jinja::MakeDict({{MakeText("role", Origin::kTemplate), MakeText(kRoles[i % 4], Origin::kTemplate)},
                                    {MakeText("content", Origin::kTemplate), MakeText(content, Origin::kMessage)}},
                                   budget);
    messages.push_back(*std::move(message));
  }
  auto list = jinja::MakeList(jinja::List::Kind::kList, std::move(messages));
  return {{"messages", *std::move(list)},
          {"add_generation_prompt", Value(true)},
          {"bos_token", MakeText("<s>", Origin::kTemplate)},
          {"eos_token", MakeText("</s>", Origin::kTemplate)},
          {"tools", Value(jinja::None{})},
          {"mark", MakeText(kMark, Origin::kMessage)}};
}

// What was rendered twice is the same, each byte has an origin, and the mark, which only a message has, is never the
// template's. `chr`-like ways to make bytes are escapes of literals alone, which are looked for in the source.
void Check(std::string_view source, const jinja::Text& first, const jinja::Text& second) {
  bool good =
      first.bytes() == second.bytes() && first.origins() == second.origins() && first.size() == first.origins().size();
  const bool may_write = source.find(kMark) != std::string_view::npos || source.find('\\') != std::string_view::npos;
  for (size_t at = 0; !may_write && (at = first.bytes().find(kMark, at)) != std::string_view::npos; ++at)
    good = good && first.origin(at) == Origin::kMessage;
  if (!good) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view source = input.substr(0, input.find('\0'));
  const std::string_view contents = source.size() < input.size() ? input.substr(source.size() + 1) : "hi";
  jinja::Budget first_budget, second_budget;
  const jinja::Variables variables = Conversation(contents, first_budget);
  const auto first = jinja::Render(source, variables, 1721984703, first_budget);
  if (!first.ok()) {
    if (first.status().code() == Code::kInternal || first.status().message().find('\n') != std::string_view::npos)
      __builtin_trap();
    return 0;
  }
  const auto second = jinja::Render(source, variables, 1721984703, second_budget);
  if (!second.ok()) {
    if (second.status().code() != Code::kLimit) __builtin_trap();
    return 0;
  }
  Check(source, *first, *second);
  return 0;
}
