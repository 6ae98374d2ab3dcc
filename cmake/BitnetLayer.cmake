# bitnet_compile_options(TARGET): what every target of ours is compiled with.
# No -march: code for a CPU is chosen at run time. No contraction: a fused multiply-add is asked for by name.
function(bitnet_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
                        CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  set(options -ffp-contract=off -Wall -Wextra -Wpedantic $<$<BOOL:${BITNET_WARNINGS_AS_ERRORS}>:-Werror>)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C,CXX>:${options}>")
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)  # false alarms in std::string (GCC bug 105651)
  endif()
  if(BITNET_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${BITNET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${BITNET_SANITIZE})
  endif()
  if(BITNET_LIBFUZZER)  # the fuzzer sees which branches an input takes
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Heavy headers of the tests and the tool are precompiled: Catch2's is half of what most tests cost. Not with ccache, which
# would have to be told to overlook parts of what it compares, and saves more.
set(BITNET_CAN_PRECOMPILE ON)
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES ccache)
  set(BITNET_CAN_PRECOMPILE OFF)
endif()

# bitnet_compile_together(TARGET): the files of a library or a test program, sixteen at a time, are compiled as one: most of
# what a file above the kernels costs is the standard library. Names in unnamed namespaces are therefore unique in a folder.
# Not the kernels, which Highway compiles once for each kind of processor.
function(bitnet_compile_together target)
  if(NOT target MATCHES "kernels|gpu|graph|capi")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
  endif()
endfunction()

# bitnet_upper_options(TARGET): of the layers above the kernels. Clang looks for constants without use in files that are
# compiled by themselves alone, so GCC does.
function(bitnet_upper_options target)
  target_compile_options(${target} PRIVATE ${BITNET_UPPER_OPTIONS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -Wunused-const-variable=1)
  endif()
endfunction()

# bitnet_add_layer(NAME SOURCES ... DEPENDS layers ... PRIVATE_DEPENDS third-party ...)
# One folder of src as a static library bitnet_NAME; include paths start at src.
function(bitnet_add_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(bitnet_${name} STATIC ${ARG_SOURCES})
  bitnet_compile_options(bitnet_${name})
  target_include_directories(bitnet_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  if(BITNET_UNITY STREQUAL ALL)
    bitnet_compile_together(bitnet_${name})
  endif()
  if(NOT name MATCHES "kernels|gpu")
    bitnet_upper_options(bitnet_${name})
  endif()
  list(TRANSFORM ARG_DEPENDS PREPEND bitnet_)
  target_link_libraries(bitnet_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
  set_property(GLOBAL APPEND PROPERTY BITNET_LAYERS bitnet_${name})
  set_property(GLOBAL APPEND PROPERTY BITNET_THIRD_PARTY ${ARG_PRIVATE_DEPENDS})
endfunction()

# bitnet_embed_layers(TARGET): puts the objects of every layer into the public library, which as an archive then needs
# none of ours beside it, and links what third parties they use.
function(bitnet_embed_layers target)
  get_property(layers GLOBAL PROPERTY BITNET_LAYERS)
  get_property(third_party GLOBAL PROPERTY BITNET_THIRD_PARTY)
  list(REMOVE_DUPLICATES third_party)
  foreach(layer IN LISTS layers)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${layer}>)
  endforeach()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE ${third_party})
endfunction()

# bitnet_compile_quickly(TARGET): what is tested is optimised; the checks themselves are not worth the build's time. Of a
# file that computes much of its own, bitnet_optimise(FILES ...) says so.
function(bitnet_compile_quickly target)
  target_compile_options(${target} PRIVATE "$<$<NOT:$<CONFIG:Debug>>:-O0;-U_FORTIFY_SOURCE>")  # which warns without optimisation
endfunction()
function(bitnet_optimise)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O2 SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# bitnet_add_test(NAME LABEL label SOURCES ... LINK ...): one Catch2 program, each case a ctest. The program exits
# with 77 where something was missing (tests/support/catch.h), which ctest counts as skipped.
function(bitnet_add_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LINK;PROPERTIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  bitnet_compile_options(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} bitnet_test_main)
  bitnet_compile_quickly(${name})
  if(BITNET_UNITY MATCHES "ALL|TESTS")
    bitnet_compile_together(${name})
  endif()
  if(BITNET_CAN_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM bitnet_test_main)
  endif()
  set(timeout_s 300)
  if(CMAKE_CROSSCOMPILING)  # emulated
    set(timeout_s 1500)
  endif()
  include(Catch)
  catch_discover_tests(${name} TEST_PREFIX "${name}: " 
                       PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${timeout_s} SKIP_RETURN_CODE 77 ${ARG_PROPERTIES})
endfunction()
