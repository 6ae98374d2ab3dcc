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
  Receipt receipt;                // what could be read; the rest has its default
  std::vector<Problem> problems;  // missing fields and wrong types, in the order of fields.h
  std::string computed_sha256;    // ReceiptSha256 of the document
};

// More problems tell a person nothing new.
inline constexpr size_t kMaxProblems = 100;

// Fails only for a text that is no JSON object or goes beyond 64 MiB. Additional fields are accepted.
core::Result<ReadResult> ReadReceipt(std::string_view text);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_READER_H_
