#include "receipts/compare.h"

#include "core/format/limits.h"
#include "support/catch.h"
#include "unit/receipts/sample.h"

namespace bitnet::receipts {
namespace {

std::string Text(const Receipt& r) {
  auto text = WriteReceipt(r);
  REQUIRE(text.ok());
  return *std::move(text);
}

Comparison Compared(std::string_view a, std::string_view b) {
  auto c = Compare(a, b);
  INFO(c.status().message());
  REQUIRE(c.ok());
  return *std::move(c);
}

TEST_CASE("Two equal receipts agree in everything", "[receipts][compare]") {
  const Comparison c = Compared(Text(SampleReceipt()), Text(SampleReceipt()));
  CHECK(c.token_agreement == 1.0);
  CHECK_FALSE(c.first_difference.has_value());
  CHECK(c.text_similarity == 1.0);
  CHECK(c.same_prompt == true);
  CHECK(c.model.empty());
  CHECK(c.corrections.empty());
  CHECK(c.options.empty());
}

TEST_CASE("Agreement counts equal positions over the longer run", "[receipts][compare]") {
  const auto agreement = [](const char* a, const char* b) {
    return Compared(core::Cat("{\"output_tokens\": ", a, "}"), core::Cat("{\"output_tokens\": ", b, "}"));
  };
  CHECK(agreement("[1,2,3,4]", "[1,2,9,4]").token_agreement == 0.75);
  CHECK(agreement("[1,2,3,4]", "[1,2,9,4]").first_difference == 2u);
  CHECK(agreement("[1,2]", "[1,2,3,4]").token_agreement == 0.5);
  CHECK(agreement("[1,2]", "[1,2,3,4]").first_difference == 2u);
  CHECK(agreement("[]", "[]").token_agreement == 1.0);
  CHECK(agreement("[]", "[1]").token_agreement == 0.0);
}

TEST_CASE("Text similarity is one minus the edit distance in characters", "[receipts][compare]") {
  const auto similarity = [](const char* a, const char* b) {
    return *Compared(core::Cat("{\"output_tokens\": [], \"output\": \"", a, "\"}"),
                     core::Cat("{\"output_tokens\": [], \"output\": \"", b, "\"}"))
                .text_similarity;
  };
  CHECK(similarity("kitten", "sitting") == Approx(1.0 - 3.0 / 7));
  CHECK(similarity("", "abc") == 0.0);
  CHECK(similarity("", "") == 1.0);
  CHECK(similarity("\xC3\xA4"
                   "b",
                   "ab") == Approx(0.5));  // one character, though two bytes differ
  CHECK(similarity("abcdef", "abXdef") == Approx(1.0 - 1.0 / 6));
}

TEST_CASE("What differs in model, corrections and options is listed by field", "[receipts][compare]") {
  Receipt other = SampleCorrectedReceipt();
  other.model.fingerprint.back() = 'b';
  other.model.path = "elsewhere";  // no difference
  other.inference.options.seed = 1;
  other.inference.options.sampler.top_k = 40;
  const Comparison c = Compared(Text(SampleReceipt()), Text(other));
  REQUIRE(c.model.size() == 1);
  CHECK(c.model[0].field == "model.fingerprint");
  REQUIRE(c.options.size() == 2);
  CHECK(c.options[0].field == "inference.options.sampler.top_k");
  CHECK(c.options[0].a == "0");
  CHECK(c.options[0].b == "40");
  REQUIRE(c.corrections.size() == 2);
  CHECK(c.corrections[0].a == "absent");
  CHECK(c.corrections[1].b == "1");
}

TEST_CASE("What a document does not tell is not known, which is not the same", "[receipts][compare]") {
  const std::string result = "{\"output_tokens\": [1], \"model\": {\"name\": \"a\"}}";
  const Comparison receipts = Compared(Text(SampleReceipt()), Text(SampleReceipt()));
  CHECK((receipts.corrections_known && receipts.options_known));
  for (const std::string& other : {result, Text(SampleCorrectedReceipt())}) {
    const Comparison c = Compared(result, other);
    CHECK_FALSE(c.corrections_known);
    CHECK_FALSE(c.options_known);
    CHECK((c.corrections.empty() && c.options.empty()));
  }
}

TEST_CASE("Two forms of one model differ by file alone, two models by their weights", "[receipts][compare]") {
  Receipt other = SampleReceipt();
  other.model.fingerprint.back() = 'b';
  CHECK(Compared(Text(SampleReceipt()), Text(other)).model.size() == 1);
  other.model.ternary_sha256.back() = 'b';
  other.model.ternary_scales_sha256.back() = 'b';
  const Comparison c = Compared(Text(SampleReceipt()), Text(other));
  REQUIRE(c.model.size() == 3);
  CHECK(c.model[1].field == "model.ternary_sha256");
  CHECK(c.model[2].field == "model.ternary_scales_sha256");
}

TEST_CASE("Private receipts compare by digest", "[receipts][compare]") {
  Receipt a = SampleReceipt();
  a.inference.output.reset();
  a.inference.output_tokens.reset();
  a.inference.prompt_tokens.reset();
  CHECK(Compared(Text(a), Text(a)).token_agreement == 1.0);
  CHECK(Compared(Text(a), Text(a)).same_prompt == true);
  CHECK(Compared(Text(a), Text(a)).n_tokens_a == a.inference.tokens_generated);
  CHECK(Compared(Text(a), Text(SampleReceipt())).n_tokens_b == a.inference.tokens_generated);
  // A result of run has the tokens of the prompt, a private receipt its digest.
  const std::string result = "{\"output_tokens\": [1], \"prompt_tokens\": [1]}";
  CHECK_FALSE(Compared(Text(a), result).same_prompt.has_value());
  CHECK_FALSE(Compared(Text(a), result).token_agreement.has_value());
  Receipt b = a;
  ++b.inference.tokens_generated;  // one more that has no text
  CHECK_FALSE(Compared(Text(a), Text(b)).token_agreement.has_value());
  b = a;
  b.inference.output_sha256 = std::string(64, '0');
  CHECK_FALSE(Compared(Text(a), Text(b)).token_agreement.has_value());
  CHECK_FALSE(Compared(Text(a), Text(b)).text_similarity.has_value());
}

TEST_CASE("A document of another kind is named", "[receipts][compare]") {
  const std::string good = Text(SampleReceipt());
  CHECK(Compare("{}", good).status().what() == "a");
  CHECK(Compare(good, "nonsense").status().what() == "b");
  const struct {
    const char *text, *message;
  } rows[] = {
      {"", "b: line 1, column 1: json without a value"},
      {"{\n\"output_tokens\": [1,]}", "b: line 2, column 21: malformed json: found ']', expected a value"},
      {"[]", "b: line 1, column 1: found an array, expected a receipt or a result of run"},
      {"{}", "b: line 1, column 1: neither a receipt nor a result of run: no output_tokens"},
      {"{\"inference\":\n {}}", "b: line 2, column 2: neither a receipt nor a result of run: no output_tokens"},
      {"{\"inference\": 7}", "b: line 1, column 15: inference: found an integer, expected an object"},
      {"{\"output_tokens\": 7}", "b: line 1, column 19: output_tokens: found an integer, expected an array"},
      {"{\"output_tokens\": [1, \"x\"]}",
       "b: line 1, column 23: output_tokens[1]: found a string, expected a token id"},
      {"{\"output_tokens\": [1.5]}", "b: line 1, column 20: output_tokens[0]: found a number, expected a token id"},
      {"{\"inference\": {\"output_tokens\": [-1]}}",
       "b: line 1, column 34: inference.output_tokens[0]: found an integer, expected a token id"},
      {"{\"output_tokens\": [], \"output\": []}", "b: line 1, column 33: output: found an array, expected a string"},
  };
  for (const auto& row : rows) CHECK(Compare(good, row.text).status().message() == row.message);
  const core::Status large = Compare(good, std::string(core::kMaxReceiptBytes + 1, ' ')).status();
  CHECK(large.code() == core::Code::kLimit);
  CHECK(large.message() == "b: more than 16777216 bytes, the most that are read");
}

}  // namespace
}  // namespace bitnet::receipts
