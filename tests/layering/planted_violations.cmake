# cmake -D CHECK=<CheckLayering.cmake> -D SCRATCH=<folder> -P planted_violations.cmake
# Plants one violation at a time in an otherwise clean tree and expects the check to name it.
cmake_policy(VERSION 3.25)

function(check_tree out_result out_text)
  execute_process(COMMAND ${CMAKE_COMMAND} -D ROOT=${SCRATCH} -P ${CHECK}
                  RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake wraps long messages
  set(${out_result} ${result} PARENT_SCOPE)
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

function(expect_found file line expected)
  file(WRITE ${SCRATCH}/${file} "${line}\n")
  check_tree(result text)
  file(REMOVE ${SCRATCH}/${file})
  if(result EQUAL 0)
    message(FATAL_ERROR "not found: ${file}: ${line}")
  endif()
  string(FIND "${text}" "${file}: ${expected}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "found, but not named '${file}: ${expected}': ${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
file(WRITE ${SCRATCH}/src/core/base/clean.cc
     "#include \"core/base/clean.h\"\n#include <vector>\n#include <sys/mman.h>\n"
     "// throw, abort() and std::cout in a comment, \n/* printf(1) in\n another */\n"
     "const char* kText = \"exit(1) in a literal\";  int n = snprintf(buf, 1, \"x\");\n")
file(WRITE ${SCRATCH}/capi/clean.cc "#include <bitnet/bitnet.h>\n#include \"core/runtime/engine.h\"\n")
check_tree(result text)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "a clean tree does not pass: ${text}")
endif()

expect_found(src/kernels/x.cc "#include \"core/base/status.h\"" "may not include \"core/base/status.h\"")
expect_found(src/core/base/x.h "#include \"core/format/gguf.h\"" "may not include \"core/format/gguf.h\"")
expect_found(src/core/graph/x.cc "#include \"core/format/gguf.h\"" "may not include \"core/format/gguf.h\"")
expect_found(src/policy/x.cc "#include \"receipts/record.h\"" "may not include \"receipts/record.h\"")
expect_found(src/receipts/x.cc "#include \"core/runtime/facts.h\"" "may not include \"core/runtime/facts.h\"")
expect_found(src/core/runtime/x.cc "#include \"policy/policy.h\"" "may not include \"policy/policy.h\"")
expect_found(src/core/runtime/x.cc "#include <bitnet/bitnet.h>" "may not include <bitnet/bitnet.h>")
expect_found(examples/bitnet/x.cc "#include \"core/base/status.h\"" "may not include \"core/base/status.h\"")
expect_found(tests/cpp/x.cc "#include \"core/base/status.h\"" "may not include \"core/base/status.h\"")
expect_found(src/kernels/ref/x.cc "#include <hwy/highway.h>" "may not include <hwy/highway.h>")
expect_found(src/core/base/x.cc "#  include <simdjson.h>" "may not include <simdjson.h>")
expect_found(src/policy/x.cc "#include \"yaml-cpp/yaml.h\"" "may not include <yaml-cpp/yaml.h>")
expect_found(src/core/base/x.cc "#include <openssl/evp.h>" "may not include <openssl/evp.h>")
expect_found(capi/x.cc "#include <CLI/CLI.hpp>" "may not include <CLI/CLI.hpp>")
expect_found(src/core/base/x.cc "#include <boost/any.hpp>" "includes <boost/any.hpp>, which is on no list")
expect_found(src/core/base/x.cc "#include <iostream>" "includes <iostream>")
expect_found(src/core/base/x.cc "void f() { std::printf(\"x\"); }" "calls printf()")
expect_found(src/core/base/x.cc "void f() { abort (); }" "calls abort()")
expect_found(capi/x.cc "int f() { return getenv(\"A\") != 0; }" "calls getenv()")
expect_found(src/core/base/x.cc "void f() { std::cerr << 1; }" "uses std::cerr")
expect_found(src/core/base/x.cc "void f() { throw 1; }" "uses throw")
