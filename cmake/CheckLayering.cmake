# cmake -D ROOT=<source tree> -P CheckLayering.cmake
# Fails, naming file and line of text, where the tree breaks a rule of docs/architecture.md, section 3: who may include
# whom, which third-party header lives where, and that the library neither prints, exits, throws nor reads the
# environment. Comments and string literals are not looked at.
cmake_policy(VERSION 3.25)

# Project headers that a folder may include, as prefixes of the path in quotes. The longest matching folder decides.
set(rules
  "src/kernels:kernels/"
  "src/core/base:core/base/"
  "src/core/format:core/format/ core/base/"
  "src/core/tokenizer:core/tokenizer/ core/format/ core/base/"
  "src/core/model:core/model/ core/tokenizer/ core/format/ core/base/ kernels/"
  "src/core/convert:core/convert/ core/model/ core/tokenizer/ core/format/ core/base/ kernels/"
  "src/core/graph:core/graph/ core/model/ core/base/ kernels/"
  "src/core/runtime:core/runtime/ core/graph/ core/model/ core/tokenizer/ core/base/ kernels/"
  "src/policy:policy/ core/model/ core/base/ core/format/limits.h"
  "src/receipts:receipts/ core/base/ core/format/limits.h"
  "capi:capi/ core/ kernels/ policy/ receipts/"
  "include:none"
  "examples:examples/"
  "tests/cpp:tests/ support/"
  "tests/capi:tests/ support/")

# Third-party (and, last, public) headers and the only places that may include them.
set(quarantine
  "hwy/:src/kernels/cpu/ src/kernels/registry.cc tests/unit/kernels/ tests/bench/"
  "cuda:src/kernels/cuda/"
  "simdjson:src/core/base/json_reader.cc"
  "yaml-cpp/:src/policy/yaml_reader.cc"
  "pcre2:src/core/tokenizer/"
  "openssl/:src/core/base/sha256.cc"
  "CLI/:examples/"
  "curl/:examples/"
  "catch2/:tests/support/"
  "benchmark/:tests/bench/"
  "bitnet/:capi/ include/ examples/ tests/")

# Angle-bracket headers of src and capi that come from no third party: C, POSIX and compiler headers.
set(system_headers assert.h errno.h fcntl.h float.h limits.h math.h pthread.h sched.h signal.h stddef.h stdint.h stdlib.h
    string.h unistd.h cpuid.h immintrin.h xmmintrin.h arm_neon.h sys/auxv.h sys/mman.h sys/prctl.h sys/resource.h sys/stat.h
    sys/syscall.h sys/types.h asm/hwcap.h linux/futex.h)

# Calls that the library never makes; snprintf into a buffer is none of them.
set(forbidden_calls printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc perror abort exit _exit _Exit
    quick_exit terminate getenv secure_getenv setenv putenv system assert)
set(forbidden_names "std::(cout|cerr|clog|exit|abort|terminate|getenv)" "throw" "(stdout|stderr|environ)")

set(violations "")
set(n_files 0)
macro(violation text)
  string(APPEND violations "  ${file}: ${text}\n")
endmacro()

file(GLOB_RECURSE files RELATIVE ${ROOT} LIST_DIRECTORIES false
     ${ROOT}/src/* ${ROOT}/capi/* ${ROOT}/include/* ${ROOT}/examples/* ${ROOT}/tests/*)
list(FILTER files INCLUDE REGEX "\\.(h|hpp|c|cc|cpp|cu|cuh)$")
foreach(file IN LISTS files)
  math(EXPR n_files "${n_files} + 1")
  file(READ ${ROOT}/${file} text)
  # Characters that mean something to CMake's lists, and to the patterns below, mean nothing to the rules.
  string(REGEX REPLACE "[;\\\\]" " " text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(PREPEND text "\n")

  set(allowed "any")
  set(longest 0)
  foreach(rule IN LISTS rules)
    string(REGEX MATCH "^([^:]*):(.*)$" _ "${rule}")
    string(LENGTH "${CMAKE_MATCH_1}" length)
    string(FIND "${file}" "${CMAKE_MATCH_1}/" at)
    if(at EQUAL 0 AND length GREATER longest)
      set(longest ${length})
      string(REPLACE " " ";" allowed "${CMAKE_MATCH_2}")
    endif()
  endforeach()

  string(REGEX MATCHALL "\n[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]*[>\"]" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX MATCH "([<\"])([^>\"]*)" _ "${include}")
    set(quoted FALSE)
    if(CMAKE_MATCH_1 STREQUAL "\"")
      set(quoted TRUE)
    endif()
    set(header "${CMAKE_MATCH_2}")

    set(known FALSE)
    foreach(rule IN LISTS quarantine)
      string(REGEX MATCH "^([^:]*):(.*)$" _ "${rule}")
      string(REPLACE " " ";" places "${CMAKE_MATCH_2}")
      string(FIND "${header}" "${CMAKE_MATCH_1}" at)
      if(at EQUAL 0)
        set(known TRUE)
        set(in_place FALSE)
        foreach(place IN LISTS places)
          string(FIND "${file}" "${place}" at)
          if(at EQUAL 0)
            set(in_place TRUE)
          endif()
        endforeach()
        if(NOT in_place)
          violation("may not include <${header}>: its place is ${CMAKE_MATCH_2}")
        endif()
      endif()
    endforeach()

    if(quoted AND NOT known AND NOT allowed STREQUAL "any")
      set(ok FALSE)
      foreach(prefix IN LISTS allowed)
        string(FIND "${header}" "${prefix}" at)
        # A header without a folder is a neighbour, the usual form outside src.
        if(at EQUAL 0 OR (NOT header MATCHES "/" AND NOT file MATCHES "^(src|include)/"))
          set(ok TRUE)
        endif()
      endforeach()
      if(NOT ok)
        violation("may not include \"${header}\": its layer sees ${allowed}")
      endif()
    elseif(NOT quoted AND NOT known AND file MATCHES "^(src|capi|include)/" AND header MATCHES "[./]")
      if(NOT header IN_LIST system_headers)
        violation("includes <${header}>, which is on no list of CheckLayering.cmake")
      endif()
    endif()
    if(file MATCHES "^(src|capi)/" AND header MATCHES "^(iostream|ostream|istream|fstream|print|stdio.h)$")
      violation("includes <${header}>: the library does not print")
    endif()
  endforeach()

  if(file MATCHES "^(src|capi)/")
    string(REGEX REPLACE "\"[^\"\n]*\"" "\"\"" code "${text}")
    string(REGEX REPLACE "//[^\n]*" "" code "${code}")
    string(REGEX REPLACE "/[*]([^*]|[*]+[^*/])*[*]+/" "" code "${code}")
    foreach(name IN LISTS forbidden_calls)
      if(code MATCHES "[^A-Za-z0-9_]${name}[ ]*[(]")
        violation("calls ${name}()")
      endif()
    endforeach()
    foreach(name IN LISTS forbidden_names)
      if(code MATCHES "[^A-Za-z0-9_](${name})[^A-Za-z0-9_]")
        violation("uses ${CMAKE_MATCH_1}")
      endif()
    endforeach()
  endif()
endforeach()

if(n_files EQUAL 0)
  message(FATAL_ERROR "no source file found under ${ROOT}")
endif()
if(violations)
  message(FATAL_ERROR "layering, of ${n_files} files:\n${violations}")
endif()
message(STATUS "layering: ${n_files} files keep the rules")
