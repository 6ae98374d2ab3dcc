// Writer and reader against each other.
#include <algorithm>
#include <limits>

#include "core/base/sha256.h"
#include "core/format/limits.h"
#include "receipts/canonical_json.h"
#include "receipts/reader.h"
#include "support/catch.h"
#include "unit/receipts/sample.h"

namespace bitnet::receipts {
namespace {

std::string Write(const Receipt& receipt) {
  auto text = WriteReceipt(receipt);
  INFO(text.status().message());
  REQUIRE(text.ok());
  return *std::move(text);
}

ReadResult Read(std::string_view text) {
  auto read = ReadReceipt(text);
  INFO(read.status().message());
  REQUIRE(read.ok());
  return *std::move(read);
}

TEST_CASE("A receipt that is written, read and written again is the same text", "[receipts]") {
  for (const Receipt& receipt : {SampleReceipt(), SampleCorrectedReceipt()}) {
    const std::string text = Write(receipt);
    const ReadResult read = Read(text);
    CHECK(read.problems.empty());
    CHECK(read.receipt.receipt_sha256 == read.computed_sha256);
    CHECK(Write(read.receipt) == text);
  }
}

TEST_CASE("64-bit integers survive as decimal strings, binary32 options as their short decimals", "[receipts]") {
  Receipt receipt = SampleReceipt();
  receipt.kernels[0].calls = 9007199254740993;
  const std::string text = Write(receipt);
  CHECK(text.find("\"seed\": \"18446744073709551615\"") != std::string::npos);
  CHECK(text.find("\"temperature\": 0.8,") != std::string::npos);
  const ReadResult read = Read(text);
  CHECK(read.receipt.inference.options.seed == 18446744073709551615u);
  CHECK(read.receipt.kernels[0].calls == 9007199254740993);
  CHECK(read.receipt.inference.options.sampler.temperature == 0.8f);
  for (const float v : {0.1f, 1.1754944e-38f, 3.4028235e38f, 1.4e-45f, 0.3333333f}) {
    receipt.inference.options.sampler.repeat_penalty = v;
    CHECK(Read(Write(receipt)).receipt.inference.options.sampler.repeat_penalty == v);
  }
}

TEST_CASE("The digest is that of the canonical form without the digest's own member", "[receipts]") {
  const std::string text = Write(SampleReceipt());
  auto json = core::ParseJson(text);
  REQUIRE(json.ok());
  REQUIRE(json->object.back().key == "receipt_sha256");
  const std::string digest = json->object.back().value.string;
  json->object.pop_back();
  const std::string canonical = CanonicalJson(*json);
  CHECK(canonical.find("receipt_sha256") == std::string::npos);
  CHECK(digest == core::ToHex(core::Sha256Of(canonical.data(), canonical.size())));
}

TEST_CASE("Additional members are accepted and are part of the digest", "[receipts]") {
  std::string text = Write(SampleReceipt());
  text.replace(text.find('{'), 1, "{\"x_note\": {\"by\": [1, 2.5]},");
  const ReadResult read = Read(text);
  CHECK(read.problems.empty());
  CHECK(read.receipt.receipt_sha256 != read.computed_sha256);
}

TEST_CASE("Parts that a run does not have are absent, not null", "[receipts]") {
  Receipt receipt = SampleReceipt();
  receipt.inference.prompt.reset();
  receipt.inference.prompt_tokens.reset();
  receipt.logits_sha256.reset();
  const std::string text = Write(receipt);
  CHECK(text.find("\"prompt\"") == std::string::npos);
  CHECK(text.find("\"prompt_tokens\"") == std::string::npos);
  CHECK(text.find("logits_sha256") == std::string::npos);
  CHECK(text.find("corrections") == std::string::npos);
  CHECK(text.find("null") == std::string::npos);
  CHECK(Read(text).problems.empty());
}

TEST_CASE("Wrong types are named with what was found and expected", "[receipts]") {
  const std::string text = Write(SampleReceipt());
  const struct {
    const char *from, *to, *field;
  } rows[] = {
      {"\"threads\": 2", "\"threads\": \"2\"", "backend.threads"},
      {"\"threads\": 2", "\"threads\": -2", "backend.threads"},
      {"\"threads\": 2", "\"threads\": 4294967296", "backend.threads"},
      {"\"threads\": 2", "\"threads\": 2.5", "backend.threads"},
      {"\"wsl\": false", "\"wsl\": 0", "environment.wsl"},
      {"\"seed\": \"18446744073709551615\"", "\"seed\": 1", "inference.options.seed"},
      {"\"seed\": \"18446744073709551615\"", "\"seed\": \"18446744073709551616\"", "inference.options.seed"},
      {"\"seed\": \"18446744073709551615\"", "\"seed\": \"01\"", "inference.options.seed"},
      {"\"seed\": \"18446744073709551615\"", "\"seed\": \"\"", "inference.options.seed"},
      {"\"detected\": [\"AVX2\"", "\"detected\": [7", "backend.detected[0]"},
      {"\"BITNET_SEED\": \"7\"", "\"BITNET_SEED\": 7", "environment.variables.BITNET_SEED"},
      {"\"temperature\": 0.8", "\"temperature\": 1e300", "inference.options.sampler.temperature"},
      {"\"load_ms\": 3", "\"load_ms\": null", "inference.load_ms"},
      {"\"shape\": {", "\"shape\": 7, \"y\": {", "model.shape"},
  };
  for (const auto& row : rows) {
    std::string changed = text;
    REQUIRE(changed.find(row.from) != std::string::npos);
    changed.replace(changed.find(row.from), std::string_view(row.from).size(), row.to);
    INFO(row.to);
    const ReadResult read = Read(changed);
    REQUIRE(read.problems.size() == 1);
    CHECK(read.problems[0].field == row.field);
    // The place of the value, counted here in bytes: the sample is ASCII before it.
    const size_t at =
        changed.find(row.to) + std::string_view(row.to).find_first_not_of(" [", std::string_view(row.to).find(':') + 1);
    const auto line = 1 + std::count(changed.begin(), changed.begin() + static_cast<ptrdiff_t>(at), '\n');
    const std::string place = core::Cat("line ", line, ", column ", at - changed.rfind('\n', at), ": ");
    CHECK(read.problems[0].message.substr(0, place.size()) == place);
  }
}

TEST_CASE("A missing field has the place of the object that lacks it", "[receipts]") {
  const ReadResult read = Read("{\n  \"\xC3\xA4\": 1, \"backend\": {\"device\": \"cpu\"}\n}");
  std::string target;
  for (const Problem& p : read.problems) {
    if (p.field == "backend.target") target = p.message;
    if (p.field == "kernels") CHECK(p.message == "line 1, column 1: required field is missing");
  }
  CHECK(target == "line 2, column 22: required field is missing");
}

TEST_CASE("A text that is no JSON object is a failure of its own, with a place", "[receipts]") {
  for (const char* text : {"", "[]", "7", "{", "{\"a\": 1, \"a\": 2}"}) {
    const core::Status status = ReadReceipt(text).status();
    CHECK(status.code() == core::Code::kBadFormat);
    CHECK(status.message().starts_with("line 1, column "));
  }
}

TEST_CASE("A receipt beyond the limit is neither written nor read", "[receipts]") {
  const core::Status read = ReadReceipt(std::string(core::kMaxReceiptBytes + 1, ' ')).status();
  CHECK(read.code() == core::Code::kLimit);
  CHECK(read.message() == "more than 16777216 bytes, the most that are read");
  CHECK(ReadReceipt(std::string(core::kMaxReceiptBytes, ' ')).status().code() == core::Code::kBadFormat);
  Receipt receipt = SampleReceipt();
  receipt.inference.output = std::string(core::kMaxReceiptBytes, 'a');
  CHECK(WriteReceipt(receipt).status().code() == core::Code::kLimit);
  receipt.inference.output->resize(core::kMaxReceiptBytes - 65536);
  CHECK(WriteReceipt(receipt).ok());
}

TEST_CASE("A number that is not finite makes a text that its own reader refuses", "[receipts]") {
  Receipt receipt = SampleReceipt();
  receipt.inference.load_ms = std::numeric_limits<double>::infinity();
  const ReadResult read = Read(Write(receipt));
  REQUIRE(read.problems.size() == 1);
  CHECK(read.problems[0].field == "inference.load_ms");
}

}  // namespace
}  // namespace bitnet::receipts
