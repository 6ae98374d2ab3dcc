# cmake -D PROBE=libbitnet_abi_probe.so -D ROOT=<source tree> [-D RECORD=ON] -P check_abi.cmake
# Compares the types of all public functions with the recorded ones by abidiff (abigail-tools). Additions pass, a change
# or a removal fails. RECORD=ON writes the record, which is part of a release.
cmake_policy(VERSION 3.25)
set(record ${ROOT}/capi/abi/libbitnet-0.1.abi)
find_program(abidw abidw)
find_program(abidiff abidiff)
if(NOT abidw OR NOT abidiff)
  message("skipped: abigail-tools")
  return()
endif()

if(RECORD)
  execute_process(COMMAND ${abidw} --no-comp-dir-path --no-corpus-path --no-show-locs --no-elf-needed --no-architecture
                          --type-id-style hash --out-file ${record} ${PROBE}
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND ${abidiff} --no-added-syms --no-architecture ${record} ${PROBE}
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the ABI changed (${result}). A struct that grew at its end, as it may: record again with "
                      "-D RECORD=ON.\n${output}${errors}")
endif()
file(STRINGS ${record} functions REGEX "<var-decl name='abi_bitnet_")
list(LENGTH functions n)
if(n LESS 50)
  message(FATAL_ERROR "the record has ${n} functions only")
endif()
message(STATUS "${n} functions")
