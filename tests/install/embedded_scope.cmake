# cmake -D ROOT=... -D SCRATCH=... -D GENERATOR=... -D CC=... -D CXX=... -P embedded_scope.cmake
# A project that has this one as a part keeps its own defaults: only configured, nothing is built.
cmake_policy(VERSION 3.25)

file(REMOVE_RECURSE ${SCRATCH})
file(WRITE ${SCRATCH}/own.c "int own(void) { return 0; }\n")
file(WRITE ${SCRATCH}/CMakeLists.txt "
cmake_minimum_required(VERSION 3.25)
project(host LANGUAGES C CXX)
add_subdirectory(${ROOT} bitnet EXCLUDE_FROM_ALL)
add_library(own own.c)
get_target_property(own own TYPE)
get_target_property(bitnet bitnet TYPE)
foreach(variable BUILD_SHARED_LIBS CMAKE_BUILD_TYPE BUILD_TESTING)
  message(STATUS \"result \${variable}='\${\${variable}}'\")
endforeach()
message(STATUS \"result own=\${own} bitnet=\${bitnet}\")
")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SCRATCH} -B ${SCRATCH}/build -G ${GENERATOR} -DCMAKE_C_COMPILER=${CC}
                        -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
foreach(expected "BUILD_SHARED_LIBS=''" "CMAKE_BUILD_TYPE=''" "BUILD_TESTING=''" "own=STATIC_LIBRARY bitnet=SHARED_LIBRARY")
  if(NOT result EQUAL 0 OR NOT output MATCHES "result ${expected}\n")
    message(FATAL_ERROR "expected ${expected} (${result}):\n${output}")
  endif()
endforeach()

# The library is optimised all the same, what is not its own is not.
file(READ ${SCRATCH}/build/compile_commands.json commands)
string(REGEX MATCH "[^\n]*session\\.cc" library "${commands}")
string(REGEX MATCH "[^\n]*own\\.c\"" own "${commands}")
if(NOT library MATCHES " -O3 " OR own MATCHES " -O")
  message(FATAL_ERROR "options of the library: ${library}\nof the host: ${own}")
endif()
