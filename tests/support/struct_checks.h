// Structs that grow at their end: what a function must understand of older and newer headers, and what it must refuse.
#ifndef BITNET_TESTS_SUPPORT_STRUCT_CHECKS_H_
#define BITNET_TESTS_SUPPORT_STRUCT_CHECKS_H_

#include <cstddef>
#include <cstring>
#include <functional>

#include "support/host.h"

namespace bitnet::test {

// A struct of a newer header: `T` and 64 bytes more.
template <typename T>
struct Newer {
  T known;
  unsigned char more[64];
};

template <typename T>
Newer<T> MakeNewer(const T& init) {
  Newer<T> n;
  std::memset(&n, 0, sizeof n);
  std::memcpy(&n.known, &init, sizeof init);
  n.known.struct_size = sizeof n;
  return n;
}

// `call` takes a const T* and returns a status; OK for the defaults.
template <typename T>
void CheckOptions(const T& init, size_t first_size, const std::function<bitnet_status_t(const T*)>& call) {
  BN_OK(call(nullptr));
  BN_OK(call(&init));

  T zeros;
  std::memset(&zeros, 0, sizeof zeros);
  zeros.struct_size = sizeof zeros;
  BN_OK(call(&zeros));  // what a host without the macro does

  T bad = init;
  for (const uint32_t size : {0u, 1u, 4u, static_cast<uint32_t>(first_size - 1), 4097u, 0xFFFFFFFFu}) {
    INFO("struct_size " << size);
    bad.struct_size = size;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, call(&bad));
  }
  auto newer = MakeNewer(init);
  BN_OK(call(&newer.known));
  for (const size_t at : {size_t{0}, sizeof newer.more - 1}) {
    newer.more[at] = 1;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, call(&newer.known));
    newer.more[at] = 0;
  }
}

// `call` fills a T*.
template <typename T>
void CheckResult(const T& init, size_t first_size, const std::function<bitnet_status_t(T*)>& call) {
  T out = init;
  BN_OK(call(&out));
  CHECK(out.struct_size == sizeof(T));
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, call(nullptr));
  for (const uint32_t size : {0u, 4u, static_cast<uint32_t>(first_size - 1), 4097u, 0xFFFFFFFFu}) {
    INFO("struct_size " << size);
    T bad = init;
    bad.struct_size = size;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, call(&bad));
    T untouched = init;
    untouched.struct_size = size;
    CHECK(std::memcmp(&bad, &untouched, sizeof bad) == 0);
  }
  // A newer header's struct: its known part is filled, the rest stays as the host left it.
  auto newer = MakeNewer(init);
  std::memset(newer.more, 0xA5, sizeof newer.more);
  BN_OK(call(&newer.known));
  CHECK(newer.known.struct_size == sizeof newer);
  for (const unsigned char byte : newer.more) CHECK(byte == 0xA5);
}

// Bytes up to the end of the last field of the first version.
#define BN_FIRST_SIZE(type, last) (offsetof(type, last) + sizeof(type::last))

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_STRUCT_CHECKS_H_
