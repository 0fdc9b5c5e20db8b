// Every layer class of Keras that Hornet supports: one line each.
#pragma once

// X(class name in Keras 3, function, mask rule, what it lowers to, options that are refused)
#define HORNET_LAYERS(X)                                                                  \
  X(Activation, activation, kPass, "unary, softmax", "")                                  \
  X(Add, merge_add, kCustom, "binary", "")                                                \
  X(AlphaDropout, identity, kPass, "nothing", "")                                         \
  X(Average, merge_average, kCustom, "binary", "")                                        \
  X(AveragePooling1D, average_pooling, kDrop, "pool", "")                                 \
  X(AveragePooling2D, average_pooling, kDrop, "pool", "")                                 \
  X(AveragePooling3D, average_pooling, kDrop, "pool", "")                                 \
  X(BatchNormalization, batch_normalization, kPass, "binary, folded where possible", "")  \
  X(Bidirectional, bidirectional, kCustom, "lstm, gru, simple_rnn", "")                   \
  X(Concatenate, merge_concatenate, kCustom, "concat", "")                                \
  X(Conv1D, conv, kDrop, "conv", "")                                                      \
  X(Conv1DTranspose, conv_transpose, kDrop, "conv_transpose", "")                         \
  X(Conv2D, conv, kDrop, "conv", "")                                                      \
  X(Conv2DTranspose, conv_transpose, kDrop, "conv_transpose", "")                         \
  X(Conv3D, conv, kDrop, "conv", "")                                                      \
  X(Conv3DTranspose, conv_transpose, kDrop, "conv_transpose", "")                         \
  X(Cropping1D, cropping, kDrop, "pad", "")                                               \
  X(Cropping2D, cropping, kDrop, "pad", "")                                               \
  X(Cropping3D, cropping, kDrop, "pad", "")                                               \
  X(Dense, dense, kPass, "contraction", "")                                               \
  X(DepthwiseConv1D, depthwise_conv, kDrop, "conv", "")                                   \
  X(DepthwiseConv2D, depthwise_conv, kDrop, "conv", "")                                   \
  X(Dropout, identity, kPass, "nothing", "")                                              \
  X(ELU, elu, kPass, "unary", "")                                                         \
  X(Embedding, embedding, kCustom, "gather", "")                                          \
  X(Flatten, flatten, kDrop, "reshape", "")                                               \
  X(GRU, recurrent, kCustom, "contraction, gru", "activations over an axis")              \
  X(GaussianDropout, identity, kPass, "nothing", "")                                      \
  X(GaussianNoise, identity, kPass, "nothing", "")                                        \
  X(GlobalAveragePooling1D, global_average_pooling, kDrop, "reduce", "")                  \
  X(GlobalAveragePooling2D, global_average_pooling, kDrop, "reduce", "")                  \
  X(GlobalAveragePooling3D, global_average_pooling, kDrop, "reduce", "")                  \
  X(GlobalMaxPooling1D, global_max_pooling, kDrop, "reduce", "")                          \
  X(GlobalMaxPooling2D, global_max_pooling, kDrop, "reduce", "")                          \
  X(GlobalMaxPooling3D, global_max_pooling, kDrop, "reduce", "")                          \
  X(Identity, identity, kPass, "nothing", "")                                             \
  X(LSTM, recurrent, kCustom, "contraction, lstm", "activations over an axis")            \
  X(LayerNormalization, layer_normalization, kPass, "layer_norm", "")                     \
  X(LeakyReLU, leaky_relu, kPass, "unary", "")                                            \
  X(Masking, masking, kCustom, "binary, reduce", "")                                      \
  X(MaxPooling1D, max_pooling, kDrop, "pool", "")                                         \
  X(MaxPooling2D, max_pooling, kDrop, "pool", "")                                         \
  X(MaxPooling3D, max_pooling, kDrop, "pool", "")                                         \
  X(Maximum, merge_maximum, kCustom, "binary", "")                                        \
  X(Minimum, merge_minimum, kCustom, "binary", "")                                        \
  X(MultiHeadAttention, multi_head_attention, kCustom, "contraction, attention", "")      \
  X(Multiply, merge_multiply, kCustom, "binary", "")                                      \
  X(Normalization, normalization, kDrop, "binary", "")                                    \
  X(PReLU, prelu, kPass, "binary", "")                                                    \
  X(Permute, permute, kDrop, "transpose", "")                                             \
  X(ReLU, relu, kPass, "unary", "")                                                       \
  X(RepeatVector, repeat_vector, kDrop, "broadcast_to", "")                               \
  X(Rescaling, rescaling, kDrop, "binary", "")                                            \
  X(Reshape, reshape, kDrop, "reshape", "")                                               \
  X(SeparableConv1D, separable_conv, kDrop, "conv", "")                                   \
  X(SeparableConv2D, separable_conv, kDrop, "conv", "")                                   \
  X(SimpleRNN, recurrent, kCustom, "contraction, simple_rnn", "activations over an axis") \
  X(Softmax, softmax, kPass, "softmax", "")                                               \
  X(SpatialDropout1D, identity, kPass, "nothing", "")                                     \
  X(SpatialDropout2D, identity, kPass, "nothing", "")                                     \
  X(SpatialDropout3D, identity, kPass, "nothing", "")                                     \
  X(Subtract, merge_subtract, kCustom, "binary", "")                                      \
  X(ZeroPadding1D, zero_padding, kDrop, "pad, fused into a convolution behind it", "")    \
  X(ZeroPadding2D, zero_padding, kDrop, "pad, fused into a convolution behind it", "")    \
  X(ZeroPadding3D, zero_padding, kDrop, "pad, fused into a convolution behind it", "")
