#include "policy/ruleset.h"

#include "support/catch.h"

namespace bitnet::policy {
namespace {

bool Matches(std::string_view pattern, std::string_view name) {
  const auto p = Pattern::Parse(pattern);
  INFO(p.status().message());
  REQUIRE(p.ok());
  return p->Matches(name);
}

TEST_CASE("Patterns match like the regular expressions they look like", "[policy][pattern]") {
  CHECK(Matches("attn_norm\\.weight$", "blk.0.attn_norm.weight"));
  CHECK_FALSE(Matches("attn_norm\\.weight$", "blk.0.attn_norm.weights"));
  CHECK_FALSE(Matches("attn_norm\\.weight$", "blk.0.attn_normXweight"));
  CHECK(Matches("attn_norm.weight", "blk.0.attn_normXweight"));
  CHECK(Matches("^blk\\.\\d+\\.", "blk.12.x"));
  CHECK_FALSE(Matches("^blk\\.\\d+\\.", "xblk.12.x"));
  CHECK_FALSE(Matches("^blk\\.\\d+\\.", "blk..x"));
  CHECK(Matches("^a*$", ""));
  CHECK(Matches("^a*$", "aaaa"));
  CHECK_FALSE(Matches("^a*$", "aab"));
  CHECK(Matches("^ab?c$", "ac"));
  CHECK(Matches("^ab?c$", "abc"));
  CHECK_FALSE(Matches("^ab?c$", "abbc"));
  CHECK(Matches("^[a-c_]+$", "ab_c"));
  CHECK_FALSE(Matches("^[a-c]+$", "abd"));
  CHECK(Matches("^[^0-9]+$", "abc"));
  CHECK_FALSE(Matches("^[^0-9]+$", "ab1"));
  CHECK(Matches(".*", ""));
  CHECK(Matches("norm", "output_norm.weight"));
}

TEST_CASE("A pattern that would make a backtracking matcher explode is answered at once", "[policy][pattern]") {
  std::string pattern = "^";
  for (int i = 0; i < 30; ++i) pattern += "a*";
  CHECK_FALSE(Matches(pattern + "b$", std::string(64, 'a')));
}

TEST_CASE("Patterns beyond the small language are refused, not taken literally", "[policy][pattern]") {
  for (const char* p : {"", "(a|b)", "a{2}", "a|b", "*a", "a**", "a\\", "\\w", "[a", "[]", "[b-a]", "a$b", "a^"}) {
    INFO(p);
    CHECK(Pattern::Parse(p).status().code() == core::Code::kPolicyInvalid);
  }
}

TEST_CASE("Rulesets are read, and the most specific key is chosen", "[policy][ruleset]") {
  const auto sets = ParseRulesets(R"(version: 1
rules:
  "bitnet-b1.58":
    norms:
      - {pattern: "attn_norm\\.weight$", min: 0.5, max: 2}
      - {pattern: "_norm", min: 0.25, max: 4}
  "bitnet-b1.58:I2_S":
    proj_rms_min: 0.01
    proj_rms_max: 0.2
)");
  INFO(sets.status().message());
  REQUIRE(sets.ok());
  ModelIdentity model;
  model.architecture = "bitnet-b1.58";
  model.quantization = "TQ2_0";
  auto chosen = SelectRules(*sets, model);
  REQUIRE(chosen.ok());
  CHECK((*chosen)->Find("blk.0.attn_norm.weight")->rms.max == 2);  // the first that matches decides
  CHECK((*chosen)->Find("blk.0.ffn_norm.weight")->rms.max == 4);
  CHECK((*chosen)->Find("blk.0.attn_q.weight") == nullptr);
  model.quantization = "I2_S";
  CHECK((*SelectRules(*sets, model))->proj_rms_max == 0.2);
  model.architecture = "llama";
  CHECK(SelectRules(*sets, model).status().code() == core::Code::kPolicyNoMatch);
}

TEST_CASE("Bad rulesets are refused with line and column", "[policy][ruleset]") {
  const std::string_view rows[] = {
      "version: 2\nrules: {a: {}}",
      "version: 1\nrules: {}",
      "version: 1\nrules: []",
      "version: 1\nrules: {a: {norms: []}}",
      "version: 1\nrules: {a: {norms: [{pattern: x, min: 2, max: 1}]}}",
      "version: 1\nrules: {a: {norms: [{pattern: x, min: -1, max: 1}]}}",
      "version: 1\nrules: {a: {norms: [{pattern: \"(x)\", min: 0, max: 1}]}}",
      "version: 1\nrules: {a: {norms: [{pattern: x, min: 0}]}}",
      "version: 1\nrules: {a: {norm: []}}",
      "version: 1\nrules: {a: {proj_rms_min: 2, proj_rms_max: 1}}",
      "version: 1\nrules: {a: {proj_rms_min: x}}",
      "version: 1\nrules: {a: {}, a: {}}",
  };
  for (const std::string_view text : rows) {
    const auto sets = ParseRulesets(text);
    INFO(text);
    CHECK(sets.status().code() == core::Code::kPolicyInvalid);
    CHECK(sets.status().message().starts_with("line "));
  }
}

TEST_CASE("Every built-in rule carries its source", "[policy][ruleset]") {
  for (const char* architecture : {"bitnet-b1.58", "bitnet-25", "bitnet", "llama", "unheard-of"}) {
    const Ruleset rules = BuiltInRules(architecture);
    CHECK_FALSE(rules.norms.empty());
    for (const NormRule& rule : rules.norms) CHECK_FALSE(rule.source.empty());
  }
}

}  // namespace
}  // namespace bitnet::policy
