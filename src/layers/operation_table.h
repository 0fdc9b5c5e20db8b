// Every operation of keras.ops that Hornet supports: one line each. Operations carry no masks.
#pragma once

// X(class name in Keras 3, function, mask rule, what it lowers to, options that are refused)
// clang-format off
#define HORNET_OPERATIONS(X) \
  X(Abs, op_absolute, kDrop, "unary", "") \
  X(Absolute, op_absolute, kDrop, "unary", "") \
  X(AdaptiveAveragePool, op_adaptive_pool, kDrop, "adaptive_pool", "") \
  X(AdaptiveMaxPool, op_adaptive_pool, kDrop, "adaptive_pool", "") \
  X(Add, op_binary, kDrop, "binary", "") \
  X(AffineTransform, op_affine_transform, kDrop, "map_coordinates", "") \
  X(All, op_all_any, kDrop, "reduce", "") \
  X(Allclose, op_isclose, kDrop, "binary", "") \
  X(Amax, op_extreme, kDrop, "reduce", "") \
  X(Amin, op_extreme, kDrop, "reduce", "") \
  X(Angle, op_angle, kDrop, "binary", "") \
  X(Any, op_all_any, kDrop, "reduce", "") \
  X(Append, op_append, kDrop, "concat", "") \
  X(Arccos, op_unary, kDrop, "unary", "") \
  X(Arccosh, op_unary, kDrop, "unary", "") \
  X(Arcsin, op_unary, kDrop, "unary", "") \
  X(Arcsinh, op_unary, kDrop, "unary", "") \
  X(Arctan, op_unary, kDrop, "unary", "") \
  X(Arctan2, op_binary, kDrop, "binary", "") \
  X(Arctanh, op_unary, kDrop, "unary", "") \
  X(Argmax, op_arg_extreme, kDrop, "arg_reduce", "") \
  X(Argmin, op_arg_extreme, kDrop, "arg_reduce", "") \
  X(Argsort, op_sort, kDrop, "sort", "") \
  X(ArraySplit, op_split, kDrop, "slice", "") \
  X(Average, op_average, kDrop, "reduce", "") \
  X(AveragePool, op_pool, kDrop, "pool", "") \
  X(BatchNorm, op_batch_norm, kDrop, "binary, folded where possible", "") \
  X(BinaryCrossentropy, op_binary_crossentropy, kDrop, "unary, binary", "") \
  X(BitwiseAnd, op_binary, kDrop, "binary", "") \
  X(BitwiseInvert, op_bitwise_not, kDrop, "unary", "") \
  X(BitwiseLeftShift, op_binary, kDrop, "binary", "") \
  X(BitwiseNot, op_bitwise_not, kDrop, "unary", "") \
  X(BitwiseOr, op_binary, kDrop, "binary", "") \
  X(BitwiseRightShift, op_binary, kDrop, "binary", "") \
  X(BitwiseXor, op_binary, kDrop, "binary", "") \
  X(BroadcastTo, op_broadcast_to, kDrop, "broadcast_to", "") \
  X(CDist, op_cdist, kDrop, "reduce", "") \
  X(Cast, op_cast, kDrop, "cast", "") \
  X(CategoricalCrossentropy, op_categorical_crossentropy, kDrop, "softmax, reduce", "") \
  X(Cbrt, op_unary, kDrop, "unary", "") \
  X(Ceil, op_unary, kDrop, "unary", "") \
  X(Celu, op_celu, kDrop, "unary", "") \
  X(Cholesky, op_linalg, kDrop, "linalg", "") \
  X(CholeskyInverse, op_linalg, kDrop, "linalg", "") \
  X(Clip, op_clip, kDrop, "binary", "") \
  X(Concatenate, op_concatenate, kDrop, "concat", "") \
  X(Conj, op_identity, kDrop, "nothing", "") \
  X(Conjugate, op_identity, kDrop, "nothing", "") \
  X(Conv, op_conv, kDrop, "conv", "") \
  X(ConvTranspose, op_conv_transpose, kDrop, "conv_transpose", "") \
  X(ConvertToTensor, op_cast, kDrop, "cast", "") \
  X(Copy, op_identity, kDrop, "nothing", "") \
  X(Copysign, op_copysign, kDrop, "select", "") \
  X(Corrcoef, op_corrcoef, kDrop, "matmul, reduce", "") \
  X(Cos, op_unary, kDrop, "unary", "") \
  X(Cosh, op_unary, kDrop, "unary", "") \
  X(CountNonzero, op_count_nonzero, kDrop, "reduce", "") \
  X(CropImages, op_crop_images, kDrop, "slice", "") \
  X(Cross, op_cross, kDrop, "binary", "") \
  X(Cumprod, op_cumulative, kDrop, "cumulative", "") \
  X(Cumsum, op_cumulative, kDrop, "cumulative", "") \
  X(Deg2rad, op_unary, kDrop, "unary", "") \
  X(DepthToSpace, op_depth_to_space, kDrop, "transpose", "") \
  X(DepthwiseConv, op_depthwise_conv, kDrop, "conv", "") \
  X(Det, op_linalg, kDrop, "linalg", "") \
  X(Diag, op_diag, kDrop, "select, diagonal", "") \
  X(Diagflat, op_diag, kDrop, "select, diagonal", "") \
  X(Diagonal, op_diagonal, kDrop, "diagonal", "") \
  X(Diff, op_diff, kDrop, "slice, binary", "") \
  X(Digitize, op_digitize, kDrop, "reduce", "") \
  X(Divide, op_binary, kDrop, "binary", "") \
  X(DivideNoNan, op_binary, kDrop, "binary", "") \
  X(Dot, op_dot, kDrop, "contraction, einsum", "") \
  X(DotProductAttention, op_dot_product_attention, kDrop, "attention", "scale as a tensor") \
  X(Dsplit, op_split, kDrop, "slice", "") \
  X(Dstack, op_stack_along, kDrop, "concat", "") \
  X(Eigh, op_linalg, kDrop, "linalg", "") \
  X(Einsum, op_einsum, kDrop, "contraction, einsum", "") \
  X(Elu, op_elu, kDrop, "unary", "") \
  X(EmptyLike, op_full_like, kDrop, "broadcast_to", "") \
  X(Equal, op_binary, kDrop, "binary", "") \
  X(Erf, op_unary, kDrop, "unary", "") \
  X(Erfc, op_unary, kDrop, "unary", "") \
  X(Erfinv, op_unary, kDrop, "unary", "") \
  X(Exp, op_unary, kDrop, "unary", "") \
  X(Exp2, op_unary, kDrop, "unary", "") \
  X(ExpandDims, op_expand_dims, kDrop, "reshape", "") \
  X(Expm1, op_unary, kDrop, "unary", "") \
  X(ExtractPatches, op_extract_patches, kDrop, "slice, concat", "") \
  X(ExtractPatches3D, op_extract_patches, kDrop, "slice, concat", "") \
  X(ExtractSequences, op_extract_sequences, kDrop, "gather", "") \
  X(FFT, op_fft, kDrop, "fft", "") \
  X(FFT2, op_fft, kDrop, "fft", "") \
  X(Fabs, op_fabs, kDrop, "unary", "") \
  X(Flip, op_flip, kDrop, "slice", "") \
  X(Fliplr, op_flip, kDrop, "slice", "") \
  X(Flipud, op_flip, kDrop, "slice", "") \
  X(Floor, op_unary, kDrop, "unary", "") \
  X(FloorDivide, op_binary, kDrop, "binary", "") \
  X(Fmax, op_binary, kDrop, "binary", "") \
  X(Fmin, op_binary, kDrop, "binary", "") \
  X(Fmod, op_binary, kDrop, "binary", "") \
  X(Fold, op_fold, kDrop, "conv_transpose, pad", "") \
  X(FullLike, op_full_like, kDrop, "broadcast_to", "") \
  X(GaussianBlur, op_gaussian_blur, kDrop, "conv", "") \
  X(Gelu, op_gelu, kDrop, "unary", "") \
  X(Geomspace, op_space, kDrop, "binary", "") \
  X(GetItem, op_getitem, kDrop, "slice, reshape, gather", "computed masks, arrays apart from each other") \
  X(Glu, op_glu, kDrop, "slice, binary", "") \
  X(Greater, op_binary, kDrop, "binary", "") \
  X(GreaterEqual, op_binary, kDrop, "binary", "") \
  X(HSVToRGB, op_hsv_to_rgb, kDrop, "binary", "") \
  X(HardShrink, op_hard_shrink, kDrop, "unary", "") \
  X(HardSigmoid, op_hard_sigmoid, kDrop, "unary", "") \
  X(HardSilu, op_unary, kDrop, "unary", "") \
  X(HardTanh, op_unary, kDrop, "unary", "") \
  X(Heaviside, op_binary, kDrop, "binary", "") \
  X(Histogram, op_histogram, kDrop, "reduce", "") \
  X(Hsplit, op_split, kDrop, "slice", "") \
  X(Hstack, op_stack_along, kDrop, "concat", "") \
  X(Hypot, op_binary, kDrop, "binary", "") \
  X(I0, op_unary, kDrop, "unary", "") \
  X(IFFT2, op_fft, kDrop, "fft", "") \
  X(IRFFT, op_fft, kDrop, "fft", "") \
  X(ISTFT, op_istft, kDrop, "fft, conv_transpose", "") \
  X(Imag, op_imag, kDrop, "broadcast_to", "") \
  X(InTopK, op_in_top_k, kDrop, "sort, take_along", "") \
  X(Inner, op_inner, kDrop, "einsum", "") \
  X(Inv, op_linalg, kDrop, "linalg", "") \
  X(Isclose, op_isclose, kDrop, "binary", "") \
  X(Isfinite, op_unary, kDrop, "unary", "") \
  X(Isin, op_isin, kDrop, "reduce", "") \
  X(Isinf, op_unary, kDrop, "unary", "") \
  X(Isnan, op_unary, kDrop, "unary", "") \
  X(Isneginf, op_signed_infinity, kDrop, "binary", "") \
  X(Isposinf, op_signed_infinity, kDrop, "binary", "") \
  X(Isreal, op_isreal, kDrop, "broadcast_to", "") \
  X(Kron, op_kron, kDrop, "binary", "") \
  X(LayerNorm, op_layer_norm, kDrop, "layer_norm", "") \
  X(Ldexp, op_ldexp, kDrop, "unary, binary", "") \
  X(LeakyRelu, op_leaky_relu, kDrop, "unary", "") \
  X(LeftShift, op_binary, kDrop, "binary", "") \
  X(Less, op_binary, kDrop, "binary", "") \
  X(LessEqual, op_binary, kDrop, "binary", "") \
  X(Linspace, op_space, kDrop, "binary", "") \
  X(Log, op_unary, kDrop, "unary", "") \
  X(Log10, op_unary, kDrop, "unary", "") \
  X(Log1p, op_unary, kDrop, "unary", "") \
  X(Log2, op_unary, kDrop, "unary", "") \
  X(LogSigmoid, op_unary, kDrop, "unary", "") \
  X(LogSoftmax, op_softmax, kDrop, "softmax", "") \
  X(Logaddexp, op_binary, kDrop, "binary", "") \
  X(Logaddexp2, op_binary, kDrop, "binary", "") \
  X(Logdet, op_linalg, kDrop, "linalg", "") \
  X(LogicalAnd, op_binary, kDrop, "binary", "") \
  X(LogicalNot, op_logical_not, kDrop, "unary", "") \
  X(LogicalOr, op_binary, kDrop, "binary", "") \
  X(LogicalXor, op_binary, kDrop, "binary", "") \
  X(Logspace, op_space, kDrop, "binary", "") \
  X(Logsumexp, op_logsumexp, kDrop, "reduce", "") \
  X(Lstsq, op_solve, kDrop, "linalg", "") \
  X(LuFactor, op_linalg, kDrop, "linalg", "") \
  X(MapCoordinates, op_map_coordinates, kDrop, "map_coordinates", "") \
  X(Matmul, op_matmul, kDrop, "contraction, matmul", "") \
  X(Max, op_extreme, kDrop, "reduce", "") \
  X(MaxPool, op_pool, kDrop, "pool", "") \
  X(Maximum, op_binary, kDrop, "binary", "") \
  X(Mean, op_statistic, kDrop, "reduce", "") \
  X(Median, op_quantile, kDrop, "quantile", "") \
  X(Meshgrid, op_meshgrid, kDrop, "broadcast_to", "") \
  X(Min, op_extreme, kDrop, "reduce", "") \
  X(Minimum, op_binary, kDrop, "binary", "") \
  X(Mod, op_binary, kDrop, "binary", "") \
  X(Moments, op_moments, kDrop, "reduce", "") \
  X(Moveaxis, op_moveaxis, kDrop, "transpose", "") \
  X(MultiHot, op_multi_hot, kDrop, "binary, reduce", "") \
  X(Multiply, op_binary, kDrop, "binary", "") \
  X(NanToNum, op_nan_to_num, kDrop, "select", "") \
  X(Nanargmax, op_arg_extreme, kDrop, "arg_reduce", "") \
  X(Nanargmin, op_arg_extreme, kDrop, "arg_reduce", "") \
  X(Nancumprod, op_cumulative, kDrop, "cumulative", "") \
  X(Nancumsum, op_cumulative, kDrop, "cumulative", "") \
  X(Nanmax, op_extreme, kDrop, "reduce", "") \
  X(Nanmean, op_statistic, kDrop, "reduce", "") \
  X(Nanmedian, op_quantile, kDrop, "quantile", "") \
  X(Nanmin, op_extreme, kDrop, "reduce", "") \
  X(Nanpercentile, op_quantile, kDrop, "quantile", "q as a tensor") \
  X(Nanprod, op_sum, kDrop, "reduce", "") \
  X(Nanquantile, op_quantile, kDrop, "quantile", "q as a tensor") \
  X(Nanstd, op_statistic, kDrop, "reduce", "") \
  X(Nansum, op_sum, kDrop, "reduce", "") \
  X(Nanvar, op_statistic, kDrop, "reduce", "") \
  X(Ndim, op_size, kDrop, "reduce", "") \
  X(Negative, op_unary, kDrop, "unary", "") \
  X(Norm, op_norm, kDrop, "reduce, linalg", "") \
  X(Normalize, op_normalize, kDrop, "reduce", "") \
  X(NotEqual, op_binary, kDrop, "binary", "") \
  X(OneHot, op_one_hot, kDrop, "binary", "") \
  X(OnesLike, op_full_like, kDrop, "broadcast_to", "") \
  X(Outer, op_outer, kDrop, "binary", "") \
  X(PSNR, op_psnr, kDrop, "reduce", "") \
  X(Pad, op_pad, kDrop, "pad", "modes linear_ramp, maximum, mean, median, minimum, empty") \
  X(PadImages, op_pad_images, kDrop, "pad", "") \
  X(Percentile, op_quantile, kDrop, "quantile", "q as a tensor") \
  X(PerspectiveTransform, op_perspective_transform, kDrop, "linalg, map_coordinates", "") \
  X(Power, op_binary, kDrop, "binary", "") \
  X(Prod, op_sum, kDrop, "reduce", "") \
  X(Ptp, op_ptp, kDrop, "reduce", "") \
  X(Qr, op_linalg, kDrop, "linalg", "") \
  X(Quantile, op_quantile, kDrop, "quantile", "q as a tensor") \
  X(RFFT, op_fft, kDrop, "fft", "") \
  X(RGBToGrayscale, op_rgb_to_grayscale, kDrop, "contraction", "") \
  X(RGBToHSV, op_rgb_to_hsv, kDrop, "select", "") \
  X(RMSNorm, op_rms_norm, kDrop, "layer_norm", "") \
  X(Rad2deg, op_unary, kDrop, "unary", "") \
  X(Ravel, op_ravel, kDrop, "reshape", "") \
  X(Real, op_identity, kDrop, "nothing", "") \
  X(Rearrange, op_rearrange, kDrop, "reshape, transpose", "") \
  X(Reciprocal, op_unary, kDrop, "unary", "") \
  X(Relu, op_unary, kDrop, "unary", "") \
  X(Relu6, op_unary, kDrop, "unary", "") \
  X(Repeat, op_repeat, kDrop, "broadcast_to, gather", "repeats as a tensor") \
  X(Reshape, op_reshape, kDrop, "reshape", "") \
  X(Resize, op_resize, kDrop, "resize_image", "") \
  X(RightShift, op_binary, kDrop, "binary", "") \
  X(Roll, op_roll, kDrop, "roll", "") \
  X(Rot90, op_rot90, kDrop, "slice, transpose", "") \
  X(Round, op_round, kDrop, "unary", "") \
  X(Rsqrt, op_unary, kDrop, "unary", "") \
  X(STFT, op_stft, kDrop, "gather, fft", "") \
  X(SVD, op_svd, kDrop, "linalg", "") \
  X(SaturateCast, op_saturate_cast, kDrop, "binary, cast", "") \
  X(Scatter, op_scatter, kDrop, "scatter", "") \
  X(ScatterUpdate, op_scatter_update, kDrop, "scatter", "") \
  X(SearchSorted, op_searchsorted, kDrop, "reduce", "") \
  X(SegmentMax, op_segment, kDrop, "scatter", "num_segments null with computed ids") \
  X(SegmentSum, op_segment, kDrop, "scatter", "num_segments null with computed ids") \
  X(Select, op_select, kDrop, "select", "") \
  X(Selu, op_unary, kDrop, "unary", "") \
  X(SeparableConv, op_separable_conv, kDrop, "conv", "") \
  X(Sigmoid, op_unary, kDrop, "unary", "") \
  X(Sign, op_unary, kDrop, "unary", "") \
  X(Signbit, op_unary, kDrop, "unary", "") \
  X(Silu, op_unary, kDrop, "unary", "") \
  X(Sin, op_unary, kDrop, "unary", "") \
  X(Sinc, op_unary, kDrop, "unary", "") \
  X(Sinh, op_unary, kDrop, "unary", "") \
  X(Size, op_size, kDrop, "reduce", "") \
  X(Slice, op_slice, kDrop, "slice, slice_at", "") \
  X(SliceUpdate, op_slice_update, kDrop, "update_at", "") \
  X(Slogdet, op_linalg, kDrop, "linalg", "") \
  X(SoftShrink, op_soft_shrink, kDrop, "unary", "") \
  X(Softmax, op_softmax, kDrop, "softmax", "") \
  X(Softplus, op_unary, kDrop, "unary", "") \
  X(Softsign, op_unary, kDrop, "unary", "") \
  X(Solve, op_solve, kDrop, "linalg", "") \
  X(SolveTriangular, op_solve, kDrop, "linalg", "") \
  X(Sort, op_sort, kDrop, "sort", "") \
  X(SpaceToDepth, op_space_to_depth, kDrop, "transpose", "") \
  X(SparseCategoricalCrossentropy, op_categorical_crossentropy, kDrop, "softmax, reduce", "") \
  X(SparsePlus, op_unary, kDrop, "unary", "") \
  X(SparseSigmoid, op_unary, kDrop, "unary", "") \
  X(Sparsemax, op_sparsemax, kDrop, "sort, cumulative", "") \
  X(Split, op_split, kDrop, "slice", "") \
  X(Sqrt, op_unary, kDrop, "unary", "") \
  X(Square, op_unary, kDrop, "unary", "") \
  X(Squareplus, op_squareplus, kDrop, "unary", "") \
  X(Squeeze, op_squeeze, kDrop, "reshape", "") \
  X(Stack, op_stack, kDrop, "concat", "") \
  X(Std, op_statistic, kDrop, "reduce", "") \
  X(StopGradient, op_identity, kDrop, "nothing", "") \
  X(Subtract, op_binary, kDrop, "binary", "") \
  X(Sum, op_sum, kDrop, "reduce", "") \
  X(Swapaxes, op_swapaxes, kDrop, "transpose", "") \
  X(Take, op_take, kDrop, "gather", "") \
  X(TakeAlongAxis, op_take_along_axis, kDrop, "take_along", "") \
  X(Tan, op_unary, kDrop, "unary", "") \
  X(Tanh, op_unary, kDrop, "unary", "") \
  X(TanhShrink, op_unary, kDrop, "unary", "") \
  X(Tensordot, op_tensordot, kDrop, "contraction, einsum", "") \
  X(Threshold, op_threshold, kDrop, "unary", "") \
  X(Tile, op_tile, kDrop, "broadcast_to", "") \
  X(TopK, op_top_k, kDrop, "sort", "") \
  X(Trace, op_diagonal, kDrop, "diagonal", "") \
  X(Transpose, op_transpose, kDrop, "transpose", "") \
  X(Trapezoid, op_trapezoid, kDrop, "reduce", "") \
  X(Tril, op_tril, kDrop, "select", "") \
  X(Triu, op_triu, kDrop, "select", "") \
  X(TrueDivide, op_binary, kDrop, "binary", "") \
  X(Trunc, op_unary, kDrop, "unary", "") \
  X(Unfold, op_unfold, kDrop, "slice, concat", "") \
  X(UnravelIndex, op_unravel_index, kDrop, "binary", "") \
  X(Unstack, op_unstack, kDrop, "slice", "") \
  X(Vander, op_vander, kDrop, "binary", "") \
  X(Var, op_statistic, kDrop, "reduce", "") \
  X(Vdot, op_vdot, kDrop, "einsum", "") \
  X(Vsplit, op_split, kDrop, "slice", "") \
  X(Vstack, op_stack_along, kDrop, "concat", "") \
  X(Where, op_where, kDrop, "select", "a condition alone") \
  X(ZerosLike, op_full_like, kDrop, "broadcast_to", "")
// clang-format on
