#include <bitnet/status.h>

#include <algorithm>
#include <cstring>

#include "capi/last_error.h"
#include "capi/structs.h"
#include "core/base/status.h"

namespace bitnet::capi {
namespace {

constexpr size_t kMessageBytes = 1024;
constexpr size_t kWhatBytes = 256;

struct LastError {
  bitnet_status_t status;
  uint64_t offset;
  char message[kMessageBytes];
  char what[kWhatBytes];
};

constinit thread_local LastError t_error = {BITNET_OK, BITNET_NO_OFFSET, {}, {}};

// Copies what fits. A cut never leaves half a UTF-8 character.
void CopyText(std::string_view text, char* out, size_t capacity) noexcept {
  size_t n = std::min(text.size(), capacity - 1);
  if (n < text.size()) {
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  }
  if (n > 0) std::memcpy(out, text.data(), n);
  out[n] = '\0';
}

#define BN_SAME_CODE(ours, theirs) \
  static_assert(static_cast<bitnet_status_t>(core::Code::ours) == theirs, "pinned numbers differ")
BN_SAME_CODE(kOk, BITNET_OK);
BN_SAME_CODE(kInvalidArgument, BITNET_E_INVALID_ARGUMENT);
BN_SAME_CODE(kBadState, BITNET_E_BAD_STATE);
BN_SAME_CODE(kBufferTooSmall, BITNET_E_BUFFER_TOO_SMALL);
BN_SAME_CODE(kNotFound, BITNET_E_NOT_FOUND);
BN_SAME_CODE(kIo, BITNET_E_IO);
BN_SAME_CODE(kNoMemory, BITNET_E_NO_MEMORY);
BN_SAME_CODE(kCancelled, BITNET_E_CANCELLED);
BN_SAME_CODE(kBadFormat, BITNET_E_BAD_FORMAT);
BN_SAME_CODE(kUnsupported, BITNET_E_UNSUPPORTED);
BN_SAME_CODE(kLimit, BITNET_E_LIMIT);
BN_SAME_CODE(kModelMismatch, BITNET_E_MODEL_MISMATCH);
BN_SAME_CODE(kNonFinite, BITNET_E_NON_FINITE);
BN_SAME_CODE(kContextFull, BITNET_E_CONTEXT_FULL);
BN_SAME_CODE(kTargetUnavailable, BITNET_E_TARGET_UNAVAILABLE);
BN_SAME_CODE(kPolicyInvalid, BITNET_E_POLICY_INVALID);
BN_SAME_CODE(kPolicyNoMatch, BITNET_E_POLICY_NO_MATCH);
BN_SAME_CODE(kPolicyRefused, BITNET_E_POLICY_REFUSED);
BN_SAME_CODE(kPolicyPostcondition, BITNET_E_POLICY_POSTCONDITION);
BN_SAME_CODE(kReceiptRejected, BITNET_E_RECEIPT_REJECTED);
BN_SAME_CODE(kReplayDiffers, BITNET_E_REPLAY_DIFFERS);
BN_SAME_CODE(kInternal, BITNET_E_INTERNAL);
#undef BN_SAME_CODE

}  // namespace

void ClearLastError() noexcept {
  t_error.status = BITNET_OK;
  t_error.offset = BITNET_NO_OFFSET;
  t_error.message[0] = '\0';
  t_error.what[0] = '\0';
}

bitnet_status_t Fail(bitnet_status_t status, std::string_view message, std::string_view what,
                     uint64_t offset) noexcept {
  t_error.status = status;
  t_error.offset = offset;
  CopyText(message, t_error.message, kMessageBytes);
  CopyText(what, t_error.what, kWhatBytes);
  return status;
}

bitnet_status_t Fail(const core::Status& status) noexcept {
  return Fail(static_cast<bitnet_status_t>(status.code()), status.message(), status.what(), status.offset());
}

}  // namespace bitnet::capi

extern "C" {

const char* bitnet_status_name(bitnet_status_t status) noexcept {
  // CodeName returns literals, which end with a NUL.
  const std::string_view name = bitnet::core::CodeName(static_cast<bitnet::core::Code>(status));
  return name.empty() ? "unknown status" : name.data();
}

const char* bitnet_last_error_message(void) noexcept { return bitnet::capi::t_error.message; }

bitnet_status_t bitnet_last_error(bitnet_error_info_t* out_info) noexcept {
  using bitnet::capi::t_error;
  if (!bitnet::capi::StructFits(out_info)) return BITNET_E_INVALID_ARGUMENT;
  bitnet_error_info_t info = BITNET_ERROR_INFO_INIT;
  info.status = t_error.status;
  info.offset = t_error.offset;
  info.message = t_error.message;
  info.what = t_error.what;
  bitnet::capi::CopyOut(info, out_info);
  return BITNET_OK;
}

}  // extern "C"
