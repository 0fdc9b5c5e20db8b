// Every layer class of Keras that Hornet supports: one line each.
#pragma once

// X(class name in Keras 3, function, mask rule, what it lowers to, options that are refused)
// clang-format off
#define HORNET_LAYERS(X) \
  X(Activation, activation, kPass, "unary, softmax", "") \
  X(ActivityRegularization, identity, kPass, "nothing", "") \
  X(AdaptiveAveragePooling1D, adaptive_average_pooling, kDrop, "adaptive_pool", "") \
  X(AdaptiveAveragePooling2D, adaptive_average_pooling, kDrop, "adaptive_pool", "") \
  X(AdaptiveAveragePooling3D, adaptive_average_pooling, kDrop, "adaptive_pool", "") \
  X(AdaptiveMaxPooling1D, adaptive_max_pooling, kDrop, "adaptive_pool", "") \
  X(AdaptiveMaxPooling2D, adaptive_max_pooling, kDrop, "adaptive_pool", "") \
  X(AdaptiveMaxPooling3D, adaptive_max_pooling, kDrop, "adaptive_pool", "") \
  X(Add, merge_add, kCustom, "binary", "") \
  X(AdditiveAttention, additive_attention, kDrop, "binary, reduce, softmax, matmul", "") \
  X(AlphaDropout, identity, kPass, "nothing", "") \
  X(Attention, attention, kDrop, "attention, softmax, matmul", "") \
  X(AugMix, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(AutoContrast, auto_contrast, kDrop, "reduce, binary", "inputs other than images") \
  X(Average, merge_average, kCustom, "binary", "") \
  X(AveragePooling1D, average_pooling, kDrop, "pool", "") \
  X(AveragePooling2D, average_pooling, kDrop, "pool", "") \
  X(AveragePooling3D, average_pooling, kDrop, "pool", "") \
  X(BatchNormalization, batch_normalization, kDrop, "binary, folded where possible", "") \
  X(Bidirectional, bidirectional, kDrop, "lstm, gru, simple_rnn, conv_lstm", "layers that are not recurrent") \
  X(CategoryEncoding, category_encoding, kDrop, "binary, reduce", "sparse") \
  X(CenterCrop, center_crop, kDrop, "slice, resize_image", "inputs other than images, unknown sizes") \
  X(Concatenate, merge_concatenate, kCustom, "concat", "") \
  X(Conv1D, conv, kDrop, "conv", "") \
  X(Conv1DTranspose, conv_transpose, kDrop, "conv_transpose", "") \
  X(Conv2D, conv, kDrop, "conv", "") \
  X(Conv2DTranspose, conv_transpose, kDrop, "conv_transpose", "") \
  X(Conv3D, conv, kDrop, "conv", "") \
  X(Conv3DTranspose, conv_transpose, kDrop, "conv_transpose", "") \
  X(ConvLSTM1D, recurrent, kDrop, "conv, conv_lstm", "activations over an axis") \
  X(ConvLSTM2D, recurrent, kDrop, "conv, conv_lstm", "activations over an axis") \
  X(ConvLSTM3D, recurrent, kDrop, "conv, conv_lstm", "activations over an axis") \
  X(Cropping1D, cropping, kDrop, "pad", "") \
  X(Cropping2D, cropping, kDrop, "pad", "") \
  X(Cropping3D, cropping, kDrop, "pad", "") \
  X(CustomScaleLayer, custom_scale_layer, kDrop, "binary", "") \
  X(CutMix, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(Dense, dense, kPass, "contraction", "") \
  X(DepthwiseConv1D, depthwise_conv, kDrop, "conv", "") \
  X(DepthwiseConv2D, depthwise_conv, kDrop, "conv", "") \
  X(Discretization, discretization, kDrop, "binary, reduce", "sparse") \
  X(Dot, merge_dot, kDrop, "matmul", "") \
  X(Dropout, identity, kPass, "nothing", "") \
  X(ELU, elu, kPass, "unary", "") \
  X(EinsumDense, einsum_dense, kDrop, "contraction, einsum", "") \
  X(Embedding, embedding, kCustom, "gather", "") \
  X(Equalization, training_only_image_layer, kDrop, "nothing", "inputs other than images") \
  X(Flatten, flatten, kDrop, "reshape", "") \
  X(GRU, recurrent, kDrop, "contraction, gru", "") \
  X(GRUCell, recurrent_cell, kDrop, "contraction, gru", "") \
  X(GaussianDropout, identity, kPass, "nothing", "") \
  X(GaussianNoise, identity, kPass, "nothing", "") \
  X(GlobalAveragePooling1D, global_average_pooling, kDrop, "reduce", "") \
  X(GlobalAveragePooling2D, global_average_pooling, kDrop, "reduce", "") \
  X(GlobalAveragePooling3D, global_average_pooling, kDrop, "reduce", "") \
  X(GlobalMaxPooling1D, global_max_pooling, kDrop, "reduce", "") \
  X(GlobalMaxPooling2D, global_max_pooling, kDrop, "reduce", "") \
  X(GlobalMaxPooling3D, global_max_pooling, kDrop, "reduce", "") \
  X(GroupNormalization, group_normalization, kPass, "layer_norm", "") \
  X(GroupQueryAttention, group_query_attention, kCustom, "contraction, attention", "") \
  X(Hashing, hashing, kDrop, "hash_integers", "strings, sparse") \
  X(Highway, highway, kDrop, "contraction, binary", "") \
  X(Identity, identity, kPass, "nothing", "") \
  X(IntegerLookup, integer_lookup, kDrop, "lookup", "vocabularies that the file lacks, sparse") \
  X(LSTM, recurrent, kDrop, "contraction, lstm", "") \
  X(LSTMCell, recurrent_cell, kDrop, "contraction, lstm", "") \
  X(LayerNormalization, layer_normalization, kPass, "layer_norm", "") \
  X(LayerScale, layer_scale, kDrop, "binary", "") \
  X(LeakyReLU, leaky_relu, kPass, "unary", "") \
  X(LocallyConnected1D, locally_connected, kDrop, "slice, einsum", "implementations 2 and 3") \
  X(LocallyConnected2D, locally_connected, kDrop, "slice, einsum", "implementations 2 and 3") \
  X(Masking, masking, kCustom, "binary, reduce", "") \
  X(MaxNumBoundingBoxes, training_only_image_layer, kDrop, "nothing", "inputs other than images") \
  X(MaxPooling1D, max_pooling, kDrop, "pool", "") \
  X(MaxPooling2D, max_pooling, kDrop, "pool", "") \
  X(MaxPooling3D, max_pooling, kDrop, "pool", "") \
  X(Maximum, merge_maximum, kCustom, "binary", "") \
  X(MaxoutDense, maxout_dense, kDrop, "contraction, reduce", "") \
  X(MelSpectrogram, mel_spectrogram, kDrop, "conv, contraction", "") \
  X(Minimum, merge_minimum, kCustom, "binary", "") \
  X(MixUp, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(MultiHeadAttention, multi_head_attention, kCustom, "contraction, attention", "") \
  X(Multiply, merge_multiply, kCustom, "binary", "") \
  X(Normalization, normalization, kPass, "binary", "") \
  X(PReLU, prelu, kPass, "binary", "") \
  X(ParametricSoftplus, parametric_softplus, kPass, "unary, binary", "") \
  X(Permute, permute, kDrop, "transpose", "") \
  X(Pipeline, pipeline, kDrop, "nothing", "") \
  X(RMSNormalization, rms_normalization, kDrop, "layer_norm", "") \
  X(RNN, recurrent, kDrop, "contraction, lstm, gru, simple_rnn", "cells of other classes") \
  X(RandAugment, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomBrightness, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomColorDegeneration, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomColorJitter, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomContrast, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomCrop, random_crop, kDrop, "nothing; of files before Keras 3.6: resize_image", "inputs other than images, files before Keras 2.7") \
  X(RandomElasticTransform, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomErasing, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomFlip, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomGaussianBlur, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomGrayscale, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomHeight, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomHue, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomInvert, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomPerspective, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomPosterization, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomRotation, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomSaturation, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomSharpness, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomShear, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomTranslation, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomWidth, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(RandomZoom, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(ReLU, relu, kPass, "unary", "") \
  X(RepeatVector, repeat_vector, kDrop, "broadcast_to", "") \
  X(Rescaling, rescaling, kPass, "binary", "") \
  X(Reshape, reshape, kDrop, "reshape", "") \
  X(Resizing, resizing, kDrop, "resize_image", "inputs other than images") \
  X(ReversibleEmbedding, reversible_embedding, kCustom, "gather, contraction", "") \
  X(SReLU, s_relu, kPass, "binary", "") \
  X(STFTSpectrogram, stft_spectrogram, kDrop, "conv", "") \
  X(SeparableConv1D, separable_conv, kDrop, "conv", "") \
  X(SeparableConv2D, separable_conv, kDrop, "conv", "") \
  X(SimpleRNN, recurrent, kDrop, "contraction, simple_rnn", "") \
  X(SimpleRNNCell, recurrent_cell, kDrop, "contraction, simple_rnn", "") \
  X(Softmax, softmax, kDrop, "softmax", "") \
  X(Solarization, random_image_layer, kDrop, "nothing", "inputs other than images") \
  X(SpatialDropout1D, identity, kPass, "nothing", "") \
  X(SpatialDropout2D, identity, kPass, "nothing", "") \
  X(SpatialDropout3D, identity, kPass, "nothing", "") \
  X(SpectralNormalization, spectral_normalization, kDrop, "cast", "") \
  X(StackedRNNCells, recurrent_cell, kDrop, "contraction, lstm, gru, simple_rnn", "cells of other classes") \
  X(StochasticDepth, identity, kDrop, "nothing", "") \
  X(Subtract, merge_subtract, kCustom, "binary", "") \
  X(TernaryDense, ternary_dense, kPass, "contraction", "") \
  X(TimeDistributed, time_distributed, kDrop, "reshape", "") \
  X(UnitNormalization, unit_normalization, kPass, "reduce, binary", "") \
  X(UpSampling1D, up_sampling, kDrop, "broadcast_to", "") \
  X(UpSampling2D, up_sampling, kDrop, "broadcast_to, resize_image", "") \
  X(UpSampling3D, up_sampling, kDrop, "broadcast_to", "") \
  X(ZeroPadding1D, zero_padding, kDrop, "pad, fused into a convolution behind it", "") \
  X(ZeroPadding2D, zero_padding, kDrop, "pad, fused into a convolution behind it", "") \
  X(ZeroPadding3D, zero_padding, kDrop, "pad, fused into a convolution behind it", "")
// clang-format on
