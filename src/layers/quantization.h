// Layers whose weights are small integers, and how they compute with them.
#pragma once

#include <functional>

#include "layers/family.h"

namespace hornet::layers {

// How the weights of a layer are stored, from its dtype policy and quantization_config.
struct Quantization {
  enum class Mode { kNone, kInt8, kInt4, kFloat8, kGptq, kAwq };
  Mode mode = Mode::kNone;
  int64_t bits = 8;
  int64_t group_size = -1;  // input rows that share a scale; -1: all
  // int4 of Keras before 3.13: two values a byte along the input's axis, not the output's.
  bool packed_by_input = false;
  int64_t history_length = 1024;  // of float8's statistics, which predicting does not read
  // The input of the product becomes integers of this range, too.
  bool quantizes_input = false;
  double low = -127, high = 127, epsilon = 1e-7;

  bool is_grouped() const { return group_size > 0; }
  int64_t num_groups(int64_t rows) const {
    return is_grouped() ? (rows + group_size - 1) / group_size : 1;
  }
};

Quantization quantization_of(const LayerContext& layer);

// The quantised policy of a layer inside `layer`, by its name in Keras; nullptr for none. A policy
// of the outer layer is that of all its parts, unless it is a map of policies by part.
const keras::Dict* policy_of_part(const LayerContext& layer, std::string_view part);

// Integers and what they were multiplied by: values = round(x * scale).
struct QuantizedInput {
  ValueId values, scale;  // scale has size 1 along the axes
};
QuantizedInput quantize_input(const Builder& b, ValueId x, std::vector<int64_t> axes,
                              const Quantization& how);

// Two 4-bit integers a byte along `axis`, the first in the lower half, as floats; `length` of them.
ValueId unpack_int4(const Builder& b, ValueId packed, int64_t axis, int64_t length);

// (values - zero[group]) * scale[group], groups of `group_index` along `axis` of the values. Scale
// and zero have one entry a group there.
ValueId dequantize_groups(const Builder& b, ValueId values, ValueId scale, ValueId zero,
                          ValueId group_index, int64_t axis);

// A matrix [rows, columns] of floats out of the weights of `layer`, which are asked for in Keras's
// order; `ask_bias` asks for the bias at its place.
ValueId quantized_matrix(LayerContext& layer, const Quantization& how, int64_t rows,
                         int64_t columns, const std::function<void()>& ask_bias);

// x through the 8-bit floating type e4m3, scaled: round(x / scale) * scale.
ValueId through_float8(const Builder& b, ValueId x, ValueId scale);
// x rounded to so many bits behind the leading one; exponents below `least` lose more.
ValueId round_mantissa(const Builder& b, ValueId x, int bits, double least);

}  // namespace hornet::layers
