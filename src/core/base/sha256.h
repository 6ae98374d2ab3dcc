// SHA-256 (FIPS 180-4).
#ifndef BITNET_CORE_BASE_SHA256_H_
#define BITNET_CORE_BASE_SHA256_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/status.h"

namespace bitnet::core {

using Digest = std::array<uint8_t, 32>;

// 64 lower-case hex digits.
std::string ToHex(const Digest& digest);

// Incremental hash; its state is inside the object, so updating allocates nothing and copies are cheap.
class Sha256 {
 public:
  Sha256();
  void Update(const void* data, size_t n_bytes);
  Digest Finish() const;  // of all bytes so far; more may follow

 private:
  alignas(8) std::array<unsigned char, 128> state_;  // a SHA256_CTX of libcrypto
};

Digest Sha256Of(const void* data, size_t n_bytes);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_SHA256_H_
