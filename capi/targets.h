// Kernel tables by name, for entries that take one.
#ifndef BITNET_CAPI_TARGETS_H_
#define BITNET_CAPI_TARGETS_H_

#include <bitnet/status.h>

#include <cstring>

#include "capi/last_error.h"
#include "core/base/text.h"
#include "kernels/kernel_table.h"

namespace bitnet::capi {

// Fails for no name, a name that no table has, and a table that this CPU does not run.
inline bitnet_status_t FindTarget(const char* name, const kernels::KernelTable** out) {
  if (name == nullptr) return InvalidArgument("target is NULL");
  *out = *name == '\0' ? nullptr : kernels::FindTable(name);
  if (*out != nullptr) return BITNET_OK;
  size_t n = 0;
  const char* const* names = kernels::BuiltTableNames(&n);
  for (size_t i = 0; i < n; ++i) {
    if (std::strcmp(names[i], name) == 0) {
      return Fail(BITNET_E_TARGET_UNAVAILABLE, core::Cat("this cpu does not run target ", core::Quoted(name)),
                  "target");
    }
  }
  return InvalidArgument(core::Cat("no target ", core::Quoted(name)), "target");
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_TARGETS_H_
