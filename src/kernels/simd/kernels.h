// Hornet's own vector kernels, for the table of kernels/registry.cpp. Each computes an output row
// with operations whose order depends on the shape of one row alone, so that its bits are the same
// in any batch. The instruction set (AVX-512, AVX2, SSE4, plain) is chosen when a kernel is made.
#pragma once

#include "kernels/kernel.h"

namespace hornet::kernels {

KernelOffer simd_contraction(const KernelRequest& request);     // contraction
KernelOffer simd_conv_1x1(const KernelRequest& request);        // conv
KernelOffer simd_depthwise_conv(const KernelRequest& request);  // conv
KernelOffer simd_conv_winograd(const KernelRequest& request);   // conv
KernelOffer simd_conv_direct(const KernelRequest& request);     // conv
KernelOffer simd_conv_transpose(const KernelRequest& request);  // conv_transpose
KernelOffer simd_max_pool(const KernelRequest& request);        // pool
KernelOffer simd_unary(const KernelRequest& request);           // unary
KernelOffer simd_binary(const KernelRequest& request);          // binary
KernelOffer simd_lstm(const KernelRequest& request);            // lstm
KernelOffer simd_gru(const KernelRequest& request);             // gru
KernelOffer simd_simple_rnn(const KernelRequest& request);      // simple_rnn
KernelOffer simd_conv_lstm(const KernelRequest& request);       // conv_lstm
KernelOffer simd_layer_norm(const KernelRequest& request);      // layer_norm
KernelOffer simd_softmax(const KernelRequest& request);         // softmax
KernelOffer simd_reduce(const KernelRequest& request);          // reduce
KernelOffer simd_resize_image(const KernelRequest& request);    // resize_image
KernelOffer simd_attention(const KernelRequest& request);       // attention

}  // namespace hornet::kernels
