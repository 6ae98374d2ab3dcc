// What is a template and what is not: the errors say where.
#include "core/tokenizer/chat_template.h"
#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("templates of every kind of statement and expression are read") {
  for (const char* text :
       {"",
        "plain",
        "{",
        "a { b } c",
        "{{ x }}",
        "{{- x -}}",
        "{# {{ never closed #}text",
        "{#- a -#}",
        "{% for m in messages %}{% if m.x %}a{% elif m.y %}b{% else %}c{% endif %}{% else %}none{% endfor %}",
        "{% set x = 1 %}{% set y %}block{% endset %}",
        "{{ {'a': {'b': 1}} }}",
        "{{ '}}' + \"%}\" + '\\'}}' }}",
        "{% raw %}{{ {% if %} {# {% endraw %}",
        "{% macro f(a, b=1) %}{{ a[0] }}{% endmacro %}",
        "{%- if x -%}{%- endif -%}",
        "{% generation %}{{ x }}{% endgeneration %}",
        "{% for a, (b, c) in d if a %}{% break %}{% continue %}{% endfor %}",
        "{% with a = 1, b = 2 %}{% endwith %}",
        "{% filter trim | upper %}{% endfilter %}",
        "{% set ns.x = 1, 2 %}",
        "{{ a[1:-1:2].b(c, d=e) | f(g) is not h }}",
        "{{ not a and b or c in d not in e if f else g ~ 1 + 2 * -3 ** 4 // 5 % 6 }}"}) {
    CAPTURE(text);
    const Status status = CheckChatTemplate(text);
    CAPTURE(status.message());
    CHECK(status.ok());
  }
}

TEST_CASE("what is no template, and what is not supported, is refused with line and column") {
  const struct {
    const char* text;
    Code code;
    const char* where;
  } cases[] = {
      {"ab{{ x", Code::kBadFormat, "line 1, column 3: an expression that never ends"},
      {"\n{% for m in messages %}{{ m }}", Code::kBadFormat, "line 2, column 4: a block 'for' that never ends"},
      {"{% if x %}\n {% endfor %}", Code::kBadFormat, "line 2, column 5"},
      {"{% endif %}", Code::kBadFormat, "line 1, column 4"},
      {"x{# never", Code::kBadFormat, "line 1, column 2: a comment that never ends"},
      {"{{ 'never }}", Code::kBadFormat, "line 1, column 4: a string that never ends"},
      {"{{ (a] }}", Code::kBadFormat, "line 1, column 6: a closing bracket"},
      {"{{ a) }}", Code::kBadFormat, "line 1, column 5"},
      {"{{ [a }}", Code::kBadFormat, "line 1, column 7"},
      {"{{ \xC3\xA9 }}", Code::kBadFormat, "line 1, column 4: unexpected character"},
      {"{% %}", Code::kBadFormat, "line 1, column 4"},
      {"{% else %}", Code::kBadFormat, "line 1, column 4"},
      {"{% for x in y %}{% elif x %}{% endfor %}", Code::kBadFormat, "line 1, column 20"},
      {"{% set x %}", Code::kBadFormat, "line 1, column 4: a block 'set' that never ends"},
      {"{% raw %}{{ x }}", Code::kBadFormat, "line 1, column 1: a block 'raw' that never ends"},
      {"{% if x", Code::kBadFormat, "line 1, column 1: a statement that never ends"},
      {"{{", Code::kBadFormat, "line 1, column 1"},
      {"{%", Code::kBadFormat, "line 1, column 1"},
      {"{{ }}", Code::kBadFormat, "expected an expression"},
      {"{{ a b }}", Code::kBadFormat, "line 1, column 6: expected the end of the tag, found 'b'"},
      {"{% break %}", Code::kBadFormat, "outside of a loop"},
      {"{% for x in y %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}", Code::kBadFormat, "outside of a loop"},
      {"{% frobnicate %}", Code::kBadFormat, "unknown statement 'frobnicate'"},
      {"{% set true = 1 %}", Code::kBadFormat, "cannot assign"},
      {"{{ a is b is c }}", Code::kBadFormat, "chained"},
      {"{% macro f(a=1, b) %}{% endmacro %}", Code::kBadFormat, "default"},
      {"{{ '\\u12' }}", Code::kBadFormat, "escape"},
      {"\xFF", Code::kBadFormat, "UTF-8"},
      {"{% include 'x' %}", Code::kUnsupported, "line 1, column 4: the statement 'include' is not supported"},
      {"{% for x in y recursive %}{% endfor %}", Code::kUnsupported, "recursive"},
      {"{{ f(*a) }}", Code::kUnsupported, "line 1, column 6"},
      {"{{ '\\ud800' }}", Code::kUnsupported, "surrogate"},
      {"{{ 0x10 }}", Code::kUnsupported, "decimal"},
      {"{{ 99999999999999999999 }}", Code::kLimit, "out of range"},
  };
  for (const auto& [text, code, where] : cases) {
    CAPTURE(text);
    const Status status = CheckChatTemplate(text);
    CAPTURE(status.message());
    CHECK(status.code() == code);
    CHECK(status.what() == "tokenizer.chat_template");
    CHECK(status.message().find(where) != std::string_view::npos);
  }
}

TEST_CASE("what is nested too deep or too long is refused") {
  const auto repeated = [](std::string_view part, size_t n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += part;
    return text;
  };
  const auto nested = [&](std::string_view open, std::string_view close) {
    return repeated(open, 20000) + "a" + repeated(close, 20000);
  };
  for (const std::string& text :
       {"{{ " + nested("(", ")") + " }}", "{{ " + nested("[", "]") + " }}", "{{ " + nested("{1:", "}") + " }}",
        "{% for " + nested("(", ")") + " in b %}{% endfor %}", "{{ " + repeated("-", 50000) + "1 }}",
        "{{ " + repeated("not ", 50000) + "a }}", "{{ a" + repeated(" + a", 50000) + " }}",
        "{{ a" + repeated(".a", 50000) + " }}", "{{ a" + repeated("|a", 50000) + " }}",
        "{{ a" + repeated("()", 50000) + " }}", repeated("{% if a %}", 20000),
        "{{ a" + repeated(" if a else a", 20000) + " }}", repeated("x", (256 << 10) + 1)}) {
    const Status status = CheckChatTemplate(text);
    CAPTURE(text.substr(0, 20), status.message());
    CHECK(status.code() == Code::kLimit);
  }
  CHECK(CheckChatTemplate("{{ a" + repeated(" ~ a", 50000) + " }}").ok());
  CHECK(CheckChatTemplate("{% if a %}" + repeated("{% elif a %}", 10000) + "{% endif %}").ok());
}

}  // namespace
}  // namespace bitnet::core
