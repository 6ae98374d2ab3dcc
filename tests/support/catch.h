// Catch2, Debian's 2.13 or 3.x, and how a test says that it cannot run here.
#ifndef BITNET_TESTS_SUPPORT_CATCH_H_
#define BITNET_TESTS_SUPPORT_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

namespace bitnet_test {

// What the test program exits with; ctest counts 77 as skipped.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitSkipped = 77;

// Says what was missing; from then on the program, unless something fails, exits with kExitSkipped.
void NoteSkipped(const std::string& missing);
bool AnySkipped();

}  // namespace bitnet_test

// Leaves a test case that lacks something on this machine, for example BN_SKIP("no CPU with AVX-512").
#define BN_SKIP(missing)                 \
  do {                                   \
    bitnet_test::NoteSkipped((missing)); \
    SUCCEED("skipped");                  \
    return;                              \
  } while (false)

#endif  // BITNET_TESTS_SUPPORT_CATCH_H_
