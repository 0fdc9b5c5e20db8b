# Hornet's own kernels; paths from src/kernels, whose CMakeLists.txt includes this and links
# PkgConfig::HWY.
set(HORNET_SIMD_SOURCES
  simd/attention.cpp simd/binary_pair.cpp simd/broadcast.cpp simd/contraction.cpp simd/conv_lstm.cpp simd/convolution.cpp
  simd/depthwise.cpp simd/direct_convolution.cpp simd/elementwise.cpp simd/gates.cpp simd/gemm.cpp
  simd/normalization.cpp simd/pooling.cpp simd/recurrent.cpp simd/resize.cpp simd/speed.cpp
  simd/targets.cpp simd/winograd.cpp)
# A product and a sum that the compiler joins in one function and not in another would make the
# bits of a row depend on its place.
set_source_files_properties(${HORNET_SIMD_SOURCES} PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
# Functions of four vectors are written one behind the other: the compiler is to mix them.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set_property(SOURCE simd/elementwise.cpp APPEND PROPERTY
    COMPILE_OPTIONS -fschedule-insns -fsched-pressure)
endif()

set(HORNET_INSTRUCTION_SETS all CACHE STRING
    "What kernels are compiled for, of what is chosen from at run time: all, few (no SSE4), plain (nothing)")
