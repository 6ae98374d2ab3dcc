# Cross build for 64-bit Arm: Debian's compiler, libraries from BITNET_SYSROOT (scripts/aarch64.sh fills it), tests
# under qemu. "-cpu max" has the dot-product instructions, so the tests see every table that this build has.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(BITNET_SYSROOT "" CACHE PATH "Folder with the arm64 libraries, laid out as under /")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BITNET_SYSROOT)
list(APPEND CMAKE_FIND_ROOT_PATH ${BITNET_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${BITNET_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
    ${BITNET_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${BITNET_SYSROOT}/usr/share/pkgconfig)

# Debian keeps headers that differ between architectures (OpenSSL's configuration) in a folder of their own.
set(CMAKE_C_FLAGS_INIT "-isystem ${BITNET_SYSROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_CXX_FLAGS_INIT "-isystem ${BITNET_SYSROOT}/usr/include/aarch64-linux-gnu")
# Libraries that the libraries need (libcrypto's zlib, for one) are found at link time, not named.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${BITNET_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-rpath-link,${BITNET_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(CMAKE_CROSSCOMPILING_EMULATOR
    "qemu-aarch64-static;-cpu;max;-L;/usr/aarch64-linux-gnu;-E;LD_LIBRARY_PATH=${BITNET_SYSROOT}/usr/lib/aarch64-linux-gnu")
