# What is installed, in two components: runtime (library, tool, manual) and dev (headers, CMake package, bitnet.pc);
# and the packages made of it. The tool installs itself (examples/bitnet).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bitnet)

# Soname libbitnet.so.0 until 1.0; then the major version.
set_target_properties(bitnet PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
set_target_properties(bitnet_cpp PROPERTIES EXPORT_NAME cpp)
set_target_properties(bitnet_tiny PROPERTIES EXPORT_NAME tiny)
install(TARGETS bitnet bitnet_cpp bitnet_tiny EXPORT bitnetTargets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET bitnet_tool)
  set_target_properties(bitnet_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/bitnet ${PROJECT_BINARY_DIR}/include/bitnet
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/src/receipts/receipt.schema.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bitnet COMPONENT runtime)

# CMake package. Before 1.0 a minor version may change the interface.
install(EXPORT bitnetTargets NAMESPACE bitnet:: DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(cmake/bitnetConfig.cmake.in ${PROJECT_BINARY_DIR}/bitnetConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bitnetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bitnetConfig.cmake ${PROJECT_BINARY_DIR}/bitnetConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT dev)

# pkg-config; relocatable, as the CMake package is. A static library needs its dependencies in every link; the shared one
# brings them along, and whoever links it need not have their headers.
file(RELATIVE_PATH BITNET_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" BITNET_PC_PREFIX "${BITNET_PC_PREFIX}")
if(NOT BUILD_SHARED_LIBS)
  set(BITNET_PC_REQUIRES "Requires: libhwy simdjson libcrypto yaml-cpp\n")
  set(BITNET_PC_LIBS_STATIC " -lstdc++ -lm -pthread")
  if(BITNET_CUDA)
    string(APPEND BITNET_PC_LIBS_STATIC " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -ldl -lrt")
  endif()
endif()
configure_file(cmake/bitnet.pc.in ${PROJECT_BINARY_DIR}/bitnet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bitnet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# Packages: one .tar.gz with everything, and the .deb pair bitnet and libbitnet-dev.
set(CPACK_PACKAGE_NAME bitnet)
set(CPACK_PACKAGE_VENDOR "libbitnet")
set(CPACK_PACKAGE_CONTACT "libbitnet developers <libbitnet@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME bitnet)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libbitnet-dev)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_DEV_DEPENDS runtime)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6, libstdc++6, libhwy1, libsimdjson14, libssl3, libyaml-cpp0.7")
if(NOT BUILD_SHARED_LIBS)
  set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libhwy-dev, libsimdjson-dev, libssl-dev, libyaml-cpp-dev")
endif()
if(PROJECT_IS_TOP_LEVEL)
  include(CPack)
endif()
