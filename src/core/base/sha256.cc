// The only file that knows libcrypto. The low-level SHA256_* calls are deprecated there but allocate nothing, keep
// their state in the caller's memory and use the CPU's SHA instructions: what a per-token digest needs.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/base/sha256.h"

#include <openssl/sha.h>

#include <cstring>

namespace bitnet::core {

static_assert(sizeof(SHA256_CTX) <= 128);

std::string ToHex(const Digest& digest) { return HexBytes(digest.data(), digest.size()); }

Sha256::Sha256() {
  state_.fill(0);
  SHA256_Init(reinterpret_cast<SHA256_CTX*>(state_.data()));
}

void Sha256::Update(const void* data, size_t n_bytes) {
  if (n_bytes != 0) SHA256_Update(reinterpret_cast<SHA256_CTX*>(state_.data()), data, n_bytes);
}

Digest Sha256::Finish() const {
  SHA256_CTX copy;
  std::memcpy(&copy, state_.data(), sizeof copy);
  Digest out;
  SHA256_Final(out.data(), &copy);
  return out;
}

Digest Sha256Of(const void* data, size_t n_bytes) {
  Sha256 h;
  h.Update(data, n_bytes);
  return h.Finish();
}

}  // namespace bitnet::core
