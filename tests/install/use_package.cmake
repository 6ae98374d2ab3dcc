# cmake -D FLAVOUR=shared|static -D BUILD=... -D CONSUMER=... -D SCRATCH=... -D CC=... -D CXX=... [-D TOOL=...]
#       -P use_package.cmake
# Installs what BUILD built into an empty prefix and has CONSUMER use it.
cmake_policy(VERSION 3.25)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}\n${errors}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix ${SCRATCH}/prefix)
file(REMOVE_RECURSE ${SCRATCH})
run("installing" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# What every way must tell.
set(stories "")
if(TOOL)
  run("the tool" ${TOOL} run --quiet --prompt "Tell me a story.")
  string(STRIP "${output}" output)
  list(APPEND stories "${output}")
endif()

run("configuring the consumer"
    ${CMAKE_COMMAND} -S ${CONSUMER} -B ${SCRATCH}/consumer -G Ninja -DCMAKE_PREFIX_PATH=${prefix}
    -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
run("building the consumer" ${CMAKE_COMMAND} --build ${SCRATCH}/consumer)
foreach(program story_c story_cpp)
  run("${program} by find_package" ${SCRATCH}/consumer/${program})
  list(APPEND stories "${output}")
endforeach()

# A project of C alone, which knows no C++ library.
file(WRITE ${SCRATCH}/c_alone/CMakeLists.txt
     "cmake_minimum_required(VERSION 3.16)\nproject(story LANGUAGES C)\nfind_package(bitnet 0.1 REQUIRED)\n"
     "add_executable(story ${CONSUMER}/story.c)\ntarget_link_libraries(story PRIVATE bitnet::bitnet bitnet::tiny)\n")
run("configuring a project of C alone"
    ${CMAKE_COMMAND} -S ${SCRATCH}/c_alone -B ${SCRATCH}/c_alone/build -G Ninja -DCMAKE_PREFIX_PATH=${prefix}
    -DCMAKE_C_COMPILER=${CC})
run("building a project of C alone" ${CMAKE_COMMAND} --build ${SCRATCH}/c_alone/build)
run("the program of C alone" ${SCRATCH}/c_alone/build/story)
list(APPEND stories "${output}")

# pkg-config finds bitnet.pc in whatever library folder this system uses.
file(GLOB_RECURSE pc ${prefix}/*/bitnet.pc)
get_filename_component(pc_dir "${pc}" DIRECTORY)
get_filename_component(lib_dir "${pc_dir}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
if(FLAVOUR STREQUAL shared)
  set(ENV{PKG_CONFIG_LIBDIR} ${pc_dir})  # on a machine without the development files of what the library itself uses
endif()
run("pkg-config" pkg-config --cflags --libs bitnet)
if(FLAVOUR STREQUAL shared AND output MATCHES "-D|-l[a-z]+ +-l")
  message(FATAL_ERROR "flags of others than libbitnet: ${output}")
endif()
separate_arguments(flags UNIX_COMMAND "${output}")
run("compiling with pkg-config's flags"
    ${CXX} -std=c++17 ${CONSUMER}/story.cpp -o ${SCRATCH}/by_pkg_config -lbitnet-tiny ${flags} -Wl,-rpath,${lib_dir})
run("the program by pkg-config" ${SCRATCH}/by_pkg_config)
list(APPEND stories "${output}")

list(GET stories 0 first)
string(LENGTH "${first}" length)
if(length LESS 40)
  message(FATAL_ERROR "no story: ${first}")
endif()
foreach(story IN LISTS stories)
  if(NOT story STREQUAL first)
    message(FATAL_ERROR "two stories:\n${first}\n${story}")
  endif()
endforeach()

# The flavour is what was asked for, and the program that moved its prefix still finds everything.
run("ldd" ldd ${SCRATCH}/consumer/story_c)
if(FLAVOUR STREQUAL shared AND NOT output MATCHES "libbitnet\\.so\\.0 => ${prefix}")
  message(FATAL_ERROR "libbitnet.so.0 of the prefix is not used:\n${output}")
elseif(FLAVOUR STREQUAL static AND output MATCHES "libbitnet")
  message(FATAL_ERROR "a static package, but:\n${output}")
endif()
file(RENAME ${prefix} ${SCRATCH}/moved)
run("configuring against the moved prefix"
    ${CMAKE_COMMAND} -S ${CONSUMER} -B ${SCRATCH}/moved-consumer -G Ninja -DCMAKE_PREFIX_PATH=${SCRATCH}/moved
    -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
run("building against the moved prefix" ${CMAKE_COMMAND} --build ${SCRATCH}/moved-consumer)
run("the program against the moved prefix" ${SCRATCH}/moved-consumer/story_c)
