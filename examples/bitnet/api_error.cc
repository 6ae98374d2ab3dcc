#include "api_error.h"

#include "failure.h"
#include "text.h"

namespace bitnet::tool {

ExitCode ExitCodeFor(bitnet_status_t status, Doing doing) {
  const bool loading = doing == Doing::kLoadingModel;
  switch (status) {
    case BITNET_OK: return ExitCode::kSuccess;
    case BITNET_E_INVALID_ARGUMENT: return doing == Doing::kRenderingChat ? ExitCode::kRequestNotMet : ExitCode::kUsage;
    case BITNET_E_NO_MEMORY:
    case BITNET_E_CONTEXT_FULL: return ExitCode::kRequestNotMet;
    case BITNET_E_NOT_FOUND:
    case BITNET_E_IO:
    case BITNET_E_BAD_FORMAT:
    case BITNET_E_UNSUPPORTED:
    case BITNET_E_LIMIT:
    case BITNET_E_MODEL_MISMATCH:
    case BITNET_E_NON_FINITE: return loading ? ExitCode::kModelNotLoadable : ExitCode::kRequestNotMet;
    case BITNET_E_CANCELLED: return ExitCode::kInterrupted;
    case BITNET_E_TARGET_UNAVAILABLE: return ExitCode::kNotAvailable;
    case BITNET_E_POLICY_INVALID: return ExitCode::kPolicyInvalid;
    case BITNET_E_POLICY_NO_MATCH: return ExitCode::kPolicyNoMatch;
    case BITNET_E_POLICY_REFUSED: return ExitCode::kCorrectionsRefused;
    case BITNET_E_POLICY_POSTCONDITION: return ExitCode::kModelNotLoadable;
    case BITNET_E_RECEIPT_REJECTED: return ExitCode::kReceiptRejected;
    case BITNET_E_REPLAY_DIFFERS: return ExitCode::kReplayDiffers;
    default: return ExitCode::kUnexpected;
  }
}

void Raise(const Error& error, Doing doing, const std::string& context) {
  const ExitCode code = ExitCodeFor(error.status(), doing);
  if (code == ExitCode::kInterrupted) throw Failure(code, "interrupted");
  std::string message = context.empty() ? "" : context + ": ";
  message += Printable(error.message());
  std::string place;
  if (!error.what().empty() && error.message().find(error.what()) == std::string::npos) place = Printable(error.what());
  if (error.offset() != BITNET_NO_OFFSET) {
    place += (place.empty() ? "" : ", ") + std::string("at byte ") + std::to_string(error.offset());
  }
  if (!place.empty()) message += " (" + place + ")";
  if (code == ExitCode::kUnexpected) message += "; this is a bug of ours: please report this line";
  throw Failure(code, message);
}

}  // namespace bitnet::tool
