# Every option of the build, with its help text.
option(BUILD_SHARED_LIBS "Build libbitnet as a shared library" ON)
option(BITNET_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(BITNET_BUILD_EXAMPLES "Build the tool and the example programs" ${PROJECT_IS_TOP_LEVEL})
option(BITNET_BUILD_BENCH "Build the benchmark programs (need Google Benchmark)" OFF)
option(BITNET_INSTALL "Make the install and package targets" ${PROJECT_IS_TOP_LEVEL})
option(BITNET_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" OFF)
option(BITNET_LIBFUZZER "Link the fuzz targets with libFuzzer (clang)" OFF)
option(BITNET_CUDA "Build the CUDA kernels too (needs nvcc)" OFF)
set(BITNET_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
