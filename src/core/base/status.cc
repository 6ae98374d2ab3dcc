#include "core/base/status.h"

namespace bitnet::core {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kInvalidArgument: return "invalid argument";
    case Code::kBadState: return "bad state";
    case Code::kBufferTooSmall: return "buffer too small";
    case Code::kNotFound: return "not found";
    case Code::kIo: return "input or output error";
    case Code::kNoMemory: return "out of memory";
    case Code::kCancelled: return "cancelled";
    case Code::kBadFormat: return "bad format";
    case Code::kUnsupported: return "unsupported";
    case Code::kLimit: return "limit exceeded";
    case Code::kModelMismatch: return "model mismatch";
    case Code::kNonFinite: return "non-finite value";
    case Code::kContextFull: return "context full";
    case Code::kTargetUnavailable: return "target unavailable";
    case Code::kPolicyInvalid: return "invalid policy";
    case Code::kPolicyNoMatch: return "no policy matches";
    case Code::kPolicyRefused: return "corrections refused";
    case Code::kPolicyPostcondition: return "postcondition failed";
    case Code::kReceiptRejected: return "receipt rejected";
    case Code::kReplayDiffers: return "replay differs";
    case Code::kInternal: return "internal error";
  }
  return "";
}

}  // namespace bitnet::core
