// The exit codes of the tool: one enum, one table (docs/exit-codes.md).
#ifndef BITNET_EXAMPLES_BITNET_EXIT_CODES_H_
#define BITNET_EXAMPLES_BITNET_EXIT_CODES_H_

#include <string>

namespace bitnet::tool {

enum class ExitCode : int {
  kSuccess = 0,
  kUnexpected = 1,
  kUsage = 2,
  kRequestNotMet = 3,
  kTokenizerParity = 4,
  kNllParity = 5,
  kRankParity = 6,
  kLogitsParity = 7,
  kSuspiciousModel = 8,
  kPerformance = 9,
  kModelNotLoadable = 10,
  kPolicyInvalid = 11,
  kPolicyNoMatch = 12,
  kCorrectionsRefused = 13,
  kReceiptRejected = 14,
  kReplayDiffers = 15,
  kDownload = 16,
  kNotAvailable = 17,
  kComparisonDiffers = 18,
  kInterrupted = 130,
};

// The table as Markdown, as docs/exit-codes.md and the README print it.
std::string ExitCodeTable();
// The table as a section of the manual page, in its roff.
std::string ExitCodeManual();

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_EXIT_CODES_H_
