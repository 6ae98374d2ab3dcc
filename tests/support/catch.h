// Catch2, Debian's 2.13 or 3.x.
#ifndef BITNET_TESTS_SUPPORT_CATCH_H_
#define BITNET_TESTS_SUPPORT_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // BITNET_TESTS_SUPPORT_CATCH_H_
