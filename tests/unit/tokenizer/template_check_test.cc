#include "core/tokenizer/chat_template.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("templates whose delimiters, blocks and brackets balance pass") {
  for (const char* text :
       {"", "plain", "{", "a { b } c", "{{ x }}", "{{- x -}}", "{# {{ never closed #}text",
        "{% for m in messages %}{% if m.x %}a{% elif m.y %}b{% else %}c{% endif %}{% else %}none{% endfor %}",
        "{% set x = 1 %}{% set y %}block{% endset %}", "{{ {'a': {'b': 1}} }}", "{{ '}}' + \"%}\" + '\\'}}' }}",
        "{% raw %}{{ {% if %} {# {% endraw %}", "{% macro f(a) %}{{ a[0] }}{% endmacro %}", "{%- if x -%}{%- endif -%}",
        "{% generation %}{{ x }}{% endgeneration %}", "{% include 'x' %}"}) {
    CAPTURE(text);
    const Status status = CheckTemplateBalance(text);
    CAPTURE(status.message());
    CHECK(status.ok());
  }
}

TEST_CASE("a template that does not balance is refused, with the byte") {
  const std::pair<const char*, const char*> cases[] = {
      {"ab{{ x", "byte 2"},
      {"{% for m in messages %}{{ m }}", "byte 0"},
      {"{% if x %}{% endfor %}", "byte 10"},
      {"{% endif %}", "byte 0"},
      {"x{# never", "byte 1"},
      {"{{ 'never }}", "byte 3"},
      {"{{ (a] }}", "byte 5"},
      {"{{ a) }}", "byte 4"},
      {"{{ [a }}", "byte 6"},
      {"{% %}", "byte 0"},
      {"{% else %}", "byte 0"},
      {"{% for x in y %}{% elif x %}{% endfor %}", "byte 16"},
      {"{% set x %}", "byte 0"},
      {"{% raw %}{{ x }}", "byte 0"},
      {"{% if x", "byte 0"},
      {"{{", "byte 0"},
      {"{%", "byte 0"},
  };
  for (const auto& [text, where] : cases) {
    CAPTURE(text);
    const Status status = CheckTemplateBalance(text);
    CAPTURE(status.message());
    CHECK(status.code() == Code::kBadFormat);
    CHECK(status.what() == "tokenizer.chat_template");
    CHECK(status.message().find(where) != std::string_view::npos);
  }
}

}  // namespace
}  // namespace bitnet::core
