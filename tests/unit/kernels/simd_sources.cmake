# Tests of src/kernels/simd; included by CMakeLists.txt beside this file.
set(HORNET_SIMD_TEST_SOURCES
  simd_attention_test.cpp simd_conv_lstm_test.cpp simd_direct_convolution_test.cpp simd_elementwise_test.cpp
  simd_gemm_test.cpp simd_normalization_test.cpp simd_pair_test.cpp simd_pooling_test.cpp simd_recurrent_test.cpp
  simd_resize_test.cpp simd_scaled_weights_test.cpp simd_winograd_test.cpp)
