#Tests of src / kernels / simd; included by CMakeLists.txt beside this file.
set(HORNET_SIMD_TEST_SOURCES simd_gemm_test.cpp)
