# CUDA: the language, the GPUs to compile for, and the flags that keep the arithmetic canonical (docs/numerics.md).
if(BITNET_SANITIZE)
  message(FATAL_ERROR "BITNET_CUDA and BITNET_SANITIZE exclude each other: sanitizers watch the emulated grid instead")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100)  # 100: and PTX, which later ones compile when they start
endif()
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(BITNET_NVCC nvcc PATHS /usr/local/cuda/bin)
  if(NOT BITNET_NVCC)
    message(FATAL_ERROR "BITNET_CUDA: no nvcc in PATH or /usr/local/cuda/bin; give -DCMAKE_CUDA_COMPILER=/path/to/nvcc")
  endif()
  set(CMAKE_CUDA_COMPILER ${BITNET_NVCC})
endif()
enable_language(CUDA)

# The CUDA runtime (NVIDIA's licence), linked statically: a machine without a driver starts the library as any other.
# Used by src/kernels/cuda/device.cu.
find_package(CUDAToolkit REQUIRED)
add_library(bitnet_dep::cuda ALIAS CUDA::cudart_static)

# No contraction, no flushing of denormals, division and square root correctly rounded.
set(BITNET_CUDA_FLAGS --fmad=false --ftz=false --prec-div=true --prec-sqrt=true)
