// From a record to the text of a receipt.
#ifndef BITNET_RECEIPTS_WRITER_H_
#define BITNET_RECEIPTS_WRITER_H_

#include <string>
#include <string_view>

#include "core/base/json_reader.h"
#include "core/base/status.h"
#include "receipts/record.h"

namespace bitnet::receipts {

// Indented JSON that ends with a line feed. receipt_sha256 is computed here, whatever the record holds.
core::Result<std::string> WriteReceipt(const Receipt& receipt);

// 64 hex digits: SHA-256 of the canonical form of `receipt`, a JSON object, without its receipt_sha256.
std::string ReceiptSha256(core::JsonValue receipt);

// "reference" when an id belongs to the reference table, else "real".
std::string ComputePath(const std::vector<Kernel>& kernels);

// 64 hex digits of a text, for prompt_sha256 and output_sha256.
std::string TextSha256(std::string_view text);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_WRITER_H_
