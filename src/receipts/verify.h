// Whether a receipt holds together: everything that can be checked without running the model again.
#ifndef BITNET_RECEIPTS_VERIFY_H_
#define BITNET_RECEIPTS_VERIFY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "receipts/reader.h"
#include "receipts/record.h"

namespace bitnet::receipts {

// Kernel ids that exist: every operation of every table ever released. Handed in: receipts see no kernels.
struct KernelRegistry {
  std::vector<std::string> tables;
  std::vector<std::string> operations;
};

struct VerifyOptions {
  KernelRegistry registry;
  std::string require_target;  // "" = any table
  bool allow_corrections = false;
  std::optional<Model> model;  // the model at hand; path, origin and load options of it are ignored
  uint32_t max_ctx = 0;        // tokens that a context of the model at hand holds at most; 0 = not known
};

struct VerifyReport {
  Receipt receipt;
  std::vector<Problem> problems;  // empty: accepted
};

// A text that is no receipt at all is a report with one problem; kNoMemory is no report.
core::Result<VerifyReport> VerifyReceipt(std::string_view text, const VerifyOptions& options);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_VERIFY_H_
