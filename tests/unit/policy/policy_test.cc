#include "policy/policy.h"

#include "support/catch.h"

namespace bitnet::policy {
namespace {

constexpr std::string_view kGood = R"(version: 1
policies:
  - name: "2B - quantised LayerNorm fix"
    description: "free text"
    fingerprint:
      type: gguf_sha256
      value: "a1b2c3d4e5f6..."
    corrections:
      - type: layernorm_scale
        description: "free text"
        parameters:
          target_rms: 1.0
          tolerance: 0.1
          layers: all
          tensors: [attn_norm, ffn_norm]
          clamp: [0.001, 1000]
        preconditions:  [ { rms_out_of_range: [0.5, 2.0] } ]
        postconditions: [ { rms_in_range: [0.9, 1.1] } ]
      - type: attention_scale
        parameters:
          scale_factor: 1.0883883
          apply_to: all_layers
)";

// kGood with the first occurrence of `from` replaced.
std::string With(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("The policy of the specification is read field by field", "[policy]") {
  const auto file = ParsePolicy(kGood);
  INFO(file.status().message());
  REQUIRE(file.ok());
  REQUIRE(file->policies.size() == 1);
  const Policy& p = file->policies[0];
  CHECK(p.name == "2B - quantised LayerNorm fix");
  CHECK(p.fingerprint.sha256 == "a1b2c3d4e5f6");
  REQUIRE(p.corrections.size() == 2);
  const Correction& c = p.corrections[0];
  CHECK(c.target_rms == 1.0);
  CHECK(c.tolerance == 0.1);
  CHECK_FALSE(c.layers.has_value());
  CHECK(c.tensors == std::vector<std::string>{"attn_norm", "ffn_norm"});
  CHECK(c.clamp->max == 1000);
  REQUIRE(c.out_of_range.size() == 1);
  CHECK(c.out_of_range[0].max == 2.0);
  CHECK(c.in_range.min == 0.9);
  CHECK(p.corrections[1].type == CorrectionType::kAttentionScale);
  CHECK(p.corrections[1].scale_factor == 1.0883883);
}

TEST_CASE("A short policy gets the defaults of the specification", "[policy]") {
  const auto file = ParsePolicy(
      "version: 1\npolicies:\n  - name: short\n    fingerprint: {type: metadata, vocab_size: 1536}\n    corrections:\n"
      "      - type: layernorm_scale\n        parameters: {target_rms: 2, layers: [0, 3]}\n");
  INFO(file.status().message());
  REQUIRE(file.ok());
  const Correction& c = file->policies[0].corrections[0];
  CHECK(c.tolerance == 0.1);
  CHECK(c.tensors.empty());
  CHECK(c.layers == std::vector<uint32_t>{0, 3});
  REQUIRE(c.out_of_range.size() == 1);
  CHECK(c.out_of_range[0].min == Approx(1.9));
  CHECK(c.in_range.max == Approx(2.1));
}

TEST_CASE("Combined fingerprints hold the two other types, not themselves", "[policy]") {
  const auto with = [](std::string_view criteria) {
    return ParsePolicy(core::Cat("version: 1\npolicies:\n- name: n\n  fingerprint: {type: combined, criteria: [",
                                 criteria,
                                 "]}\n  corrections: [{type: attention_scale, parameters: {scale_factor: 2, apply_to: "
                                 "all_layers}}]\n"));
  };
  const auto good = with("{type: gguf_sha256, value: abcdefabcdef}, {type: metadata, architecture: llama}");
  INFO(good.status().message());
  REQUIRE(good.ok());
  CHECK(good->policies[0].fingerprint.criteria.size() == 2);
  CHECK_FALSE(with("{type: combined, criteria: [{type: metadata, architecture: llama}]}").ok());
  CHECK_FALSE(with("").ok());
}

TEST_CASE("Whatever is not exactly a policy is refused with line, column and key", "[policy]") {
  const struct {
    std::string text;
    std::string_view place, contains;
  } rows[] = {
      {With("version: 1", "version: 2"), "line 1, column 10", "expected 1"},
      {With("version: 1", "version: one"), "line 1, column 10", "whole number"},
      {With("version: 1", "version: 1\nextra: 2"), "line 2, column 1", "unknown key 'extra'"},
      {With("    description: \"free text\"\n    finger", "    author: me\n    finger"), "line 4, column 5",
       "unknown key 'author'"},
      {With("type: gguf_sha256", "type: md5"), "line 6, column 13", "unknown fingerprint 'md5'"},
      {With("a1b2c3d4e5f6...", "a1b2c3"), "line 7, column 14", "12 to 64 hex"},
      {With("a1b2c3d4e5f6...", "x1b2c3d4e5f6"), "line 7, column 14", "12 to 64 hex"},
      {With("\"a1b2c3d4e5f6...\"", "123456789012"), "line 7, column 14", "in quotes"},
      {With("type: layernorm_scale", "type: rotate"), "line 9, column 15", "unknown correction 'rotate'"},
      {With("target_rms: 1.0", "target_rms: .nan"), "line 12, column 23", "finite number"},
      {With("target_rms: 1.0", "target_rms: -1"), "line 12, column 23", "above 0"},
      {With("target_rms: 1.0", "target_rms: 1e999"), "line 12, column 23", "finite number"},
      {With("target_rms: 1.0", "target_rms: \"1.0\""), "line 12, column 23", "the text '1.0'"},
      {With("target_rms: 1.0", "target_rms: true"), "line 12, column 23", "found 'true'"},
      {With("          target_rms: 1.0\n", ""), "line 12, column 11", "'target_rms' is missing"},
      {With("tolerance: 0.1", "tolerance: 0"), "line 13, column 22", "above 0"},
      {With("layers: all", "layers: every"), "line 14, column 19", "expected all or a list"},
      {With("layers: all", "layers: []"), "line 14, column 19", "empty list"},
      {With("layers: all", "layers: [1, 1]"), "line 14, column 23", "occurs twice"},
      {With("layers: all", "layers: [-1]"), "line 14, column 20", "whole number"},
      {With("layers: all", "layers: [4294967296]"), "line 14, column 20", "whole number"},
      {With("layers: all", "layers: [1.5]"), "line 14, column 20", "whole number"},
      {With("[attn_norm, ffn_norm]", "[]"), "line 15, column 20", "empty list"},
      {With("[attn_norm, ffn_norm]", "attn_norm"), "line 15, column 20", "a list"},
      {With("[attn_norm, ffn_norm]", "[attn_norm, attn_norm]"), "line 15, column 32", "occurs twice"},
      {With("[0.001, 1000]", "[1000, 0.001]"), "line 16, column 18", "min < max"},
      {With("[0.001, 1000]", "[1, 2, 3]"), "line 16, column 18", "two numbers"},
      {With("rms_out_of_range", "rms_in_range"), "line 17", "unknown key 'rms_in_range'"},
      {With("[0.9, 1.1]", "[1.05, 1.1]"), "line 18", "does not meet them"},
      {With("scale_factor: 1.0883883", "scale_factor: 1e-60"), "line 21", "binary32"},
      {With("apply_to: all_layers", "apply_to: all"), "line 22", "all_layers"},
      {With("          apply_to: all_layers\n", ""), "line 21", "'apply_to' is missing"},
      {With("      - type: attention_scale\n        parameters:",
            "      - type: attention_scale\n        preconditions: [{rms_out_of_range: [1, 2]}]\n        parameters:"),
       "line 20", "unknown key 'preconditions'"},
      {"version: 1\npolicies: []\n", "line 2, column 11", "empty list"},
      {"version: 1\n", "line 1, column 1", "'policies' is missing"},
      {"[]", "line 1, column 1", "expected a map"},
  };
  for (const auto& row : rows) {
    const auto file = ParsePolicy(row.text);
    const std::string message(file.status().message());
    INFO(message);
    CHECK(file.status().code() == core::Code::kPolicyInvalid);
    CHECK(message.starts_with(row.place));
    CHECK(message.find(row.contains) != std::string::npos);
  }
}

TEST_CASE("Two policies of one name are refused", "[policy]") {
  const std::string body(kGood.substr(kGood.find("  - name")));
  const auto file = ParsePolicy(core::Cat(kGood, body));
  CHECK(file.status().what() == "2B - quantised LayerNorm fix");
}

}  // namespace
}  // namespace bitnet::policy
