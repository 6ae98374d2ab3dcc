#include "exit_codes.h"

namespace bitnet::tool {
namespace {

struct Row {
  ExitCode code;
  const char* meaning;
};

constexpr Row kRows[] = {
    {ExitCode::kSuccess, "success"},
    {ExitCode::kUnexpected, "unexpected failure (a bug: the message asks for a report)"},
    {ExitCode::kUsage, "wrong usage: unknown option, bad value"},
    {ExitCode::kRequestNotMet,
     "the request cannot be met: longer than the context, out of memory, a non-finite value, a file that cannot be "
     "read or written"},
    {ExitCode::kTokenizerParity, "tokenizer parity failed"},
    {ExitCode::kNllParity, "NLL parity failed"},
    {ExitCode::kRankParity, "rank-correlation (Kendall tau-b) parity failed"},
    {ExitCode::kLogitsParity, "greedy / logits parity failed"},
    {ExitCode::kSuspiciousModel, "suspicious norms or projections (inspect gate)"},
    {ExitCode::kPerformance, "performance below the baseline"},
    {ExitCode::kModelNotLoadable, "the model cannot be loaded"},
    {ExitCode::kPolicyInvalid, "a policy or ruleset file is invalid"},
    {ExitCode::kPolicyNoMatch, "no policy matches the model"},
    {ExitCode::kCorrectionsRefused, "corrections refused (a switch is missing, CI, or strict mode)"},
    {ExitCode::kReceiptRejected, "a receipt was rejected"},
    {ExitCode::kReplayDiffers, "a replay differs from its receipt"},
    {ExitCode::kDownload, "a download or its verification failed"},
    {ExitCode::kNotAvailable, "a required reference engine, device or kernel target is not available here"},
    {ExitCode::kComparisonDiffers, "a comparison differs: diff, compare-outputs, a failed self-test of doctor"},
    {ExitCode::kInterrupted, "interrupted"},
};

}  // namespace

std::string ExitCodeTable() {
  std::string out = "| code | meaning |\n|---|---|\n";
  for (const Row& row : kRows) {
    out += "| " + std::to_string(static_cast<int>(row.code)) + " | " + row.meaning + " |\n";
  }
  return out;
}

std::string ExitCodeManual() {
  std::string out;
  for (const Row& row : kRows) {
    out += ".TP\n.B " + std::to_string(static_cast<int>(row.code)) + "\n" + row.meaning + "\n";
  }
  return out;
}

}  // namespace bitnet::tool
