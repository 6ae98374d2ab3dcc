// Who a model file is, for policies and inspection.
#ifndef BITNET_CAPI_IDENTITY_H_
#define BITNET_CAPI_IDENTITY_H_

#include <bitnet/file.h>
#include <bitnet/status.h>

#include <string>

#include "policy/model_view.h"

namespace bitnet::capi {

// Checks a digest that the host handed in: NULL, or 64 lower-case hex digits.
bitnet_status_t CheckSha256(const char* sha256);

// The identity of a file; its digest is `sha256`, or computed when that is NULL.
policy::ModelIdentity IdentityOf(const bitnet_file_t& file, const char* sha256);

// Now in UTC, RFC 3339 with seconds.
std::string Timestamp();

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_IDENTITY_H_
