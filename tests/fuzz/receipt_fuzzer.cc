// Any bytes as a receipt: reading, verifying and comparing give an answer; a forger's receipt with a right digest
// survives a round trip.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "receipts/canonical_json.h"
#include "receipts/compare.h"
#include "receipts/reader.h"
#include "receipts/verify.h"
#include "receipts/writer.h"

namespace receipts = bitnet::receipts;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

bool IsOneLine(std::string_view message) { return !message.empty() && message.find('\n') == std::string_view::npos; }

receipts::VerifyReport Verify(std::string_view text) {
  static const receipts::VerifyOptions options = [] {
    receipts::VerifyOptions o;
    o.registry.tables = {"AVX2", "NEON", "portable"};
    o.registry.operations = {"embed",         "rms_norm", "quantise_row",   "ternary_gemv",
                             "ternary_gemm",  "dense",    "ternary_blocks", "quantise_blocks",
                             "block_product", "rope",     "gate",           "cache_store",
                             "attention",     "add",      "select_top",     "head_shortcut"};
    o.allow_corrections = true;
    return o;
  }();
  auto report = receipts::VerifyReceipt(text, options);
  Require(report.ok());
  for (const auto& problem : report->problems) Require(IsOneLine(problem.message));
  return *std::move(report);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto report = Verify(text);
  const auto compared = receipts::Compare(text, text);
  if (compared.ok() && compared->token_agreement) Require(*compared->token_agreement == 1);

  auto json = bitnet::core::ParseJson(text);
  const auto read = receipts::ReadReceipt(text);
  if (!read.ok()) {
    Require(!report.problems.empty() && IsOneLine(read.status().message()));
    return 0;
  }
  // The canonical form is a fixed point. Numbers from 2^64 to 10^21 are written without an exponent there, as
  // ECMAScript does, and the reader refuses integers of more than 64 bits.
  const std::string canonical = receipts::CanonicalJson(*json);
  auto again = bitnet::core::ParseJson(canonical);
  if (again.ok()) {
    Require(receipts::CanonicalJson(*again) == canonical);
    Require(receipts::ReceiptSha256(*std::move(again)) == read->computed_sha256);
  } else {
    Require(again.status().message().find("number") != std::string_view::npos);
  }

  // Written again with a digest of its own, it reads as the same; now the checks behind the digest are reached.
  const auto written = receipts::WriteReceipt(read->receipt);
  if (!written.ok()) return 0;  // a value that JSON does not have
  const auto second = receipts::ReadReceipt(*written);
  Require(second.ok());
  Require(second->receipt.receipt_sha256 == second->computed_sha256);
  const auto twice = receipts::WriteReceipt(second->receipt);
  Require(twice.ok() && *twice == *written);
  const auto forged = Verify(*written);
  if (report.problems.empty()) Require(forged.problems.empty());
  return 0;
}
