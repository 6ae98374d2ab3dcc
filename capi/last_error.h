// The calling thread's error detail: a POD without a constructor, so that it works in a library opened at run time.
#ifndef BITNET_CAPI_LAST_ERROR_H_
#define BITNET_CAPI_LAST_ERROR_H_

#include <bitnet/status.h>

#include <string_view>

#include "core/base/status.h"

namespace bitnet::capi {

void ClearLastError() noexcept;

// Sets the detail and returns `status`, so that a call can end with `return Fail(...)`. Long texts are cut.
bitnet_status_t Fail(bitnet_status_t status, std::string_view message, std::string_view what = {},
                     uint64_t offset = BITNET_NO_OFFSET) noexcept;
bitnet_status_t Fail(const core::Status& status) noexcept;

inline bitnet_status_t InvalidArgument(std::string_view message, std::string_view what = {}) noexcept {
  return Fail(BITNET_E_INVALID_ARGUMENT, message, what);
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_LAST_ERROR_H_
