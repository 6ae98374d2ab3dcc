// Digests as text for C.
#ifndef BITNET_CAPI_DIGEST_H_
#define BITNET_CAPI_DIGEST_H_

#include <bitnet/file.h>

#include <cstring>
#include <string>

#include "core/base/sha256.h"

namespace bitnet::capi {

inline void PutHex(const core::Digest& digest, char out[BITNET_SHA256_HEX_SIZE]) {
  const std::string hex = core::ToHex(digest);
  static_assert(BITNET_SHA256_HEX_SIZE == 2 * sizeof(core::Digest) + 1);
  std::memcpy(out, hex.c_str(), BITNET_SHA256_HEX_SIZE);
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_DIGEST_H_
