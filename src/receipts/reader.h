// From the text of a receipt to a record, with every problem found on the way.
#ifndef BITNET_RECEIPTS_READER_H_
#define BITNET_RECEIPTS_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/status.h"
#include "receipts/record.h"

namespace bitnet::receipts {

// One reason why a receipt is not acceptable.
struct Problem {
  std::string field;    // "model.fingerprint"; "" for the document as a whole
  std::string message;  // one lower-case line
};

struct ReadResult {
  Receipt receipt;  // what could be read; the rest has its default
  // Missing fields and wrong types, in the order of fields.h; messages begin with "line L, column C: ".
  std::vector<Problem> problems;
  std::string computed_sha256;  // ReceiptSha256 of the document
};

// More problems tell a person nothing new.
inline constexpr size_t kMaxProblems = 100;

// kLimit for a text of more than core::kMaxReceiptBytes.
core::Status CheckSize(std::string_view text);

// Fails only for a text that is no JSON object or too large. Additional fields are accepted.
core::Result<ReadResult> ReadReceipt(std::string_view text);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_READER_H_
