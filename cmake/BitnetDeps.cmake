# Every third-party dependency, found in this one place and given one name, bitnet_dep::X.
# Each is used by one file or folder of ours (docs: CONTRIBUTING.md, "Quarantine").
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Highway (Apache-2.0): portable SIMD and per-target code in one binary. Used by src/kernels/cpu.
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
add_library(bitnet_dep::hwy ALIAS PkgConfig::HWY)

# simdjson (Apache-2.0): fast, strict JSON reader. Used by src/core/base/json_reader.cc.
find_package(simdjson REQUIRED)
add_library(bitnet_dep::json ALIAS simdjson::simdjson)

# libcrypto (Apache-2.0): SHA-256 with the CPU's instructions. Used by src/core/base/sha256.cc.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
add_library(bitnet_dep::crypto ALIAS OpenSSL::Crypto)

# yaml-cpp (MIT): YAML of correction policies. Used by src/policy/yaml_reader.cc.
find_package(yaml-cpp REQUIRED)
add_library(bitnet_dep::yaml ALIAS yaml-cpp)  # newer releases: yaml-cpp::yaml-cpp, and this name too

if(BITNET_BUILD_EXAMPLES)
  # CLI11 (BSD-3): command line of the tool. Header only; used by examples/bitnet.
  find_package(CLI11 REQUIRED)
endif()
if(BITNET_BUILD_TESTS)
  # Catch2 (BSL-1.0), 2.13 or 3.x: tests, through tests/support/catch.h.
  find_package(Catch2 REQUIRED)
endif()
if(BITNET_BUILD_BENCH)
  # Google Benchmark (Apache-2.0): tests/bench.
  find_package(benchmark REQUIRED)
endif()
