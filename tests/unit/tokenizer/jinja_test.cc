// The template interpreter beside jinja2: every template of tests/reference/chat on every conversation, and its
// expressions and snippets, as tests/reference/chat_templates.py recorded them.
#include "core/tokenizer/jinja/template.h"

#include <string>

#include "core/tokenizer/chat_template.h"
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

using core::Code;
using core::JsonValue;
using core::jinja::Budget;
using core::jinja::Variables;

const JsonValue& Recorded() {
  static const JsonValue recorded = ReadJson(BITNET_TEST_DATA "/chat_templates.json");
  return recorded;
}

Variables VariablesOf(const JsonValue& object) {
  Budget budget;
  Variables variables;
  for (const core::JsonMember& member : object.object) {
    auto value = core::jinja::FromJson(member.value, budget);
    REQUIRE(value.ok());
    variables.emplace_back(member.key, *std::move(value));
  }
  return variables;
}

core::Result<core::jinja::Text> Render(std::string_view source, const Variables& variables) {
  Budget budget;
  return core::jinja::Render(source, variables, static_cast<int64_t>(Member(Recorded(), "now").uinteger), budget);
}

// The same text, or a refusal where jinja2 refuses too.
bool IsAsRecorded(std::string_view source, const Variables& variables, const JsonValue& expected) {
  const auto text = Render(source, variables);
  if (!text.ok()) {
    const std::string message(text.status().message());
    INFO(message);
    CHECK(message.starts_with("chat template, line "));
    CHECK(text.status().code() != Code::kInternal);
    CHECK(expected.kind == JsonValue::Kind::kNull);
    return expected.kind == JsonValue::Kind::kNull;
  }
  CHECK(text->size() == text->origins().size());
  CHECK(expected.kind == JsonValue::Kind::kString);
  CHECK(std::string(text->bytes()) == expected.string);
  return expected.kind == JsonValue::Kind::kString && text->bytes() == expected.string;
}

TEST_CASE("30 templates give the text or the refusal of jinja2 on 20 conversations") {
  const JsonValue& conversations = Member(Recorded(), "conversations");
  size_t same = 0, refusals = 0;
  for (const core::JsonMember& entry : Member(Recorded(), "templates").object) {
    for (const core::JsonMember& conversation : conversations.object) {
      CAPTURE(entry.key, conversation.key);
      // What the caller gives stands before what transformers gives.
      Variables variables = VariablesOf(conversation.value);
      variables.emplace_back("tools", core::jinja::None{});
      variables.emplace_back("documents", core::jinja::None{});
      variables.emplace_back("add_generation_prompt", true);
      variables.emplace_back("bos_token", core::jinja::MakeText("<|begin_of_text|>", core::jinja::Origin::kTemplate));
      variables.emplace_back("eos_token", core::jinja::MakeText("<|end_of_text|>", core::jinja::Origin::kTemplate));
      const JsonValue& expected = Member(Member(entry.value, "expected"), conversation.key);
      same += IsAsRecorded(Member(entry.value, "source").string, variables, expected) ? 1 : 0;
      refusals += expected.kind == JsonValue::Kind::kNull ? 1 : 0;
    }
  }
  CHECK(same == 600);
  CHECK(refusals > 100);
  CHECK(refusals < 300);
}

TEST_CASE("expressions and snippets give what jinja2 gives") {
  const Variables variables = VariablesOf(Member(Recorded(), "variables"));
  size_t same = 0;
  for (const JsonValue& entry : Member(Recorded(), "expressions").array) {
    CAPTURE(Member(entry, "source").string);
    same += IsAsRecorded("{{ " + Member(entry, "source").string + " }}", variables, Member(entry, "expected")) ? 1 : 0;
  }
  for (const JsonValue& entry : Member(Recorded(), "snippets").array) {
    CAPTURE(Member(entry, "source").string);
    same += IsAsRecorded(Member(entry, "source").string, variables, Member(entry, "expected")) ? 1 : 0;
  }
  CHECK(same > 400);
}

TEST_CASE("what is left out is refused by name, with line and column") {
  const Variables variables = VariablesOf(Member(Recorded(), "variables"));
  for (const auto& [source, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{{ lipsum() }}", "'lipsum' is not supported"},
           {"{{ self }}", "'self' is not supported"},
           {"{{ joiner() }}", "'joiner' is not supported"},
           {"{{ l | batch(2) }}", "the filter 'batch' is not supported"},
           {"{{ 'a'.zfill(3) }}", "the method 'zfill' of a str is not supported"},
           {"{{ '{}'.format(1) }}", "the method 'format' of a str is not supported"},
           {"{{ '%5d' % 3 }}", "a format other than"},
           {"{{ ('a' | safe) + 'b' }}", "a safe and a plain text"},
           {"{{ range(3) }}", "cannot be printed"},
           {"{{ l | map('string') }}", "cannot be printed"},
           {"{{ '\xC2\xB2'.isdigit() }}", "numbers beyond ASCII"},
           {"{% macro f() %}{{ varargs }}{% endmacro %}{{ f() }}", "'varargs' is not supported"},
           {"{% set n = namespace() %}{% for x in l %}{% set n.l = loop %}{% endfor %}{{ n.l.index }}", "has ended"},
           {"{{ 'a' is sameas 'a' }}", "'sameas' of two values of type str"},
           {"{{ 1 is sameas 1 }}", "'sameas' of two values of type int"},
           {"{{ (1, 2) is sameas ((1, 2)) }}", "'sameas' of two values of type tuple"},
           {"{{ strftime_now('%Y-%Q') }}", "strftime_now: the directive '%Q' is not supported"},
           {"{{ strftime_now('%-Q') }}", "strftime_now: the directive '%-Q' is not supported"},
           {"{{ strftime_now('%') }}", "strftime_now: the directive '%' is not supported"},
           {"{{ strftime_now('%\u00e9') }}", "strftime_now: the directive '%\\xc3\\xa9' is not supported"}}) {
    CAPTURE(source);
    const auto text = Render(source, variables);
    CHECK_FALSE(text.ok());
    CAPTURE(text.status().message());
    CHECK(text.status().code() == Code::kUnsupported);
    CHECK(text.status().message().find(says) != std::string_view::npos);
    CHECK(text.status().message().starts_with("chat template, line 1, column "));
  }
}

TEST_CASE("strftime_now is there only where a time is given") {
  Budget budget;
  const auto without = [&](std::string_view source) { return core::jinja::Render(source, {}, {}, budget); };
  CHECK(without("{{ strftime_now is defined }}")->bytes() == "False");
  const auto refused = without("{{ strftime_now('%Y') }}");
  CHECK(refused.status().code() == Code::kInvalidArgument);
  CHECK(refused.status().message().find("no time was given") != std::string_view::npos);
  const auto at = [&](int64_t seconds) {
    return std::string(core::jinja::Render("{{ strftime_now('%F %T %j %a') }}", {}, seconds, budget)->bytes());
  };
  CHECK(at(0) == "1970-01-01 00:00:00 001 Thu");
  CHECK(at(-1) == "1969-12-31 23:59:59 365 Wed");
  CHECK(at(951825600) == "2000-02-29 12:00:00 060 Tue");
  CHECK(core::jinja::Render("{{ strftime_now('%F') }}", {}, INT64_MAX, budget).status().code() ==
        Code::kInvalidArgument);
}

TEST_CASE("what a message gives as an argument stays a message's") {
  Budget budget;
  Variables variables;
  variables.emplace_back("m", core::jinja::Value(core::jinja::Text("<|x|>", core::jinja::Origin::kMessage)));
  for (const char* source : {
           "{{ [1, 2]|tojson(indent=m) }}",
           "{{ [1, 2]|tojson(separators=(m, ':')) }}",
           "{{ {'a': 1}|tojson(separators=(',', m)) }}",
           "{{ strftime_now('%Y ' ~ m) }}",
           "{{ ['a', 'b']|join(m) }}",
           "{{ 'a b'|replace(' ', m) }}",
           "{{ 'a\nb'|indent(m) }}",
           "{{ none|default(m, true) }}",
           "{{ '%s' % m }}",
           "{{ '%s'|format(m) }}",
           "{{ 'a'.join([m, m]) }}",
           "{{ m.upper()|lower }}",
           "{{ {'k': m}['k'] }}",
       }) {
    INFO(source);
    const auto text = core::jinja::Render(source, variables, 0, budget);
    REQUIRE(text.ok());
    const size_t at = text->bytes().find("<|");
    REQUIRE(at != std::string_view::npos);
    CHECK(text->origin(at) == core::jinja::Origin::kMessage);
    CHECK(text->origin(text->bytes().find("|>")) == core::jinja::Origin::kMessage);
  }
}

TEST_CASE("time, memory, depth and output of a template are bounded") {
  const Variables variables = VariablesOf(Member(Recorded(), "variables"));
  for (const char* source :
       {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(t='x') %}{% for a in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
        "{% set n = namespace(t=[1]) %}{% for a in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}",
        "{% set n = namespace(t=[1]) %}{% for a in range(999) %}{% set n.t = [n.t] %}{% endfor %}",
        "{% set n = namespace(t=[1]) %}{% for a in range(60) %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t }}",
        "{% set n = namespace(t=[1]) %}{% for a in range(60) %}{% set n.t = [n.t, n.t] %}{% endfor %}"
        "{% set m = namespace(t=[1]) %}{% for a in range(60) %}{% set m.t = [m.t, m.t] %}{% endfor %}{{ n.t == m.t }}",
        "{{ 'x' * 999999999999 }}",
        "{{ [1] * 999999999999 }}",
        "{{ ('x' * 9999999) | replace('', 'y' * 9999999) }}",
        "{{ (['x' * 999999] * 99) | join }}",
        "{{ ('a\n' * 99999) | indent(99999) }}",
        "{{ [1] | tojson(indent=999999999) }}",
        "{{ 'x' | indent(999999999) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in range(9999) %}{{ 'x' * 99999 }}{% endfor %}",
        "{{ range(100001) | list }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 2 ** 64 }}",
        "{{ -9223372036854775807 - 2 }}",
        "{{ ('x' * 999999) | list }}",
        "{{ 99999999999 * 99999999999 }}",
        "{{ ('a ' * 4999999).split() }}",
        "{{ ('a,' * 4999999).rsplit(',') }}",
        "{{ ('a\n' * 4999999).splitlines() }}",
        "{{ '99999999999999999999' | int }}"}) {
    CAPTURE(source);
    const auto text = Render(source, variables);
    CHECK_FALSE(text.ok());
    CAPTURE(text.status().message());
    CHECK(text.status().code() == Code::kLimit);
    CHECK(text.status().message().starts_with("chat template, line "));
  }
  // What would take quadratic time if it were done without thought.
  std::string names = "{% for i in range(99999) %}{% for j in range(99999) %}{{ z }}{% endfor %}{% endfor %}";
  for (int i = 0; i < 9000; ++i) names = core::Cat("{% set x", i, " = 1 %}") + names;
  CHECK(Render(names, {}).status().code() == Code::kLimit);
  for (const char* source :
       {"{{ ('a' * 999999 ~ 'b') in 'a' * 2999999 }}", "{{ ('a' * 2999999).rfind('b' ~ 'a' * 999999) == -1 }}",
        "{{ ('a' * 2999999).replace('a' * 999999 ~ 'b', '') | length }}",
        "{{ ('a' * 2999999).split('a' * 999999 ~ 'b') | length }}",
        "{{ ('a' * 2999999).rsplit('a' * 999999) | length }}", "{{ ('a' * 2999999).strip('b' * 2999999) | length }}",
        "{{ ('\u03a3' ~ \"'\" * 999999) | lower | length }}"}) {
    CAPTURE(source);
    const auto text = Render(source, {});
    CAPTURE(text.status().message());
    CHECK(text.ok());
  }
  CHECK(Render("{{ -9223372036854775807 - 1 }}", {})->bytes() == "-9223372036854775808");
  CHECK(Render("{{ (-9223372036854775807 - 1) % -1 }}", {})->bytes() == "0");
}

TEST_CASE("ill-formed bytes of a message pass through a template") {
  const std::string bytes = "a\xFF\xC3(\xE2\x82 z";
  const Variables variables = {{"x", core::jinja::MakeText(bytes, core::jinja::Origin::kMessage)}};
  for (const char* source : {"{{ x }}", "{{ x | trim }}", "{{ x | list | join }}", "{{ x[::-1][::-1] }}",
                             "{{ x.split('(') | join('(') }}", "{{ x | lower }}", "{{ x | replace('q', '') }}"}) {
    CAPTURE(source);
    CHECK(Render(source, variables)->bytes() == bytes);
  }
}

}  // namespace
}  // namespace bitnet::test
