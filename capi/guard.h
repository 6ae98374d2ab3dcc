// The fence around every C entry: nothing but a status leaves it.
#ifndef BITNET_CAPI_GUARD_H_
#define BITNET_CAPI_GUARD_H_

#include <bitnet/status.h>

#include <exception>
#include <new>

#include "capi/last_error.h"
#include "core/base/fp_env.h"

namespace bitnet::capi {

// Runs `body`, which returns a status: clears the last error first, turns exceptions into statuses.
template <typename Body>
bitnet_status_t Guard(Body&& body) noexcept {
  ClearLastError();
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Fail(BITNET_E_NO_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return Fail(BITNET_E_INTERNAL, e.what());
  } catch (...) {
    return Fail(BITNET_E_INTERNAL, "an exception of an unknown type");
  }
}

// The same for entries that compute: in the default floating-point environment, the host's restored afterwards.
template <typename Body>
bitnet_status_t GuardCompute(Body&& body) noexcept {
  const core::FpScope fp;
  return Guard(static_cast<Body&&>(body));
}

}  // namespace bitnet::capi

// BN_TRY(expr): leaves with the bitnet_status_t of `expr` unless it is BITNET_OK.
#define BN_TRY(expr)                                                                        \
  do {                                                                                      \
    if (const bitnet_status_t bn_status = (expr); bn_status != BITNET_OK) return bn_status; \
  } while (0)

#endif  // BITNET_CAPI_GUARD_H_
