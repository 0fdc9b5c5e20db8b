// Weights that Keras 1, Theano and cuDNN layers laid out in another way than Keras 3 does.
#pragma once

#include <string>
#include <vector>

#include "hornet/tensor.h"
#include "keras/weights.h"

namespace hornet::keras {

// How a legacy weights file was written, by its attributes.
struct LegacyWriter {
  bool keras1 = false;
  bool theano = false;  // convolutions flipped their kernels
};

// Keras 1 stored an LSTM's gates as 12 arrays (three for each of i, c, f, o) and a GRU's as 9 (z,
// r, h). `stored` has the arrays in the order of `wanted`; the result one array for each slot.
// Arrays that do not come out even are given back as they are.
std::vector<Tensor> merge_gates(std::vector<Tensor> stored,
                                const std::vector<const WeightSlot*>& wanted);

// Brings the weights of cuDNN's LSTM and GRU, told by their biases, into the order of the plain
// layers. One array for each slot.
void convert_cudnn(const std::vector<const WeightSlot*>& wanted, std::vector<Tensor>& stored);

// A kernel in the layout of today's layer: dimensions from Keras 1's order for the layer's
// data_format, turned around where Theano wrote it. A kernel of another shape, and anything else,
// is given back as it is.
Tensor convert_kernel(const Tensor& stored, const WeightSlot& slot, const LegacyWriter& writer);

}  // namespace hornet::keras
